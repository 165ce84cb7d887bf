#include "state/pending.hpp"

#include <algorithm>

namespace state {

Pending::Note* Pending::note(std::string_view domain) {
    const auto found = notes_.find(domain);
    if (found != notes_.end()) return &found->second;
    if (notes_.size() >= max_notes) return nullptr;
    return &notes_.emplace(std::string{domain}, Note{}).first->second;
}

void Pending::began(std::string_view domain, base::Instant at, base::Instant until) {
    Note* const found = note(domain);
    if (found == nullptr) return;
    if (found->since && at > found->until) *found = {true, std::nullopt, {}};
    if (!found->since) found->since = at;
    found->until = until;
}

void Pending::ended(std::string_view domain) {
    if (Note* const found = note(domain)) *found = {true, std::nullopt, {}};
}

void Pending::add(const Observed& more) {
    const auto found = observed_.find(more.domain);
    if (found == observed_.end()) {
        if (observed_.size() < max_domains_)
            observed_.emplace(more.domain, more);
        else
            ++forgotten_;
        return;
    }
    Observed& sum = found->second;
    sum.would = more.would;
    sum.lookups += more.lookups;
    sum.first = std::min(sum.first, more.first);
    sum.last = std::max(sum.last, more.last);
}

void Pending::clear() noexcept {
    notes_.clear();
    observed_.clear();
    forgotten_ = 0;
}

} // namespace state
