#include "cache/valkey/compare.hpp"

namespace valkey {

std::optional<std::size_t> newest(std::span<const Lies> lies) {
    std::optional<std::size_t> best;
    for (std::size_t i = 0; i < lies.size(); ++i) {
        if (!lies[i] || !*lies[i]) continue;
        if (!best || newer((**lies[i]).value, (**lies[*best]).value)) best = i;
    }
    return best;
}

Verdict compare(const Value& ours, std::span<const Lies> lies) {
    const std::optional<std::size_t> best = newest(lies);
    if (best && newer((**lies[*best]).value, ours)) return {.take = best};
    const Lies& first = lies.front();
    if (first && !should_write(ours, *first)) return {};
    return {.take = {}, .push = true, .changed = best && newer(ours, (**lies[*best]).value)};
}

} // namespace valkey
