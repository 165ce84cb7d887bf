#include "smtp/protocols.hpp"

#include "base/text.hpp"

#include <array>
#include <charconv>
#include <limits>

namespace smtp {
namespace {

struct Name {
    std::string_view name;
    int version;
    bool Protocols::*flag; // null: no such protocol any more, but its name is known
};
constexpr std::array<Name, 6> names{{
    {"SSLv2", 0, nullptr},
    {"SSLv3", 0x0300, &Protocols::ssl3},
    {"TLSv1", 0x0301, &Protocols::tls10},
    {"TLSv1.1", 0x0302, &Protocols::tls11},
    {"TLSv1.2", 0x0303, &Protocols::tls12},
    {"TLSv1.3", 0x0304, &Protocols::tls13},
}};

const Name* named(std::string_view word) {
    for (const Name& each : names)
        if (base::iequals(each.name, word)) return &each;
    return nullptr;
}

/// Of ">=" and "<=".
std::optional<int> version_of(std::string_view word) {
    if (base::iequals(word, "None")) return 0;
    if (const Name* known = named(word); known != nullptr && known->version != 0) return known->version;
    if (word.starts_with("0x") || word.starts_with("0X")) word.remove_prefix(2);
    int version = 0;
    const auto [stop, error] = std::from_chars(word.data(), word.data() + word.size(), version, 16);
    if (error != std::errc{} || stop != word.data() + word.size() || version < 0) return std::nullopt;
    return version;
}

} // namespace

std::optional<Protocols> parse_protocols(std::string_view list) {
    constexpr std::string_view between = ", \t\r\n:";
    Protocols made;
    Protocols only{0, 0, false, false, false, false, false};
    bool has_only = false;
    while (true) {
        const std::size_t start = list.find_first_not_of(between);
        if (start == std::string_view::npos) break;
        list.remove_prefix(start);
        std::string_view word = list.substr(0, list.find_first_of(between));
        list.remove_prefix(word.size());
        if (word.starts_with(">=") || word.starts_with("<=")) {
            const auto version = version_of(word.substr(2));
            if (!version) return std::nullopt;
            (word[0] == '>' ? made.floor : made.ceiling) = *version;
            continue;
        }
        const bool excluded = word.starts_with('!');
        if (excluded) word.remove_prefix(1);
        const Name* known = named(word);
        if (known == nullptr) return std::nullopt;
        has_only |= !excluded;
        if (known->flag == nullptr) continue;
        Protocols& changed = excluded ? made : only;
        changed.*known->flag = !excluded;
    }
    if (has_only)
        for (const Name& each : names)
            if (each.flag != nullptr) made.*each.flag = made.*each.flag && only.*each.flag;
    return made;
}

} // namespace smtp
