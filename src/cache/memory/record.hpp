// cache/memory/record.hpp - the form of a domain in memory: 80 octets, and behind them its name and record
// id. Part of cache/memory/policy_table; nothing else includes it.
//
// Times are 32-bit seconds (to 2106; later ones are taken as that). Name and id are behind the record, in the
// same block of RecordPool: when a query has found the record, the name is in the next cache line. Data that
// only few domains need has its own allocation.
#pragma once

#include "cache/entry.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <string_view>

namespace cache {

/// No record, no place, no time.
inline constexpr std::uint32_t nil = std::numeric_limits<std::uint32_t>::max();
/// Means 2106 and later: something due then is never due, instead of always.
inline constexpr std::uint32_t last_second = nil - 1;

/// Seconds since 1970 in 32 bits; nil is kept free for "none".
[[nodiscard]] inline std::uint32_t pack(std::int64_t seconds_) noexcept {
    return static_cast<std::uint32_t>(std::clamp<std::int64_t>(seconds_, 0, last_second));
}
[[nodiscard]] inline std::uint32_t pack(Instant t) noexcept { return pack(t.time_since_epoch().count()); }
[[nodiscard]] inline Instant unpack(std::uint32_t t) noexcept { return Instant{seconds{t}}; }

struct DomainRecord {
    /// Data that few domains have.
    struct Rest {
        Attempts gets;  ///< when the last GET was not the one that brought the policy
        std::string id; ///< the record id, when it is longer than the room behind the record
    };

    // First the members that no query reads; each heap's key is next to the record's place in the heap (nil:
    // not in it).
    std::uint32_t agenda_at = 0, agenda_slot = nil;
    std::uint32_t expires = 0, expiry_slot = 0;
    std::uint32_t asked_slot = 0, last_asked = 0;
    PolicyPtr policy; ///< null: the record is free
    std::unique_ptr<Rest> rest;
    std::uint32_t hash = 0;
    std::uint32_t next = nil; ///< in the bucket, or in the list of free records
    std::uint32_t fetched_at = 0;
    std::uint32_t txt_checked = 0; ///< or over_since, see `over`
    std::uint32_t dane_known_at = 0, dane_check_at = 0;
    std::uint32_t txt_ttl : 12 = 0; ///< more than an hour counts as an hour
    std::uint32_t dane : 2 = 0;     ///< dane::Advice
    std::uint32_t dane_failing : 18 =
        0; ///< minutes from dane_known_at to the first failure, and one; 0: none
    std::uint8_t name_size = 0, id_size = 0;
    std::uint8_t units = 0; ///< the size of the whole block; kept when the record is free
    bool ahead : 1 = false; ///< fetched_at lies in the future, and `expires` counts from when that was seen
    bool id_apart : 1 = false; ///< the id is in `rest`
    bool over : 1 = false;     ///< txt_checked is over_since
    bool record_gone : 1 = false;

    static constexpr std::size_t unit = 8; ///< octets
    static constexpr std::uint32_t longest_ttl = (1U << 12) - 1, longest_failing = (1U << 18) - 1;

    [[nodiscard]] std::string_view name() const noexcept { return {text(), name_size}; }
    [[nodiscard]] std::string_view id() const noexcept {
        return id_apart ? std::string_view{rest->id} : std::string_view{text() + name_size, id_size};
    }
    [[nodiscard]] bool hard() const noexcept { return policy->policy.mode == sts::Mode::enforce; }
    /// The data on which an answer depends.
    [[nodiscard]] QueriedPolicy asked() const;
    [[nodiscard]] Entry entry() const;

    /// Sets everything from the entry except its place on the agenda; `rest_` is make_rest() of it for
    /// room(). The previous policy is dropped.
    void set(const Entry& e, std::unique_ptr<Rest> rest_) noexcept;
    /// The rest of an entry, for a record with this much room for the id; usually none.
    [[nodiscard]] static std::unique_ptr<Rest> make_rest(const Entry& e, std::size_t room);
    /// Octets for the id.
    [[nodiscard]] std::size_t room() const noexcept {
        return units * unit - sizeof(DomainRecord) - name_size;
    }

    /// The octets behind the record.
    [[nodiscard]] char* text() noexcept { return reinterpret_cast<char*>(this + 1); }
    [[nodiscard]] const char* text() const noexcept { return reinterpret_cast<const char*>(this + 1); }
};
static_assert(sizeof(DomainRecord) == 80, "the memory budget of a domain");

} // namespace cache
