// tool/setup/contacts.hpp - what answers at the elements of smtp_tls_policy_maps: each of them is asked as the
// processes of this instance of Postfix would ask.
//
// The values are facts for the plan and for doctor; ask_around() collects them, the rest is pure.
#pragma once

#include "tool/setup/maps.hpp"
#include "tool/setup/postconf.hpp"
#include "tool/setup/reach.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace setup {

/// One place of type socketmap, asked in one way.
struct Contact {
    std::string place; ///< place_of() its element
    Way way;
    Reached reached;
    friend bool operator==(const Contact&, const Contact&) = default;
};

/// A table of the list, asked with postmap(1) for names that cannot exist.
struct TableAnswer {
    std::string element;
    enum class Kind {
        nothing,   ///< it has no entry for them
        catch_all, ///< it answers `words` for `key`: Postfix does not ask the elements after it
        trouble,   ///< it cannot be asked: Postfix defers the mail
        not_seen,  ///< we have no permission to read it
    } kind{};
    std::string key, words;
    friend bool operator==(const TableAnswer&, const TableAnswer&) = default;
};

struct Contacts {
    bool asked = false; ///< false: the other members are not known
    bool root = false;  ///< we could ask as other users
    std::vector<Contact> contacts;
    std::vector<TableAnswer> tables;
    std::vector<Socketmap>
        candidates; ///< where this instance may find an stsmapd, best first; without a name
    std::vector<std::string> listeners; ///< where one is configured to listen: "unix:/path", "tcp:host:port"
    std::string answers_at;             ///< the first of them at which one answers us; "": none
    bool socket_unit = false;           ///< systemd opens them: stsmapd.socket is installed
    Way proxymap;                       ///< the way of proxymap(8)

    [[nodiscard]] const Reached* find(std::string_view place, const Way& way) const;
    [[nodiscard]] const TableAnswer* table(std::string_view element) const;
};

/// An element without its map's name: equal for two elements that lead to the same place in the same way.
[[nodiscard]] std::string place_of(const Socketmap& map);

/// The address as a process with this user and chroot sees it: "unix:/path" or "inet:host:port".
[[nodiscard]] std::string address_for(const Socketmap& map, const Way& way,
                                      const std::string& queue_directory);
/// The same as seen from outside of any chroot.
[[nodiscard]] std::string address_outside(const Socketmap& map, const Way& way,
                                          const std::string& queue_directory);

/// User and chroot of a service's processes; for root.
[[nodiscard]] Way way_of(const Service& service, const Installed& postfix);

/// One list of maps, and the services that use it.
struct MapList {
    std::vector<std::string> elements; ///< expanded
    std::vector<std::string> services; ///< "relay/unix"
    std::vector<Way> ways;             ///< users and chroots of these services; {Way{}} when we are not root
    bool main_cf = false;              ///< it is main.cf's
};
/// main.cf's list first, whether a service uses it or not; then those of services with their own list.
[[nodiscard]] std::vector<MapList> lists_of(const Installed& postfix, bool root);
/// The ways in which a map of such a list is asked: those of the services, or proxymap(8)'s.
[[nodiscard]] std::vector<Way> ways_to(const Socketmap& map, const MapList& list, const Contacts& contacts);

/// User and chroot of the service proxymap/unix.
[[nodiscard]] Way proxymap_way(const Installed& postfix, bool root);
/// proxy_read_maps lists this element, which starts with "proxy:"; otherwise proxymap(8) does not open it.
[[nodiscard]] bool is_approved(std::string_view element, const Installed& postfix);

/// From `systemctl show -p Listen`: "unix:/path" and "tcp:host:port" of its streams.
[[nodiscard]] std::vector<std::string> parse_unit_listeners(std::string_view output);
/// From /proc/net/unix: the paths below `folder` with a listener, if they look like ours.
[[nodiscard]] std::vector<std::string> parse_unix_listeners(std::string_view text, const std::string& folder);

/// Where this instance may find an stsmapd: below its queue directory first, which works in and out of a
/// chroot; then TCP; then other paths.
[[nodiscard]] std::vector<Socketmap> candidates_of(const std::vector<std::string>& listeners,
                                                   const std::string& queue_directory);

class Host;
struct Surroundings;

/// Asks, and fills in around.contacts and what follows from it: the daemon that answers, DANE, which elements
/// are ours.
void ask_around(Host& host, const Installed& postfix, Surroundings& around);

} // namespace setup
