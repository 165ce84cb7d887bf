#include "fetch/turns.hpp"

#include <boost/asio/post.hpp>

#include <ctime>
#include <utility>

namespace fetch {

namespace {

std::chrono::nanoseconds thread_cpu() noexcept {
    timespec now{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return std::chrono::seconds{now.tv_sec} + std::chrono::nanoseconds{now.tv_nsec};
}

} // namespace

Turns::Turn::Turn(std::shared_ptr<Turns> turns) : turns_(std::move(turns)), event_(turns_->executor_) {}

Turns::Turn::~Turn() {
    if (waits_) turns_->waiting_.erase(this);
}

boost::asio::awaitable<void> Turns::Turn::wait() {
    if (turns_->room()) co_return;
    number_ = ++turns_->numbers_;
    waits_ = true;
    turns_->waiting_.insert(this);
    while (waits_) {
        co_await event_.wait();
    }
}

void Turns::Turn::cancel() {
    if (!waits_) return;
    turns_->waiting_.erase(this);
    waits_ = false;
    event_.notify();
}

bool Turns::room() {
    if (!on_) begin();
    return waiting_.empty() && left();
}

bool Turns::left() const { return octets_ < max_turn_octets && thread_cpu() - begun_at_ < max_turn_cpu; }

void Turns::pass_on() {
    if (!waiting_.empty() && on_ && left()) call_first();
}

/// A handler posted now runs after the loop has checked its timers and sockets.
void Turns::begin() {
    on_ = true;
    octets_ = 0;
    begun_at_ = thread_cpu();
    boost::asio::post(executor_, [weak = weak_from_this()] {
        if (const auto turns = weak.lock()) turns->next();
    });
}

void Turns::next() {
    on_ = false;
    if (waiting_.empty()) return;
    begin();
    call_first();
}

void Turns::call_first() {
    Turn* const first = *waiting_.begin();
    waiting_.erase(waiting_.begin());
    ++first->served_;
    first->waits_ = false;
    first->event_.notify();
}

} // namespace fetch
