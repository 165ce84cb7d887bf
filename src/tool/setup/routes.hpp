// tool/setup/routes.hpp - how mail comes to the transports of master.cf: the settings and tables that name them.
// Pure.
//
// postconf(5): default_transport, relay_transport, transport_maps, content_filter and the like; transport(5)
// for the form "transport:nexthop".
#pragma once

#include "tool/setup/postconf.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace setup {

/// A place where routes are written.
struct RouteSource {
    std::string parameter;
    std::string value;
    std::string service; ///< the service that has it as -o; "": main.cf
    [[nodiscard]] std::string name() const;
};
/// Main.cf's and those of master.cf, in the order of postconf(5)'s names; empty ones are left out.
[[nodiscard]] std::vector<RouteSource> route_sources(const Installed& postfix);
/// The value is a list of tables, and not itself a route.
[[nodiscard]] bool is_table(const RouteSource& source);

/// How the content of a table can be read.
struct Reading {
    enum class How {
        dump,   ///< `postmap -s ELEMENT`
        file,   ///< the file `element`, as text
        value,  ///< `element` is the only answer
        cannot, ///< its type cannot be read
    } how = How::cannot;
    std::string element;
};
[[nodiscard]] Reading reading_of(std::string_view map);

/// "smtp:[host]:25", as in default_transport; only the next hop for a table of relay hosts.
[[nodiscard]] Route parse_route(const RouteSource& source, std::string_view text);
/// From what `postmap -s` prints, "key TAB value", or from the lines of a table of patterns. Each different
/// route once.
[[nodiscard]] std::vector<Route> parse_routes(const RouteSource& source, std::string_view table);

/// True for "[host]" and "[host]:port", an address and a single label: there is no policy for it.
[[nodiscard]] bool is_fixed_hop(std::string_view next_hop);

/// The service that delivers mail for recipients' domains; nullptr: none delivers over SMTP.
[[nodiscard]] const Service* service_for_domains(const Installed& postfix);

/// Fills in Service::use.
void assign_uses(Installed& postfix);

} // namespace setup
