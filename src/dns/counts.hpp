// dns/counts.hpp - what the resolver counts. Its thread writes; any thread reads.
#pragma once

#include "base/counter.hpp"
#include "base/duration_bounds.hpp"
#include "base/reason_counters.hpp"
#include "dns/answer.hpp"

#include <array>
#include <cstddef>

namespace dns {

/// The types of questions, in the order of their names.
inline constexpr std::array types{Type::a,   Type::aaaa, Type::cname, Type::mx,
                                  Type::soa, Type::tlsa, Type::txt};

struct Counts {
    /// Of one type of question.
    struct Of {
        base::CountersOf<Answer::Kind, 3> answers;
        base::ReasonCounters failures;
    };
    std::array<Of, types.size()> questions;     ///< that have ended, as in `types`
    base::Histogram<base::network_bounds> took; ///< of all of them, from when each had a place

    [[nodiscard]] Of& of(Type type) noexcept {
        std::size_t at = 0;
        while (at + 1 < types.size() && types[at] != type) ++at;
        return questions[at];
    }
};

} // namespace dns
