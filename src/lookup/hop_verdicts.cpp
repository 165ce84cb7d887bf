#include "lookup/hop_verdicts.hpp"

#include <iterator>

namespace lookup {

dane::State HopVerdicts::find(const postfix::NextHop& hop) const {
    const std::lock_guard guard(lock_);
    const auto found = slots_.find(hop);
    return found == slots_.end() ? dane::State{} : found->second.state;
}

std::optional<postfix::NextHop> HopVerdicts::put(const postfix::NextHop& hop, const dane::State& state) {
    const std::lock_guard guard(lock_);
    if (const auto found = slots_.find(hop); found != slots_.end()) {
        found->second.state = state;
        order_.splice(order_.end(), order_, found->second.place);
        return std::nullopt;
    }
    const auto place = order_.insert(order_.end(), Slots::iterator{});
    try {
        *place = slots_.emplace(hop, Slot{state, place}).first;
    } catch (...) {
        order_.erase(place);
        throw;
    }
    if (slots_.size() <= max_hops) return std::nullopt;
    auto gone = slots_.extract(order_.front());
    order_.pop_front();
    return std::move(gone.key());
}

std::size_t HopVerdicts::size() const {
    const std::lock_guard guard(lock_);
    return slots_.size();
}

} // namespace lookup
