// tool/check/together.hpp - several coroutines side by side, and a wait for all of them.
//
// Belongs to one single-threaded executor. The coroutines share its state, so it may end before them.
#pragma once

#include "base/event.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>

#include <cstddef>
#include <exception>
#include <memory>
#include <utility>

namespace check {

class Together {
public:
    explicit Together(const boost::asio::any_io_executor& executor)
        : executor_(executor), shared_(std::make_shared<Shared>(executor)) {}

    /// What it throws leaves the loop's run(): only std::bad_alloc is expected.
    void spawn(boost::asio::awaitable<void> work) {
        ++shared_->running;
        boost::asio::co_spawn(executor_, std::move(work),
                              [shared = shared_](const std::exception_ptr& error) {
                                  --shared->running;
                                  shared->ended.notify();
                                  if (error) std::rethrow_exception(error);
                              });
    }

    /// Until none is running, also of those that are spawned meanwhile. One wait at a time.
    [[nodiscard]] boost::asio::awaitable<void> wait() { return wait_for(shared_); }
    [[nodiscard]] std::size_t running() const noexcept { return shared_->running; }

private:
    struct Shared {
        explicit Shared(const boost::asio::any_io_executor& executor) : ended(executor) {}
        std::size_t running = 0;
        base::Event ended;
    };
    [[nodiscard]] static boost::asio::awaitable<void> wait_for(std::shared_ptr<Shared> shared) {
        while (shared->running > 0) {
            co_await shared->ended.wait();
        }
    }

    boost::asio::any_io_executor executor_;
    std::shared_ptr<Shared> shared_;
};

} // namespace check
