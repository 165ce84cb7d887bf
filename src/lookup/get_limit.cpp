#include "lookup/get_limit.hpp"

#include <algorithm>

namespace lookup {

void GetLimit::forget_old(base::Steady now) {
    while (!order_.empty() && order_.front().first + spacing <= now) {
        const auto [at, name] = order_.front();
        order_.pop_front();
        if (const auto found = last_.find(name); found != last_.end() && found->second <= at)
            last_.erase(found);
    }
}

base::seconds GetLimit::wait(const base::Domain& domain, base::Steady now) {
    forget_old(now);
    base::Steady open = now;
    if (order_.size() >= max_remembered) open = order_.front().first + spacing;
    if (const auto found = last_.find(base::keyed_hash(domain.name())); found != last_.end())
        open = std::max(open, found->second + spacing);
    return std::chrono::ceil<base::seconds>(open - now);
}

void GetLimit::note(const base::Domain& domain, base::Steady at) {
    if (order_.size() >= max_remembered) return;
    const std::uint64_t name = base::keyed_hash(domain.name());
    order_.emplace_back(at, name);
    base::Steady& last = last_[name];
    last = std::max(last, at);
}

void GetLimit::take_back(const base::Domain& domain) { last_.erase(base::keyed_hash(domain.name())); }

} // namespace lookup
