#include "cache/valkey/keys.hpp"

#include <algorithm>

namespace valkey {

namespace {

constexpr std::string_view version = ":1:"; // of all that is shared; value.cpp has it too
constexpr std::size_t hash_digits = 64;

std::string key_of(std::string_view prefix, std::string_view kind, std::string_view name) {
    std::string key;
    key.reserve(prefix.size() + version.size() + kind.size() + name.size() + 3);
    key.append(prefix).append(version).append(kind);
    if (!name.empty()) key.append(":{").append(name).append("}");
    return key;
}

bool is_hex_digit(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }

} // namespace

bool is_prefix(std::string_view text) noexcept { return text.size() <= max_prefix && is_key_id(text); }

std::string name_of(const base::Domain& domain, const Key& key, Naming naming) {
    return naming == Naming::plain ? domain.name() : hex(keyed_hash(key.name, domain.name()));
}

std::vector<std::string> names_of(const base::Domain& domain, const KeyRing& ring, Naming naming) {
    if (naming == Naming::plain) return {domain.name()};
    std::vector<std::string> names;
    names.reserve(ring.keys().size());
    for (const Key& key : ring.keys()) names.push_back(name_of(domain, key, naming));
    return names;
}

bool is_hidden(std::string_view name) noexcept {
    return name.size() == hash_digits && std::ranges::all_of(name, is_hex_digit);
}

bool is_name(std::string_view name) {
    if (is_hidden(name)) return true;
    if (name.size() > base::max_policy_domain) return false;
    const auto domain = base::Domain::parse(name);
    return domain && domain->name() == name;
}

std::string policy_key(std::string_view prefix, std::string_view name) { return key_of(prefix, "p", name); }
std::string lease_key(std::string_view prefix, std::string_view name) { return key_of(prefix, "l", name); }
std::string refresh_key(std::string_view prefix, std::string_view name) { return key_of(prefix, "r", name); }
std::string hosts_key(std::string_view prefix) { return key_of(prefix, "hosts", {}); }
std::string channel(std::string_view prefix) { return key_of(prefix, "n", {}); }

std::optional<ReadKey> read_key(std::string_view prefix, std::string_view key) {
    if (!key.starts_with(prefix)) return std::nullopt;
    key.remove_prefix(prefix.size());
    if (!key.starts_with(version)) return std::nullopt;
    key.remove_prefix(version.size());
    if (key == "hosts") return ReadKey{KeyKind::hosts, {}};
    if (key == "n") return ReadKey{KeyKind::channel, {}};
    if (key.size() < 4 || key.substr(1, 2) != ":{" || !key.ends_with('}')) return std::nullopt;
    const std::string_view name = key.substr(3, key.size() - 4);
    if (!is_name(name)) return std::nullopt;
    switch (key.front()) {
    case 'p': return ReadKey{KeyKind::policy, name};
    case 'l': return ReadKey{KeyKind::lease, name};
    case 'r': return ReadKey{KeyKind::refresh, name};
    default: return std::nullopt;
    }
}

} // namespace valkey
