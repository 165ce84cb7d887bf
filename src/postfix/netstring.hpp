// postfix/netstring.hpp - netstrings in and out: bytes to frames. Knows nothing of sockets (sans-I/O).
//
// Wire form: LENGTH ":" PAYLOAD "," with a decimal length. The bound on the payload is checked at each digit,
// before anything is allocated. After an error the stream cannot be trusted: answer once, then close.
#pragma once

#include "base/expected.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace postfix {

enum class FrameErrc {
    not_a_digit, ///< the length contains something else
    too_long,    ///< the length is over the bound, or has too many digits
    no_comma,    ///< the payload is not followed by ","
};
/// A text for the PERM reply and for the log.
[[nodiscard]] std::string_view to_string(FrameErrc error) noexcept;

/// The most digits of a length, with leading zeros; 20 are enough for every 64-bit number.
inline constexpr std::size_t max_length_digits = 20;

/// Memory is bounded if the caller takes out all frames before it feeds again: then the reader holds less than
/// one frame plus one feed. One reader belongs to one connection and one thread.
class NetstringReader {
public:
    explicit NetstringReader(std::size_t max_payload) : max_(max_payload) {}

    /// Takes bytes as they arrive, cut anywhere. Does nothing after an error.
    void feed(std::string_view bytes) {
        lend(bytes);
        keep();
    }
    /// As feed(), but without a copy: the caller must not change the bytes until the next keep(). So complete
    /// requests, by far the most, are never copied.
    void lend(std::string_view bytes);
    /// Copies the lent bytes that have not been taken out yet.
    void keep();

    /// The next payload (a view, valid until the next call of lend(), feed() or keep()), nullopt when more
    /// bytes are needed, or an error, which then stays. Leading zeros are accepted, as Postfix does.
    [[nodiscard]] std::optional<base::Expected<std::string_view, FrameErrc>> next();

    /// Bytes held that are not yet part of a returned frame.
    [[nodiscard]] std::size_t buffered() const noexcept { return rest_.size(); }

private:
    std::string buffer_;
    std::string_view rest_; ///< what has not been taken out; part of buffer_ unless lent_
    bool lent_ = false;
    std::size_t max_;
    std::optional<FrameErrc> broken_;
};

/// `payload` as one netstring.
[[nodiscard]] std::string frame(std::string_view payload);
/// Room for the length and the colon of any netstring.
inline constexpr std::size_t frame_head = max_length_digits + 1;
/// Turns the payload in `text`, which starts after frame_head octets of any value, into a netstring without
/// copying it. Returns a view of `text`.
[[nodiscard]] std::string_view frame_in_place(std::string& text);

} // namespace postfix
