// postfix/netstring.hpp - netstrings in and out: bytes to frames. Knows nothing of sockets (sans-I/O).
//
// Wire form: LENGTH ":" PAYLOAD "," with a decimal length. A bound on the payload is checked digit by digit,
// before anything is allocated. After an error the stream cannot be trusted any more: answer once, close.
#pragma once

#include "base/expected.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace postfix {

enum class FrameErrc {
    not_a_digit, ///< something else stands where the length should be
    too_long,    ///< the length is over the bound, or has too many digits
    no_comma,    ///< the payload is not followed by ","
};
/// Words for a PERM reply and a log line.
[[nodiscard]] std::string_view to_string(FrameErrc error) noexcept;

/// More digits than any length needs, leading zeros included; 20 hold every 64-bit number.
inline constexpr std::size_t max_length_digits = 20;

/// Memory stays bounded when whoever feeds it takes out all frames before feeding again: then it holds less
/// than one frame plus one feed. One reader belongs to one connection and one thread.
class NetstringReader {
public:
    explicit NetstringReader(std::size_t max_payload) : max_(max_payload) {}

    /// Takes bytes as they arrive, cut anywhere. Does nothing after an error.
    void feed(std::string_view bytes) {
        lend(bytes);
        keep();
    }
    /// As feed(), but the bytes stay the caller's, who leaves them as they are until the next keep(): whole
    /// requests, by far the most, are never copied.
    void lend(std::string_view bytes);
    /// Copies what of the bytes lent has not been taken out yet.
    void keep();

    /// The next payload (a view, valid until the next call of lend(), feed() or keep()), nullopt when more
    /// bytes are needed, or an error, which then stays. Leading zeros are accepted, as Postfix does.
    [[nodiscard]] std::optional<base::Expected<std::string_view, FrameErrc>> next();

    /// Bytes held that are not yet part of a returned frame.
    [[nodiscard]] std::size_t buffered() const noexcept { return rest_.size(); }

private:
    std::string buffer_;
    std::string_view rest_; ///< what has not been taken out; of buffer_ unless lent_
    bool lent_ = false;
    std::size_t max_;
    std::optional<FrameErrc> broken_;
};

/// `payload` as one netstring.
[[nodiscard]] std::string frame(std::string_view payload);
/// Room for the length and the colon of any netstring.
inline constexpr std::size_t frame_head = max_length_digits + 1;
/// Makes the payload that stands in `text` after frame_head octets (of any value) a netstring, without
/// copying it: a view of `text`.
[[nodiscard]] std::string_view frame_in_place(std::string& text);

} // namespace postfix
