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
    void feed(std::string_view bytes);

    /// The next payload (a view into the reader, valid until the next feed()), nullopt when more bytes are
    /// needed, or an error, which then stays. Leading zeros are accepted, as Postfix does.
    [[nodiscard]] std::optional<base::Expected<std::string_view, FrameErrc>> next();

    /// Bytes held that are not yet part of a returned frame.
    [[nodiscard]] std::size_t buffered() const noexcept { return buffer_.size() - start_; }

private:
    std::string buffer_;
    std::size_t start_ = 0;
    std::size_t max_;
    std::optional<FrameErrc> broken_;
};

/// `payload` as one netstring.
[[nodiscard]] std::string frame(std::string_view payload);
/// The same in place of what `out` held; its memory is used again.
void frame(std::string_view payload, std::string& out);

} // namespace postfix
