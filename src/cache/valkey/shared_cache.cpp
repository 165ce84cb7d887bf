#include "cache/valkey/shared_cache.hpp"

#include "base/text.hpp"
#include "cache/valkey/access.hpp"
#include "cache/valkey/comparison.hpp"
#include "cache/valkey/hosts.hpp"
#include "cache/valkey/notification.hpp"
#include "cache/valkey/offering.hpp"
#include "events/event.hpp"
#include "sts/policy.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

namespace valkey {

using namespace std::chrono_literals;
using cache::SharedTrouble;

namespace {

/// Over which the comparisons of a fleet's hosts are spread, when its engine is there again; at a start.
constexpr base::milliseconds spread_again{5000}, spread_at_start{1000};
/// After a comparison that did not come to its end.
constexpr base::seconds compare_again{60};
/// For what an administrator waits for.
constexpr base::seconds patience{2};
/// Notifications without a value that are looked up at a time, when names are hidden.
constexpr std::size_t max_lookups = 16;
/// Heartbeats from one look for hosts that are gone to the next.
constexpr unsigned clean_every = 120;

SharedTrouble trouble_of(const Failure& failure) { return {to_string(failure.trouble)}; }

} // namespace

struct SharedCache::Impl : std::enable_shared_from_this<Impl> {
    Impl(Parts p, FleetSettings s, KeyRing ring)
        : parts(std::move(p)), settings(std::move(s)),
          access(std::make_shared<Access>(parts.clock, parts.events, std::move(ring))) {}

    [[nodiscard]] base::Expected<void, std::string> prepare();
    [[nodiscard]] Events events();
    [[nodiscard]] Offering::Newer taker();
    void start();
    void stop();

    void up(std::string_view words);
    void down(const Failure& why);
    void message(std::string_view payload);
    void look_at(std::string name);
    void compare_within(base::milliseconds longest);
    void after(base::milliseconds delay, void (Impl::*what)());
    void compare();
    void compare_when_heard();
    void compare_unheard();
    /// Grows with each connection, and with each gap in the notifications.
    [[nodiscard]] std::uint64_t contacts() const {
        return engine_counts->connections.value() + engine_counts->interruptions.value();
    }
    void beat();
    void write_heartbeat();
    void remove_gone();
    /// `done` gets the trouble. While this ends that comes later, since the engine answers from within stop().
    template <class Done, class Trouble>
    void fail(const Done& done, Trouble why) {
        if (!ended) return done(base::unexpected(std::move(why)));
        boost::asio::post(parts.executor, [weak = weak_from_this(), done, why = std::move(why)] {
            if (const auto self = weak.lock()) done(base::unexpected(why));
        });
    }
    void ask(const Arguments& arguments, Engine::Use use, base::milliseconds limit, Engine::Patience how,
             Engine::Done done);
    [[nodiscard]] cache::FleetStatus status() const;

    Parts parts;
    FleetSettings settings;
    std::shared_ptr<Access> access;
    std::shared_ptr<Offering> offering;
    std::shared_ptr<Comparison> comparison;
    std::shared_ptr<const Counts> engine_counts;
    News news;

