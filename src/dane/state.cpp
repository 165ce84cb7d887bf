#include "dane/state.hpp"

#include "dane/verdict.hpp"

#include <algorithm>

namespace dane {

namespace {

/// Time since `past`; zero when the clock has been set back behind it.
seconds since(Instant past, Instant now) { return past < now ? now - past : seconds{0}; }

bool has_failed(const State& state) { return state.failed_since != Instant{}; }

/// May the verdict still be used? Lookups that fail, or cannot be made, use up the bridge.
bool holds(const State& state, Instant now, const Limits& limits) {
    if (has_failed(state)) return since(state.failed_since, now) < limits.bridge;
    return limits.active || since(state.known_at, now) < limits.fresh + limits.bridge;
}

} // namespace

bool secures(const State& state, Instant now, const Limits& limits) {
    return (limits.active || limits.remembered) && state.advice == Advice::dane_only &&
           holds(state, now, limits);
}

bool due(const State& state, Instant now, const Limits& limits) {
    if (!limits.active) return false;
    // After a step back of the clock check_at may lie far ahead.
    return now >= state.check_at || state.check_at - now > limits.longest_ttl;
}

bool missing(const State& state, Instant now, const Limits& limits) {
    if (!limits.active) return false;
    const bool never = state.advice == Advice::no_verdict;
    if (!never && since(state.known_at, now) < limits.fresh) return false;
    // Once a lookup has failed, whoever asks is answered at once: by the old verdict, as long as it holds.
    if (now < state.check_at) return false;
    const bool failed_before = never || has_failed(state);
    return !failed_before || state.check_at == Instant{} || now - state.check_at >= limits.fresh;
}

State after_lookup(const State& before, const Verdict& found, Instant now, const Limits& limits) {
    State after = before;
    after.check_at = now + found.ttl;
    const bool nothing = found.advice == Advice::no_verdict;
    const bool failed = found.on_failures || nothing;
    const bool stands = before.advice != Advice::no_verdict && (nothing || found.advice == before.advice);
    if (!failed) {
        after.advice = found.advice;
        after.known_at = now;
        after.failed_since = {};
    } else if (stands) {
        after.known_at = std::min(before.known_at, now);
        after.failed_since = has_failed(before) ? std::min(before.failed_since, now) : now;
    }
    if (found.on_failures && !nothing) {
        const Instant doubtful = now + found.ttl - limits.bridge; // holds for the ttl
        if (!stands || after.failed_since < doubtful) {
            after.advice = found.advice;
            after.known_at = after.failed_since = doubtful;
        }
    }
    return after;
}

} // namespace dane
