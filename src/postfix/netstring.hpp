// postfix/netstring.hpp - netstrings in and out: bytes to frames. Knows nothing of sockets (sans-I/O).
//
// Wire form: LENGTH ":" PAYLOAD "," with a decimal length. A bound on the payload is checked digit by digit, before
// anything is allocated. After an error the stream cannot be trusted any more: answer once, close.
#pragma once

#include "base/expected.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace postfix {

enum class FrameErrc { not_a_digit, too_long, no_comma };
/// Words for a PERM reply and a log line.
[[nodiscard]] std::string_view to_string(FrameErrc error) noexcept;

class NetstringReader {
public:
    explicit NetstringReader(std::size_t max_payload) : max_(max_payload) {}

    void feed(std::string_view bytes);

    /// The next payload (a view into the reader, valid until the next feed()), nullopt when more bytes are needed,
    /// or an error, which then stays. Leading zeros are accepted, as Postfix does.
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

} // namespace postfix
