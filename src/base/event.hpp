// base/event.hpp - wakes one waiting coroutine. Belongs to one single-threaded executor: no locks.
//
// A notification without a waiter is kept for the next wait, so "check, then wait" in a loop misses nothing.
// Waits may end without cause: check again.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>

namespace base {

class Event {
public:
    explicit Event(const boost::asio::any_io_executor& executor) : timer_(executor) {}

    void notify() {
        notified_ = true;
        timer_.cancel();
    }

    /// Until notified, or until `when`. The event must outlive the wait.
    boost::asio::awaitable<void> wait_until(std::chrono::steady_clock::time_point when) {
        if (!notified_) {
            timer_.expires_at(when);
            co_await timer_.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
        }
        notified_ = false;
    }

    boost::asio::awaitable<void> wait() { return wait_until(std::chrono::steady_clock::time_point::max()); }

private:
    boost::asio::steady_timer timer_;
    bool notified_ = false;
};

} // namespace base
