#include "explorer/world.hpp"

#include "events/render.hpp"
#include "lookup/commit.hpp"
#include "lookup/dane_lookup.hpp"
#include "lookup/learner.hpp"
#include "lookup/load.hpp"
#include "lookup/refresher.hpp"
#include "lookup/service.hpp"

#include "support/client.hpp"

#include <boost/asio/async_result.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <new>
#include <utility>

namespace explorer {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using base::Reason;

namespace {

constexpr base::seconds slow_get = 12s; ///< over the deadline of a query
constexpr base::seconds unreadable_for = 10s;
constexpr base::seconds three_years{3 * 365 * 86400};
constexpr base::seconds longest{31'557'600};

/// A policy as the host serves it; its number stands in a name.
std::string policy_text(std::size_t number, base::seconds max_age, bool enforce) {
    return std::string("version: STSv1\nmode: ") + (enforce ? "enforce" : "none") + "\nmx: m" +
           std::to_string(number) +
           ".a.example\nmx: mx.a.example\nmax_age: " + std::to_string(max_age.count()) + "\n";
}

/// The number in a policy's text, or in the answer to Postfix.
[[nodiscard]] std::optional<std::size_t> number_in(std::string_view text, std::string_view before) {
    const std::size_t at = text.find(before);
    if (at == std::string_view::npos) return std::nullopt;
    std::size_t number = 0;
    const char* const first = text.data() + at + before.size();
    if (std::from_chars(first, text.data() + text.size(), number).ec != std::errc{}) return std::nullopt;
    return number;
}
std::optional<std::size_t> number_of(const cache::Row& row) { return number_in(row.policy_text, "\nmx: m"); }

const base::Domain& domain_of(const char* name) {
    static const base::Domain subject_domain = *base::Domain::parse(subject);
    static const base::Domain other_domain = *base::Domain::parse(other);
    return name == subject ? subject_domain : other_domain;
}

/// The front thread's inbox is the one thread there is.
class IoInbox final : public base::Inbox {
public:
    explicit IoInbox(asio::io_context& io) : io_(io) {}
    void post(std::function<void()> work) override { asio::post(io_, std::move(work)); }

private:
    asio::io_context& io_;
};

} // namespace

/// Reads what the ledger must know and gets from nobody else.
class World::EventLog final : public events::Sink {
public:
    explicit EventLog(World& world) : world_(world) {}
    [[nodiscard]] bool wants(base::Level level) const noexcept override {
        return level >= base::Level::info && world_.verbose_;
    }
    void count(events::Id) noexcept override {}
    void emit(const events::Event& event) override {
        const auto* evicted = std::get_if<events::PolicyEvicted>(&event);
        if (evicted != nullptr && evicted->domain == subject) world_.ledger_.evicted();
        if (!world_.verbose_ || events::level(event) < base::Level::info) return;
        const events::Line line = events::render(event);
        std::printf("      %.*s", static_cast<int>(line.name.size()), line.name.data());
        for (const base::Field& f : line.fields()) {
            std::printf(" %.*s=", static_cast<int>(f.key.size()), f.key.data());
            if (const auto* s = std::get_if<std::string_view>(&f.value))
                std::printf("%.*s", static_cast<int>(s->size()), s->data());
            else if (const auto* i = std::get_if<std::int64_t>(&f.value))
                std::printf("%lld", static_cast<long long>(*i));
            else
                std::printf("%g", std::get<double>(f.value));
        }
        std::printf("\n");
    }

private:
    World& world_;
};

/// DNS and HTTPS.
class Network final : public dns::Resolver, public fetch::Fetcher {
public:
    explicit Network(World& world) : world_(world) {}

    asio::awaitable<dns::Result> resolve(std::string name, dns::Type type, dns::Purpose) override {
        if (name.starts_with("_mta-sts.a.")) world_.run_out(memory_dns);
        co_return answer(name, type);
    }

