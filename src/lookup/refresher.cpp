#include "lookup/refresher.hpp"

#include "lookup/load.hpp"
#include "lookup/shared_steps.hpp"

#include <algorithm>
#include <chrono>
#include <new>
#include <optional>
#include <utility>

namespace lookup {

using base::Instant;
using base::seconds;

namespace {
/// The longest single sleep, so that a clock set forward or a suspended machine is noticed.
constexpr seconds longest_sleep{600};
/// Seconds over which the checks of expired policies are spread.
constexpr double expired_spread = 600;
constexpr seconds note_running_every{3600};
} // namespace

Instant spread(Instant now, Instant expires, std::size_t overdue, double random) {
    const seconds window{static_cast<std::int64_t>(std::min<std::size_t>(overdue, 3 * 3600))};
    const seconds room = std::max(seconds{0}, (expires - now) / 2);
    const auto most = static_cast<double>(std::min(window, room).count());
    return now + seconds{static_cast<std::int64_t>(most * random)};
}

Refresher::Refresher(Parts parts, cache::Tuning tuning, std::size_t max_running)
    : parts_(std::move(parts)), tuning_(tuning), max_running_(std::max<std::size_t>(1, max_running)) {}

Refresher::~Refresher() {
    stop();
    *self_ = nullptr;
}

/// One of the max_running refreshes. Its destructor frees the place, however the work ends. A domain that is
/// not back on the agenda by then is found later.
class Refresher::Turn {
public:
    explicit Turn(Refresher& refresher) : running_(refresher.running_), refresher_(refresher.self_) {
        ++*running_;
    }
    ~Turn() {
        give_back();
        if (!over_ && *refresher_ != nullptr) (*refresher_)->lost_one();
    }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

