// tool/setup/plan_reach.hpp - the part of the plan about what answers behind the elements of a list of maps: which
// element of ours may be written, which leads nowhere, which table before it answers for everything. Pure;
// part of tool/setup/plan.
#pragma once

#include "tool/setup/plan.hpp"

#include <optional>
#include <string>

namespace setup {

/// The element for main.cf's list: the first place where an stsmapd answers every service that uses the list,
/// the way it goes. Nothing with a refusal in the plan where there is none. Where nothing was asked, as
/// our_element().
[[nodiscard]] std::optional<Socketmap> pick_element(const Installed& postfix, const Surroundings& around,
                                                    const Wishes& wishes, const std::string& name,
                                                    Plan& plan);

/// An element of ours, in main.cf's list, that leads nowhere although an stsmapd answers elsewhere.
struct Move {
    Socketmap to;    ///< with the name of the old one
    std::string why; ///< "Postfix asks X, where ...; stsmapd answers at Y"
};
/// Nothing where it may stay; a refusal besides where it cannot be put right in main.cf.
[[nodiscard]] std::optional<Move> move_of(const Installed& postfix, const Surroundings& around,
                                          const Wishes& wishes, const std::string& element, Plan& plan);

/// Says what is wrong with the tables of main.cf's list: one that cannot be asked, one before ours that
/// answers for everything.
void look_at_tables(const Installed& postfix, const Surroundings& around, const Wishes& wishes, Plan& plan);
/// The same for services with a list of their own in which ours is, and whether ours answers them.
void look_at_own_lists(const Installed& postfix, const Surroundings& around, const Wishes& wishes,
                       Plan& plan);

/// A process that goes this way finds the map at an address where a daemon is told to listen: if nobody
/// answers there, the daemon is down and the map is right.
[[nodiscard]] bool is_told_to_listen(const Socketmap& map, const Way& way, const Contacts& contacts,
                                     const std::string& queue);

/// The commands that let systemd open a socket for this instance, or the setting that lets the daemon do it.
[[nodiscard]] std::string socket_commands(const Installed& postfix, const Surroundings& around);

} // namespace setup
