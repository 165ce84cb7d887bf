#include "postfix/netstring.hpp"

#include <algorithm>
#include <charconv>

namespace postfix {

namespace {
/// An idle connection keeps at most this much; a request of Postfix is only a map name and a host name.
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

void NetstringReader::lend(std::string_view bytes) {
    if (broken_) return;
    keep();
    if (rest_.empty()) {
        rest_ = bytes;
        lent_ = true;
        return;
    }
    // Remove what was taken only when it is the larger part, so that every byte moves a bounded number of times.
    std::size_t start = buffer_.size() - rest_.size();
    if (start > buffer_.size() / 2) {
        buffer_.erase(0, start);
        start = 0;
    }
    buffer_.append(bytes);
    rest_ = std::string_view{buffer_}.substr(start);
}

void NetstringReader::keep() {
    if (rest_.empty()) {
        rest_ = {};
        // An assignment would keep the memory.
        if (buffer_.capacity() > kept_capacity) std::string{}.swap(buffer_);
    } else if (lent_) {
        buffer_.assign(rest_);
        rest_ = buffer_;
    }
    lent_ = false;
}

std::optional<base::Expected<std::string_view, FrameErrc>> NetstringReader::next() {
    const auto fail = [&](FrameErrc error) -> base::Expected<std::string_view, FrameErrc> {
        broken_ = error;
        buffer_.clear();
        rest_ = {};
        return base::unexpected(error);
    };
    if (broken_) return fail(*broken_);

    const std::string_view held = rest_;
    std::size_t digits = 0, length = 0;
    for (;; ++digits) {
        if (digits == held.size()) return std::nullopt;
        const char c = held[digits];
        if (c == ':' && digits > 0) break;
        if (c < '0' || c > '9') return fail(FrameErrc::not_a_digit);
        // Checked at each digit: a long number, or a long row of zeros, is not read to its end.
        const auto value = static_cast<std::size_t>(c - '0');
        if (digits == max_length_digits || value > max_ || length > (max_ - value) / 10)
            return fail(FrameErrc::too_long);
        length = length * 10 + value;
    }
    const std::size_t payload = digits + 1;
    if (held.size() - payload <= length) return std::nullopt;
    if (held[payload + length] != ',') return fail(FrameErrc::no_comma);
    rest_.remove_prefix(payload + length + 1);
    return held.substr(payload, length);
}

std::string frame(std::string_view payload) {
    std::string text(frame_head, ' ');
    text.append(payload);
    return std::string{frame_in_place(text)};
}

std::string_view frame_in_place(std::string& text) {
    char digits[max_length_digits];
    const char* const end = std::to_chars(std::begin(digits), std::end(digits), text.size() - frame_head).ptr;
    const std::size_t begin = frame_head - 1 - static_cast<std::size_t>(end - digits);
    std::copy_n(digits, end - digits, text.data() + begin);
    text[frame_head - 1] = ':';
    text.push_back(',');
    return std::string_view{text}.substr(begin);
}

} // namespace postfix
