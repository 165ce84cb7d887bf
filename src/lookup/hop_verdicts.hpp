// lookup/hop_verdicts.hpp - the DANE verdicts of next hops that are not of the usual form: in brackets, or
// with a port of their own.
//
// The usual form's verdict is in the domain's entry (cache::Entry::dane). These are an administrator's relays
// and transports, few, and asked for again and again; they are in memory only. At most max_hops of them, some
// 700 octets each at the longest; to make room, the one whose verdict was put longest ago goes, and is looked
// up again when it is next asked for. Ordered, not hashed: nobody can aim names at a bucket. Safe from any
// thread; a lock is held for the time of a search.
#pragma once

#include "base/domain.hpp"
#include "dane/state.hpp"
#include "postfix/next_hop.hpp"

#include <cstddef>
#include <list>
#include <map>
#include <mutex>
#include <optional>

namespace lookup {

class HopVerdicts {
public:
    static constexpr std::size_t max_hops = 4096;

    /// What is known of it; a state that nothing was looked up for, if nothing is. Allocates nothing.
    [[nodiscard]] dane::State find(const postfix::NextHop& hop) const;

    /// Returns the one that had to go to make room, if any.
    std::optional<postfix::NextHop> put(const postfix::NextHop& hop, const dane::State& state);

    [[nodiscard]] std::size_t size() const;

private:
    struct Slot;
    using Slots = std::map<postfix::NextHop, Slot>;
    using Order = std::list<Slots::iterator>; ///< put longest ago first
    struct Slot {
        dane::State state;
        Order::iterator place;
    };

    mutable std::mutex lock_;
    Slots slots_;
    Order order_;
};

} // namespace lookup
