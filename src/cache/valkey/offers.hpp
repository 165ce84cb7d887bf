// cache/valkey/offers.hpp - policies that wait until the engine takes them. Pure.
//
// One a domain, the last offered. Bounded in number and octets: a new one pushes out the oldest. Not safe from several
// threads.
#pragma once

#include "base/clock.hpp"
#include "base/domain.hpp"
#include "cache/valkey/value.hpp"
#include "cache/valkey/write_queue.hpp"

#include <cstddef>
#include <list>
#include <unordered_map>

namespace valkey {

struct Offer {
    Value value;
    Time expires{};   ///< the policy's end
    bool tell = true; ///< others are notified in any case, not only when the engine had an older one
};

class Offers {
public:
    explicit Offers(std::size_t most = max_waiting, std::size_t most_octets = max_waiting_octets)
        : most_(most), most_octets_(most_octets) {}

    /// How many had to go; the new one itself if it is too large alone. It replaces one of the same domain, unless that
    /// one is newer.
    std::size_t push(Offer offer);
    /// One that was taken and could not be delivered: goes first, unless the domain has another by now, or there is no
    /// room. False: it is gone, and counts as one that had to go, unless there is another.
    bool put_back(Offer offer);
    /// The oldest. Requires that there is one.
    [[nodiscard]] Offer pop();
    void forget(const base::Domain& domain);

    [[nodiscard]] bool empty() const noexcept { return queue_.empty(); }
    [[nodiscard]] std::size_t size() const noexcept { return queue_.size(); }
    [[nodiscard]] std::size_t octets() const noexcept { return octets_; }

private:
    using Queue = std::list<Offer>;
    [[nodiscard]] static std::size_t size_of(const Offer& offer) noexcept;
    void add(Queue::iterator before, Offer offer);
    Offer remove(Queue::iterator at);

    std::size_t most_, most_octets_;
    Queue queue_; ///< the oldest first
    std::unordered_map<base::Domain, Queue::iterator> of_;
    std::size_t octets_ = 0;
};

} // namespace valkey
