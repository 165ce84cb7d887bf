// server/loop.hpp - what a front thread does: wait for its sockets, for other threads' work and for the time.
//
// One epoll(7) instance and as few system calls as it takes. A socket is registered once and edge-triggered,
// so that a request costs one recv and one send; each turn takes all that is ready with one epoll_wait. Work
// of other threads wakes the loop only while it sleeps. Delayed calls are the time-out of epoll_wait: nothing
// ticks when nothing is due.
//
// Not Asio, which the back thread uses: it reads a socket once more after every request to find it empty,
// and takes locks and allocates for each operation. A cached answer costs little more than its system calls.
//
// A turn has an end, whatever is asked: after what is ready, at most max_ready sockets, come posted work,
// calls that are due and those who want another turn (queue()), 2 ms of each and the call that is under way
// then; what is left goes on in the next turn. So one of them is never held up by all of another kind.
//
// A call that finds no memory (std::bad_alloc) is lost, and nothing else: the loop goes on with the next one.
//
// post() and stop() may be called from any thread; everything else, and every call the loop makes, belongs to
// the thread that turns it (or to the one that prepares it before).
#pragma once

#include "base/clock.hpp"
#include "base/inbox.hpp"
#include "base/net/descriptor.hpp"

#include <sys/epoll.h>

#include <array>
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
    static constexpr std::size_t max_ready = 128; ///< sockets told of in one turn

    class Watcher {
    public:
        /// `events` as in epoll_event. May unwatch anything, itself included.
        virtual void ready(std::uint32_t events) = 0;

    protected:
        ~Watcher() = default;
    };

    /// Throws std::system_error when the system gives no descriptors.
    Loop();
    ~Loop() override;
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;

    /// Turns until stop(). Once stopped it stays so.
    void run();
    void stop();
    /// Does what is ready, after waiting for it for up to `limit`; the number of calls made.
    std::size_t turn(std::chrono::milliseconds limit);

    /// Calls watcher.ready() when `fd` has one of `events` (EPOLLERR and EPOLLHUP always count). An error:
    /// the system has no memory or watches left.
    [[nodiscard]] std::error_code watch(int fd, std::uint32_t events, Watcher& watcher);
    /// Other events for a descriptor that is watched; those that are there already are told anew.
    void change(int fd, std::uint32_t events, Watcher& watcher);
    /// No call comes any more, not even for events already seen. Before the descriptor is closed.
    void unwatch(int fd, Watcher& watcher) noexcept;

    /// When the first call of this turn asked for the time: as good as the time, for less.
    [[nodiscard]] std::chrono::steady_clock::time_point now() noexcept;

    void post(std::function<void()> work) override;
    /// For who has had its share of this turn: `work` comes last in a later part of it or in the next one,
    /// in the order of the queue.
    void queue(std::function<void()> work);
    [[nodiscard]] Id after(base::milliseconds delay, std::function<void()> what) override;
    void cancel(Id id) noexcept override;

private:
    using Clock = std::chrono::steady_clock;
    using Work = std::vector<std::function<void()>>;

    [[nodiscard]] int patience(std::chrono::milliseconds limit);
    void collect();
    std::size_t dispatch(std::size_t count);
    std::size_t deliver();
    std::size_t call_due();
    std::size_t serve_queue();

    net::Descriptor epoll_, bell_; ///< bell_: an eventfd, rung for a sleeper
    std::array<epoll_event, max_ready> ready_;
    std::optional<Clock::time_point> now_; ///< of this turn
    std::size_t at_ = 0, count_ = 0;       ///< what of ready_ has not been dispatched yet

    std::map<std::pair<Clock::time_point, Id>, std::function<void()>> calls_;
    std::unordered_map<Id, Clock::time_point> times_; ///< of calls_
    Id last_id_ = 0;

    Work delivered_;       ///< was posted
    std::size_t next_ = 0; ///< of delivered_
    std::deque<std::function<void()>> queue_;
    bool stopped_ = false;

    std::mutex mutex_; ///< guards what follows
    Work posted_;
    bool asleep_ = false; ///< in epoll_wait, or about to be: whoever posts rings
};

} // namespace server
