#include "config/token.hpp"

#include <algorithm>

namespace config {

bool is_bare(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

bool all_digits(std::string_view text) {
    return !text.empty() &&
           std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || c == '_'; });
}

bool is_value(std::string_view token) {
    if (token == "true" || token == "false") return true;
    const bool date =
        token.size() >= 10 && token[4] == '-' && token[7] == '-' && all_digits(token.substr(0, 4));
    const bool time =
        token.size() >= 8 && token[2] == ':' && token[5] == ':' && all_digits(token.substr(0, 2));
    if (date || time) return true;
    if (token.starts_with('+') || token.starts_with('-')) token.remove_prefix(1);
    if (token == "inf" || token == "nan") return true;
    if (token.starts_with("0x") || token.starts_with("0o") || token.starts_with("0b"))
        return token.size() > 2 && std::ranges::all_of(token.substr(2), is_bare);
    const std::size_t exponent = token.find_first_of("eE");
    if (exponent != std::string_view::npos) {
        std::string_view power = token.substr(exponent + 1);
        if (power.starts_with('+') || power.starts_with('-')) power.remove_prefix(1);
        if (!all_digits(power)) return false;
        token = token.substr(0, exponent);
    }
    const std::size_t dot = token.find('.');
    return all_digits(token.substr(0, dot)) &&
           (dot == std::string_view::npos || all_digits(token.substr(dot + 1)));
}

std::optional<std::string> without_blanks(std::string_view key) {
    std::string plain;
    for (std::size_t i = 0; i < key.size(); ++i) {
        if (blanks.find(key[i]) == std::string_view::npos) {
            plain += key[i];
            continue;
        }
        const std::size_t next = key.find_first_not_of(blanks, i);
        const bool dotted =
            plain.empty() || plain.back() == '.' || next == std::string_view::npos || key[next] == '.';
        if (!dotted) return std::nullopt;
    }
    return plain;
}

} // namespace config
