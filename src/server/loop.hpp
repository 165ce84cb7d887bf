// server/loop.hpp - the event loop of a front thread: waits for sockets, for work of other threads and for
// timers.
//
// One epoll(7) instance and as few system calls as possible. A socket is registered once and edge-triggered,
// so that a request costs one recv and one send; each turn takes all that is ready with one epoll_wait. Work
// of other threads wakes the loop only while it sleeps. The next delayed call sets the time-out of
// epoll_wait: nothing wakes the loop when nothing is due.
//
// Not Asio, which the back thread uses: Asio reads a socket once more after every request to find it empty,
// and takes locks and allocates for each operation. A cached answer costs little more than its system calls.
//
// Every turn is bounded. First come the sockets that are ready, at most max_ready; then posted work, delayed
// calls that are due, and the calls in queue(). Each of these three kinds gets 2 ms and finishes the call that
// is running then; the rest continues in the next turn. So no kind of work can hold up another.
//
// A call that finds no memory (std::bad_alloc) is lost, and nothing else: the loop continues with the next.
//
// post() and stop() may be called from any thread; everything else, and every call the loop makes, belongs to
// the thread that runs it (or to the one that prepares it before).
#pragma once

#include "base/clock.hpp"
#include "base/inbox.hpp"
#include "base/net/descriptor.hpp"

#include <sys/epoll.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <system_error>
#include <unordered_map>
#include <utility>
#include <vector>

namespace server {

class Loop final : public base::Inbox, public base::Timers {
public:
    static constexpr std::size_t max_ready = 128; ///< sockets served in one turn

    class Watcher {
    public:
        /// `events` as in epoll_event. May unwatch any descriptor, also its own.
        virtual void ready(std::uint32_t events) = 0;

    protected:
        ~Watcher() = default;
    };

    /// Throws std::system_error when the system gives no descriptors.
    Loop();
    ~Loop() override;
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;

    /// Runs until stop(). It cannot be started again.
    void run();
    void stop();
    /// One turn: waits up to `limit` for something to do, and does it. Returns the number of calls made.
    std::size_t turn(std::chrono::milliseconds limit);

    /// Calls watcher.ready() when `fd` has one of `events` (EPOLLERR and EPOLLHUP always count). Fails when
    /// the system has no memory or watches left.
    [[nodiscard]] std::error_code watch(int fd, std::uint32_t events, Watcher& watcher);
    /// Changes the events of a watched descriptor; those that are pending are reported again.
    void change(int fd, std::uint32_t events, Watcher& watcher);
    /// After this no call comes, not even for events already seen. Call it before closing the descriptor.
    void unwatch(int fd, Watcher& watcher) noexcept;

    /// The time when now() was first called in this turn: exact enough, and cheaper than the clock.
    [[nodiscard]] std::chrono::steady_clock::time_point now() noexcept;
    /// Calls `what` at the end of each turn in which somebody called now(), with the time since then. It does not
    /// throw.
    void at_turn_end(std::function<void(std::chrono::nanoseconds)> what) { turn_ended_ = std::move(what); }

    void post(std::function<void()> work) override;
    /// For callers that have used their share of this turn: calls `work` later in this turn or in the next
    /// one, in the order of the queue.
    void queue(std::function<void()> work);
    [[nodiscard]] Id after(base::milliseconds delay, std::function<void()> what) override;
    void cancel(Id id) noexcept override;

private:
    using Clock = std::chrono::steady_clock;
    using Work = std::vector<std::function<void()>>;

    std::optional<Clock::time_point> end_turn();
    [[nodiscard]] int patience(std::chrono::milliseconds limit);
    void collect();
    std::size_t dispatch(std::size_t count);
    std::size_t deliver();
    std::size_t call_due();
    std::size_t serve_queue();

    net::Descriptor epoll_, bell_; ///< bell_: an eventfd, rung for a sleeper
    std::array<epoll_event, max_ready> ready_;
    std::optional<Clock::time_point> now_; ///< of this turn
    std::function<void(std::chrono::nanoseconds)> turn_ended_;
    std::size_t at_ = 0, count_ = 0;       ///< the part of ready_ that has not been dispatched yet

    std::map<std::pair<Clock::time_point, Id>, std::function<void()>> calls_;
    std::unordered_map<Id, Clock::time_point> times_; ///< of calls_
    Id last_id_ = 0;

    Work delivered_;       ///< posted work, taken over by this thread
    std::size_t next_ = 0; ///< of delivered_
    std::deque<std::function<void()>> queue_;
    bool stopped_ = false;

    std::mutex mutex_; ///< guards changes of the members below
    Work posted_;
    /// The thread sleeps or is about to, and nobody has posted since: a post must ring the bell. Stays true through a
    /// turn without posted work, which so takes no lock for it.
    std::atomic<bool> asleep_{false};
};

} // namespace server
