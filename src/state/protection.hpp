// state/protection.hpp - sees from the events of policies since when each domain is protected by an enforced policy,
// and tells the keeper.
#pragma once

#include "base/clock.hpp"
#include "events/sink.hpp"
#include "state/keeper.hpp"

#include <string_view>

namespace state {

/// What an event says about a domain's protection. Pure.
struct Protection {
    enum class Change { none, began, ended } change = Change::none;
    std::string_view domain = {};
    base::seconds lasts{0}; ///< `began`: until the policy expires
};
/// `enforce_testing`: policies of mode testing are treated as enforced.
[[nodiscard]] Protection protection_of(const events::Event& event, bool enforce_testing);

/// Passes all events on.
class ProtectionWatch final : public events::Sink {
public:
    /// `next` and `clock` outlive it.
    ProtectionWatch(events::Sink& next, const base::Clock& clock) : next_(next), clock_(clock) {}

    /// The keeper gets what is noted from now on; it outlives this, or null is set before it goes.
    void set_keeper(Keeper* keeper) noexcept { keeper_ = keeper; }
    void set_enforce_testing(bool enforce) noexcept { enforce_testing_ = enforce; }

    void emit(const events::Event& event) override;
    [[nodiscard]] bool wants(base::Level level) const noexcept override { return next_.wants(level); }
    void count(events::Id kind) noexcept override { next_.count(kind); }

private:
    events::Sink& next_;
    const base::Clock& clock_;
    Keeper* keeper_ = nullptr;
    bool enforce_testing_ = false;
};

} // namespace state
