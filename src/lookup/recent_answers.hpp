// lookup/recent_answers.hpp - the answers from memory of the current second, for requests that come again.
//
// An answer from memory depends on the request, on what the table knows of the domain, and on the time in whole
// seconds. So a request that comes again in the same second has the same answer, if nothing has changed about
// the domain (cache::Version). It need not be parsed, looked up and formatted again, which is most of the cost
// for popular domains. Nothing is remembered for longer than the second. After a change of the options, on
// which answers also depend, call clear().
//
// Bounded: the answers are stored one after the other in `room` octets. Writing starts again at the beginning
// in each second, and when the room is full. So little memory is in use, and it stays in the processor's
// cache. An answer is kept only when the same request came before, in this second or the last: a flood of
// different requests costs almost nothing. Belongs to one thread.
#pragma once

#include "base/clock.hpp"
#include "base/reason.hpp"
#include "cache/version.hpp"
#include "lookup/effect.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

namespace lookup {

/// An answer from memory, and the contents of its log line.
struct MemoryAnswer {
    std::string_view reply;  ///< the payload
    std::string_view domain; ///< the policy domain
    decision::Kind kind{};
    base::Reason reason{};
    std::optional<base::seconds> age;
    std::string_view why{}; ///< static text of up to 255 octets
    bool usual = true;      ///< the next hop's form
    Effect effect = {};     ///< its override is one of the options'
};

class RecentAnswers {
public:
    static constexpr std::size_t max_octets = 1024; ///< of a request, its domain and its reply
    static constexpr std::size_t room = 512 * 1024; ///< octets, allocated when the first answer is kept

    /// A request and its hash.
    struct Key {
        explicit Key(std::string_view request);
        std::string_view request;
        std::size_t hash;
    };

    /// The answer, if it is known; its views hold until the next call that is not const.
    [[nodiscard]] std::optional<MemoryAnswer> find(const Key& key, base::Instant now) const noexcept;
    /// For a request that was not found: whether it came before, so that keep() is worth its cost.
    [[nodiscard]] bool comes_again(const Key& key, base::Instant now) noexcept;
    /// Remembers an answer given at `now`. `version`: the domain's, read before the lookup. Does nothing when
    /// memory runs out.
    void keep(const Key& key, base::Instant now, cache::Version version, const MemoryAnswer& answer) noexcept;
    void clear() noexcept;

private:
    /// Stands before the request, the domain and the reply.
    struct Head {
        cache::Version version;
        const char* why;
        base::seconds age;                    ///< no_age: none
        std::uint16_t request, domain, reply; ///< octets
        std::uint8_t why_size;
        decision::Kind kind;
        base::Reason reason;
        bool usual;
        Effect effect;
    };
    struct Slot {
        std::uint32_t round = 0; ///< not the current round: the slot is free
        std::uint32_t hash = 0;  ///< a part of it
        std::uint32_t at = 0;    ///< where its Head is
    };
    static constexpr std::size_t slots = 4096, probes = 4;

    std::unique_ptr<char[]> octets_;
    std::size_t used_ = 0;
    base::Instant second_{};  ///< when all kept answers were given
    std::uint32_t round_ = 1; ///< increased by clear()
    std::array<Slot, slots> slots_{};
    std::array<std::uint32_t, slots> came_{}; ///< request and second of the last one, as hashes
};

} // namespace lookup
