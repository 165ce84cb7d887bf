#include "base/repeats.hpp"

#include <algorithm>
#include <utility>

namespace base {

Repeats::Repeats(seconds window, std::size_t max_keys)
    : window_(window), max_keys_(std::max<std::size_t>(max_keys, 1)) {}

Repeats::Verdict Repeats::allow(std::string_view text, Steady now) {
    const std::uint64_t key = keyed_hash(text);
    if (const auto found = by_key_.find(key); found != by_key_.end()) {
        const Order::iterator seen = found->second;
        if (now < seen->written + window_) {
            ++seen->suppressed;
            return {};
        }
        order_.splice(order_.end(), order_, seen);
        seen->written = now;
        return {true, std::exchange(seen->suppressed, 0)};
    }
    if (order_.size() == max_keys_) {
        by_key_.erase(order_.front().key);
        order_.pop_front();
    }
    order_.push_back({key, now, 0});
    by_key_.emplace(order_.back().key, std::prev(order_.end()));
    return {true, 0};
}

} // namespace base
