// events/history.hpp - the last events of each domain that has a policy, to explain its state. Pure.
//
// Keeps what the domain's cache entry does not have: why a fetch failed, which policy was replaced, the reason
// for DANE's verdict. An event that repeats with the same text takes one place, with its first and last time.
// Bounded in octets; when there is no room, the domain with the oldest last event is forgotten. Not
// thread-safe.
#pragma once

#include "base/clock.hpp"
#include "base/keyed_hash.hpp"
#include "events/event.hpp"

#include <cstddef>
#include <cstdint>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace events {

class History {
public:
    static constexpr std::size_t max_octets = std::size_t{4} << 20; ///< some 10,000 domains
    static constexpr std::size_t max_events = 4;                    ///< of a domain
    static constexpr std::size_t max_value = 100;                   ///< octets in the value of one field

    struct Kept {
        base::Instant first{}, last{};
        std::uint32_t times = 1; ///< stops at its largest value
        Id kind{};
        std::string text; ///< "key=value key=value", without the domain and fields that always change
    };

    explicit History(std::size_t most = max_octets) : most_(most) {}

    /// Ignores events that are not about a domain with a policy. May throw std::bad_alloc.
    void note(const Event& event, base::Instant now);
    /// Oldest first. "" names no domain.
    [[nodiscard]] std::vector<Kept> of(std::string_view domain) const;

    [[nodiscard]] std::size_t octets() const noexcept { return octets_; }
    [[nodiscard]] std::size_t domains() const noexcept { return order_.size(); }

private:
    struct Domain {
        std::uint64_t key = 0; ///< the keyed hash of its name
        std::vector<Kept> events;
    };
    using Order = std::list<Domain>; ///< the one with the oldest last event first

    [[nodiscard]] static std::size_t size_of(const Domain& domain) noexcept;
    void add(Domain& domain, Id kind, std::string text, base::Instant now);

    std::size_t most_, octets_ = 0;
    Order order_;
    std::unordered_map<std::uint64_t, Order::iterator, base::HashedAlready> by_key_;
};

} // namespace events
