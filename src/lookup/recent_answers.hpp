// lookup/recent_answers.hpp - what memory answered in this very second, for requests that come again.
//
// An answer from memory is a function of the request, of what the table knows of the domain, and of the time
// in whole seconds. So a request that was answered in this second, of a domain about which nothing has
// changed since (cache::Version), has the same answer, and need not be taken apart, looked up and formatted
// again: for the domains that most mail goes to that is most of the cost. Nothing is remembered for longer,
// and whoever changes what answers depend on besides (the options) calls clear().
//
// Bounded: answers lie one behind the other in `room` octets, from the start again with every second and when
// they are full, so that the memory in use is little and stays in the processor's cache. A request is
// remembered when it came before, in this second or the last, so that a flood of different ones costs next to
// nothing. Belongs to one thread.
#pragma once

#include "base/clock.hpp"
#include "base/reason.hpp"
#include "cache/version.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

namespace lookup {

/// An answer from memory, and what its log line says.
struct MemoryAnswer {
    std::string_view reply;  ///< the payload
    std::string_view domain; ///< the policy domain
    std::string_view word;   ///< a constant of up to 255 octets
    base::Reason reason{};
    std::optional<base::seconds> age;
    std::string_view why{}; ///< another
    bool usual = true;      ///< the next hop's form
};

class RecentAnswers {
public:
    static constexpr std::size_t max_octets = 1024; ///< of a request, its domain and its reply
    static constexpr std::size_t room = 512 * 1024; ///< octets, taken when the first is kept

    /// A request and its place.
    struct Key {
        explicit Key(std::string_view request);
        std::string_view request;
        std::size_t hash;
    };

    /// The answer, if it is known; its views hold until the next call that is not const.
    [[nodiscard]] std::optional<MemoryAnswer> find(const Key& key, base::Instant now) const noexcept;
    /// Of a request that was not found: has it come before, so that keep() is worth while?
    [[nodiscard]] bool comes_again(const Key& key, base::Instant now) noexcept;
    /// Remembers an answer given at `now`. `version`: the domain's, read before it was looked up. Does
    /// nothing when memory runs out.
    void keep(const Key& key, base::Instant now, cache::Version version, const MemoryAnswer& answer) noexcept;
    void clear() noexcept;

private:
    /// Before the request, the domain and the reply.
    struct Head {
        cache::Version version;
        const char *word, *why;
        base::seconds age;                    ///< no_age: none
        std::uint16_t request, domain, reply; ///< octets
        std::uint8_t word_size, why_size;
        base::Reason reason;
        bool usual;
    };
    struct Place {
        std::uint32_t round = 0; ///< of another round: free
        std::uint32_t hash = 0;  ///< a part of it
        std::uint32_t at = 0;    ///< where its Head stands
    };
    static constexpr std::size_t places = 4096, probes = 4;

    std::unique_ptr<char[]> octets_;
    std::size_t used_ = 0;
    base::Instant second_{};  ///< of all that is kept
    std::uint32_t round_ = 1; ///< goes up when all is forgotten
    std::array<Place, places> places_{};
    std::array<std::uint32_t, places> came_{}; ///< request and second of the last that came
};

} // namespace lookup
