// tool/setup/postconf.hpp - what postconf(1) prints, as values: one Postfix instance's version, main.cf and
// master.cf. Pure.
//
// Reads the output of postconf 3.4 and newer. Unknown lines are skipped: we trust the program, but anybody may
// have edited its files.
#pragma once

#include <compare>
#include <map>
#include <optional>
#include <set>
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
/// Lines "name = value" as `postconf -n` and `postconf -x NAME...` print them. A line that starts with a blank
/// continues the one before it (postconf -f); the value then has one blank there.
[[nodiscard]] Parameters parse_parameters(std::string_view output);

/// How mail comes to a service, the most important way first.
enum class Use {
    default_route, ///< default_transport names it, or relay_transport if there are relay_domains
    routed,        ///< a table or another setting sends mail for whole domains to it
    fixed_hop,     ///< it only gets mail for next hops written as [host], as from content_filter
    unknown,       ///< no setting or table that we can read names it; one that we cannot read may
    unused,        ///< nothing names it
};

/// One service of master.cf.
struct Service {
    std::string name, type; ///< "relay", "unix"
    bool chroot = false;
    bool unprivileged = true; ///< it runs as mail_owner; false: as root
    std::string program;      ///< as in master.cf: "smtp", or a path
    Parameters overrides;     ///< its -o settings as written
    bool misread = false;     ///< by postconf: see parse_attached()
    /// Only for services that run smtp(8): the names in parameters_of_interest(), by -o or from main.cf, as
    /// Postfix itself expands them. Empty: Postfix could not (see trouble), or was not asked.
    Parameters effective;
    Use use = Use::unknown;
    std::string trouble; ///< Postfix's message why smtp(8) cannot work with these settings; "": it can

    /// The effective value, "" when this Postfix does not know the name.
    [[nodiscard]] std::string value(std::string_view parameter) const;
    [[nodiscard]] bool yes(std::string_view parameter) const;
    [[nodiscard]] std::string where() const { return name + '/' + type; }
    [[nodiscard]] bool runs(std::string_view command) const; ///< by the program's base name
    friend bool operator==(const Service&, const Service&) = default;
};
/// All services of master.cf, from `postconf -M` and `postconf -P`. `chroot_by_default` is what "-" in the
/// chroot column means (compatibility_level 0 only).
[[nodiscard]] std::vector<Service> parse_services(std::string_view services, std::string_view overrides,
                                                  bool chroot_by_default);

/// Services of master.cf, by where(), that have an -o without a blank after it ("-oNAME=VALUE"), with all their
/// -o settings as smtp(8) reads them. postconf(1) of all versions reads each "o" in such a word as another
/// option: what it prints about these services is wrong, and `postconf -P` breaks their lines.
[[nodiscard]] std::map<std::string, Parameters, std::less<>> parse_attached(std::string_view master_cf);

/// A way by which mail comes to a transport.
struct Route {
    std::string source;    ///< the parameter, or "smtp/inet -o content_filter"
    std::string transport; ///< "": another setting decides
    std::string next_hop;  ///< "": the recipient's domain
    friend bool operator==(const Route&, const Route&) = default;
};

/// One instance of Postfix, from its own output.
struct Installed {
    std::string version_text;
    Version version;
    std::string folder;   ///< as given by -c or MAIL_CONFIG; "": Postfix's default
    Parameters set;       ///< main.cf as written: without defaults, $name not expanded
    Parameters effective; ///< with defaults and expansion; only the names in parameters_of_interest()
    std::vector<Service> services;                ///< those that deliver over SMTP, by running smtp(8)
    std::vector<Service> others;                  ///< the rest of master.cf
    std::set<std::string, std::less<>> map_types; ///< `postconf -m`; empty: not known
    std::vector<Route> routes;                    ///< all that could be read
    std::vector<std::string> unread; ///< "transport_maps = mysql:/x": may name any transport, cannot be read

    /// The effective value, "" when this Postfix does not know the name.
    [[nodiscard]] std::string value(std::string_view name) const;
    [[nodiscard]] std::optional<std::string> written(std::string_view name) const;
    [[nodiscard]] bool yes(std::string_view name) const;
    /// The service a transport's name leads to; nullptr: master.cf has none.
    [[nodiscard]] const Service* transport(std::string_view name) const;
};

/// The names to ask `postconf -x` for. Older versions warn about those they do not know, and leave them out.
[[nodiscard]] const std::vector<std::string>& parameters_of_interest();

} // namespace setup
