// tests/support/manual_time.hpp - both clocks and the timers, moved by the test.
//
// The clocks may be read by any thread, as those of the daemon; all else belongs to the thread that moves them.
#pragma once

#include "base/clock.hpp"

#include <atomic>
#include <map>
#include <optional>
#include <utility>

namespace test {

class ManualTime final : public base::Clock, public base::Timers {
public:
    explicit ManualTime(base::Instant start = base::Instant{std::chrono::seconds{1'700'000'000}})
        : start_(start) {}

    [[nodiscard]] base::Instant now() const noexcept override {
        return std::chrono::floor<base::seconds>(start_ + jumped_.load() + passed_.load());
    }
    [[nodiscard]] base::Steady steady() const noexcept override { return base::Steady{passed_.load()}; }

    [[nodiscard]] Id after(base::milliseconds delay, std::function<void()> what) override {
        const Id id = ++last_id_;
        calls_.emplace(std::pair{passed_.load() + delay, id}, std::move(what));
        return id;
    }
    void cancel(Id id) noexcept override {
        for (auto it = calls_.begin(); it != calls_.end(); ++it)
            if (it->first.second == id) {
                calls_.erase(it);
                return;
            }
    }

    /// Time since the start.
    [[nodiscard]] base::milliseconds passed() const {
        return std::chrono::floor<base::milliseconds>(passed_.load());
    }
    /// When the next delayed call is due.
    [[nodiscard]] std::optional<base::milliseconds> next_call() const {
        if (calls_.empty()) return std::nullopt;
        return std::chrono::floor<base::milliseconds>(calls_.begin()->first.first);
    }
    /// Moves to `at` (never back) without making calls.
    void move_to(base::milliseconds at) { passed_ = std::max<Micros>(passed_.load(), at); }
    /// Makes the next delayed call, moving to its time.
    void make_next_call() {
        auto node = calls_.extract(calls_.begin());
        passed_ = std::max(passed_.load(), node.key().first);
        node.mapped()();
    }
    /// Forgets every delayed call, as the end of a process does.
    void forget_calls() { calls_.clear(); }
    /// Sets the wall clock forward or back; steady time does not change.
    void jump(base::seconds by) { jumped_ = jumped_.load() + by; }

private:
    using Micros = std::chrono::microseconds;
    base::Instant start_;
    std::atomic<base::seconds> jumped_{base::seconds{0}};
    std::atomic<Micros> passed_{Micros{0}};
    Id last_id_ = 0;
    std::map<std::pair<Micros, Id>, std::function<void()>> calls_;
};

} // namespace test
