#include "postfix/netstring.hpp"

#include <algorithm>
#include <charconv>

namespace postfix {

namespace {
/// An idle connection keeps no more than this; a request of Postfix is a map name and a host name.
constexpr std::size_t kept_capacity = 4096;
} // namespace

std::string_view to_string(FrameErrc error) noexcept {
    switch (error) {
    case FrameErrc::not_a_digit: return "request is not a netstring: no length";
    case FrameErrc::too_long: return "request is too long";
    case FrameErrc::no_comma: return "request is not a netstring: no comma after the payload";
    }
    return "request is not a netstring";
}

void NetstringReader::feed(std::string_view bytes) {
    if (broken_) return;
    // What was taken is dropped only when it is the larger part, so that every byte moves a bounded number of
    // times.
    if (start_ == buffer_.size()) {
        buffer_.clear();
        start_ = 0;
        if (buffer_.capacity() > kept_capacity) buffer_ = std::string{};
    } else if (start_ > buffer_.size() / 2) {
        buffer_.erase(0, start_);
        start_ = 0;
    }
    buffer_.append(bytes);
}

std::optional<base::Expected<std::string_view, FrameErrc>> NetstringReader::next() {
    const auto fail = [&](FrameErrc error) -> base::Expected<std::string_view, FrameErrc> {
        broken_ = error;
        buffer_.clear();
        start_ = 0;
        return base::unexpected(error);
    };
    if (broken_) return fail(*broken_);

    const std::string_view held = std::string_view{buffer_}.substr(start_);
    std::size_t digits = 0, length = 0;
    for (;; ++digits) {
        if (digits == held.size()) return std::nullopt;
        const char c = held[digits];
        if (c == ':' && digits > 0) break;
        if (c < '0' || c > '9') return fail(FrameErrc::not_a_digit);
        // Bounded digit by digit: neither a long number nor a row of zeros is read to its end.
        const auto value = static_cast<std::size_t>(c - '0');
        if (digits == max_length_digits || value > max_ || length > (max_ - value) / 10)
            return fail(FrameErrc::too_long);
        length = length * 10 + value;
    }
    const std::size_t payload = digits + 1;
    if (held.size() - payload <= length) return std::nullopt;
    if (held[payload + length] != ',') return fail(FrameErrc::no_comma);
    start_ += payload + length + 1;
    return held.substr(payload, length);
}

std::string frame(std::string_view payload) {
    std::string out;
    frame(payload, out);
    return out;
}

void frame(std::string_view payload, std::string& out) {
    char digits[max_length_digits];
    const char* const end = std::to_chars(std::begin(digits), std::end(digits), payload.size()).ptr;
    out.clear();
    out.reserve(static_cast<std::size_t>(end - digits) + payload.size() + 2);
    out.append(std::string_view{digits, end}).append(1, ':').append(payload).append(1, ',');
}

} // namespace postfix
