#include "tool/setup/routes.hpp"

#include "base/text.hpp"
#include "tool/setup/maps.hpp"

#include <algorithm>
#include <array>

namespace setup {
namespace {

/// A setting that names transports, or sends mail to them.
struct Kind {
    std::string_view parameter;
    enum class Form {
        route,  ///< transport:nexthop
        routes, ///< tables of such
        relays, ///< tables of next hops alone
    } form;
};
constexpr std::array kinds{
    Kind{"default_transport", Kind::Form::route},
    Kind{"relay_transport", Kind::Form::route},
    Kind{"local_transport", Kind::Form::route},
    Kind{"virtual_transport", Kind::Form::route},
    Kind{"mailbox_transport", Kind::Form::route},
    Kind{"fallback_transport", Kind::Form::route},
    Kind{"content_filter", Kind::Form::route},
    Kind{"address_verify_default_transport", Kind::Form::route},
    Kind{"address_verify_relay_transport", Kind::Form::route},
    Kind{"transport_maps", Kind::Form::routes},
    Kind{"sender_dependent_default_transport_maps", Kind::Form::routes},
    Kind{"address_verify_transport_maps", Kind::Form::routes},
    Kind{"sender_dependent_relayhost_maps", Kind::Form::relays},
};

/// Tables in which an action FILTER may occur; it names a transport.
constexpr std::array with_actions{"header_checks", "mime_header_checks", "nested_header_checks",
                                  "body_checks"};
constexpr std::array with_access_tables{"smtpd_client_restrictions",     "smtpd_helo_restrictions",
                                        "smtpd_sender_restrictions",     "smtpd_relay_restrictions",
                                        "smtpd_recipient_restrictions",  "smtpd_data_restrictions",
                                        "smtpd_end_of_data_restrictions"};

const Kind* kind_of(std::string_view parameter) {
    const auto found = std::ranges::find(kinds, parameter, &Kind::parameter);
    return found == kinds.end() ? nullptr : &*found;
}

void add_once(std::vector<Route>& routes, Route route) {
    if (std::ranges::find(routes, route) == routes.end()) routes.push_back(std::move(route));
}

/// "{ name, name, ... }" of a randmap, or anything else in braces: so rare that it is not parsed.
bool in_braces(std::string_view text) { return text.find('{') != std::string_view::npos; }

/// True if a setting can route mail and we do not read its content.
bool filters_may_route(const Installed& postfix) {
    const auto access = [](std::string_view value) {
        return value.find("check_") != std::string_view::npos &&
               value.find("_access") != std::string_view::npos;
    };
    if (std::ranges::any_of(with_actions, [&](const char* name) { return !postfix.value(name).empty(); }) ||
        std::ranges::any_of(with_access_tables,
                            [&](const char* name) { return access(postfix.value(name)); }))
        return true;
    return std::ranges::any_of(postfix.others, [&](const Service& service) {
        return std::ranges::any_of(service.overrides, [&](const auto& setting) {
            return access(setting.second) ||
                   std::ranges::find(with_actions, setting.first) != with_actions.end();
        });
    });
}

} // namespace

std::string RouteSource::name() const { return service.empty() ? parameter : service + " -o " + parameter; }

std::vector<RouteSource> route_sources(const Installed& postfix) {
    std::vector<RouteSource> sources;
    for (const Kind& kind : kinds) {
        const std::string parameter(kind.parameter);
        if (const std::string value = postfix.value(parameter); !value.empty())
            sources.push_back({parameter, value, ""});
        for (const std::vector<Service>* part : {&postfix.services, &postfix.others})
            for (const Service& service : *part)
                if (const auto own = service.overrides.find(parameter);
                    own != service.overrides.end() && !own->second.empty())
                    sources.push_back({parameter, own->second, service.where()});
    }
    return sources;
}

bool is_table(const RouteSource& source) {
    const Kind* kind = kind_of(source.parameter);
    return kind != nullptr && kind->form != Kind::Form::route;
}

Reading reading_of(std::string_view map) {
    using How = Reading::How;
    constexpr std::array dumped{"hash", "btree", "lmdb", "cdb", "dbm", "sdbm", "texthash", "inline"};
    constexpr std::array files{"regexp", "pcre", "cidr"};
    if (map.starts_with("proxy:")) map.remove_prefix(6);
    const std::string_view type = map.substr(0, map.find(':'));
    if (type.size() == map.size() || map.find('$') != std::string_view::npos)
        return {How::cannot, std::string(map)};
    const std::string name(map.substr(type.size() + 1));
    if (std::ranges::find(dumped, type) != dumped.end()) return {How::dump, std::string(map)};
    if (type == "static") return {How::value, name};
    if (std::ranges::find(files, type) != files.end() && !in_braces(name)) return {How::file, name};
    return {How::cannot, std::string(map)};
}

Route parse_route(const RouteSource& source, std::string_view text) {
    Route route;
    route.source = source.name();
    text = base::trim_wsp(text);
    const Kind* kind = kind_of(source.parameter);
    if (kind != nullptr && kind->form == Kind::Form::relays) {
        route.next_hop = text;
        return route;
    }
    // A blank does not end it: it is a list, as in default_transport = smtp:a, b
    const std::size_t colon = text.find(':');
    route.transport = base::trim_wsp(text.substr(0, colon));
    if (colon != std::string_view::npos) route.next_hop = base::trim_wsp(text.substr(colon + 1));
    return route;
}

std::vector<Route> parse_routes(const RouteSource& source, std::string_view table) {
    std::vector<Route> routes;
    while (!table.empty()) {
        std::string_view line = table.substr(0, table.find('\n'));
        table.remove_prefix(std::min(table.size(), line.size() + 1));
        line = base::trim_wsp(line);
        if (line.empty() || line.starts_with('#')) continue;
        std::size_t end = line.find('\t'); // postmap -s
        if (end == std::string_view::npos) {
            // A pattern may contain blanks, a route only in a list.
            end = line.find_last_of(" \t");
            if (end == std::string_view::npos) continue; // "if" and "endif" have no route
            if (line.starts_with("if ") || line.starts_with("if/")) continue;
        }
        add_once(routes, parse_route(source, line.substr(end + 1)));
    }
    return routes;
}

bool is_fixed_hop(std::string_view next_hop) {
    if (next_hop.empty() || next_hop.starts_with('[')) return !next_hop.empty();
    const std::string_view host = next_hop.substr(0, next_hop.find(':'));
    return host.find('.') == std::string_view::npos ||
           host.find_first_not_of("0123456789.") == std::string_view::npos;
}

const Service* service_for_domains(const Installed& postfix) {
    const auto by_default = std::ranges::find(postfix.services, Use::default_route, &Service::use);
    if (by_default != postfix.services.end()) return &*by_default;
    return postfix.services.empty() ? nullptr : &postfix.services.front();
}

void assign_uses(Installed& postfix) {
    const bool hidden = !postfix.unread.empty() || filters_may_route(postfix);
    const bool relays = !postfix.value("relay_domains").empty();
    for (Service& service : postfix.services) {
        service.use = hidden ? Use::unknown : Use::unused;
        for (const Route& route : postfix.routes) {
            if (route.transport != service.name || service.type != "unix") continue;
            const bool relay = route.source.ends_with("relay_transport");
            if (relay && !relays) continue;
            const bool by_default = relay || route.source.ends_with("default_transport");
            const Use use = is_fixed_hop(route.next_hop) ? Use::fixed_hop
                            : by_default                 ? Use::default_route
                                                         : Use::routed;
            service.use = std::min(service.use, use);
        }
    }
}

} // namespace setup
