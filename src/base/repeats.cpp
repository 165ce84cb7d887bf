#include "base/repeats.hpp"

#include <utility>

namespace base {

Repeats::Verdict Repeats::allow(std::string_view key, Steady now) {
    auto found = seen_.find(std::string(key));
    if (found == seen_.end()) {
        if (seen_.size() >= max_keys_) seen_.clear();
        seen_.emplace(std::string(key), Seen{now, 0});
        return {true, 0};
    }
    Seen& seen = found->second;
    if (now - seen.written < window_) {
        ++seen.suppressed;
        return {};
    }
    seen.written = now;
    return {true, std::exchange(seen.suppressed, 0)};
}

} // namespace base
