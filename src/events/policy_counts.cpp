#include "events/policy_counts.hpp"

namespace events {

std::optional<PolicyChange> change_of(const Event& event) noexcept {
    if (std::holds_alternative<PolicyLearnt>(event)) return PolicyChange::learnt;
    if (const auto* changed = std::get_if<PolicyChanged>(&event))
        return changed->weakened ? PolicyChange::weakened : PolicyChange::replaced;
    if (std::holds_alternative<PolicyRecordVanished>(event)) return PolicyChange::record_vanished;
    if (std::holds_alternative<PolicyExpired>(event)) return PolicyChange::expired;
    if (std::holds_alternative<PolicyEvicted>(event)) return PolicyChange::evicted;
    // Without a mode there was no policy, or an expired one.
    if (const auto* forgotten = std::get_if<PolicyForgotten>(&event))
        return forgotten->mode == "-" ? std::nullopt : std::optional{PolicyChange::forgotten};
    return std::nullopt;
}

void PolicyCounts::emit(const Event& event) {
    if (const auto change = change_of(event)) add(*change);
    next_.emit(event);
}

} // namespace events
