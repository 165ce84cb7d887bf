#include "admin/routes.hpp"

#include "admin/limits.hpp"
#include "admin/web_host.hpp"
#include "base/text.hpp"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

namespace admin {

namespace {

using Parameters = std::map<std::string, std::string, std::less<>>;

/// The pieces of `text` between separators.
std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> pieces;
    for (std::size_t at = 0; at <= text.size();) {
        const std::size_t end = std::min(text.find(separator, at), text.size());
        if (end > at) pieces.push_back(text.substr(at, end - at));
        at = end + 1;
    }
    return pieces;
}

/// What a row's path names, when `path` is such a one.
std::optional<Parameters> named_by(const Route& route, const std::vector<std::string>& path) {
    const std::vector<std::string_view> pattern = split(route.path, '/');
    if (pattern.empty()) // "/"
        return path.size() == 1 && path.front().empty() ? std::optional<Parameters>(std::in_place)
                                                        : std::nullopt;
    if (pattern.size() != path.size()) return std::nullopt;
    Parameters named;
    for (std::size_t i = 0; i < path.size(); ++i) {
        const std::string_view part = pattern[i];
        if (!part.starts_with('{')) {
            if (part != path[i]) return std::nullopt;
        } else {
            if (path[i].empty()) return std::nullopt;
            named.emplace(part.substr(1, part.size() - 2), path[i]);
        }
    }
    return named;
}

bool is_query_of(const Route& route, std::string_view name) {
    return std::ranges::count(split(route.queries, ' '), name) > 0;
}

auto refused(unsigned status, std::string code, std::string words, std::string field = {}) {
    return base::unexpected(NoMatch{{status, std::move(code), std::move(words), std::move(field)}});
}

} // namespace

Error too_large() {
    return {413, "too-large", "the body is over " + std::to_string(max_body) + " octets", {}};
}

std::string_view to_string(Operation operation) noexcept {
    switch (operation) {
    case Operation::routes: return "routes";
    case Operation::status: return "status";
    case Operation::list_domains: return "list-domains";
    case Operation::show_domain: return "show-domain";
    case Operation::refresh_domain: return "refresh-domain";
    case Operation::learn_domain: return "learn-domain";
    case Operation::forget_domain: return "forget-domain";
    case Operation::export_policies: return "export";
    case Operation::import_policies: return "import";
    case Operation::show_fleet: return "show-fleet";
    case Operation::sync_fleet: return "sync-fleet";
    case Operation::tail_events: return "tail-events";
    case Operation::list_overrides: return "list-overrides";
    case Operation::add_override: return "add-override";
    case Operation::remove_override: return "remove-override";
    case Operation::observed: return "observed";
    case Operation::metrics: return "metrics";
    case Operation::healthy: return "healthy";
    case Operation::ready: return "ready";
    case Operation::overview: return "overview";
    case Operation::page: break;
    }
    return "page";
}

base::Expected<Match, NoMatch> match(std::string_view method, const Target& target, Entrance entrance) {
    std::optional<Match> matched;
    std::string allow;
    for (const Route& route : route_table) {
        if (entrance == Entrance::web && !route.web) continue;
        std::optional<Parameters> named = named_by(route, target.path);
        if (!named) continue;
        allow.append(allow.empty() ? "" : ", ").append(route.method).append(route.web ? ", HEAD" : "");
        if (route.method == method || (route.web && method == "HEAD"))
            matched = Match{&route, *std::move(named), {}};
    }
    if (!matched && allow.empty())
        return refused(404, "not-found",
                       entrance == Entrance::web
                           ? "there is no such path here"
                           : "there is no such path; GET /v1 lists those that there are");
    if (!matched) {
        NoMatch wrong{{405, "method-not-allowed", "the path does not have this method; it has " + allow, {}}};
        wrong.allow = std::move(allow);
        return base::unexpected(std::move(wrong));
    }
    for (const auto& [name, value] : target.query) {
        if (name == "by" && matched->route->right == Right::change)
            matched->by = base::printable(value, max_by);
        else if (is_query_of(*matched->route, name))
            matched->parameters.emplace(name, value);
        else
            return refused(400, "bad-request", "there is no such parameter here", base::printable(name));
    }
    return *std::move(matched);
}

base::Expected<Match, NoMatch> match(const Head& head, Entrance entrance,
                                     std::span<const std::string> hosts) {
    if (entrance == Entrance::web) {
        if (auto admitted = admit(head, hosts); !admitted)
            return base::unexpected(std::move(admitted.error()));
    }
    const auto target = parse_target(head.target);
    if (!target) return base::unexpected(NoMatch{target.error()});
    auto matched = match(head.method, *target, entrance);
    if (!matched) return matched;
    if (head.has_body && head.method != "POST")
        return refused(400, "bad-request", "the method " + head.method + " does not take a body");
    if (head.length.value_or(0) > max_body && !long_body(matched->route->operation))
        return base::unexpected(NoMatch{too_large()});
    return matched;
}

Json routes_as_json() {
    Json rows = Json::array();
    for (const Route& route : route_table) {
        Json row = Json::object();
        row["method"] = route.method;
        row["path"] = route.path;
        row["parameters"] = split(route.queries, ' ');
        row["right"] = route.right == Right::read ? "read" : "change";
        row["web"] = route.web;
        row["help"] = route.help;
        rows.push_back(std::move(row));
    }
    Json reply = Json::object();
    reply["routes"] = std::move(rows);
    return reply;
}

} // namespace admin
