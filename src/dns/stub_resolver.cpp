#include "dns/stub_resolver.hpp"

#include "dns/flight.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <exception>
#include <list>
#include <new>
#include <optional>
#include <set>

namespace dns {
namespace {

namespace asio = boost::asio;

constexpr auto as_result = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t max_waiting = 65536; // questions without a place; more fail at once

} // namespace

struct StubResolver::Impl {
    Impl(asio::any_io_executor ex, base::Clock& c, base::Log& l)
        : executor(std::move(ex)), clock(c), log(l) {}

    /// A question's place among max_in_flight, given back at the end of its life, whatever that is.
    struct Place {
        explicit Place(std::shared_ptr<Impl> i) : impl(std::move(i)), turn(impl->executor) {}
        Place(const Place&) = delete;
        Place& operator=(const Place&) = delete;
        ~Place() {
            if (queued) impl->queue.erase(position);
            if (flight) {
                flight->stop();
                impl->flights.erase(flight.get());
            }
            if (taken) impl->give_back();
        }
        std::shared_ptr<Impl> impl;
        asio::steady_timer turn; ///< runs until the deadline; cancelled when the place is given
        std::list<Place*>::iterator position;
        bool queued = false, taken = false;
        std::shared_ptr<Flight> flight;
    };

    [[nodiscard]] static asio::awaitable<Result> ask(std::shared_ptr<Impl> self, std::string name, Type type);

    void give_back() {
        --in_flight;
        hand_out();
    }
    void hand_out() {
        while (!queue.empty() && in_flight < options.max_in_flight) {
            Place* next = queue.front();
            queue.pop_front();
            next->queued = false;
            next->taken = true;
            ++in_flight;
            next->turn.cancel();
        }
    }
    void configure(Options wanted);
    void use_servers(base::Steady now);
    void stop() {
        stopping = true;
        for (Flight* flight : flights) flight->stop();
        for (Place* place : queue) place->turn.cancel();
        sockets->stop();
    }

    asio::any_io_executor executor;
    base::Clock& clock;
    base::Log& log;
    Options options;
    std::vector<Server> configured;            ///< options.servers, read
    std::optional<ResolvConfFile> resolv_conf; ///< when options.servers is empty
    std::shared_ptr<ServerList> servers;
    std::shared_ptr<UdpSockets> sockets = std::make_shared<UdpSockets>(executor, clock);
    std::set<Flight*> flights;
    std::list<Place*> queue;
    std::size_t in_flight = 0;
    bool stopping = false;
};

void StubResolver::Impl::configure(Options wanted) {
    configured.clear();
    for (const std::string& text : wanted.servers) {
        // The configuration has been checked; should one slip through, the others still serve.
        if (auto server = parse_server(text))
            configured.push_back(*server);
        else
            log.write(base::Level::error, "dns-server-ignored",
                      {{"server", text}, {"error", server.error()}});
    }
    if (!wanted.servers.empty())
        resolv_conf.reset();
    else if (!resolv_conf || wanted.resolv_conf != options.resolv_conf)
        resolv_conf.emplace(wanted.resolv_conf);
    options = std::move(wanted);
    hand_out();
}

/// Makes `servers` what the options, and resolv.conf as it is now, say.
void StubResolver::Impl::use_servers(base::Steady now) {
    const ResolvConf* conf = resolv_conf ? &resolv_conf->current(now) : nullptr;
    ServerPlan plan = plan_servers(configured, conf, options.trust_ad, options.try_for);
    if (servers && servers->plan() == plan) return;
    const bool changed = servers != nullptr;
    servers = std::make_shared<ServerList>(std::move(plan), log);
    std::string names;
    for (const Server& server : servers->plan().servers)
        names.append(names.empty() ? "" : ",").append(to_string(server));
    log.write(changed ? base::Level::info : base::Level::debug, "dns-servers", {{"servers", names}});
}

asio::awaitable<Result> StubResolver::Impl::ask(std::shared_ptr<Impl> self, std::string name, Type type) {
    try {
        const base::Steady deadline = self->clock.steady() + self->options.question_for;
        Place place{self};
        if (self->stopping) co_return base::unexpected(base::Reason::shutting_down);
        if (self->queue.empty() && self->in_flight < self->options.max_in_flight) {
            place.taken = true;
            ++self->in_flight;
        } else {
            if (self->queue.size() >= max_waiting) co_return base::unexpected(base::Reason::overloaded);
            place.position = self->queue.insert(self->queue.end(), &place);
            place.queued = true;
            place.turn.expires_after(self->options.question_for);
            co_await place.turn.async_wait(as_result);
            const auto cancellation = co_await asio::this_coro::cancellation_state;
            if (self->stopping || cancellation.cancelled() != asio::cancellation_type::none)
                co_return base::unexpected(base::Reason::shutting_down);
            if (!place.taken) co_return base::unexpected(base::Reason::overloaded);
        }
        self->use_servers(self->clock.steady());
        place.flight = std::make_shared<Flight>(self->executor, self->clock, self->servers, self->sockets,
                                                std::move(name), type, deadline);
        self->flights.insert(place.flight.get());
        Result result = co_await Flight::run(place.flight);
        co_return result;
    } catch (const std::bad_alloc&) {
        co_return base::unexpected(base::Reason::overloaded);
    } catch (const std::exception& trouble) {
        self->log.write(base::Level::error, "dns-failed", {{"error", std::string_view{trouble.what()}}});
        co_return base::unexpected(base::Reason::dns_network);
    }
}

StubResolver::StubResolver(asio::any_io_executor executor, Options options, base::Clock& clock,
                           base::Log& log)
    : impl_(std::make_shared<Impl>(std::move(executor), clock, log)) {
    impl_->configure(std::move(options));
}

StubResolver::~StubResolver() { impl_->stop(); }

void StubResolver::configure(Options options) { impl_->configure(std::move(options)); }

asio::awaitable<Result> StubResolver::resolve(std::string name, Type type, Purpose /*purpose*/) {
    return Impl::ask(impl_, std::move(name), type);
}

std::size_t StubResolver::in_flight() const noexcept { return impl_->in_flight; }
std::size_t StubResolver::waiting() const noexcept { return impl_->queue.size(); }

} // namespace dns
