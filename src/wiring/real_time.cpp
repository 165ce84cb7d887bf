#include "wiring/real_time.hpp"

#include <ctime>
#include <utility>

namespace app {

base::Instant SystemClock::now() const noexcept {
    // Needed for every request: time() gives whole seconds without reading the hardware clock.
    return base::Instant{base::seconds{std::time(nullptr)}};
}

base::Steady SystemClock::steady() const noexcept {
    return std::chrono::floor<base::Steady::duration>(std::chrono::steady_clock::now());
}

base::Timers::Id AsioTimers::after(base::milliseconds delay, std::function<void()> what) {
    const Id id = ++last_id_;
    auto waiting =
        std::make_unique<Waiting>(Waiting{boost::asio::steady_timer{executor_, delay}, std::move(what)});
    waiting->timer.async_wait([this, id](boost::system::error_code error) {
        if (error) return; // cancelled: the timer, and perhaps this object, no longer exist
        auto node = waiting_.extract(id);
        if (!node.empty()) node.mapped()->what();
    });
    waiting_.emplace(id, std::move(waiting));
    return id;
}

} // namespace app
