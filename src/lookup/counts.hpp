// lookup/counts.hpp - what the parts of lookup/ count. One thread writes each; any thread reads.
#pragma once

#include "base/counter.hpp"
#include "base/duration_bounds.hpp"
#include "base/reason_counters.hpp"
#include "dane/advice.hpp"
#include "decision/decide.hpp"
#include "decision/override.hpp"
#include "lookup/worth.hpp"

#include <array>
#include <cstddef>
#include <cstdint>

namespace lookup {

/// Where an answer comes from.
enum class Source : std::uint8_t {
    memory,
    network, ///< after a search
    key,     ///< the question itself says that no policy can exist
};
inline constexpr std::size_t sources = 3;

inline constexpr std::size_t actions = static_cast<std::size_t>(decision::Action::dane_only) + 1;
inline constexpr std::size_t advices = static_cast<std::size_t>(dane::Advice::dane_only) + 1;

/// Of a Service. requests is the sum of all queries, status, malformed, unanswered, and what is waiting; while requests
/// are at work, one more for the one at hand.
struct AnswerCounts {
    base::Counter requests;
    std::array<base::CountersOf<decision::Kind, decision::kinds>, sources> queries; ///< answered, by Source
    std::array<base::Histogram<base::answer_bounds>, sources> took;                 ///< of each of them
    base::ReasonCounters keys_rejected;
    base::Counter status, malformed;
    base::Counter unanswered; ///< there was no memory for a reply
    base::Counter deadlines;  ///< answered at the deadline
    base::CountersOf<decision::Action, actions> override_hits;
    base::CountersOf<decision::Kind, decision::kinds> observed; ///< what would have been the answer
    base::Gauge waiting;                                        ///< for a search
};

/// Of the searches of a Learner.
struct SearchCounts {
    base::ReasonCounters fetches;                     ///< ended, by result; none: a valid policy came
    base::Histogram<base::network_bounds> fetch_took; ///< with the wait for its turn
};

/// Of lookups of DANE that ended, by verdict.
using DaneCounts = base::CountersOf<dane::Advice, advices>;

/// What the shared cache answered to find() and to lease().
enum class SharedFind : std::uint8_t { found, none, trouble };
enum class SharedLease : std::uint8_t { won, lost, trouble };
inline constexpr std::size_t shared_answers = 3;

/// Of the searches of a Learner that has a shared cache.
struct SharedCounts {
    base::CountersOf<SharedFind, shared_answers> finds;
    base::CountersOf<SharedLease, shared_answers> leases;
    base::CountersOf<Worth, worths> values; ///< that were found or came unasked, by what became of them
    base::Counter offers;                   ///< of policies fetched here
    base::Counter news;                     ///< notifications about domains that are known or searched here
    base::Counter waited_in_vain;           ///< a lease was lost, and the policy fetched here in the end
};

} // namespace lookup
