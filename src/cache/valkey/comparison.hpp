// cache/valkey/comparison.hpp - compares what this host knows with what the engine has, in slices: newer policies are
// taken, missing and older ones pushed.
//
// At most 2,000 keys a second, in questions of at most 64 keys with 5 s each, which do not count for the breaker. It
// waits while many policies wait for the engine. Belongs to one single-threaded executor; owned by a shared_ptr.
#pragma once

#include "base/clock.hpp"
#include "cache/cursor.hpp"
#include "cache/fleet.hpp"
#include "cache/table.hpp"
#include "cache/valkey/access.hpp"
#include "cache/valkey/offering.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace valkey {

inline constexpr std::size_t compared_at_once = 64;         ///< keys
inline constexpr std::size_t compared_a_second = 2000;      ///< keys
inline constexpr base::milliseconds comparison_limit{5000}; ///< for a reply
inline constexpr std::size_t max_waiting_meanwhile = 512;   ///< offers

class Comparison : public std::enable_shared_from_this<Comparison> {
public:
    struct Parts { // all outlive it
        base::Timers& timers;
        const cache::Table& table;
        std::shared_ptr<Access> access;
        std::shared_ptr<Offering> offering;
        std::function<void(Value)> newer;
        std::function<void()> ended; ///< FleetSync::trouble says how
    };
    explicit Comparison(Parts parts) : parts_(std::move(parts)) {}
    Comparison(const Comparison&) = delete;
    Comparison& operator=(const Comparison&) = delete;

    /// From the beginning. While one runs: another begins when it has ended.
    void begin();
    [[nodiscard]] const cache::FleetSync& now() const noexcept { return now_; }
    /// Memory ran out during the last: it neither runs nor has ended.
    [[nodiscard]] bool broken_off() const noexcept { return broken_off_; }

private:
    /// A policy of this host, and where it lies in the engine.
    struct Mine {
        Value value;
        Time expires;
        std::vector<std::string> names;
    };
    using Slice = std::vector<Mine>;

    template <class Work>
    void unless_out_of_memory(const Work& work);
    void go_on();
    void step();
    [[nodiscard]] Slice next();
    [[nodiscard]] std::optional<Mine> mine(const cache::Table::Seen& seen) const;
    void asked(Slice slice, const Answer& answer);
    void judge_all(Slice& slice, const std::vector<Reply>& elements);
    void judge(Mine& mine, std::span<const Lies> lies);
    void pause(base::milliseconds longest);
    void end(std::string trouble);

    Parts parts_;
    cache::Cursor cursor_;
    std::vector<cache::Table::Seen> seen_; ///< of the walk, not yet asked for
    std::size_t at_ = 0;                   ///< of seen_
    cache::FleetSync now_;
    bool again_ = false, broken_off_ = false;
    base::Steady not_before_{}; ///< for the next question
};

} // namespace valkey
