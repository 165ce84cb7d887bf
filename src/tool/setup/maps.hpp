// tool/setup/maps.hpp - the elements of smtp_tls_policy_maps: whose they are, and how the list is changed. Pure.
//
// Syntax (postconf(5), DATABASE_README): elements separated by blanks or commas; a group in braces is one
// element.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace setup {

[[nodiscard]] std::vector<std::string> split_maps(std::string_view value);
[[nodiscard]] std::string join_maps(const std::vector<std::string>& elements);

/// The parts of a map of type socketmap.
struct Socketmap {
    bool proxied = false; ///< "proxy:" before it
    bool unix_socket = false;
    std::string place; ///< a path, or host:port
    std::string name;  ///< the map's name, which selects the form of the answer
};
[[nodiscard]] std::optional<Socketmap> parse_socketmap(std::string_view element);
[[nodiscard]] std::string to_string(const Socketmap& map);

/// Where stsmapd can be found, to recognise its entries.
struct OurPlaces {
    /// "unix:/path", "tcp:host:port": of stsmapd.toml, or of --socket, where the host may be a name.
    std::vector<std::string> listen;
    std::string queue_directory;    ///< of Postfix: relative unix paths begin there
    std::set<std::string> answered; ///< elements at which an stsmapd answered
    /// Elements at which nobody answers, with a map name that only our manuals use: spelling mistakes.
    std::set<std::string> meant{};
};

enum class MapKind {
    ours,      ///< leads to our daemon, in any spelling
    other_sts, ///< leads to another MTA-STS daemon
    expansion, ///< "$name": its content is known only after expansion
    table,     ///< everything else: a table or service of the administrator
};
[[nodiscard]] MapKind kind_of(std::string_view element, const OurPlaces& ours);
/// The name of the other daemon, for messages to an administrator.
[[nodiscard]] std::string other_daemon(std::string_view element);

/// True when a map of this name gets the answers with the attributes of Postfix 3.10 (postfix/answer.hpp).
[[nodiscard]] bool asks_for_attributes(const Socketmap& map);

/// The keys that smtp(8) asks its maps for: the next hop; for a domain without port then ".parent" up to the last
/// label.
[[nodiscard]] std::vector<std::string> map_keys(const std::string& next_hop);

/// The element for this daemon: relative to the queue directory if its socket is below it, so that it works
/// inside and outside of a chroot; else TCP; else the absolute path. nullopt when it listens nowhere.
[[nodiscard]] std::optional<Socketmap> our_element(const OurPlaces& ours, std::string_view name);

} // namespace setup
