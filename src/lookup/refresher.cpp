#include "lookup/refresher.hpp"

#include <algorithm>
#include <chrono>
#include <new>
#include <utility>

namespace lookup {

using base::Instant;
using base::seconds;

namespace {
/// Longest sleep in one piece, so that a clock set forward or a suspended machine is noticed.
constexpr seconds longest_sleep{600};
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
    const Instant now = parts_.clock.now();
    const auto policies = parts_.table.policies();
    const auto is_due = [&](const auto& policy) {
        return cache::next_look(policy.second, now, tuning_, 0.5) <= now;
    };
    const auto overdue = static_cast<std::size_t>(std::count_if(policies.begin(), policies.end(), is_due));
    for (const auto& [domain, entry] : policies) {
        const Instant due = cache::next_look(entry, now, tuning_, parts_.random());
        schedule(domain,
                 due > now ? due : spread(now, cache::expires_at(entry, now), overdue, parts_.random()));
    }
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
    if (parts_.table.update(domain, [when](cache::Entry& entry) { entry.agenda_at = when; }))
        agenda_.push(Item{when, domain});
}

void Refresher::arm() {
    if (stopped_ || agenda_.empty() || running_ >= max_running_) return;
    const Instant when = agenda_.top().when;
    if (timer_ != 0) {
        if (armed_for_ <= when) return;
        parts_.timers.cancel(timer_);
    }
    armed_for_ = when;
    const seconds wait = std::clamp(when - parts_.clock.now(), seconds{0}, longest_sleep);
    timer_ = parts_.timers.after(wait, [this] {
        timer_ = 0;
        tick();
    });
}

void Refresher::tick() {
    if (stopped_) return;
    const Instant now = parts_.clock.now();
    try {
        while (!agenda_.empty() && agenda_.top().when <= now && running_ < max_running_) {
            const Item item = agenda_.top();
            agenda_.pop();
            look(item);
        }
    } catch (const std::bad_alloc&) {
        // That domain is fetched when it is next asked for; the others keep their turn.
    }
    arm();
}

void Refresher::look(const Item& item) {
    const cache::Known known = parts_.table.find(item.domain);
    const auto* entry = std::get_if<cache::Entry>(&known);
    if (!entry || entry->agenda_at != item.when) return; // withdrawn, or on the agenda again for another time
    switch (cache::upkeep(*entry, parts_.clock.now(), tuning_)) {
    case cache::Upkeep::forget: parts_.learner.forget(item.domain, *entry); return;
    case cache::Upkeep::wait: add(item.domain); return;
    case cache::Upkeep::get: break;
    }
    ++running_;
    parts_.learner.learn(item.domain, Why::daily, [this, domain = item.domain](const Outcome& outcome) {
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
