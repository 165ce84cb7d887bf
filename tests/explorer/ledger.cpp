#include "explorer/ledger.hpp"

#include "lookup/commit.hpp"

#include <algorithm>

namespace explorer {

using namespace std::chrono_literals;

namespace {

constexpr base::seconds minute = 60s;         ///< one GET in each
constexpr base::seconds trust_after = 1h;     ///< both clocks have agreed for so long
constexpr base::seconds agreement = 60s;      ///< within this
constexpr base::seconds notice_within = 600s; ///< a jump of the clock is seen
constexpr base::seconds verdict_life = 36h, verdict_bridge = 24h;

std::string policy_name(std::size_t number) { return "policy " + std::to_string(number); }

} // namespace

void Ledger::reset() {
    const Hands* const hands = hands_;
    *this = Ledger{*hands};
}

void Ledger::get_started() {
    if (++gets_aloft_ > 1) complain("two GETs at the same time");
    if (last_get_ && now() - *last_get_ < minute)
        complain("a second GET after " +
                 std::to_string(std::chrono::floor<base::seconds>(now() - *last_get_).count()) + " s");
    if (stored_) {
        const Served& p = policies_[*stored_];
        const base::seconds by_wall = hands_->now() - p.wall;
        if (now() - p.at < minute && by_wall >= 0s && by_wall < minute)
            complain("a GET within a minute of the stored fetched_at");
    }
    last_get_ = now();
}

std::size_t Ledger::got(base::seconds max_age, bool enforce) {
    Served p;
    p.max_age = max_age;
    p.enforce = enforce;
    p.at = now();
    p.event = event_;
    p.wall = hands_->now();
    policies_.push_back(p);
    if (max_age == 0s) {
        held_.reset();
        withdrawn_ = policies_.size() - 1;
    }
    return policies_.size() - 1;
}

void Ledger::dane_asked(Dane answer) {
    last_asked_ = now();
    if (answer == dane_fail) {
        if (!first_failure_) first_failure_ = this_moment();
        return;
    }
    verdict_ = answer == dane_yes ? Verdict::dane : Verdict::sts;
    proven_ = this_moment();
    if (answer == dane_yes) proven_dane_ = proven_;
    first_failure_.reset();
}

void Ledger::saving(std::size_t number, bool refused) {
    Served& p = policies_[number];
    if (!p.saved) p.saved = now();
    if (refused) p.refused = true;
}

void Ledger::evicted() {
    evicted_ = true;
    held_.reset();
}

void Ledger::started(const cache::Row* row, std::optional<std::size_t> number, bool late) {
    run_since_ = now();
    offsets_.clear();
    stray_since_.reset();
    last_get_.reset();
    eventual_ = number;
    held_ = late ? std::nullopt : number;
    stored_.reset();
    if (!late) found_stored(number);
    const bool stored = !late && row != nullptr && row->dane_at != base::Instant{};
    verdict_ = stored ? Verdict::dane : Verdict::none;
    if (stored) proven_ = proven_dane_;
    first_failure_.reset();
    last_asked_.reset();
}

void Ledger::delivered(const cache::Row* row, std::optional<std::size_t> number) {
    if (!number) return;
    const bool taken = !held_ || *number >= *held_;
    if (taken && row != nullptr && row->dane_at != base::Instant{})
        verdict_ = Verdict::dane, proven_ = proven_dane_;
    if (!held_ || number > *held_) held_ = number;
    found_stored(number);
}

/// A clock that was wrong then or is now does not tell how long ago the GET was.
void Ledger::found_stored(std::optional<std::size_t> number) {
    if (!number || stored_) return;
    const base::seconds by_wall = hands_->now() - policies_[*number].wall;
    if (by_wall >= 0s && by_wall < minute) stored_ = number;
}

void Ledger::jumped(base::seconds by) {
    const base::Instant before = hands_->now() - by;
    for (Served& p : policies_) {
        if (hands_->now() < p.wall && before >= p.wall)
            p.set_back = now(), p.set_back_to = hands_->now();
        else if (p.set_back && by < 0s)
            *p.set_back -= by, p.set_back_to = std::min(p.set_back_to, hands_->now());
    }
    // Where it was for no time at all, nobody has seen.
    if (!offsets_.empty() && offsets_.back().at == now())
        offsets_.back().by += by;
    else
        offsets_.push_back({now(), by});
    while (!offsets_.empty() && now() - offsets_.front().at > trust_after) offsets_.pop_front();
}

bool Ledger::clock_trusted(const Seen& seen) const {
    if (now() - run_since_ < trust_after) return false;
    if (seen.newest_fetch && hands_->now() < *seen.newest_fetch) return false;
    return std::ranges::all_of(offsets_, [this](const Offset& o) {
        return now() - o.at >= trust_after || (o.by <= agreement && o.by >= -agreement);
    });
}

void Ledger::told(std::string_view reply, std::optional<std::size_t> number, const Asked& asked,
                  const Seen& seen) {
    if (now() - asked.at > deadline) complain("a reply after the deadline");
    if (reply.starts_with("OK secure ") && number)
        told_secure(*number, asked, seen);
    else if (reply == "OK dane-only" && seen.aloft > 0) // the verdict may be about to change
        return;
    else if (reply == "OK dane-only")
        told_dane_only();
    else if (reply == "NOTFOUND ")
        told_nothing(seen);
    else if (!ran_out_ || !(reply.empty() || reply.starts_with("TEMP ")))
        complain("the reply is \"" + std::string(reply) + "\"");
}

void Ledger::told_secure(std::size_t number, const Asked& asked, const Seen& seen) {
    const Served& p = policies_[number];
    if (held_ && number < *held_) complain(policy_name(number) + " is told, a newer one is known");
    const bool excused = p.max_age == 0s || p.refused || p.dropped || evicted_ ||
                         (p.saved && now() - *p.saved >= lookup::commit_patience);
    if (!excused && (!seen.durable || *seen.durable < number))
        complain(policy_name(number) + " is told and not on the disk");
    // A wall clock that was set back counts on from where it was set to.
    const bool ahead = hands_->now() < p.wall;
    const bool over_now =
        ahead ? !p.set_back || now() >= *p.set_back + p.max_age + notice_within : over_by_wall(p);
    // Whoever waited for the fetch, asked while the policy lasted, or joined its flight may have been kept
    // waiting by the disk.
    if (over(p) && over_now && asked.event > p.event && asked.at >= p.at + p.max_age &&
        now() - p.at > lookup::commit_patience)
        complain(policy_name(number) + " is told after its end");
    if (!p.enforce) complain(policy_name(number) + " is told, and not to be enforced");

    if (seen.aloft == 0) told_secure_despite_dane(asked); // else the verdict may be about to change
}

void Ledger::told_secure_despite_dane(const Asked& asked) {
    if (validating_ && verdict_ == Verdict::dane &&
        (!first_failure_ || within(*first_failure_, verdict_bridge - minute)))
        complain("`secure` overrides DANE");
    const bool at_deadline = now() - asked.at == deadline;
    if (validating_ && !at_deadline && (!last_asked_ || now() - *last_asked_ > verdict_life))
        complain("`secure` without a question for DANE in 36 hours");
    if (!validating_ && believed_ && verdict_ == Verdict::dane &&
        (first_failure_ ? within(*first_failure_, verdict_bridge - minute) : within(proven_, verdict_life)))
        complain("`secure` overrides DANE as it was known");
}

void Ledger::told_dane_only() {
    if (verdict_ != Verdict::dane || (!validating_ && !believed_)) complain("`dane-only` without a verdict");
    if (first_failure_ && beyond(*first_failure_, verdict_bridge))
        complain("`dane-only` more than 24 hours after the first failure");
    if (beyond(proven_, verdict_life + verdict_bridge)) complain("`dane-only` of an old verdict");
}

void Ledger::told_nothing(const Seen& seen) {
    if (seen.late || !held_ || (seen.entry && *seen.entry > *held_)) return;
    const Served& p = policies_[*held_];
    if (p.enforce && !may_be_over(p) && !over_by_wall(p))
        complain(policy_name(*held_) + " is lost before its end");
}

void Ledger::settled(const Seen& seen) {
    if (seen.aloft > 1) complain("two flights of one domain");
    if (seen.entry) {
        if (held_ && *seen.entry < *held_) complain("an older policy came back into memory");
        if (!held_ || *seen.entry > *held_) held_ = seen.entry;
        const Served& p = policies_[*seen.entry];
        if (seen.entry_current && !p.dropped && !over(p) && (!seen.eventual || *seen.eventual < *seen.entry))
            complain(policy_name(*seen.entry) + " is in memory and will not be on the disk");
    }
    // What a trusted clock ends is over.
    if (held_ && !seen.entry && over_by_wall(policies_[*held_]) && clock_trusted(seen)) held_.reset();
    if (eventual_ && (!seen.eventual || *seen.eventual < *eventual_)) {
        const Served& p = policies_[*eventual_];
        const bool withdrawn = withdrawn_ && *withdrawn_ > *eventual_;
        if (!evicted_ && !withdrawn && !may_be_over(p) && !(over_by_wall(p) && clock_trusted(seen)))
            complain(policy_name(*eventual_) + " is taken from the disk before its end");
    }
    eventual_ = seen.eventual;
    // A verdict goes with the policy it was looked up for.
    if (!seen.entry && !seen.eventual && seen.aloft == 0) verdict_ = Verdict::none;
}

void Ledger::rested(const Seen& seen) {
    const bool ran_out = ran_out_;
    evicted_ = ran_out_ = false;
    if (seen.outside_idle && seen.waiting == 0) {
        if (seen.aloft > 0) complain("a flight does not land");
        if (seen.running > 0) complain("the refresher counts a flight that has landed");
        if (seen.checking > 0) complain("the service counts a check that is over");
        if (seen.timers > 1) complain(std::to_string(seen.timers) + " delayed calls when all is at rest");
    }
    if (seen.entry && seen.aloft == 0 && seen.running == 0) {
        if (seen.on_agenda)
            stray_since_.reset();
        else if (ran_out)
            stray_since_ = now();
        if (!seen.on_agenda && (!stray_since_ || now() - *stray_since_ > notice_within))
            complain("a policy in memory is not on the agenda");
        if (!seen.next_timer || *seen.next_timer > now() + notice_within)
            complain("nothing will look at the agenda");
    }
}

Ledger::State Ledger::state() const {
    constexpr std::int64_t never = -1;
    const auto ago = [this](std::optional<Micros> t, base::seconds most) {
        if (!t) return never;
        return std::min(std::chrono::floor<base::milliseconds>(now() - *t).count(),
                        base::milliseconds{most}.count());
    };
    State s{{}, held_, eventual_, std::nullopt};
    // What lies so far back that no rule asks for it is the same.
    if (stored_ && now() - policies_[*stored_].at < minute) s.stored = stored_;
    s.numbers = {gets_aloft_,
                 ago(last_get_, minute),
                 ago(run_since_, trust_after),
                 validating_,
                 believed_,
                 static_cast<std::int64_t>(verdict_),
                 ago(last_asked_, verdict_life + 1s),
                 ago(stray_since_, notice_within + 1s)};
    const auto add = [&](const Moment& m, base::seconds most) {
        s.numbers.push_back(ago(m.at, most));
        s.numbers.push_back(std::clamp<std::int64_t>((hands_->now() - m.wall).count(), -1, most.count()));
    };
    if (verdict_ != Verdict::none) add(proven_, verdict_life + verdict_bridge + 1s);
    if (first_failure_) add(*first_failure_, verdict_bridge + 1s);
    for (const Offset& o : offsets_)
        if (now() - o.at < trust_after) {
            s.numbers.push_back(ago(o.at, trust_after));
            s.numbers.push_back(o.by.count());
        }
    return s;
}

} // namespace explorer