    void give_back() noexcept {
        if (std::exchange(held_, false)) --*running_;
    }
    void over() noexcept { over_ = true; } ///< the domain is on the agenda again

private:
    std::shared_ptr<std::size_t> running_;
    std::shared_ptr<Refresher*> refresher_;
    bool held_ = true, over_ = false;
};

void Refresher::stop() {
    if (std::exchange(stopped_, true)) return;
    parts_.timers.cancel(timer_);
    timer_ = 0;
    parts_.store.note_running(parts_.learner.running());
}

void Refresher::configure(const cache::Tuning& tuning, std::size_t max_running) {
    tuning_ = tuning;
    max_running_ = std::max<std::size_t>(1, max_running);
    tick();
}

void Refresher::start() {
    parts_.learner.on_landing([self = self_] {
        if (*self != nullptr) (*self)->wake();
    });
    (void)clock_jumped();
    schedule_all();
}

/// Whether the wall clock has jumped since the last call. A jump that was undone meanwhile counts only if
/// there was a fetch in between: Expiry::note_fetched() looks at the clocks.
bool Refresher::clock_jumped() {
    const std::uint64_t jumps = parts_.learner.clock_trust().jumps();
    return std::exchange(jumps_, jumps) != jumps;
}

/// When to look at an entry next.
Instant Refresher::look_at(const cache::Entry& entry, Instant now) {
    if (!cache::expired(entry, now)) return cache::next_look(entry, now, tuning_, parts_.random());
    // As soon as the clock can be trusted, but not all of them at once.
    const cache::ClockTrust& trust = parts_.learner.clock_trust();
    const base::Steady steady = parts_.clock.steady();
    if (trust.trusted(now, steady)) return now;
    const seconds wait = trust.agreed(steady) ? cache::ClockTrust::agreement : trust.wait(steady);
    return now + wait + seconds{static_cast<std::int64_t>(parts_.random() * expired_spread)};
}

void Refresher::schedule_all() {
    parts_.timers.cancel(std::exchange(timer_, 0));
    const Instant now = parts_.clock.now();
    std::size_t overdue = 0;
    Instant newest{};
    bool changed = false;
    parts_.table.schedule([&](cache::Entry& entry) {
        newest = std::max(newest, entry.fetched_at);
        cache::Entry noted = entry;
        changed |= cache::note_time(noted, now);
        const Instant due = look_at(noted, now);
        if (due <= now) ++overdue;
        return due;
    });
    parts_.learner.set_newest_fetch(newest);
    recounted_ = parts_.clock.steady();
    // Changes by the clock are stored, or each start would extend the lives of the policies.
    if (changed)
        parts_.table.for_each([&](const base::Domain& domain, const cache::Entry& entry) {
            cache::Entry noted = entry;
            if (cache::note_time(noted, now)) store_times(domain);
        });
    if (overdue > 0)
        parts_.table.schedule([&](cache::Entry& entry) {
            if (entry.agenda_at > now) return entry.agenda_at;
            return spread(now, cache::expires_at(entry, now), overdue, parts_.random());
        });
    arm();
}

/// Applies note_clock() to an entry, and stores the result.
void Refresher::store_times(const base::Domain& domain) {
    bool changed = false;
    std::optional<cache::Row> stored;
    parts_.table.update(domain, [&](cache::Entry& entry) {
        changed = cache::note_time(entry, parts_.clock.now());
        if (changed) stored = row(domain, entry);
    });
    // A flight will store its result, or has already done so.
    if (stored && !parts_.learner.is_aloft(domain)) parts_.store.save(*std::move(stored), nullptr);
}

/// A policy with a fetch time in the future may have been fetched again since.
void Refresher::recount_newest() {
    const base::Steady steady = parts_.clock.steady();
    if (parts_.clock.now() >= parts_.learner.clock_trust().newest()) return;
    if (steady - recounted_ < cache::ClockTrust::agreement) return;
    recounted_ = steady;
    Instant newest{};
    parts_.table.for_each([&newest](const base::Domain&, const cache::Entry& entry) {
        newest = std::max(newest, entry.fetched_at);
    });
    parts_.learner.set_newest_fetch(newest);
}

/// Puts domains that were lost from the agenda back on it.
void Refresher::schedule_strays() {
    strays_ = false;
    const Instant soon = parts_.clock.now() + tuning_.dns_failure_for;
    try {
        parts_.table.schedule(
            [soon](cache::Entry& entry) { return entry.agenda_at == Instant{} ? soon : entry.agenda_at; });
    } catch (const std::bad_alloc&) {
        strays_ = true;
    }
}

/// Memory ran out, and a domain is not on the agenda. schedule_strays() finds it soon.
void Refresher::lost_one() noexcept {
    strays_ = true;
    try {
        arm();
    } catch (const std::bad_alloc&) {
        return; // the next arm() sees strays_
    }
}

/// The due time, moved to when the limit allows the next GET.
Instant Refresher::not_before(const base::Domain& domain, const cache::Entry& entry, Instant when,
                              Instant now) {
    const Instant end = cache::expires_at(entry, now);
    const Instant open = now + parts_.learner.get_wait(domain);
    return when < end ? std::max(when, std::min(open, end)) : when;
}

void Refresher::add(const base::Domain& domain) {
    try {
        put_on_agenda(domain);
        arm();
    } catch (const std::bad_alloc&) {
        lost_one();
    }
}

void Refresher::put_on_agenda(const base::Domain& domain) {
    store_times(domain);
    const cache::Knowledge known = parts_.table.find(domain);
    const auto* entry = std::get_if<cache::Entry>(&known);
    if (!entry) return;
    const Instant now = parts_.clock.now();
    // At least a second ahead: a domain that is due again at once would keep tick() busy forever.
    const Instant when = std::max(now + seconds{1}, look_at(*entry, now));
    schedule(domain, not_before(domain, *entry, when, now));
}

void Refresher::schedule(const base::Domain& domain, Instant when) {
    parts_.table.update(domain, [when](cache::Entry& entry) { entry.agenda_at = when; });
}

void Refresher::arm() {
    if (stopped_ || *running_ >= max_running_) return;
    std::optional<Instant> when = parts_.table.next_due();
    if (strays_) when = std::min(when.value_or(Instant::max()), parts_.clock.now() + tuning_.dns_failure_for);
    if (!when) return;
    if (timer_ != 0) {
        if (armed_for_ <= *when) return;
        parts_.timers.cancel(timer_);
    }
    armed_for_ = *when;
    const seconds wait = std::clamp(*when - parts_.clock.now(), seconds{0}, longest_sleep);
    timer_ = 0;
    try {
        timer_ = parts_.timers.after(wait, [this] {
            timer_ = 0;
            tick();
        });
    } catch (const std::bad_alloc&) {
        strays_ = true; // the next flight that lands calls wake()
    }
}

void Refresher::wake() {
    if (strays_ && timer_ == 0) tick();
}

void Refresher::tick() {
    if (stopped_) return;
    const base::Steady steady = parts_.clock.steady();
    if (steady - noted_ >= note_running_every) {
        noted_ = steady;
        parts_.store.note_running(parts_.learner.running());
    }
    // After a jump the agenda is rebuilt: what became due by it is spread out, and what it moved far ahead
    // comes nearer.
    try {
        if (clock_jumped()) return schedule_all();
        recount_newest();
        if (strays_) schedule_strays();
        const Instant now = parts_.clock.now();
        for (std::size_t looked = 0; looked < slice && *running_ < max_running_; ++looked) {
            const std::optional<base::Domain> due = parts_.table.take_due(now);
            if (!due) break;
            look(*due);
        }
    } catch (const std::bad_alloc&) {
        return lost_one(); // it is found at the next tick; the others are not affected
    }
    arm();
}

void Refresher::look(const base::Domain& domain) {
    const cache::Knowledge known = parts_.table.find(domain);
    const auto* entry = std::get_if<cache::Entry>(&known);
    if (!entry) return;
    const Instant now = parts_.clock.now();
    switch (cache::upkeep(*entry, now, tuning_)) {
    case cache::Upkeep::forget:
        // The flight may bring a new policy. If not, it looks at the expired one itself.
        if (parts_.learner.is_aloft(domain)) return schedule(domain, now + tuning_.dns_failure_for);
        if (parts_.learner.forget(domain, *entry)) return;
        keep_expired(domain, *entry);
        return add(domain);
    case cache::Upkeep::wait: return add(domain);
    case cache::Upkeep::get: break;
    }
    if (parts_.learner.get_wait(domain) > seconds{0}) return add(domain);
    auto turn = std::make_shared<Turn>(*this);
    parts_.learner.learn(domain, Why::daily, [this, domain, turn](const Outcome& outcome) {
        turn->give_back();
        // Overloaded: there was no try. The domain is still due, but not at once.
        if (outcome.reason == base::Reason::overloaded)
            schedule(domain, parts_.clock.now() + tuning_.dns_failure_for);
        else if (outcome.elsewhere)
            schedule(domain, parts_.clock.now() + look_again(parts_.random()));
        else
            add(domain);
        turn->over();
        tick();
    });
}

/// Stores when the policy was first seen expired, once that has lasted.
void Refresher::keep_expired(const base::Domain& domain, const cache::Entry& entry) {
    if (entry.over_since == seconds{0}) return;
    const seconds lasted = parts_.learner.running() - entry.over_since;
    if (lasted <= 2 * cache::ClockTrust::agreement) parts_.store.save(row(domain, entry), nullptr);
}

} // namespace lookup
