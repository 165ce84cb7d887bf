// admin/turns.hpp - one after the other, in the order in which they came. Belongs to the back thread.
//
// So that replies that take some work, for whoever asks for many at once, leave the thread to others in between.
#pragma once

#include "base/event.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <deque>
#include <memory>
#include <utility>

namespace admin {

class Turns {
public:
    explicit Turns(boost::asio::any_io_executor executor) : executor_(std::move(executor)) {}

    /// Gives the turn back, however the work ends: a turn that nobody gives back would hold up all others for good.
    class Held {
    public:
        explicit Held(Turns& turns) : turns_(turns) {}
        ~Held() { turns_.give_back(); }
        Held(const Held&) = delete;
        Held& operator=(const Held&) = delete;

    private:
        Turns& turns_;
    };

    /// Waits until nobody before has the turn. Then make a Held at once.
    [[nodiscard]] boost::asio::awaitable<void> take() {
        if (!std::exchange(taken_, true)) co_return;
        const auto waiter = std::make_shared<Waiter>(executor_);
        waiting_.push_back(waiter);
        while (!waiter->turn) {
            co_await waiter->come.wait();
        }
    }

private:
    void give_back() noexcept {
        if (waiting_.empty()) {
            taken_ = false;
            return;
        }
        const std::shared_ptr<Waiter> next = std::move(waiting_.front());
        waiting_.pop_front();
        next->turn = true;
        next->come.notify();
    }

    struct Waiter {
        explicit Waiter(const boost::asio::any_io_executor& executor) : come(executor) {}
        base::Event come;
        bool turn = false;
    };

    boost::asio::any_io_executor executor_;
    std::deque<std::shared_ptr<Waiter>> waiting_;
    bool taken_ = false;
};

} // namespace admin
