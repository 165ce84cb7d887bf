// lookup/hop_verdicts.hpp - the DANE verdicts of next hops that are not of the usual form: in brackets, or
// with a port of their own.
//
// The verdict of the usual form is in the domain's entry (cache::Entry::dane). The others are an
// administrator's relays and transports: few, and queried often. They are kept in memory only, at most
// max_hops of them, up to some 700 octets each. When they are full, the verdict that was put longest ago is
// removed; it is looked up again at the next query. An ordered container: names cannot be chosen to collide in
// a hash. Safe from any thread; each call holds a lock for one search.
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

    /// The hop's verdict; if there is none, the state of a hop that was never looked up. Allocates nothing.
    [[nodiscard]] dane::State find(const postfix::NextHop& hop) const;

    /// Returns the next hop that was removed to make room, if any.
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
