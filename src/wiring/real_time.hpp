// wiring/real_time.hpp - the real clocks, and timers on an io_context.
#pragma once

#include "base/clock.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <map>
#include <memory>

namespace app {

class SystemClock final : public base::Clock {
public:
    [[nodiscard]] base::Instant now() const noexcept override;
    [[nodiscard]] base::Steady steady() const noexcept override;
};

/// Timers of one io_context, run by one thread.
class AsioTimers final : public base::Timers {
public:
    explicit AsioTimers(boost::asio::any_io_executor executor) : executor_(std::move(executor)) {}

    [[nodiscard]] Id after(base::milliseconds delay, std::function<void()> what) override;
    void cancel(Id id) noexcept override { waiting_.erase(id); }

private:
    struct Waiting {
        boost::asio::steady_timer timer;
        std::function<void()> what;
    };
    boost::asio::any_io_executor executor_;
    Id last_id_ = 0;
    std::map<Id, std::unique_ptr<Waiting>> waiting_;
};

} // namespace app
