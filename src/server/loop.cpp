#include "server/loop.hpp"

#include <sys/eventfd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <new>

namespace server {

namespace {

std::system_error failed(const char* what) { return {errno, std::generic_category(), what}; }

epoll_event event(std::uint32_t events, Loop::Watcher* watcher) {
    epoll_event made{};
    made.events = events;
    made.data.ptr = watcher;
    return made;
}

/// When memory runs out, a call may be lost, and with it a connection or a lookup. The loop and later calls
/// continue: they matter because an edge-triggered event is not reported twice.
template <class Call>
void guard(const Call& call) {
    try {
        call();
    } catch (const std::bad_alloc&) {
        return; // the daemon's memory reserve logs it
    }
}

constexpr std::chrono::milliseconds slice{2}; // of a turn, for calls of one kind

bool is_over(std::chrono::steady_clock::time_point begun) {
    return std::chrono::steady_clock::now() - begun >= slice;
}

} // namespace

Loop::Loop()
    : epoll_(::epoll_create1(EPOLL_CLOEXEC)), bell_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)), ready_{} {
    if (epoll_.get() < 0) throw failed("epoll_create1");
    if (bell_.get() < 0) throw failed("eventfd");
    // Edge-triggered: each write is reported once, and the count never needs to be read.
    epoll_event rings = event(EPOLLIN | EPOLLET, nullptr);
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, bell_.get(), &rings) != 0) throw failed("epoll_ctl");
}

Loop::~Loop() = default;

void Loop::run() {
    while (!stopped_) turn(std::chrono::milliseconds{INT_MAX});
}

void Loop::stop() {
    post([this] { stopped_ = true; });
}

std::size_t Loop::turn(std::chrono::milliseconds limit) {
    const int count =
        ::epoll_wait(epoll_.get(), ready_.data(), static_cast<int>(ready_.size()), patience(limit));
    if (count < 0 && errno != EINTR) throw failed("epoll_wait");
    collect();
    const std::size_t dispatched = dispatch(static_cast<std::size_t>(std::max(count, 0)));
    const std::size_t delivered = deliver();
    const std::size_t called = call_due();
    return dispatched + delivered + called + serve_queue();
}

/// The end of the turn before. Returns the time, if it was looked at.
std::optional<Loop::Clock::time_point> Loop::end_turn() {
    if (!now_) return std::nullopt;
    const Clock::time_point end = Clock::now();
    if (turn_ended_) turn_ended_(end - *now_);
    now_.reset();
    return end;
}

/// How long epoll_wait may sleep, in milliseconds; -1: no limit.
int Loop::patience(std::chrono::milliseconds limit) {
    const std::optional<Clock::time_point> clock = end_turn();
    if (!delivered_.empty() || !queue_.empty()) return 0;
    {
        std::lock_guard lock{mutex_};
        if (!posted_.empty()) return 0;
        asleep_.store(true, std::memory_order_relaxed);
    }
    if (!calls_.empty()) {
        // Rounded up: waking one millisecond early would be a turn with nothing to do.
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(calls_.begin()->first.first -
                                                                       (clock ? *clock : Clock::now()));
        limit = std::clamp(left, std::chrono::milliseconds{0}, limit);
    } else if (limit.count() >= INT_MAX) {
        return -1;
    }
    return static_cast<int>(limit.count());
}

void Loop::collect() {
    if (asleep_.load(std::memory_order_relaxed)) return; // nobody has posted since
    std::lock_guard lock{mutex_};
    if (delivered_.empty()) delivered_.swap(posted_);
}

std::size_t Loop::dispatch(std::size_t count) {
    std::size_t calls = 0;
    count_ = count;
    for (at_ = 0; at_ < count_;) {
        const epoll_event& now = ready_[at_++];
        if (now.data.ptr == nullptr) continue; // the bell, or unwatched by an earlier call
        guard([&] { static_cast<Watcher*>(now.data.ptr)->ready(now.events); });
        ++calls;
    }
    return calls;
}

std::size_t Loop::deliver() {
    if (delivered_.empty()) return 0;
    std::size_t calls = 0;
    const Clock::time_point begun = Clock::now();
    do {
        const auto work = std::move(delivered_[next_++]);
        guard(work);
        ++calls;
    } while (next_ < delivered_.size() && !is_over(begun));
    if (next_ == delivered_.size()) {
        delivered_.clear();
        next_ = 0;
    }
    return calls;
}

std::size_t Loop::call_due() {
    if (calls_.empty()) return 0;
    std::size_t calls = 0;
    const Clock::time_point now = Clock::now();
    while (!calls_.empty() && calls_.begin()->first.first <= now) {
        auto due = calls_.extract(calls_.begin());
        times_.erase(due.key().second);
        guard(due.mapped());
        ++calls;
        if (is_over(now)) break;
    }
    return calls;
}

std::size_t Loop::serve_queue() {
    if (queue_.empty()) return 0;
    std::size_t calls = 0;
    const Clock::time_point begun = Clock::now();
    const std::size_t all = queue_.size(); // what is queued from now on waits for the next turn
    do {
        const auto work = std::move(queue_.front());
        queue_.pop_front();
        guard(work);
        ++calls;
    } while (calls < all && !is_over(begun));
    return calls;
}

std::error_code Loop::watch(int fd, std::uint32_t events, Watcher& watcher) {
    epoll_event wanted = event(events, &watcher);
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &wanted) == 0) return {};
    return {errno, std::generic_category()};
}

void Loop::change(int fd, std::uint32_t events, Watcher& watcher) {
    epoll_event wanted = event(events, &watcher);
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &wanted) != 0) throw failed("epoll_ctl");
}

void Loop::unwatch(int fd, Watcher& watcher) noexcept {
    (void)::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
    for (std::size_t i = at_; i < count_; ++i)
        if (ready_[i].data.ptr == &watcher) ready_[i].data.ptr = nullptr;
}

std::chrono::steady_clock::time_point Loop::now() noexcept {
    if (!now_) now_ = Clock::now();
    return *now_;
}

void Loop::post(std::function<void()> work) {
    bool ring = false;
    {
        std::lock_guard lock{mutex_};
        posted_.push_back(std::move(work));
        ring = asleep_.exchange(false, std::memory_order_relaxed);
    }
    if (!ring) return;
    const std::uint64_t once = 1;
    while (::write(bell_.get(), &once, sizeof once) < 0 && errno == EINTR) {
    }
}

void Loop::queue(std::function<void()> work) { queue_.push_back(std::move(work)); }

base::Timers::Id Loop::after(base::milliseconds delay, std::function<void()> what) {
    const Id id = ++last_id_;
    const Clock::time_point at = Clock::now() + delay;
    const auto made = calls_.emplace(std::pair{at, id}, std::move(what)).first;
    try {
        times_.emplace(id, at);
    } catch (...) {
        calls_.erase(made); // without its time it could not be cancelled
        throw;
    }
    return id;
}

void Loop::cancel(Id id) noexcept {
    const auto found = times_.find(id);
    if (found == times_.end()) return;
    calls_.erase({found->second, id});
    times_.erase(found);
}

} // namespace server
