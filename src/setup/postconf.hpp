// setup/postconf.hpp - what postconf(1) prints, as values: one Postfix instance's version, main.cf and
// master.cf. Pure.
//
// Takes the output of postconf 3.4 and newer. Lines it does not know are skipped: the output is made by a
// program we trust, but from files anybody may have edited.
#pragma once

#include <compare>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace setup {

struct Version {
    int major = 0, minor = 0, patch = 0;
    friend auto operator<=>(const Version&, const Version&) = default;
};
/// "3.7.11", "3.10.0-RC1", "3.12-20260821"; nullopt for anything else.
[[nodiscard]] std::optional<Version> parse_version(std::string_view text);

using Parameters = std::map<std::string, std::string, std::less<>>;
/// Lines "name = value" as `postconf -n` and `postconf -x NAME...` print them; a line that begins with a
/// blank goes on with the one before it (postconf -f), which the value then has as one blank.
[[nodiscard]] Parameters parse_parameters(std::string_view output);

/// One service of master.cf that sends mail over SMTP.
struct Service {
    std::string name, type; ///< "relay", "unix"
    bool chroot = false;
    Parameters overrides; ///< its -o settings
    friend bool operator==(const Service&, const Service&) = default;
};
/// From `postconf -M` and `postconf -P`: the services that run smtp(8). `chroot_by_default` is what "-" in
/// the chroot column means (compatibility_level 0 only).
[[nodiscard]] std::vector<Service> parse_services(std::string_view services, std::string_view overrides,
                                                  bool chroot_by_default);

/// One instance of Postfix, as it says of itself.
struct Installed {
    std::string version_text;
    Version version;
    Parameters set;       ///< main.cf as written: $name not expanded, only what is there
    Parameters effective; ///< with defaults and expansion; of the names in parameters_of_interest() only
    std::vector<Service> services;

    /// The effective value, "" when this Postfix does not know the name.
    [[nodiscard]] std::string value(std::string_view name) const;
    [[nodiscard]] std::optional<std::string> written(std::string_view name) const;
    [[nodiscard]] bool yes(std::string_view name) const { return value(name) == "yes"; }
};

/// The names to ask `postconf -x` for. Older versions warn about those they do not know, and leave them out.
[[nodiscard]] const std::vector<std::string>& parameters_of_interest();

} // namespace setup
