// lookup/expiry.hpp - forgets expired policies, when the clock can be trusted to say that they are expired.
//
// A wrong clock makes every policy look expired. So an expired policy is never answered, but it is forgotten
// only while the wall clock is trusted (cache/clock_trust.hpp), or when the daemon has run for
// Tuning::keep_expired since it was first seen expired. Threads: belongs to one, the back thread.
#pragma once

#include "base/clock.hpp"
#include "base/domain.hpp"
#include "cache/clock_trust.hpp"
#include "cache/entry.hpp"
#include "cache/store.hpp"
#include "cache/table.hpp"
#include "events/sink.hpp"

namespace lookup {

class Expiry {
public:
    struct Parts {
        cache::Store& store;
        cache::Table& table;
        base::Clock& clock;
        events::Sink& sink;
    };

    Expiry(const Parts& parts, const cache::Tuning& tuning);

    void configure(const cache::Tuning& tuning) { tuning_ = tuning; }

    /// Removes an expired policy from memory and store. Its failed GETs stay remembered, for the back-off.
    /// False: the policy stays for now; the table notes since when it has been expired.
    bool forget(const base::Domain& domain, const cache::Entry& entry);

    /// How far the wall clock can be trusted now.
    [[nodiscard]] const cache::ClockTrust& clock_trust();
    /// A policy was fetched at `at`. Looks at the clocks first: a jump that lasts only this moment is seen.
    void note_fetched(base::Instant at);
    /// The newest fetch of all policies that are known.
    void set_newest_fetch(base::Instant at) { trust_.set_newest(at); }

    /// How long the daemon has run: all its runs together.
    [[nodiscard]] base::seconds running() const;
    /// How long all earlier runs took.
    void set_ran_before(base::seconds before) { ran_before_ = before; }

private:
    Parts parts_;
    cache::Tuning tuning_;
    cache::ClockTrust trust_;
    base::Steady started_;
    base::seconds ran_before_{0};
};

} // namespace lookup
