// daemon/repeated.hpp - calls something again and again, also after a time without memory. Belongs to one thread.
#pragma once

#include "base/clock.hpp"

#include <functional>
#include <utility>

namespace app {

class Repeated {
public:
    /// Calls `what` for the first time after `every`. `timers` outlive it. May throw std::bad_alloc.
    Repeated(base::Timers& timers, base::milliseconds every, std::function<void()> what)
        : timers_(timers), every_(every), what_(std::move(what)) {
        arm();
    }
    ~Repeated() { timers_.cancel(timer_); }
    Repeated(const Repeated&) = delete;
    Repeated& operator=(const Repeated&) = delete;

    /// Once there was no memory for a timer, only this makes the calls come again, the first at once. Otherwise it does
    /// nothing. May throw std::bad_alloc.
    void keep_on() {
        if (timer_ == 0) call();
    }

private:
    void arm() {
        timer_ = timers_.after(every_, [this] {
            timer_ = 0;
            call();
        });
    }
    void call() {
        arm();
        what_();
    }

    base::Timers& timers_;
    base::milliseconds every_;
    std::function<void()> what_;
    base::Timers::Id timer_ = 0; ///< 0: there is none
};

} // namespace app
