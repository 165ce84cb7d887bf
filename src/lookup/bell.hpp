// lookup/bell.hpp - a wait that somebody else may end.
#pragma once

#include "base/clock.hpp"

#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <utility>

namespace lookup {

/// One coroutine waits, on the timers' thread, where ring() is called too. The coroutine must keep the bell alive.
/// What waits belongs to the timer, so it ends with the timers.
class Bell {
public:
    /// Until ring() is called, or `longest` has passed. `timers` outlive the wait.
    [[nodiscard]] boost::asio::awaitable<void> wait(base::Timers& timers, base::milliseconds longest) {
        auto initiate = [this, &timers, longest](auto handler) {
            auto waiting = std::make_shared<std::optional<decltype(handler)>>(std::move(handler));
            const auto go_on = [waiting] {
                if (!*waiting) return;
                auto woken = *std::move(*waiting);
                waiting->reset();
                std::move(woken)();
            };
            const base::Timers::Id timer = timers.after(longest, go_on);
            ring_ = [&timers, timer, weak = std::weak_ptr(waiting)] {
                const auto held = weak.lock();
                if (!held || !*held) return;
                auto woken = *std::move(*held);
                held->reset();
                timers.cancel(timer);
                std::move(woken)();
            };
        };
        return boost::asio::async_initiate<const boost::asio::use_awaitable_t<>, void()>(
            std::move(initiate), boost::asio::use_awaitable);
    }
    /// Ends the wait, within this call. Does nothing when nobody waits.
    void ring() {
        if (const auto ring = std::exchange(ring_, nullptr)) ring();
    }

private:
    std::function<void()> ring_;
};

} // namespace lookup