    asio::awaitable<fetch::Result> get(std::string policy_host) override {
        if (!policy_host.ends_with(subject))
            co_return fetched("version: STSv1\nmode: enforce\nmx: mx.b.example\nmax_age: 604800\n");
        world_.run_out(memory_get);
        world_.ledger_.get_started();
        ++world_.gets_aloft_;
        if (world_.oracle_.pick(Dimension::pace) == get_slow) {
            auto initiate = [this](auto handler) {
                auto held = std::make_shared<decltype(handler)>(std::move(handler));
                world_.hands_.after_outside(slow_get, [held] { std::move (*held)(); });
            };
            auto woken = asio::async_initiate<const asio::use_awaitable_t<>, void()>(std::move(initiate),
                                                                                     asio::use_awaitable);
            co_await std::move(woken);
        }
        --world_.gets_aloft_;
        world_.ledger_.get_ended();
        co_return body();
    }

private:
    static dns::Answer data(std::string name, std::vector<std::string> records) {
        dns::Answer answer;
        answer.kind = records.empty() ? dns::Answer::Kind::nodata : dns::Answer::Kind::data;
        answer.records = std::move(records);
        answer.ttl = 300s;
        answer.worth = dns::Worth::secure;
        answer.canonical_name = std::move(name);
        return answer;
    }

    dns::Result answer(const std::string& name, dns::Type type) {
        if (name == "_mta-sts.b.example") return data(name, {"v=STSv1; id=b;"});
        if (name == "_mta-sts.a.example") return txt(name);
        if (name == subject && type == dns::Type::mx) return mx(name);
        if (name == other && type == dns::Type::mx) return data(name, {dns::to_record({10, "mx.b.example"})});
        if (name == "_25._tcp.mx.a.example" && world_.oracle_.pick(Dimension::dane) == dane_yes)
            return data(name, {std::string("\x03\x01\x01", 3) + std::string(32, 'h')});
        if (name.starts_with("_25._tcp.")) return data(name, {});
        return data(name, type == dns::Type::a ? std::vector{std::string("\xc6\x33\x64\x01", 4)}
                                               : std::vector<std::string>{});
    }

    dns::Result txt(const std::string& name) {
        // A record that nobody has seen yet is new as it is.
        const std::uint8_t now =
            world_.oracle_.pick(Dimension::txt, world_.id_seen_ || world_.renewed_ ? 0U : 1U << txt_new);
        if (now == txt_fail) return dns::failed(Reason::dns_servfail);
        if (now == txt_gone) {
            dns::Answer none = data(name, {});
            none.kind = dns::Answer::Kind::nxdomain;
            none.ttl = 60s;
            return none;
        }
        if (now == txt_new && !std::exchange(world_.renewed_, true)) ++world_.id_;
        world_.id_seen_ = true;
        dns::Answer answer = data(name, {"v=STSv1; id=" + std::to_string(world_.id_) + ";"});
        answer.ttl = 60s;
        return answer;
    }

    dns::Result mx(const std::string& name) {
        const auto now = static_cast<Dane>(world_.oracle_.pick(Dimension::dane));
        world_.ledger_.dane_asked(now);
        if (now == dane_fail) return dns::failed(Reason::dns_servfail);
        return data(name, {dns::to_record({10, "mx.a.example"})});
    }

    static fetch::Result fetched(std::string body) {
        fetch::Fetched result;
        result.body = std::move(body);
        return result;
    }

    fetch::Result body() {
        const std::uint8_t now = world_.oracle_.pick(Dimension::get);
        if (now == got_fail) return base::unexpected(fetch::Failure{Reason::http_status, "status 503"});
        if (now == got_broken) return fetched("version: STSv1\nmode: enforce\n");
        const base::seconds max_age = now == got_0         ? 0s
                                      : now == got_1       ? 1s
                                      : now == got_59      ? 59s
                                      : now == got_61      ? 61s
                                      : now == got_longest ? longest
                                                           : base::seconds{86400};
        const bool enforce = now != got_none;
        return fetched(policy_text(world_.ledger_.got(max_age, enforce), max_age, enforce));
    }

    World& world_;
};

struct World::Parts {
    Network network;
    lookup::DaneLookup dane;
    lookup::Learner learner;
    lookup::Refresher refresher;
    IoInbox front;
    lookup::Service service;

