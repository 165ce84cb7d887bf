#include "lookup/refresher.hpp"

#include <algorithm>
#include <chrono>
#include <new>
#include <optional>
#include <utility>

namespace lookup {

using base::Instant;
using base::seconds;

namespace {
/// Longest sleep in one piece, so that a clock set forward or a suspended machine is noticed.
constexpr seconds longest_sleep{600};
/// A difference between the clocks that is no adjustment any more.
constexpr seconds jump{60};
} // namespace

Instant spread(Instant now, Instant expires, std::size_t overdue, double random) {
    const seconds window{static_cast<std::int64_t>(std::min<std::size_t>(overdue, 3 * 3600))};
    const seconds room = std::max(seconds{0}, (expires - now) / 2);
    const auto most = static_cast<double>(std::min(window, room).count());
    return now + seconds{static_cast<std::int64_t>(most * random)};
}

Refresher::Refresher(Parts parts, cache::Tuning tuning, std::size_t max_running)
    : parts_(std::move(parts)), tuning_(tuning), max_running_(std::max<std::size_t>(1, max_running)) {}

Refresher::~Refresher() { stop(); }

void Refresher::stop() {
    stopped_ = true;
    parts_.timers.cancel(timer_);
    timer_ = 0;
}

void Refresher::configure(const cache::Tuning& tuning, std::size_t max_running) {
    tuning_ = tuning;
    max_running_ = std::max<std::size_t>(1, max_running);
    tick();
}

void Refresher::start() {
    (void)clock_jumped();
    schedule_all();
}

/// Has the wall clock, since the last call, gone another way than the steady one?
bool Refresher::clock_jumped() {
    const Instant wall = parts_.clock.now();
    const base::Steady steady = parts_.clock.steady();
    const auto by = (wall - std::exchange(wall_, wall)) - (steady - std::exchange(steady_, steady));
    return by > jump || by < -jump;
}

void Refresher::schedule_all() {
    parts_.timers.cancel(std::exchange(timer_, 0));
    const Instant now = parts_.clock.now();
    std::size_t overdue = 0;
    parts_.table.schedule([&](cache::Entry& entry) {
        cache::note_clock(entry, now);
        const Instant due = cache::next_look(entry, now, tuning_, parts_.random());
        if (due <= now) ++overdue;
        return due;
    });
    if (overdue > 0)
        parts_.table.schedule([&](cache::Entry& entry) {
            if (entry.agenda_at > now) return entry.agenda_at;
            return spread(now, cache::expires_at(entry, now), overdue, parts_.random());
        });
    arm();
}

void Refresher::add(const base::Domain& domain) {
    const cache::Known known = parts_.table.find(domain);
    const auto* entry = std::get_if<cache::Entry>(&known);
    if (!entry) return;
    const Instant now = parts_.clock.now();
    // At least a second ahead: an item that comes back due at once would keep tick() busy for ever.
    schedule(domain, std::max(now + seconds{1}, cache::next_look(*entry, now, tuning_, parts_.random())));
    arm();
}

void Refresher::schedule(const base::Domain& domain, Instant when) {
    parts_.table.update(domain, [when](cache::Entry& entry) { entry.agenda_at = when; });
}

void Refresher::arm() {
    if (stopped_ || running_ >= max_running_) return;
    const std::optional<Instant> when = parts_.table.next_due();
    if (!when) return;
    if (timer_ != 0) {
        if (armed_for_ <= *when) return;
        parts_.timers.cancel(timer_);
    }
    armed_for_ = *when;
    const seconds wait = std::clamp(*when - parts_.clock.now(), seconds{0}, longest_sleep);
    timer_ = parts_.timers.after(wait, [this] {
        timer_ = 0;
        tick();
    });
}

void Refresher::tick() {
    if (stopped_) return;
    // What has become due by a jump is not all fetched at once; what has moved far ahead does not wait so
    // long.
    if (clock_jumped()) return schedule_all();
    const Instant now = parts_.clock.now();
    try {
        while (running_ < max_running_) {
            const std::optional<base::Domain> due = parts_.table.take_due(now);
            if (!due) break;
            look(*due);
        }
    } catch (const std::bad_alloc&) {
        // That domain is fetched when it is next asked for; the others keep their turn.
    }
    arm();
}

void Refresher::look(const base::Domain& domain) {
    const cache::Known known = parts_.table.find(domain);
    const auto* entry = std::get_if<cache::Entry>(&known);
    if (!entry) return;
    switch (cache::upkeep(*entry, parts_.clock.now(), tuning_)) {
    case cache::Upkeep::forget: parts_.learner.forget(domain, *entry); return;
    case cache::Upkeep::wait: add(domain); return;
    case cache::Upkeep::get: break;
    }
    ++running_;
    parts_.learner.learn(domain, Why::daily, [this, domain](const Outcome& outcome) {
        --running_;
        // What our own overload kept from being tried is due still, but not at once.
        if (outcome.reason == base::Reason::overloaded)
            schedule(domain, parts_.clock.now() + tuning_.dns_failure_for);
        else
            add(domain);
        tick();
    });
}

} // namespace lookup
