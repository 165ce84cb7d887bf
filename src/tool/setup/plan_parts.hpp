// tool/setup/plan_parts.hpp - what the parts of the plan share: where a value is set, how severe an error in it
// is, and the commands an administrator would type. Pure; part of tool/setup/plan.
#pragma once

#include "tool/setup/plan.hpp"

#include <initializer_list>

namespace setup {

/// Where settings are set: main.cf, for all services that take them from there, or one service with its own.
struct Holder {
    const Installed* postfix = nullptr;
    const Service* service = nullptr; ///< nullptr: main.cf
    Use use = Use::default_route;     ///< the most important one of the services that take it
    bool any_chroot = false, any_outside = true;

    [[nodiscard]] std::string value(std::string_view name) const;
    [[nodiscard]] bool yes(std::string_view name) const;
    [[nodiscard]] bool has(std::string_view name) const; ///< false: this Postfix does not know the name
    /// "smtp_x = y", or "service relay/unix has its own smtp_x = y".
    [[nodiscard]] std::string says(std::string_view name) const;
    [[nodiscard]] std::string about(std::string_view name) const; ///< the parameter, or "master.cf"
    /// The commands that set it and that remove it, in the right file.
    [[nodiscard]] std::string set(std::string_view name, std::string_view value) const;
    [[nodiscard]] std::string unset(std::string_view name) const;
};
/// main.cf, then every service that has one of these settings by an -o, or has another value than main.cf for
/// another reason. Only main.cf if no service delivers. Services whose settings are not known are left out.
[[nodiscard]] std::vector<Holder> holders(const Installed& postfix,
                                          std::initializer_list<std::string_view> names);

/// Mail for recipients' domains uses this service, or may use it.
[[nodiscard]] bool serves_domains(const Holder& holder);
/// For something that makes smtp(8) fail: a refusal if mail uses the service, else a warning.
[[nodiscard]] Remark::Kind weight_of_failure(const Holder& holder);
/// For something because of which policies are not obeyed: a refusal if mail for domains uses the service, a
/// warning if it may, now or later, a note if only hosts that are written out are reached.
[[nodiscard]] Remark::Kind weight_of_policy(const Holder& holder);

/// smtp(8) asks stsmapd with this list of maps.
[[nodiscard]] bool asks_ours(std::string_view maps, const OurPlaces& ours);
/// A level that authenticates every mail host by a rule of the administrator.
[[nodiscard]] bool is_stricter(std::string_view level);
/// The level that applies where there is no policy, and the parameter it comes from.
struct Level {
    std::string name; ///< in lower case; "": none
    std::string_view source = "smtp_tls_security_level";
};
[[nodiscard]] Level level_of(const Holder& holder);

/// "stsmap postfix-setup -c DIR --apply".
[[nodiscard]] std::string setup_command(const Installed& postfix, std::string_view options);

// The parts of the plan; each adds its remarks and changes.
void plan_level(const Installed& postfix, const Surroundings& around, Plan& plan);
void plan_dane_level(const Installed& postfix, Plan& plan); ///< after the part about DANE
void plan_trust(const Installed& postfix, const Surroundings& around, Plan& plan);
void plan_values(const Installed& postfix, Plan& plan); ///< values with which smtp(8) ends or cannot work
void plan_services(const Installed& postfix, const Surroundings& around, Plan& plan); ///< services' own lists
/// Notes the -o settings that no other part has mentioned; the last part.
void plan_overrides(const Installed& postfix, const Surroundings& around, Plan& plan);
void plan_detours(const Installed& postfix, const Surroundings& around, Plan& plan);
void plan_routes(const Installed& postfix, Plan& plan);

} // namespace setup
