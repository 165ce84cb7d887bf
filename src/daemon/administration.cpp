#include "daemon/administration.hpp"

#include "admin/page/page.hpp"
#include "admin/rights.hpp"
#include "admin/status.hpp"
#include "base/version.hpp"
#include "metrics/exposition.hpp"

#include <array>
#include <fstream>
#include <iterator>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include <unistd.h>

namespace app {

namespace asio = boost::asio;

namespace {

using Outcome = base::Expected<admin::Reply, admin::Error>;

/// A handler that has its reply at hand.
template <class Make>
admin::Handler at_once(Make make) {
    return [make = std::move(make)](const admin::Request&) -> asio::awaitable<Outcome> {
        admin::Reply reply;
        reply.body = make();
        co_return reply;
    };
}

/// The same for a reply that is no JSON.
template <class Make>
admin::Handler document(std::string_view media_type, Make make) {
    return [media_type, make = std::move(make)](const admin::Request&) -> asio::awaitable<Outcome> {
        admin::Reply reply;
        reply.document.emplace(admin::Document{std::string{media_type}, make()});
        co_return reply;
    };
}

uid_t read_overflow_uid() {
    std::ifstream file("/proc/sys/kernel/overflowuid");
    return admin::overflow_uid(std::string(std::istreambuf_iterator<char>(file), {}));
}

std::string host_name() {
    std::array<char, 256> name{};
    return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

} // namespace

Administration::Administration(Parts parts)
    : parts_(std::move(parts)), started_(parts_.clock.now()),
      overrides_({parts_.executor, parts_.table, parts_.state.book(), parts_.state.keeper(), parts_.clock,
                  parts_.options, parts_.when_in_use}),
      fleet_({.executor = parts_.executor,
              .timers = parts_.timers,
              .clock = parts_.clock,
              .version = base::version(),
              .fleet = parts_.fleet}),
      domains_(
          {.executor = parts_.executor,
           .table = parts_.table,
           .store = parts_.store,
           .learner = parts_.learner,
           .fleet = fleet_,
           .history = parts_.history,
           .sink = parts_.events,
           .clock = parts_.clock,
           .version = base::version(),
           .options = parts_.options,
           .protected_since =
               [this](std::string domain, std::function<void(std::optional<base::Instant>)> done) {
                   parts_.state.keeper().protected_since(std::move(domain), std::move(done));
               },
           .forgotten = [this](const base::Domain& domain) { parts_.state.keeper().ended(domain.name()); },
           .replan = parts_.replan}),
      listing_({parts_.executor, parts_.table, parts_.clock, parts_.options}),
      transfer_({.executor = parts_.executor,
                 .table = parts_.table,
                 .store = parts_.store,
                 .timers = parts_.timers,
                 .sink = parts_.events,
                 .clock = parts_.clock,
                 .replan = [this](const base::Domain& domain) { imported(domain); },
                 .overrides = [this] { return overrides_.exported(); },
                 .take_override =
                     [this](const admin::Json& one, const admin::Request& request,
                            admin::OverrideTaken done) { overrides_.take(one, request, std::move(done)); }}),
      tail_(parts_.executor, parts_.tap),
      health_({.executor = parts_.executor, .fronts = parts_.fronts, .notes = [this] { return notes(); }}),
      status_page_({.clock = parts_.clock,
                    .timers = parts_.timers,
                    .measures = parts_.measures,
                    .table = parts_.table,
                    .resolver = parts_.resolver,
                    .history = parts_.history,
                    .config = parts_.config,
                    .options = parts_.options,
                    .host = host_name()}),
      server_({.executor = parts_.executor,
               .events = parts_.events,
               .clock = parts_.clock,
               .own = ::geteuid(),
               .overflow = read_overflow_uid(),
               .hosts = parts_.web_hosts,
               .style_hash = std::string{page::style_hash()}},
              handlers()) {}

/// What is not as it should be, although Postfix gets answers.
std::vector<std::string> Administration::notes() const {
    std::vector<std::string> notes;
    const lookup::ServiceOptions options = parts_.options();
    if (parts_.measures.store_failing())
        notes.emplace_back("the disk does not take the policies: the last write failed (store-failed in the "
                           "log) or takes over 10 s");
    if (parts_.measures.memory_short()) notes.emplace_back("memory is short: no new search begins");
    if (parts_.measures.shared_down())
        notes.emplace_back(
            "the engine of the shared cache cannot be used (fleet-down in the log): policies are "
            "learnt without it");
    if (options.dane_status != "active") notes.push_back("DANE is " + options.dane_status);
    if (std::string kept = parts_.state.status(); !kept.empty()) notes.push_back(std::move(kept));
    return notes;
}

/// A policy of another daemon was taken.
void Administration::imported(const base::Domain& domain) {
    const cache::Knowledge known = parts_.table.find(domain);
    const auto* entry = std::get_if<cache::Entry>(&known);
    if (entry == nullptr) return;
    const base::Instant now = parts_.clock.now();
    if (sts::is_enforced(entry->policy->policy.mode, parts_.options().tuning.enforce_testing))
        parts_.state.keeper().began(domain.name(), now, cache::expires_at(*entry, now));
    parts_.replan(domain);
}

void Administration::serve(Listeners listeners) {
    const auto serve_one = [this](server::Listener& listener, admin::Entrance entrance,
                                  admin::Reach reach = admin::Reach::this_host) {
        std::string address = listener.name();
        if (auto served = server_.serve(std::move(listener), entrance, reach); !served)
            throw std::runtime_error(served.error());
        return address;
    };
    for (server::Listener& listener : listeners.control) {
        const std::string address = serve_one(listener, admin::Entrance::control);
        parts_.events.emit(events::ControlListening{.address = address});
    }
    for (server::Listener& listener : listeners.web) {
        const std::string address = serve_one(listener, admin::Entrance::web);
        parts_.events.emit(events::WebListening{.address = address});
    }
    for (server::Listener& listener : listeners.web_by_name) {
        const std::string address = serve_one(listener, admin::Entrance::web, admin::Reach::other_hosts);
        if (!parts_.web_hosts.empty()) parts_.events.emit(events::WebListening{.address = address});
        web_by_name_.push_back(address);
    }
}

void Administration::configure(std::vector<std::string> web_hosts) {
    parts_.web_hosts = web_hosts;
    server_.set_hosts(std::move(web_hosts));
}

/// Each operation that this daemon has. Runs before server_ is made.
admin::Handlers Administration::handlers() {
    using admin::Operation;
    admin::Handlers all;
    const auto set = [&all](Operation operation, admin::Handler handler) {
        all[admin::index(operation)] = std::move(handler);
    };
    set(Operation::routes, at_once([] { return admin::routes_as_json(); }));
    set(Operation::status, at_once([this] {
            const lookup::ServiceOptions options = parts_.options();
            admin::Status status{.version = base::version(),
                                 .pid = ::getpid(),
                                 .host = host_name(),
                                 .started = started_,
                                 .now = parts_.clock.now(),
                                 .observe = options.observe,
                                 .dane = options.dane_status,
                                 .policies = parts_.table.policy_count(),
                                 .absences = parts_.table.absence_count(),
                                 .control_connections = server_.connections()};
            if (!parts_.web_hosts.empty()) status.web_open = web_by_name_;
            if (options.overrides)
                for (const decision::Override& one : options.overrides->all())
                    ++(one.configured ? status.overrides_configured : status.overrides_run_time);
            return admin::to_json(status);
        }));
    set(Operation::metrics,
        document(metrics::media_type, [this] { return metrics::exposition(parts_.measures.snapshot()); }));
    const auto serve_overrides =
        [&](Operation operation,
            asio::awaitable<Outcome> (admin::Overrides::*member)(const admin::Request&)) {
            set(operation,
                [this, member](const admin::Request& request) { return (overrides_.*member)(request); });
        };
    serve_overrides(Operation::list_overrides, &admin::Overrides::list);
    serve_overrides(Operation::add_override, &admin::Overrides::add);
    serve_overrides(Operation::remove_override, &admin::Overrides::remove);
    serve_overrides(Operation::observed, &admin::Overrides::observed);
    set(Operation::healthy, [this](const admin::Request&) { return health_.healthy(); });
    set(Operation::ready, [this](const admin::Request&) { return health_.ready(); });
    set(Operation::overview, [this](const admin::Request& request) -> asio::awaitable<Outcome> {
        co_return status_page_.overview(request);
    });
    set(Operation::page, [this](const admin::Request& request) -> asio::awaitable<Outcome> {
        co_return status_page_.page(request);
    });
    add_domains(all);
    return all;
}

/// What is about domains and the fleet, and the events.
void Administration::add_domains(admin::Handlers& all) {
    using admin::Operation;
    using admin::Request;
    const auto set = [&all](Operation operation, admin::Handler handler) {
        all[admin::index(operation)] = std::move(handler);
    };
    set(Operation::list_domains, [this](const Request& request) { return listing_.list(request); });
    set(Operation::show_domain, [this](const Request& request) { return domains_.show(request); });
    set(Operation::refresh_domain, [this](const Request& request) { return domains_.refresh(request); });
    set(Operation::learn_domain, [this](const Request& request) { return domains_.learn(request); });
    set(Operation::forget_domain, [this](const Request& request) { return domains_.forget(request); });
    set(Operation::export_policies,
        [this](const Request&) -> asio::awaitable<Outcome> { co_return transfer_.export_policies(); });
    set(Operation::import_policies,
        [this](const Request& request) { return transfer_.import_policies(request); });
    set(Operation::show_fleet, [this](const Request& request) { return fleet_.show(request); });
    set(Operation::sync_fleet,
        [this](const Request&) -> asio::awaitable<Outcome> { co_return fleet_.sync(); });
    set(Operation::tail_events,
        [this](const Request& request) -> asio::awaitable<Outcome> { co_return tail_.follow(request); });
}

} // namespace app
