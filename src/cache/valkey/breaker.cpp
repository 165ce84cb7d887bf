#include "cache/valkey/breaker.hpp"

#include <algorithm>

namespace valkey {

namespace {

base::milliseconds spread(base::milliseconds pause, double chance) noexcept {
    const double factor = 0.8 + 0.4 * std::clamp(chance, 0.0, 1.0);
    return base::milliseconds(static_cast<std::int64_t>(static_cast<double>(pause.count()) * factor));
}

} // namespace

base::milliseconds Backoff::next(double chance) noexcept {
    const base::milliseconds pause = next_;
    next_ = std::min(next_ * 2, most_);
    return spread(pause, chance);
}

base::milliseconds Backoff::longest(double chance) const noexcept { return spread(most_, chance); }

void Breaker::answered() noexcept {
    if (state_ == State::closed) timeouts_ = 0;
}

bool Breaker::timed_out(base::Steady now, double chance) noexcept {
    if (state_ != State::closed || ++timeouts_ < timeouts_to_open) return false;
    open(now, chance);
    return true;
}

void Breaker::open(base::Steady now, double chance) noexcept {
    state_ = State::open;
    due_ = now + backoff_.next(chance);
}

bool Breaker::try_now(base::Steady now) noexcept {
    if (state_ != State::open || now < due_) return false;
    state_ = State::half_open;
    return true;
}

void Breaker::not_ponged(base::Steady now, double chance) noexcept {
    if (state_ == State::half_open) open(now, chance);
}

void Breaker::reset() noexcept {
    state_ = State::closed;
    timeouts_ = 0;
    backoff_.reset();
}

} // namespace valkey
