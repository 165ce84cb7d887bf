// lookup/get_limit.hpp - at most one GET per domain and minute, by the steady clock. Pure.
//
// One rule for every GET, whatever its cause: a query, a changed id, a daily or overdue GET, a retry, a max_age
// of a few seconds. It does not depend on entries, which may be evicted, nor on the wall clock, which may be
// set. Each GET is remembered for a minute, as a keyed hash of the domain's name. Belongs to one thread.
#pragma once

#include "base/clock.hpp"
#include "base/domain.hpp"
#include "base/keyed_hash.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <unordered_map>
#include <utility>

namespace lookup {

class GetLimit {
public:
    static constexpr base::seconds spacing{60};
    /// GETs remembered, about 60 octets each. After this many GETs within a minute, no further one is
    /// allowed. It is several times the number that one thread could make.
    static constexpr std::size_t max_remembered = 1 << 18;

    /// How long until the domain may be asked; zero: now.
    [[nodiscard]] base::seconds wait(const base::Domain& domain, base::Steady now);
    /// A GET begins, or began at `at`.
    void note(const base::Domain& domain, base::Steady at);
    /// The GET noted last was never made.
    void take_back(const base::Domain& domain);

    [[nodiscard]] std::size_t size() const noexcept { return last_.size(); }

private:
    void forget_old(base::Steady now);

    std::unordered_map<std::uint64_t, base::Steady, base::HashedAlready> last_;
    std::deque<std::pair<base::Steady, std::uint64_t>>
        order_; ///< in the order of note(), including those taken back
};

} // namespace lookup
