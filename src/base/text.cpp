#include "base/text.hpp"

#include <algorithm>

namespace base {

namespace {

/// One byte of peer text as it is shown; at most four octets, written to `to`.
std::string_view shown(char c, char (&to)[4]) noexcept {
    static constexpr char hex[] = "0123456789abcdef";
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\\' || c == '"') {
        to[0] = '\\';
        to[1] = c;
        return {to, 2};
    }
    if (byte >= 0x20 && byte < 0x7f) {
        to[0] = c;
        return {to, 1};
    }
    to[0] = '\\';
    to[1] = 'x';
    to[2] = hex[byte >> 4];
    to[3] = hex[byte & 0xf];
    return {to, 4};
}

} // namespace

std::string printable(std::string_view text, std::size_t limit) {
    static constexpr std::string_view mark = "...";
    std::string out;
    out.reserve(std::min(limit, text.size()));
    std::size_t cut = 0; // where the mark would go: the last end of a whole piece that leaves room for it
    char room[4];
    for (char c : text) {
        const std::string_view piece = shown(c, room);
        if (out.size() + piece.size() > limit) {
            out.resize(cut);
            return out.append(mark.substr(0, limit - cut));
        }
        out.append(piece);
        if (out.size() + mark.size() <= limit) cut = out.size();
    }
    return out;
}

std::string ascii_lower(std::string_view text) {
    std::string out{text};
    for (char& c : out) c = ascii_lower(c);
    return out;
}

bool iequals(std::string_view a, std::string_view b) noexcept {
    return std::ranges::equal(a, b, [](char x, char y) { return ascii_lower(x) == ascii_lower(y); });
}

std::string_view trim_wsp(std::string_view text) noexcept {
    const std::size_t first = text.find_first_not_of(" \t");
    if (first == std::string_view::npos) return text.substr(0, 0);
    return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

bool valid_utf8(std::string_view text) noexcept {
    // RFC 3629 section 4: the second octet's range depends on the first, so that no overlong form, no
    // surrogate and nothing above U+10FFFF passes.
    std::size_t i = 0;
    const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
    while (i < text.size()) {
        const unsigned first = byte(i);
        if (first < 0x80) {
            ++i;
            continue;
        }
        std::size_t more = 0;
        unsigned low = 0x80, high = 0xbf;
        if (first >= 0xc2 && first <= 0xdf)
            more = 1;
        else if (first >= 0xe0 && first <= 0xef)
            more = 2;
        else if (first >= 0xf0 && first <= 0xf4)
            more = 3;
        else
            return false;
        if (first == 0xe0) low = 0xa0;
        if (first == 0xed) high = 0x9f;
        if (first == 0xf0) low = 0x90;
        if (first == 0xf4) high = 0x8f;
        if (text.size() - i <= more) return false;
        for (std::size_t k = 1; k <= more; ++k) {
            if (byte(i + k) < low || byte(i + k) > high) return false;
            low = 0x80;
            high = 0xbf;
        }
        i += more + 1;
    }
    return true;
}

} // namespace base
