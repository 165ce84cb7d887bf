#include "dns/stub_resolver.hpp"

#include "dns/flight.hpp"
#include "dns/signed_names.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <exception>
#include <list>
#include <new>
#include <optional>
#include <random>
#include <set>

namespace dns {
namespace {

namespace asio = boost::asio;

constexpr auto as_result = asio::as_tuple(asio::use_awaitable);

std::uint64_t random_seed() {
    std::random_device device;
    return std::uint64_t{device()} << 32 | device();
}

} // namespace

struct StubResolver::Impl : std::enable_shared_from_this<Impl> {
    Impl(asio::any_io_executor ex, base::Clock& c, events::Sink& e)
        : executor(std::move(ex)), clock(c), sink(e) {}

    struct Slot;
    /// Questions of one kind.
    struct Lane {
        std::list<Slot*> fresh,
            stale;             ///< without a slot, oldest first; stale: waiting longer than `patience`
        std::size_t taken = 0; ///< with one
        [[nodiscard]] std::size_t waiting() const noexcept { return fresh.size() + stale.size(); }
    };
    /// A question's slot among max_in_flight; the destructor gives it back in all cases.
    struct Slot {
        Slot(std::shared_ptr<Impl> i, Lane& l)
            : impl(std::move(i)), lane(l), turn(impl->executor), since(impl->clock.steady()) {}
        Slot(const Slot&) = delete;
        Slot& operator=(const Slot&) = delete;
        ~Slot() {
            if (queue) queue->erase(position);
            if (flight) {
                flight->stop();
                impl->flights.erase(flight.get());
            }
            if (taken) impl->give_back(lane);
        }
        std::shared_ptr<Impl> impl;
        Lane& lane;
        asio::steady_timer turn; ///< cancelled when the slot is given
        base::Steady since;
        std::list<Slot*>* queue = nullptr; ///< of its lane, in which it waits
        std::list<Slot*>::iterator position;
        bool taken = false;
        std::shared_ptr<Flight> flight;
    };
    /// A question, and which servers to ask.
    struct Wanted {
        std::string name;
        Type type{};
        Purpose purpose{};
        std::string server; ///< this one alone; "": whom there is
    };

    [[nodiscard]] static asio::awaitable<Result> ask(std::shared_ptr<Impl> self, Wanted wanted);
    /// Counts a question that has ended; `since`: when it had a place.
    void count(Type type, base::Steady since, const Result& result) {
        Counts::Of& of = counts.of(type);
        if (result)
            of.answers.of(result->kind).add();
        else
            of.failures.of(result.error().reason).add();
        counts.took.observe(clock.steady() - since);
    }
    /// The end of a question without an answer. What ask() makes itself has its place in the frame that each waiting
    /// question takes: an error, no whole Result.
    [[nodiscard]] auto refused(Type type, base::Steady since, base::Reason reason, const char* why = "") {
        Result result = failed(reason, why);
        count(type, since, result);
        return base::unexpected(std::move(result.error()));
    }

    [[nodiscard]] Lane& lane_of(Purpose purpose) { return purpose == Purpose::dane ? dane : others; }
    [[nodiscard]] std::size_t in_flight() const noexcept { return dane.taken + others.taken; }
    [[nodiscard]] bool has_room(const Lane& lane) const noexcept {
        const std::size_t most = options.max_in_flight;
        return in_flight() < most && (&lane == &others || lane.taken < std::max<std::size_t>(1, most / 2));
    }
    void give_back(Lane& lane) {
        --lane.taken;
        hand_out();
    }
    void hand_out() {
        const base::Steady now = clock.steady();
        for (Lane* lane : {&others, &dane}) {
            while (lane->waiting() > 0 && has_room(*lane)) {
                while (!lane->fresh.empty() && now - lane->fresh.front()->since >= patience) {
                    lane->fresh.front()->queue = &lane->stale;
                    lane->stale.splice(lane->stale.end(), lane->fresh, lane->fresh.begin());
                }
                std::list<Slot*>& queue = lane->fresh.empty() ? lane->stale : lane->fresh;
                Slot* next = queue.front();
                queue.pop_front();
                next->queue = nullptr;
                next->taken = true;
                ++lane->taken;
                next->turn.cancel();
            }
        }
    }
    void configure(Options wanted);
    void use_servers(base::Steady now);
    void weigh(Answer& answer, const Wanted& asked, ServerList& list, std::size_t server);
    /// Posted, so that the called function may ask a question at once.
    void doubt() {
        if (!on_doubt || stopping) return;
        asio::post(executor, [weak = weak_from_this()] {
            const auto self = weak.lock();
            if (self && self->on_doubt && !self->stopping) self->on_doubt();
        });
    }
    void stop() {
        stopping = true;
        for (Flight* flight : flights) flight->stop();
        for (Lane* lane : {&others, &dane})
            for (const auto* queue : {&lane->fresh, &lane->stale})
                for (Slot* slot : *queue) slot->turn.cancel();
        sockets->stop();
    }

