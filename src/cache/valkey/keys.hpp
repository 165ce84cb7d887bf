// cache/valkey/keys.hpp - what a fleet's keys in the engine are called. Pure.
//
//     PREFIX:1:p:{NAME}   a policy                      PREFIX:1:hosts   heartbeats, a hash (hosts.hpp)
//     PREFIX:1:l:{NAME}   the lease of a search         PREFIX:1:n       the channel of notifications
//     PREFIX:1:r:{NAME}   the lease of a daily refresh
//
// NAME is the domain, or with hide_domains its keyed hash (HMAC-SHA256, 64 hex digits): which of the two can be seen
// from it, as no label of a domain is that long. The braces are part of the key: they keep a domain's keys together in a Cluster.
#pragma once

#include "base/domain.hpp"
#include "cache/valkey/key_ring.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace valkey {

inline constexpr std::string_view default_prefix = "stsmapd";
inline constexpr std::size_t max_prefix = 32; ///< octets
/// 1 to 32 of [A-Za-z0-9_.-]: nothing that an ACL's pattern, a hash tag or a notification would take for its own.
[[nodiscard]] bool is_prefix(std::string_view text) noexcept;

/// How a fleet names domains; the same on all its hosts, or they share nothing.
enum class Naming {
    plain,
    hidden, ///< hide_domains
};

/// What stands in the braces. `key`: the one that seals the value.
[[nodiscard]] std::string name_of(const base::Domain& domain, const Key& key, Naming naming);
/// All names under which a value may lie, that of the sealing key first: one with plain names, else one a key.
[[nodiscard]] std::vector<std::string> names_of(const base::Domain& domain, const KeyRing& ring,
                                                Naming naming);
/// A keyed hash, not a domain.
[[nodiscard]] bool is_hidden(std::string_view name) noexcept;
/// A policy domain in its own spelling, or a keyed hash.
[[nodiscard]] bool is_name(std::string_view name);

[[nodiscard]] std::string policy_key(std::string_view prefix, std::string_view name);
[[nodiscard]] std::string lease_key(std::string_view prefix, std::string_view name);
[[nodiscard]] std::string refresh_key(std::string_view prefix, std::string_view name);
[[nodiscard]] std::string hosts_key(std::string_view prefix);
[[nodiscard]] std::string channel(std::string_view prefix);

/// What a key is; octets of any length may be asked about.
enum class KeyKind { policy, lease, refresh, hosts, channel };
struct ReadKey {
    KeyKind kind{};
    std::string_view name; ///< of policy, lease and refresh: is_name(); a part of what was read
    friend bool operator==(const ReadKey&, const ReadKey&) = default;
};
/// Nothing: it is none of this prefix and version.
[[nodiscard]] std::optional<ReadKey> read_key(std::string_view prefix, std::string_view key);

} // namespace valkey
