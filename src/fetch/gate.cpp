#include "fetch/gate.hpp"

namespace fetch {

Gate::Waiter::Waiter(std::shared_ptr<Gate> gate, std::function<void()> ready, bool first)
    : gate_(std::move(gate)), ready_(std::move(ready)) {
    turn_ = gate_->queue_.insert(first ? gate_->queue_.begin() : gate_->queue_.end(), this);
}

Gate::Waiter::~Waiter() {
    if (queued_) gate_->queue_.erase(turn_);
}

Gate::Admission Gate::try_enter() {
    if (closed_ || inside_ >= limit_ || !queue_.empty()) return {};
    ++inside_;
    return Admission{shared_from_this()};
}

std::unique_ptr<Gate::Waiter> Gate::wait(std::function<void()> ready, bool first) {
    auto waiter = std::make_unique<Waiter>(shared_from_this(), std::move(ready), first);
    admit();
    return waiter;
}

void Gate::set_limit(std::size_t limit) {
    limit_ = limit;
    admit();
}

void Gate::leave() {
    --inside_;
    admit();
}

void Gate::admit() {
    while (!closed_ && inside_ < limit_ && !queue_.empty()) {
        Waiter* next = queue_.front();
        queue_.pop_front();
        next->queued_ = false;
        ++inside_;
        next->admission_ = Admission{shared_from_this()};
        next->ready_();
    }
}

} // namespace fetch
