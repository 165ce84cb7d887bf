// dane/state.hpp - what is known over time of one next hop's DANE, and how long it may be used. Pure.
//
// RFC 8461 section 2: MTA-STS must not override DANE. So a verdict that was once proven outlives lookups that
// fail, for a bounded time: no single name server turns DANE off.
#pragma once

#include "base/clock.hpp"
#include "dane/advice.hpp"

namespace dane {

struct Verdict;

using base::Instant;
using base::seconds;

struct State {
    Advice advice = Advice::no_verdict; ///< the last verdict that stood; no_verdict: there never was one
    Instant known_at{}; ///< when it was last proven; one built on failures counts as proven long ago
    Instant check_at{}; ///< the next lookup is due then; epoch: none was made since the start
    /// The first of the lookups that failed since known_at; epoch: none did.
    Instant failed_since{};
    friend bool operator==(const State&, const State&) = default;
};

struct Limits {
    bool active = false;       ///< look for DANE: a validating resolver is in use
    bool remembered = false;   ///< believe a verdict found before: a validating resolver is not ruled out
    seconds fresh{36 * 3600};  ///< an older verdict is looked up again before it is used
    seconds bridge{24 * 3600}; ///< how long a verdict outlives lookups that fail, from the first of them
    seconds longest_ttl{3600}; ///< check_at lies no further ahead than this, unless the clock was set back
};

/// Does DANE secure the next hop, as far as is known at `now`?
[[nodiscard]] bool secures(const State& state, Instant now, const Limits& limits);
/// Is a lookup due?
[[nodiscard]] bool due(const State& state, Instant now, const Limits& limits);
/// Is there nothing to go by before another lookup? There never was a verdict, or it is too old; and no
/// lookup has failed lately.
[[nodiscard]] bool missing(const State& state, Instant now, const Limits& limits);
/// The state after a lookup. After the first failed one the verdict stands for `bridge`. One built on
/// failures is good for its ttl and bridges nothing after that.
[[nodiscard]] State after_lookup(const State& before, const Verdict& found, Instant now,
                                 const Limits& limits);

} // namespace dane
