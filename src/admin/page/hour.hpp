// admin/page/hour.hpp - the last hour in minutes: answers by kind, how long they took, fetches; and when counters that
// tell of trouble last grew. Pure.
//
// Bounded: 61 samples of some counters, about 22 KB. Between two samples lies what happened meanwhile; the owner takes
// one a minute. Not thread-safe.
#pragma once

#include "base/clock.hpp"
#include "base/counter.hpp"
#include "base/duration_bounds.hpp"
#include "base/quantiles.hpp"
#include "metrics/snapshot.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace page {

/// What Postfix got, as the label `answer` of stsmapd_queries_total has it.
enum class Answer : std::uint8_t { secure, dane_only, notfound, temp, may, encrypt };
inline constexpr std::size_t answers = 6;

/// Counters of trouble.
enum class Sign : std::uint8_t {
    temp,            ///< answers TEMP
    deadline,        ///< answers at the deadline
    unanswered,      ///< requests without a reply
    weakened,        ///< policies
    record_vanished, ///< records of policies
    policy_expired,  ///< policies
    reload_failed,   ///< reloads of the configuration
    held_up,         ///< new connections that had to wait
    violation,       ///< connections closed for it
    store_failed,    ///< transactions
    log_dropped,     ///< lines
    shared_forged,   ///< values of the shared cache that no host of the fleet made
};
inline constexpr std::size_t signs = 12;

using base::Quantiles;

class Hour {
public:
    static constexpr std::size_t minutes = 60;
    static constexpr base::seconds span{3600};

    /// What happened between two samples.
    struct Part {
        base::seconds ago{};    ///< when it ended
        base::seconds length{}; ///< of the part; over a minute when the daemon could not count meanwhile
        std::array<std::uint64_t, answers> by_answer{};
        Quantiles memory{};  ///< answers from memory, or from the question itself
        Quantiles network{}; ///< answers after a search
        std::uint64_t fetched = 0, not_fetched = 0;

        [[nodiscard]] std::uint64_t total() const noexcept;
    };
    struct Grown {
        std::uint64_t in_hour = 0; ///< how much in the last hour
        base::Instant last{};      ///< a moment after it last grew, at most a minute; the epoch: never
    };
    struct View {
        std::vector<Part> parts; ///< oldest first; none ended more than an hour ago
        Part whole;              ///< all of them, and what has happened since; its `ago` is 0
        std::array<Grown, signs> grown{};
    };

    /// Once a minute, the first time when everything is 0. `steady` does not go back.
    void take(base::Instant now, base::Steady steady, const metrics::Snapshot& numbers);
    [[nodiscard]] View view(base::Instant now, base::Steady steady, const metrics::Snapshot& numbers) const;

private:
    using Buckets = std::array<std::uint64_t, base::answer_bounds.size() + 1>;
    struct Sample {
        base::Steady at{};
        std::array<std::uint64_t, answers> by_answer{};
        Buckets memory{}, network{};
        std::uint64_t fetched = 0, not_fetched = 0;
        std::array<std::uint64_t, signs> by_sign{};
    };
    [[nodiscard]] static Sample sample(base::Steady at, const metrics::Snapshot& numbers);
    [[nodiscard]] static Part between(const Sample& from, const Sample& to, base::Steady now);
    /// The `n`th of them, 0 the oldest.
    [[nodiscard]] const Sample& kept(std::size_t n) const noexcept;

    std::array<Sample, minutes + 1> samples_{};
    std::size_t count_ = 0, next_ = 0;
    std::array<base::Instant, signs> last_{};
};

/// The number of `sign` in `numbers`, since the start.
[[nodiscard]] std::uint64_t number(const metrics::Snapshot& numbers, Sign sign);

} // namespace page
