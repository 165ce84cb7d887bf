#include "lookup/observed_sums.hpp"

#include <new>
#include <utility>

namespace lookup {

void ObservedSums::note(std::string_view domain, std::string_view would, base::Instant now) noexcept {
    auto found = counts_.find(domain);
    if (found == counts_.end()) {
        if (counts_.size() >= max_domains) {
            ++forgotten_;
            return;
        }
        try {
            found = counts_.emplace(std::string{domain}, Count{would, 0, now, now}).first;
        } catch (const std::bad_alloc&) {
            ++forgotten_;
            return;
        }
    }
    found->second.would = would;
    ++found->second.lookups;
    found->second.last = now;
}

ObservedSums::Taken ObservedSums::take() {
    Taken taken;
    taken.sums.reserve(counts_.size());
    for (const auto& [domain, count] : counts_)
        taken.sums.push_back({domain, count.would, count.lookups, count.first, count.last});
    taken.forgotten = std::exchange(forgotten_, 0);
    counts_ = {};
    return taken;
}

} // namespace lookup