    explicit Parts(World& w)
        : network(w), dane(w.io_->get_executor(), network),
          learner({w.io_->get_executor(), network, network, dane, w.disk_, w.table_, w.hands_, w.hands_,
                   *w.log_, [&w] { return w.memory_left(); }},
                  w.tuning()),
          refresher({learner, w.table_, w.hands_, w.hands_, [&w] { return w.draw(); }, w.disk_}, w.tuning(),
                    32),
          front(*w.io_),
          service({front, w.io_->get_executor(), learner, w.table_, w.hands_, w.hands_, *w.log_},
                  w.options()) {
        learner.on_new_policy([this](const base::Domain& domain) { refresher.add(domain); });
    }
};

double World::draw() {
    switch (oracle_.pick(Dimension::jitter)) {
    case jitter_early: return 0;
    case jitter_late: return 0.999;
    default: return 0.5;
    }
}

bool World::memory_left() {
    run_out(memory_learn);
    const bool none = oracle_.pick(Dimension::memory) == memory_none;
    if (none) ledger_.run_out();
    return !none;
}

void World::run_out(Memory when) {
    if (starting_) return; // without memory there is no start
    if (oracle_.pick(Dimension::memory) != when) return;
    ledger_.run_out();
    throw std::bad_alloc{};
}

World::World(Oracle& oracle) : oracle_(oracle), log_(std::make_unique<EventLog>(*this)) {
    disk_.on_save = [this](const cache::Row& row, bool refused) {
        if (!starting_ && oracle_.pick(Dimension::memory) == memory_save) {
            ledger_.dropped(*number_of(row));
            commit_ends_ = hands_.passed() + lookup::commit_patience;
            run_out(memory_save);
        }
        const std::size_t number = *number_of(row);
        const bool there = disk_.durable() && *number_of(*disk_.durable()) >= number;
        ledger_.saving(number, refused && !there);
    };
    disk_.refill = [this]() -> std::optional<cache::Row> {
        const cache::Knowledge known = table_.find(domain_of(subject));
        const auto* entry = std::get_if<cache::Entry>(&known);
        if (!entry) return std::nullopt;
        return lookup::row(domain_of(subject), *entry);
    };
}

World::~World() { stop(); }

void World::reset() {
    stop();
    hands_.reset();
    ledger_.reset();
    disk_.reset();
    resolver_ = Resolver::not_validating;
    id_ = 1;
    id_seen_ = false;
    start(false);
}

cache::Tuning World::tuning() const {
    cache::Tuning tuning;
    tuning.dane.active = resolver_ == Resolver::validating;
    tuning.dane.remembered = resolver_ != Resolver::not_validating;
    return tuning;
}

lookup::ServiceOptions World::options() const {
    lookup::ServiceOptions options;
    options.deadline = deadline;
    options.tuning = tuning();
    return options;
}

/// As daemon/daemon does it.
void World::start(bool late) {
    starting_ = true;
    io_ = std::make_unique<asio::io_context>(1);
    // Equal to a new one, and faster.
    for (const char* const name : {subject, other}) table_.erase(domain_of(name));
    parts_ = std::make_unique<Parts>(*this);
    const cache::Row* const stored = disk_.durable() ? &*disk_.durable() : nullptr;
    ledger_.started(stored, stored ? number_of(*stored) : std::nullopt, late);
    if (stored && !late) {
        parts_->learner.loaded(*stored);
        (void)lookup::load(table_, *stored, hands_.now());
    }
    parts_->learner.set_ran_before(disk_.running());
    parts_->refresher.start();
    noticed_off_ = hands_.wall_off();
    starting_ = false;
    if (late) {
        disk_.be_unreadable();
        hands_.after_outside(unreadable_for, [this] { read_late(); });
    }
    settle();
}

void World::stop() {
    ledger_.killed();
    gets_aloft_ = 0;
    commit_ends_ = {};
    waiting_.clear();
    late_.reset();
    disk_.kill();
    hands_.forget_calls();
    parts_.reset();
    io_.reset();
}

void World::read_late() {
    if (!disk_.unreadable()) return;
    late_ = disk_.read();
    if (!late_) ledger_.delivered(nullptr, std::nullopt);
}

/// As daemon/daemon does it.
void World::deliver() {
    const std::optional<cache::Row> row = std::exchange(late_, std::nullopt);
    if (!row) return;
    parts_->learner.loaded(*row);
    const lookup::Loaded loaded = lookup::load_late(table_, *row, hands_.now());
    ledger_.delivered(&*row, *number_of(*row));
    if (loaded == lookup::Loaded::kept || loaded == lookup::Loaded::expired)
        parts_->refresher.add(row->domain);
    else if (loaded != lookup::Loaded::known)
        disk_.forget(row->domain, row->fetched_at);
}

/// As daemon/daemon does it.
void World::make_room() {
    table_.set_limits({0, 10});
    while (auto evicted = table_.make_room(hands_.now())) {
        if (evicted->domain.name() == subject) ledger_.evicted();
        disk_.forget(std::move(evicted->domain), evicted->fetched_at);
    }
    table_.set_limits({1, 10});
}

/// As daemon/daemon's loop does.
template <class Work>
void World::survive(Work work) {
    try {
        work();
    } catch (const std::bad_alloc&) {
        ledger_.run_out();
    }
}

void World::make_next_call() {
    if (!hands_.next_is_outside()) noticed_off_ = hands_.wall_off();
    survive([this] { hands_.make_next(); });
    survive([this] { deliver(); });
    settle();
}

/// Runs all that can run without time; if that has changed anything, the ledger is asked.
void World::settle() {
    bool ran = false;
    for (;;) {
        io_->restart();
        std::size_t handlers = 1;
        survive([&] { handlers = io_->poll(); });
        if (handlers == 0) break;
        ran = true;
    }
    if (!ran && known_.current() && disk_.changes() == disk_changes_) return;
    known_ = table_.version(domain_of(subject));
    disk_changes_ = disk_.changes();
    ledger_.settled(seen());
}

void World::pass_to(Micros at) {
    survive([this] { deliver(); });
    settle();
    while (hands_.next() && *hands_.next() <= at) {
        make_next_call();
    }
    hands_.move_to(at);
}

void World::query() {
    const Asked asked{ledger_.event(), hands_.passed()};
    const std::string request = std::string("sts ") + subject;
    waiting_.push_back(asked);
    test::Client::ask(parts_->service, request, hands_.steady(), [this, asked](const std::string& reply) {
        const auto found = std::ranges::find(waiting_, asked.event, &Asked::event);
        if (found != waiting_.end()) waiting_.erase(found);
        replied(reply, asked);
    });
    settle();
}

void World::replied(const std::string& reply, Asked asked) {
    if (verbose_) std::printf("    reply %s\n", reply.c_str());
    ledger_.told(reply, number_in(reply, "match=m"), asked, seen());
}

/// The other domain takes the only place, and then goes itself.
void World::evict() {
    pass(1s);
    test::Client::ask(parts_->service, std::string("sts ") + other, hands_.steady(),
                      [](const std::string&) {});
    settle();
    table_.erase(domain_of(other));
    pass(1s);
}

void World::resolver(Resolver now) {
    resolver_ = now;
    ledger_.resolver(now == Resolver::validating, now != Resolver::not_validating);
    parts_->learner.configure(tuning());
    parts_->refresher.configure(tuning(), 32);
    parts_->service.configure(options());
    noticed_off_ = hands_.wall_off();
    settle();
}

void World::jump(base::seconds by) {
    hands_.jump(by);
    ledger_.jumped(by);
}

std::optional<base::seconds> World::to_the_end() const {
    const cache::Knowledge known = table_.find(domain_of(subject));
    const auto* entry = std::get_if<cache::Entry>(&known);
    if (!entry) return std::nullopt;
    const base::Instant end = cache::expires_at(*entry, hands_.now());
    if (end <= hands_.now()) return std::nullopt;
    return end - hands_.now();
}

bool World::possible(Act act) const {
    constexpr Micros two_days = 48h;
    const base::seconds off = hands_.wall_off();
    switch (act) {
    case Act::tick: return hands_.next() && *hands_.next() <= hands_.passed() + two_days;
    case Act::expire: return to_the_end() && *to_the_end() <= two_days;
    case Act::evict:
    case Act::make_room: return table_.policy_count() > 0;
    case Act::late: return disk_.unreadable();
    case Act::restart_late: return disk_.durable().has_value();
    case Act::ahead_3y: return off < three_years / 2;
    case Act::back_3y: return off > -three_years / 2;
    case Act::ahead_1h:
    case Act::ahead_30s: return off < three_years + 86400s;
    case Act::back_1h:
    case Act::back_30s: return off > -three_years - 86400s;
    case Act::validating: return resolver_ != Resolver::validating;
    case Act::unknown: return resolver_ != Resolver::unknown;
    case Act::not_validating: return resolver_ != Resolver::not_validating;
    default: return true;
    }
}

void World::happen(Act act) {
    ledger_.begin_event();
    renewed_ = false;
    const bool late_before = late_.has_value();
    survive([&] { run(act); });
    settle();
    if (late_before) {
        survive([this] { deliver(); });
        settle();
    }
    for (const Asked& asked : waiting_)
        if (hands_.passed() - asked.at > deadline)
            ledger_.complain("a query without a reply at its deadline");
    ledger_.rested(seen());
}

void World::run(Act act) {
    switch (act) {
    case Act::query: query(); break;
    case Act::pass_1s: pass(1s); break;
    case Act::pass_20s: pass(20s); break;
    case Act::pass_61s: pass(61s); break;
    case Act::pass_1h: pass(1h); break;
    case Act::pass_1d: pass(24h); break;
    case Act::tick:
        pass_to(*hands_.next() - 1us);
        make_next_call();
        break;
    case Act::expire: {
        const Micros end = std::chrono::floor<base::seconds>(hands_.passed()) + *to_the_end();
        pass_to(end - 1us);
        hands_.move_to(end);
        break;
    }
    case Act::evict: evict(); break;
    case Act::make_room:
        make_room();
        settle();
        break;
    case Act::restart:
    case Act::restart_late:
        stop();
        start(act == Act::restart_late);
        break;
    case Act::late:
        read_late();
        settle();
        break;
    case Act::ahead_3y: jump(three_years); break;
    case Act::back_3y: jump(-three_years); break;
    case Act::ahead_1h: jump(1h); break;
    case Act::back_1h: jump(-1h); break;
    case Act::ahead_30s: jump(30s); break;
    case Act::back_30s: jump(-30s); break;
    case Act::validating: resolver(Resolver::validating); break;
    case Act::unknown: resolver(Resolver::unknown); break;
    case Act::not_validating: resolver(Resolver::not_validating); break;
    }
}

base::seconds World::running_time() const { return parts_->learner.running(); }

Seen World::seen() const {
    Seen s;
    const cache::Knowledge known = table_.find(domain_of(subject));
    if (const auto* entry = std::get_if<cache::Entry>(&known)) {
        s.entry = number_in(entry->policy->text, "\nmx: m");
        s.entry_current = hands_.now() < cache::expires_at(*entry, hands_.now());
        s.on_agenda = entry->agenda_at != base::Instant{};
    }
    if (const auto& row = disk_.durable()) {
        s.durable = number_of(*row);
        s.newest_fetch = row->fetched_at;
    }
    if (const auto* row = disk_.eventual()) s.eventual = number_of(*row);
    s.late = late_.has_value() || disk_.unreadable();
    if (parts_) {
        s.aloft = parts_->learner.aloft();
        s.running = parts_->refresher.running();
        s.checking = parts_->service.checking();
    }
    s.waiting = waiting_.size();
    s.outside_idle = gets_aloft_ == 0 && hands_.passed() >= commit_ends_ && disk_.idle() && !late_;
    for (const Hands::Call& call : hands_.calls())
        if (!call.outside) {
            ++s.timers;
            if (!s.next_timer || call.at < *s.next_timer) s.next_timer = call.at;
        }
    return s;
}

} // namespace explorer
