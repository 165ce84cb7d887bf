// events/policy_counts.hpp - counts what becomes of policies, from the events about them.
//
// One thread emits; any thread reads.
#pragma once

#include "base/counter.hpp"
#include "events/sink.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>

namespace events {

enum class PolicyChange : std::uint8_t {
    learnt,
    replaced, ///< by another, no weaker
    weakened, ///< from enforce to less
    expired,
    record_vanished, ///< the domain of a policy in use shows no record any more
    evicted,         ///< to make room
    forgotten,       ///< by an administrator
};
inline constexpr std::size_t policy_changes = 7;

/// None: the event is about no such change. Pure.
[[nodiscard]] std::optional<PolicyChange> change_of(const Event& event) noexcept;

/// Passes all events on.
class PolicyCounts final : public Sink {
public:
    explicit PolicyCounts(Sink& next) : next_(next) {} // next outlives it

    void emit(const Event& event) override;
    [[nodiscard]] bool wants(base::Level level) const noexcept override { return next_.wants(level); }
    void count(Id kind) noexcept override { next_.count(kind); }

    /// A change without an event.
    void add(PolicyChange change) noexcept { counters_.of(change).add(); }
    [[nodiscard]] std::uint64_t of(PolicyChange change) const noexcept {
        return counters_.of(change).value();
    }

private:
    Sink& next_;
    base::CountersOf<PolicyChange, policy_changes> counters_;
};

} // namespace events
