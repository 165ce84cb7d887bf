#include "state/protection.hpp"

#include <string>

namespace state {

Protection protection_of(const events::Event& event, bool enforce_testing) {
    using Change = Protection::Change;
    const auto by_mode = [&](std::string_view domain, sts::Mode mode, base::seconds max_age) {
        const bool withdrawn = max_age == base::seconds{0};
        const bool protects = sts::is_enforced(mode, enforce_testing) && !withdrawn;
        return Protection{protects ? Change::began : Change::ended, domain, max_age};
    };
    if (const auto* learnt = std::get_if<events::PolicyLearnt>(&event))
        return by_mode(learnt->domain, learnt->mode, learnt->max_age);
    if (const auto* changed = std::get_if<events::PolicyChanged>(&event))
        return by_mode(changed->domain, changed->mode, changed->max_age);
    if (const auto* refreshed = std::get_if<events::PolicyRefreshed>(&event))
        return by_mode(refreshed->domain, refreshed->mode, refreshed->max_age);
    if (const auto* expired = std::get_if<events::PolicyExpired>(&event))
        return {Change::ended, expired->domain, {}};
    if (const auto* evicted = std::get_if<events::PolicyEvicted>(&event))
        return {Change::ended, evicted->domain, {}};
    if (const auto* forgotten = std::get_if<events::PolicyForgotten>(&event))
        return {Change::ended, forgotten->domain, {}};
    return {};
}

void ProtectionWatch::emit(const events::Event& event) {
    next_.emit(event);
    if (keeper_ == nullptr) return;
    const Protection found = protection_of(event, enforce_testing_);
    // A domain without a policy may have lost it with the policies' store: what has ended was said to have.
    if (found.change == Protection::Change::ended) keeper_->ended(std::string{found.domain});
    const base::Instant now = clock_.now();
    if (found.change == Protection::Change::began)
        keeper_->began(std::string{found.domain}, now, now + found.lasts);
}

} // namespace state
