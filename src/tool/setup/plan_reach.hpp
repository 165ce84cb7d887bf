// tool/setup/plan_reach.hpp - the part of the plan about what answers at the elements of a list of maps: which
// element may be written for us, which leads nowhere, which table before it answers for everything. Pure;
// part of tool/setup/plan.
#pragma once

#include "tool/setup/plan.hpp"

#include <optional>
#include <string>

namespace setup {

/// The element for main.cf's list: the first place where an stsmapd answers every service that uses the list,
/// with the user and chroot of the service. If there is none: nullopt, and a refusal in the plan. If nothing
/// was asked: as our_element().
[[nodiscard]] std::optional<Socketmap> pick_element(const Installed& postfix, const Surroundings& around,
                                                    const Wishes& wishes, const std::string& name,
                                                    Plan& plan);

/// Our element in main.cf's list leads nowhere, but an stsmapd answers at another place.
struct Move {
    Socketmap to;    ///< with the name of the old one
    std::string why; ///< "Postfix asks X, where ...; stsmapd answers at Y"
};
/// nullopt if the element can stay. Also nullopt, with a refusal, if main.cf cannot correct it.
[[nodiscard]] std::optional<Move> move_of(const Installed& postfix, const Surroundings& around,
                                          const Wishes& wishes, const std::string& element, Plan& plan);

/// Reports on the tables of main.cf's list: one that cannot be asked, one before ours that answers for
/// everything.
void look_at_tables(const Installed& postfix, const Surroundings& around, const Wishes& wishes, Plan& plan);
/// The same for services with their own list that has our element, and whether our daemon answers them.
void look_at_own_lists(const Installed& postfix, const Surroundings& around, const Wishes& wishes,
                       Plan& plan);

/// For a process with this user and chroot, the map is an address on which a daemon is configured to listen: if
/// nobody answers there, the daemon is down and the map is right.
[[nodiscard]] bool is_told_to_listen(const Socketmap& map, const Way& way, const Contacts& contacts,
                                     const std::string& queue);

/// The commands that let systemd open a socket for this instance, or the setting that lets the daemon do it.
[[nodiscard]] std::string socket_commands(const Installed& postfix, const Surroundings& around);

} // namespace setup
