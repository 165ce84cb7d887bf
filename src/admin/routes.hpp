// admin/routes.hpp - what the administration's server can be asked, each in one row: method, path, right, meaning.
//
// The manual (stsmap(1), HTTP) lists the rows; a test compares.
#pragma once

#include "admin/exchange.hpp"
#include "admin/http_request.hpp"
#include "admin/target.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>

namespace admin {

enum class Right : std::uint8_t {
    read,   ///< whoever may connect
    change, ///< root, and the user the daemon runs as
};

enum class Operation : std::uint8_t {
    routes,
    status,
    list_domains,
    show_domain,
    refresh_domain,
    learn_domain,
    forget_domain,
    export_policies,
    import_policies,
    show_fleet,
    sync_fleet,
    tail_events,
    list_overrides,
    add_override,
    remove_override,
    observed,
    metrics,
    healthy,
    ready,
    overview,
    page,
};
inline constexpr std::size_t operations = 21;

/// A handler for each operation.
using Handlers = std::array<Handler, operations>;
[[nodiscard]] constexpr std::size_t index(Operation operation) noexcept {
    return static_cast<std::size_t>(operation);
}

struct Route {
    std::string_view method;
    std::string_view path;    ///< "{domain}" stands for one part of it
    std::string_view queries; ///< the query's parameters, with a space between; any other is refused
    Right right{};
    Operation operation{};
    std::string_view help; ///< a sentence
    bool web = false;      ///< also on the web listener; then HEAD is answered, too
};

inline constexpr std::array<Route, operations> route_table{{
    {"GET", "/v1", "", Right::read, Operation::routes, "This list."},
    {"GET", "/v1/status", "", Right::read, Operation::status,
     "The daemon: version, mode, DANE, what it holds."},
    {"GET", "/v1/domains", "mode failing expiring dane asked_since sort", Right::read,
     Operation::list_domains, "The domains that have a policy, one on each line."},
    {"GET", "/v1/domains/{domain}", "", Right::read, Operation::show_domain,
     "What Postfix gets for a next hop, by which rule, and all that is known about its domain."},
    {"POST", "/v1/domains/{domain}/refresh", "", Right::change, Operation::refresh_domain,
     "Looks for a new policy now; the reply is that of GET. Once a minute for a domain."},
    {"POST", "/v1/domains/{domain}/learn", "", Right::change, Operation::learn_domain,
     "Looks for the policy of a domain that is not known; says what was found."},
    {"DELETE", "/v1/domains/{domain}", "yes fleet", Right::change, Operation::forget_domain,
     "Forgets the domain; with fleet=1 before that in the shared cache. An unexpired enforced policy only "
     "with "
     "yes=true."},
    {"GET", "/v1/export", "", Right::read, Operation::export_policies,
     "All policies and the overrides that were added at run time, one on each line."},
    {"POST", "/v1/import", "overrides", Right::change, Operation::import_policies,
     "Takes lines of an export; overrides only with overrides=true."},
    {"GET", "/v1/fleet", "hosts", Right::read, Operation::show_fleet,
     "The shared cache and the hosts of the fleet; with hosts=0 the hosts are not asked for."},
    {"POST", "/v1/fleet/sync", "", Right::change, Operation::sync_fleet,
     "Begins to compare what is known here with what the shared cache has."},
    {"GET", "/v1/events", "domain", Right::read, Operation::tail_events,
     "What happens, one event on each line."},
    {"GET", "/v1/overrides", "", Right::read, Operation::list_overrides,
     "The overrides, and what each hides."},
    {"POST", "/v1/overrides", "yes", Right::change, Operation::add_override,
     "Adds or replaces an override. One that weakens what is known only with yes=true."},
    {"DELETE", "/v1/overrides/{domain}", "", Right::change, Operation::remove_override,
     "Removes an override that was added at run time."},
    {"GET", "/v1/observed", "", Right::read, Operation::observed,
     "What Postfix would have got for domains that are only observed."},
    {"GET", "/metrics", "", Right::read, Operation::metrics, "All metrics, as Prometheus reads them.", true},
    {"GET", "/healthy", "", Right::read, Operation::healthy,
     "Whether each thread that answers Postfix works: status 200, or 503 and which does not.", true},
    {"GET", "/ready", "", Right::read, Operation::ready,
     "Whether Postfix gets answers: status 200, or 503 and why not.", true},
    {"GET", "/status.json", "", Right::read, Operation::overview, "What the status page shows.", true},
    {"GET", "/", "refresh", Right::read, Operation::page,
     "The status page, for people; with refresh=0 it does not ask again by itself.", true},
}};

/// The operation in the log: "forget-domain".
[[nodiscard]] std::string_view to_string(Operation operation) noexcept;

/// Its reply takes some work: those over the web listener are made one after the other.
[[nodiscard]] constexpr bool takes_work(Operation operation) noexcept {
    return operation == Operation::metrics || operation == Operation::overview ||
           operation == Operation::page;
}

/// Bodies of any length are read in pieces; of the others max_body is the limit.
[[nodiscard]] constexpr bool long_body(Operation operation) noexcept {
    return operation == Operation::import_policies;
}

/// Of a body over max_body.
[[nodiscard]] Error too_large();

/// What a request asks for.
struct Match {
    const Route* route = nullptr;
    std::map<std::string, std::string, std::less<>> parameters; ///< as Request's
    std::string by;                                             ///< as Request's
};

/// Why nothing is asked for.
struct NoMatch {
    Error error;
    std::string allow{}; ///< with status 405 the methods that the path has: "GET, DELETE"
    std::string host{};  ///< with status 421 the one that is not admitted; printable
};

/// The row of the table for a method and a target. Pure. Errors: not-found, method-not-allowed, bad-request
/// (an unknown parameter).
[[nodiscard]] base::Expected<Match, NoMatch> match(std::string_view method, const Target& target,
                                                   Entrance entrance = Entrance::control);

/// The same for a request's head; a body is refused where the method has none, or when it is known to be too long.
/// Over the web listener the host has to be admitted (admin/web_host.hpp); `hosts` are the configured ones. Pure.
[[nodiscard]] base::Expected<Match, NoMatch> match(const Head& head, Entrance entrance = Entrance::control,
                                                   std::span<const std::string> hosts = {});

/// The table, for GET /v1. Pure.
[[nodiscard]] Json routes_as_json();

} // namespace admin
