// events/history.hpp - the last events of each domain that has a policy, for who is asked why. Pure.
//
// What the domain's entry does not say: why a fetch failed, what a policy replaced, what DANE's verdict rests
// on. The same event with the same words takes one place, with its first and last time. Bounded in octets;
// when there is no room, the domain whose newest event is the oldest is forgotten. Not thread-safe.
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
    static constexpr std::size_t max_value = 100;                   ///< octets of one field's value

    struct Kept {
        base::Instant first{}, last{};
        std::uint32_t times = 1; ///< stays at its largest value
        Id kind{};
        std::string text; ///< the fields but the domain and what changes by itself: "key=value key=value"
    };

    explicit History(std::size_t most = max_octets) : most_(most) {}

    /// What is not of a domain with a policy is not remembered. May throw std::bad_alloc.
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
    using Order = std::list<Domain>; ///< noted longest ago first

    [[nodiscard]] static std::size_t size_of(const Domain& domain) noexcept;
    void add(Domain& domain, Id kind, std::string text, base::Instant now);

    std::size_t most_, octets_ = 0;
    Order order_;
    std::unordered_map<std::uint64_t, Order::iterator, base::HashedAlready> by_key_;
};

} // namespace events
