// smtp/reply.hpp - a reply of an SMTP server (RFC 5321 section 4.2), of one line or many. Pure.
//
// Read as Postfix reads it: a line ends with LF, with or without CR before it; a line in another form is kept and
// does not end the reply; codes in a reply of many lines need not be equal, the last one counts.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace smtp {

/// Octets of one line, without its end, that are kept; the rest of it is dropped. RFC 5321 section 4.5.3.1.5 has 512,
/// Postfix keeps 2048.
inline constexpr std::size_t max_reply_line = 2048;
/// Lines of one reply.
inline constexpr std::size_t max_reply_lines = 128;
/// Octets of one reply, with those that were dropped.
inline constexpr std::size_t max_reply_octets = 64 * 1024;

struct Reply {
    int code = 0;                   ///< of its last line
    std::vector<std::string> lines; ///< as they came, with codes, without their ends

    /// The line without code and separator; of a line in another form the whole.
    [[nodiscard]] std::string_view text(std::size_t line) const;
    /// All lines, with a blank between them, as Postfix shows them.
    [[nodiscard]] std::string words() const;
    friend bool operator==(const Reply&, const Reply&) = default;
};

class ReplyReader {
public:
    enum class State {
        more,  ///< all octets are taken, and there is no reply yet
        whole, ///< reply() has it; what stands behind it is not taken
        bad,   ///< over a limit
    };
    /// Takes octets off the front. After `whole` the next call begins another reply; after `bad` it stays bad.
    [[nodiscard]] State feed(std::string_view& octets);
    /// After `whole`.
    [[nodiscard]] const Reply& reply() const noexcept { return reply_; }
    /// The first line of the reply in hand, ended or not, that has another form; "": none.
    [[nodiscard]] std::string stray() const;
    /// Which limit, in words; "" none.
    [[nodiscard]] const std::string& trouble() const noexcept { return trouble_; }

private:
    [[nodiscard]] State line_ended();

    Reply reply_;
    std::string line_; // not ended yet
    std::size_t octets_ = 0;
    bool whole_ = false;
    std::string trouble_;
};

} // namespace smtp
