#include "tool/show/safe_text.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace tool {

namespace {

struct Taken {
    char32_t code = 0;
    std::size_t octets = 0; ///< 0: not UTF-8
};

/// The first character of a text that is not empty (RFC 3629 section 4).
Taken take(std::string_view text) noexcept {
    const auto lead = static_cast<unsigned char>(text.front());
    if (lead < 0x80) return {lead, 1};
    const std::size_t size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    static constexpr std::array<char32_t, 5> least{0, 0, 0x80, 0x800, 0x10000};
    if (lead < 0xc2 || lead > 0xf4 || text.size() < size) return {};
    char32_t code = lead & (0x7fU >> size);
    for (std::size_t i = 1; i < size; ++i) {
        const auto next = static_cast<unsigned char>(text[i]);
        if ((next & 0xc0) != 0x80) return {};
        code = code << 6 | (next & 0x3fU);
    }
    if (code < least[size] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return {};
    return {code, size};
}

using Range = std::pair<char32_t, char32_t>;

template <std::size_t n>
bool in(char32_t code, const std::array<Range, n>& ranges) noexcept {
    return std::ranges::any_of(
        ranges, [code](const Range& range) { return range.first <= code && code <= range.second; });
}

/// Control characters, and format characters that are invisible or change what stands around them (Unicode: Cc, Cf,
/// Zl, Zp; private use; not characters).
bool is_unsafe(char32_t code) noexcept {
    static constexpr std::array<Range, 16> ranges{{{0, 0x1f},
                                                   {0x7f, 0x9f},
                                                   {0xad, 0xad},
                                                   {0x600, 0x605},
                                                   {0x61c, 0x61c},
                                                   {0x180e, 0x180e},
                                                   {0x200b, 0x200f},
                                                   {0x2028, 0x202e},
                                                   {0x2060, 0x206f},
                                                   {0xe000, 0xf8ff},
                                                   {0xfe00, 0xfe0f},
                                                   {0xfeff, 0xfeff},
                                                   {0xfff0, 0xfffb},
                                                   {0xfffe, 0xffff},
                                                   {0x1d173, 0x1d17a},
                                                   {0xe0000, 0x10ffff}}};
    return in(code, ranges);
}

std::size_t width_of(char32_t code) noexcept {
    static constexpr std::array<Range, 6> combining{
        {{0x300, 0x36f}, {0x483, 0x489}, {0x591, 0x5bd}, {0x64b, 0x65f}, {0x1ab0, 0x1aff}, {0x20d0, 0x20ff}}};
    static constexpr std::array<Range, 9> wide{{{0x1100, 0x115f},
                                                {0x2e80, 0x303e},
                                                {0x3041, 0xa4cf},
                                                {0xac00, 0xd7a3},
                                                {0xf900, 0xfaff},
                                                {0xfe30, 0xfe6f},
                                                {0xff00, 0xff60},
                                                {0xffe0, 0xffe6},
                                                {0x1f300, 0x1faff}}};
    return in(code, combining) ? 0 : in(code, wide) ? 2 : 1;
}

} // namespace

std::string safe_text(std::string_view text, std::size_t limit) {
    static constexpr char digits[] = "0123456789abcdef";
    std::string out;
    while (!text.empty()) {
        const Taken one = take(text);
        const std::size_t octets = std::max<std::size_t>(one.octets, 1);
        std::string add;
        if (one.octets == 0 || is_unsafe(one.code))
            for (const char c : text.substr(0, octets)) {
                const auto octet = static_cast<unsigned char>(c);
                add.append("\\x").append(1, digits[octet >> 4]).append(1, digits[octet & 15]);
            }
        else
            add = text.substr(0, octets);
        if (out.size() + add.size() > limit) return out + "...";
        out += add;
        text.remove_prefix(octets);
    }
    return out;
}

std::size_t columns(std::string_view utf8) noexcept {
    std::size_t all = 0;
    while (!utf8.empty()) {
        const Taken one = take(utf8);
        all += one.octets == 0 ? 1 : width_of(one.code);
        utf8.remove_prefix(std::max<std::size_t>(one.octets, 1));
    }
    return all;
}

std::string fitted(std::string_view text, std::size_t width) {
    if (columns(text) <= width) return std::string(text);
    const std::size_t room = width > 3 ? width - 3 : 0;
    std::size_t end = 0, used = 0;
    while (end < text.size()) {
        const Taken one = take(text.substr(end));
        const std::size_t wide = one.octets == 0 ? 1 : width_of(one.code);
        if (used + wide > room) break;
        used += wide;
        end += std::max<std::size_t>(one.octets, 1);
    }
    return std::string(text.substr(0, end)) + std::string("...").substr(0, width);
}

} // namespace tool