    asio::any_io_executor executor;
    base::Clock& clock;
    events::Sink& sink;
    Options options;
    std::optional<ResolvConfFile> resolv_conf; ///< when options.servers is empty
    std::shared_ptr<ServerList> servers;
    std::shared_ptr<UdpSockets> sockets = std::make_shared<UdpSockets>(executor, clock);
    SignedNames signed_names{random_seed()};
    std::function<void()> on_doubt;
    std::set<Flight*> flights;
    Lane others, dane;
    Counts counts;
    bool stopping = false;
};

void StubResolver::Impl::configure(Options wanted) {
    if (!wanted.servers.empty())
        resolv_conf.reset();
    else if (!resolv_conf || wanted.resolv_conf != options.resolv_conf)
        resolv_conf.emplace(wanted.resolv_conf);
    options = std::move(wanted);
    hand_out();
}

/// Sets `servers` according to the options and the present resolv.conf.
void StubResolver::Impl::use_servers(base::Steady now) {
    const ResolvConf* conf = resolv_conf ? &resolv_conf->current(now) : nullptr;
    ServerPlan plan = plan_servers(options.servers, conf, options.trust_ad, options.try_for);
    if (servers && servers->plan() == plan) return;
    const bool changed = servers != nullptr;
    servers = std::make_shared<ServerList>(std::move(plan), sink, servers.get());
    std::string names;
    for (const net::Endpoint& server : servers->plan().servers)
        names.append(names.empty() ? "" : ",").append(to_string(server));
    sink.emit(events::DnsServers{.servers = names});
    if (changed) doubt();
}

/// Whether the answer agrees with what is known of the server and of the name.
void StubResolver::Impl::weigh(Answer& answer, const Wanted& asked, ServerList& list, std::size_t server) {
    if (answer.secure()) return signed_names.remember(asked.name, asked.type);
    if (answer.worth != Worth::insecure) return;
    if (signed_names.forget(asked.name, asked.type) && list.doubt(server, clock.steady())) doubt();
    if (list.in_doubt(server)) answer.worth = Worth::indeterminate;
}

asio::awaitable<Result> StubResolver::Impl::ask(std::shared_ptr<Impl> self, Wanted wanted) {
    base::Steady begun = self->clock.steady();
    try {
        Lane& lane = self->lane_of(wanted.purpose);
        Slot slot{self, lane};
        if (self->stopping) co_return self->refused(wanted.type, begun, base::Reason::shutting_down);
        if (lane.waiting() == 0 && self->has_room(lane)) {
            slot.taken = true;
            ++lane.taken;
        } else {
            if (lane.waiting() >= max_waiting)
                co_return self->refused(wanted.type, begun, base::Reason::overloaded, "too many wait");
            slot.position = lane.fresh.insert(lane.fresh.end(), &slot);
            slot.queue = &lane.fresh;
            slot.turn.expires_at(asio::steady_timer::time_point::max());
            co_await slot.turn.async_wait(as_result);
            const auto cancellation = co_await asio::this_coro::cancellation_state;
            if (self->stopping || cancellation.cancelled() != asio::cancellation_type::none)
                co_return self->refused(wanted.type, self->clock.steady(), base::Reason::shutting_down);
        }
        const base::Steady now = self->clock.steady();
        begun = now;
        self->use_servers(now);
        const std::shared_ptr<ServerList> list = self->servers;
        Flight::Errand errand;
        errand.name = wanted.name;
        errand.type = wanted.type;
        errand.worth_matters = wanted.purpose == Purpose::dane || wanted.purpose == Purpose::probe;
        errand.deadline = now + self->options.question_for;
        if (wanted.server.empty())
            errand.candidates = list->candidates(now, wanted.purpose);
        else if (const auto number = list->find(wanted.server))
            errand.candidates = list->only(*number, now);
        slot.flight = std::make_shared<Flight>(self->executor, self->clock, list, self->sockets,
                                               std::move(errand), [impl = self.get()] { impl->doubt(); });
        self->flights.insert(slot.flight.get());
        Result result = co_await Flight::run(slot.flight);
        const auto server = slot.flight->answered_by();
        if (result && server && wanted.server.empty()) self->weigh(*result, wanted, *list, *server);
        self->count(wanted.type, begun, result);
        co_return result;
    } catch (const std::bad_alloc&) {
        co_return self->refused(wanted.type, begun, base::Reason::overloaded);
    } catch (const std::exception& trouble) {
        self->sink.emit(events::DnsFailed{.error = trouble.what()});
        co_return self->refused(wanted.type, begun, base::Reason::dns_network);
    }
}

StubResolver::StubResolver(asio::any_io_executor executor, Options options, base::Clock& clock,
                           events::Sink& events)
    : impl_(std::make_shared<Impl>(std::move(executor), clock, events)) {
    impl_->configure(std::move(options));
}

StubResolver::~StubResolver() { impl_->stop(); }

void StubResolver::configure(Options options) { impl_->configure(std::move(options)); }

asio::awaitable<Result> StubResolver::resolve(std::string name, Type type, Purpose purpose) {
    Impl::Wanted wanted;
    wanted.name = std::move(name);
    wanted.type = type;
    wanted.purpose = purpose;
    return Impl::ask(impl_, std::move(wanted));
}

asio::awaitable<Result> StubResolver::ask(std::string server, std::string name, Type type) {
    Impl::Wanted wanted;
    wanted.name = std::move(name);
    wanted.type = type;
    wanted.purpose = Purpose::probe;
    wanted.server = std::move(server);
    return Impl::ask(impl_, std::move(wanted));
}

std::vector<ServerState> StubResolver::servers() {
    const base::Steady now = impl_->clock.steady();
    impl_->use_servers(now);
    return impl_->servers->states(now);
}

void StubResolver::judged(const std::string& server, Validates state, std::string_view why) {
    if (!impl_->servers) return;
    if (const auto number = impl_->servers->find(server))
        impl_->servers->judged(*number, state, why, impl_->clock.steady());
}

void StubResolver::on_doubt(std::function<void()> call) { impl_->on_doubt = std::move(call); }

const Counts& StubResolver::counts() const noexcept { return impl_->counts; }

std::size_t StubResolver::in_flight() const noexcept { return impl_->in_flight(); }
std::size_t StubResolver::waiting() const noexcept { return impl_->others.waiting() + impl_->dane.waiting(); }

} // namespace dns
