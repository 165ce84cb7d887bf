// lookup/recent_answers.hpp - what memory answered in this very second, for requests that come again.
//
// An answer from memory is a function of the request, of what the table knows of the domain, and of the time
// in whole seconds. So a request that was answered in this second, of a domain about which nothing has
// changed since (cache::Version), has the same answer, and need not be taken apart, looked up and formatted
// again: for the domains that most mail goes to that is most of the cost. Nothing is remembered for longer,
// and whoever changes what answers depend on besides (the options) calls clear().
//
// Bounded: some thousand requests, what is over max_octets is not remembered. A request is remembered when it
// comes for the second time within a second, so that a flood of different ones costs next to nothing.
// Belongs to one thread.
#pragma once

#include "base/clock.hpp"
#include "base/reason.hpp"
#include "cache/version.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lookup {

/// An answer from memory, and what its log line says.
struct MemoryAnswer {
    std::string_view reply;  ///< the payload
    std::string_view domain; ///< the policy domain
    std::string_view word;   ///< a constant
    base::Reason reason{};
    std::optional<base::seconds> age;
};

class RecentAnswers {
public:
    static constexpr std::size_t max_octets = 1024; ///< of a request, its domain and its reply

    /// A request and its place.
    struct Key {
        explicit Key(std::string_view request);
        std::string_view request;
        std::size_t hash;
    };

    /// The answer, if it is known; its views hold until the next call of a member that is not const.
    [[nodiscard]] std::optional<MemoryAnswer> find(const Key& key, base::Instant now) const;
    /// Of a request that was not found: has it come before in this second, so that keep() is worth while?
    [[nodiscard]] bool comes_again(const Key& key, base::Instant now) noexcept;
    /// Remembers an answer given at `now`. `version`: the domain's, read before it was looked up. Does
    /// nothing for want of memory.
    void keep(const Key& key, base::Instant now, cache::Version version, const MemoryAnswer& answer) noexcept;
    void clear() noexcept { slots_.clear(); }

private:
    struct Slot {
        base::Instant second{};
        cache::Version version;
        std::string text;                      ///< request, domain, reply
        std::uint16_t request = 0, domain = 0; ///< their octets
        base::Reason reason{};
        std::string_view word;
        std::optional<base::seconds> age;
    };
    static constexpr std::size_t ways = 2, sets = 2048;

    std::vector<Slot> slots_;                       ///< of all sets; empty until the first is kept
    std::array<std::uint32_t, ways * sets> came_{}; ///< request and second of the last that came
};

} // namespace lookup
