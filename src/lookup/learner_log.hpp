// lookup/learner_log.hpp - the lines that learning writes: at which level, and how often.
//
// What a domain's owner can bring about again and again is limited to one line a window and finding; of each
// finding a keyed hash is remembered (base/repeats.hpp). Belongs to the back thread.
#pragma once

#include "base/clock.hpp"
#include "base/domain.hpp"
#include "base/log.hpp"
#include "base/repeats.hpp"
#include "cache/table.hpp"
#include "dane/state.hpp"
#include "dane/verdict.hpp"

#include <cstddef>
#include <string_view>

namespace lookup {

class LearnerLog {
public:
    static constexpr std::size_t max_remembered = 10'000; ///< findings of each kind, some 200 octets each
    static constexpr std::size_t max_hosts = 20;          ///< named on a line

    LearnerLog(base::Log& log, const base::Clock& clock);

    /// A policy was fetched. Also says, once a month and domain, that it lives too short to be obeyed.
    void policy(const base::Domain& domain, const cache::Known& before, const cache::Entry& after);
    /// `next_hop`: in words, when it is not of the usual form.
    void dane(const base::Domain& domain, const dane::State& before, const dane::State& after,
              const dane::Verdict& verdict, std::string_view next_hop = {});
    /// An enforced policy that admits none of the MX hosts: all mail to the domain will be deferred, and it
    /// is not our doing.
    void refused_hosts(const base::Domain& domain, const cache::Entry& entry, const dane::Verdict& verdict);
    void failure(const base::Domain& domain, base::Reason reason, std::string_view detail, bool kept_enforce,
                 base::seconds next_try);
    void expired(const base::Domain& domain, const cache::Entry& entry);
    void evicted(const base::Domain& gone, const base::Domain& newcomer);
    void aborted(const base::Domain& domain);

private:
    base::Log& log_;
    const base::Clock& clock_;
    base::Repeats failures_, refusals_, short_lives_, aborts_;
};

} // namespace lookup