    std::optional<base::Instant> since, trouble_at;
    std::string trouble;
    bool is_up = false, subscribed = false, ended = false;
    bool comparison_due = false;
    bool beating = false;                ///< there is a timer for beat()
    bool compared = false;               ///< since it is up
    bool was_compared = false;           ///< since the start
    std::uint64_t compared_contacts = 0; ///< when the last comparison began
    std::size_t lookups = 0;
    unsigned beats = 0;
    std::optional<base::milliseconds> lag;
};

base::Expected<void, std::string> SharedCache::Impl::prepare() {
    Options& options = settings.engine;
    options.channel = channel(settings.prefix);
    options.expiry_key = settings.prefix + ":1:version";
    options.write_limit = options.ping_limit = settings.timeout;
    access->prefix = settings.prefix;
    access->host = settings.host;
    access->naming = settings.naming;
    access->timeout = settings.timeout;
    access->read_only = options.read_only;
    auto made = Engine::make(parts.executor, std::move(options), events());
    if (!made) return base::unexpected(made.error());
    access->engine = *std::move(made);
    engine_counts = access->engine->counts();
    offering = std::make_shared<Offering>(access, parts.timers, taker());
    comparison = std::make_shared<Comparison>(
        Comparison::Parts{parts.timers, parts.table, access, offering, taker(), [weak = weak_from_this()] {
                              const auto self = weak.lock();
                              if (!self || self->comparison->now().trouble.empty() || !self->is_up) return;
                              self->compare_within(compare_again);
                          }});
    return {};
}

/// Gives on what is newer in the engine.
Offering::Newer SharedCache::Impl::taker() {
    return [weak = weak_from_this()](Value value) {
        const auto self = weak.lock();
        if (!self || !self->news) return;
        const base::Domain domain = value.domain;
        self->news(domain, shared_policy(std::move(value)));
    };
}

Events SharedCache::Impl::events() {
    Events all;
    const std::weak_ptr<Impl> weak = weak_from_this();
    all.up = [weak](std::string_view words) {
        if (const auto self = weak.lock()) self->up(words);
    };
    all.down = [weak](const Failure& why) {
        if (const auto self = weak.lock()) self->down(why);
    };
    all.message = [weak](std::string_view, std::string_view payload) {
        if (const auto self = weak.lock()) self->message(payload);
    };
    all.subscribed = [weak] {
        const auto self = weak.lock();
        if (!self) return;
        self->subscribed = true;
        self->compare_when_heard();
    };
    all.interrupted = [weak](const Failure&) {
        if (const auto self = weak.lock()) self->subscribed = false;
    };
    return all;
}

void SharedCache::Impl::start() {
    const KeyRing& keys = access->keys;
    parts.events.emit(events::FleetKeys{.keys = keys.keys().size(), .sealing = keys.sealing().id});
    access->engine->start();
    beat();
}

void SharedCache::Impl::stop() {
    ended = true;
    news = nullptr;
    if (access->engine) access->engine->stop();
}

void SharedCache::Impl::up(std::string_view words) {
    is_up = true;
    since = parts.clock.now();
    parts.events.emit(
        events::FleetUp{.engine = words, .detail = access->read_only ? "only read" : "read and written"});
    compared = false;
    if (subscribed)
        compare_when_heard();
    else
        after(spread_again, &Impl::compare_unheard);
    if (beating)
        write_heartbeat();
    else
        beat();
    offering->go_on();
}

void SharedCache::Impl::down(const Failure& why) {
    if (is_up || !since) since = parts.clock.now();
    is_up = false;
    trouble = words(why);
    trouble_at = parts.clock.now();
    const std::string where = to_string(access->engine->address());
    parts.events.emit(
        events::FleetDown{.engine = where, .trouble = to_string(why.trouble), .detail = why.words});
}

void SharedCache::Impl::message(std::string_view payload) {
    const auto read = read_notification(settings.prefix, payload);
    if (!read) return access->counts.unreadable_news.add();
    if (const auto took = offering->came_back(read->name)) lag = took;
    if (!news) return;
    if (read->value) {
        base::Expected<Opened, Refusal> opened = access->read(*read->value, read->name);
        if (!opened) return;
        const base::Domain domain = opened->value.domain;
        return news(domain, shared_policy(std::move(opened->value)));
    }
    if (is_hidden(read->name)) return look_at(std::string(read->name));
    if (const auto domain = base::Domain::parse(read->name)) news(*domain, std::nullopt);
}

/// Only the value says which domain has the hidden name.
void SharedCache::Impl::look_at(std::string name) {
    if (lookups >= max_lookups) return;
    const Arguments question{"GET", access->key_of(name)};
    const auto use =
        access->read_only ? Engine::Use::read : Engine::Use::write; // a replica may not have it yet
    ask(question, use, settings.timeout, Engine::Patience::short_,
        [weak = weak_from_this(), name = std::move(name)](const Answer& answer) {
            const auto self = weak.lock();
            if (!self) return;
            --self->lookups;
            if (!answer || answer->kind != Reply::Kind::string) return;
            auto opened = self->access->read(answer->text, name);
            if (opened && self->news) {
                const base::Domain domain = opened->value.domain;
                self->news(domain, shared_policy(std::move(opened->value)));
            }
        });
    ++lookups; // last: what is above may find no memory
}

void SharedCache::Impl::after(base::milliseconds delay, void (Impl::*what)()) {
    (void)parts.timers.after(delay, [weak = weak_from_this(), what] {
        if (const auto self = weak.lock()) ((*self).*what)();
    });
}

void SharedCache::Impl::compare_within(base::milliseconds longest) {
    if (comparison_due) return;
    const auto delay = base::milliseconds{
        static_cast<base::milliseconds::rep>(static_cast<double>(longest.count()) * parts.random())};
    after(delay, &Impl::compare);
    comparison_due = true; // last: what is above may find no memory
}

/// With a subscription, so that nothing is missed between the comparison and the notifications.
void SharedCache::Impl::compare_when_heard() {
    if (!is_up || !subscribed) return;
    const bool whole = was_compared && comparison->now().ended && comparison->now().trouble.empty();
    if (whole && contacts() == compared_contacts) return; // it was slow for a moment, and nothing was missed
    compare_within(std::exchange(was_compared, true) ? spread_again : spread_at_start);
}

/// No subscription came.
void SharedCache::Impl::compare_unheard() {
    if (!compared) compare_within(spread_again);
}

void SharedCache::Impl::compare() {
    comparison_due = false;
    if (!is_up) return;
    compared = true;
    compared_contacts = contacts();
    comparison->begin();
}

/// Once there was no memory for a timer, up() goes on.
void SharedCache::Impl::beat() {
    beating = false;
    after(heartbeat_every, &Impl::beat);
    beating = true;
    if (is_up && comparison->broken_off()) compare_within(compare_again);
    write_heartbeat();
    if (is_up && !access->read_only && beats++ % clean_every == 0) remove_gone();
}

void SharedCache::Impl::write_heartbeat() {
    if (!is_up || access->read_only) return;
    const FleetCounts& counts = access->counts;
    Heartbeat beat;
    beat.version = settings.version;
    beat.at = parts.clock.now();
    beat.entries = parts.table.policy_count();
    for (std::size_t i = 0; i < refusals; ++i) {
        const auto refusal = static_cast<Refusal>(i);
        if (const auto count = counts.refused.of(refusal).value(); count > 0)
            beat.counters.emplace(to_string(refusal), count);
    }
    beat.counters.emplace("stored", counts.stored.value());
    beat.counters.emplace("dropped", counts.dropped.value());
    access->engine->offer({"HSET", hosts_key(settings.prefix), settings.host, valkey::write_heartbeat(beat)},
                          {});
}

/// A host that has been silent for a week is not coming back under this name.
void SharedCache::Impl::remove_gone() {
    ask({"HGETALL", hosts_key(settings.prefix)}, Engine::Use::read, patience, Engine::Patience::long_,
        [weak = weak_from_this()](const Answer& answer) {
            const auto self = weak.lock();
            if (!self || !answer) return;
            Arguments command{"HDEL", hosts_key(self->settings.prefix)};
            const std::vector<Reply>& fields = answer->elements;
            for (std::size_t i = 0; i + 1 < fields.size() && command.size() < 100; i += 2) {
                const auto beat = read_heartbeat(fields[i + 1].text);
                if (beat && presence(*beat, self->parts.clock.now()) == Presence::gone)
                    command.push_back(fields[i].text);
            }
            if (command.size() > 2 && self->access->engine) self->access->engine->offer(command, {});
        });
}

void SharedCache::Impl::ask(const Arguments& arguments, Engine::Use use, base::milliseconds limit,
                            Engine::Patience how, Engine::Done done) {
    access->engine->ask(arguments, use, steady_now() + limit, how, std::move(done));
}

cache::FleetStatus SharedCache::Impl::status() const {
    cache::FleetStatus now;
    const Address where = access->engine->address();
    if (!where.path.empty() || !where.host.empty()) now.engine = to_string(where);
    now.up = is_up;
    now.since = since;
    now.trouble = trouble;
    now.trouble_at = trouble_at;
    now.subscribed = subscribed;
    now.host = settings.host;
    now.prefix = settings.prefix;
    now.hidden = settings.naming == Naming::hidden;
    now.read_only = access->read_only;
    for (const Key& key : access->keys.keys()) now.key_ids.push_back(key.id);
    now.waiting = offering->waiting() + engine_counts->waiting.value();
    now.waiting_octets = offering->waiting_octets() + engine_counts->waiting_octets.value();
    now.dropped = access->counts.dropped.value() + engine_counts->dropped.value();
    now.sync = comparison->now();
    for (std::size_t i = 0; i < refusals; ++i) {
        const auto refusal = static_cast<Refusal>(i);
        now.refused.emplace_back(to_string(refusal), access->counts.refused.of(refusal).value());
    }
    now.lag = lag;
    return now;
}

SharedCache::SharedCache(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

SharedCache::~SharedCache() {
    impl_->stop();
    impl_->access->engine.reset();
}

base::Expected<std::unique_ptr<SharedCache>, std::string>
SharedCache::make(Parts parts, FleetSettings settings, KeyRing keys) {
    auto impl = std::make_shared<Impl>(std::move(parts), std::move(settings), std::move(keys));
    if (auto prepared = impl->prepare(); !prepared) return base::unexpected(prepared.error());
    return std::unique_ptr<SharedCache>(new SharedCache(std::move(impl)));
}

void SharedCache::start() { impl_->start(); }
void SharedCache::stop() { impl_->stop(); }

void SharedCache::set_keys(KeyRing keys) {
    impl_->parts.events.emit(events::FleetKeys{.keys = keys.keys().size(), .sealing = keys.sealing().id});
    impl_->access->keys = std::move(keys);
}

void SharedCache::find(base::Domain domain, std::function<void(Found)> done) {
    auto names = impl_->access->names(domain);
    const Arguments question = impl_->access->question(names);
    impl_->ask(question, Engine::Use::read, impl_->settings.timeout, Engine::Patience::short_,
               [weak = std::weak_ptr(impl_), names = std::move(names),
                done = std::move(done)](const Answer& answer) {
                   const auto self = weak.lock();
                   if (!self) return;
                   if (!answer) return self->fail(done, trouble_of(answer.error()));
                   std::vector<Lies> lies = self->access->read(*answer, names);
                   const auto best = newest(lies);
                   if (!best) return done(std::nullopt);
                   done(shared_policy(std::move((**lies[*best]).value)));
               });
}

void SharedCache::lease(base::Domain domain, cache::Lease lease, std::function<void(Leased)> done) {
    const std::string name = impl_->access->name(domain);
    const std::string& prefix = impl_->settings.prefix;
    const std::string key =
        lease == cache::Lease::fetch ? lease_key(prefix, name) : refresh_key(prefix, name);
    const base::milliseconds time = cache::lease_time(lease);
    impl_->ask({"SET", key, impl_->settings.host, "NX", "PX", std::to_string(time.count())},
               Engine::Use::write, impl_->settings.timeout, Engine::Patience::short_,
               [weak = std::weak_ptr(impl_), done = std::move(done)](const Answer& answer) {
                   const auto self = weak.lock();
                   if (!self) return;
                   if (!answer) return self->fail(done, trouble_of(answer.error()));
                   done(answer->says("OK"));
               });
}

void SharedCache::offer(base::Domain domain, cache::SharedPolicy policy) {
    if (impl_->access->read_only) return;
    const auto parsed = sts::parse_policy(policy.policy_text);
    if (!parsed) return;
    Offer made{{std::move(domain), std::move(policy.txt_id), Time(policy.fetched_at), impl_->settings.host,
                std::move(policy.policy_text)},
               {},
               true};
    if (!is_sound(made.value)) return;
    made.expires = expires_at(made.value, *parsed);
    impl_->offering->push(std::move(made));
}

void SharedCache::watch(News news) { impl_->news = std::move(news); }

cache::FleetStatus SharedCache::status() const { return impl_->status(); }

void SharedCache::hosts(
    std::function<void(base::Expected<std::vector<cache::FleetHost>, std::string>)> done) {
    impl_->ask({"HGETALL", hosts_key(impl_->settings.prefix)}, Engine::Use::read, patience,
               Engine::Patience::long_, [weak = std::weak_ptr(impl_), done = std::move(done)](Answer answer) {
                   const auto self = weak.lock();
                   if (!self) return;
                   if (!answer) return self->fail(done, words(answer.error()));
                   std::vector<std::pair<std::string, std::string>> fields;
                   for (std::size_t i = 0; i + 1 < answer->elements.size(); i += 2)
                       fields.emplace_back(std::move(answer->elements[i].text),
                                           std::move(answer->elements[i + 1].text));
                   std::vector<cache::FleetHost> hosts;
                   for (Host& host : read_hosts(fields)) {
                       cache::FleetHost one;
                       one.name = std::move(host.name);
                       one.presence = "unreadable";
                       if (host.beat) {
                           one.presence = to_string(presence(*host.beat, self->parts.clock.now()));
                           one.version = std::move(host.beat->version);
                           one.at = host.beat->at;
                           one.policies = host.beat->entries;
                           one.counters = std::move(host.beat->counters);
                       }
                       hosts.push_back(std::move(one));
                   }
                   done(std::move(hosts));
               });
}

bool SharedCache::synchronise() {
    if (!impl_->is_up) return false;
    if (!impl_->comparison->now().running) impl_->comparison->begin();
    return true;
}

void SharedCache::forget(base::Domain domain,
                         std::function<void(base::Expected<std::size_t, std::string>)> done) {
    const std::string& prefix = impl_->settings.prefix;
    impl_->offering->forget(domain);
    Arguments command{"DEL"};
    for (const std::string& name : impl_->access->names(domain)) {
        command.push_back(policy_key(prefix, name));
        command.push_back(lease_key(prefix, name));
        command.push_back(refresh_key(prefix, name));
    }
    impl_->ask(command, Engine::Use::write, patience, Engine::Patience::long_,
               [weak = std::weak_ptr(impl_), done = std::move(done)](const Answer& answer) {
                   const auto self = weak.lock();
                   if (!self) return;
                   if (!answer) return self->fail(done, words(answer.error()));
                   done(answer->integer > 0 ? static_cast<std::size_t>(answer->integer) : 0);
               });
}

const FleetCounts& SharedCache::counts() const noexcept { return impl_->access->counts; }
std::shared_ptr<const Counts> SharedCache::engine_counts() const noexcept { return impl_->engine_counts; }

} // namespace valkey
