// tests/explorer/hands.hpp - both clocks and the delayed calls of the daemon's parts and of the world
// outside, moved by hand. Calls of the same moment are made in the order in which they were asked for.
#pragma once

#include "base/clock.hpp"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

namespace explorer {

class Hands final : public base::Clock, public base::Timers {
public:
    using Micros = std::chrono::microseconds;
    static constexpr base::Instant begin{base::seconds{1'700'000'000}};

    [[nodiscard]] base::Instant now() const noexcept override { return begin + wall_off_ + whole(passed_); }
    [[nodiscard]] base::Steady steady() const noexcept override { return base::Steady{passed_}; }
    [[nodiscard]] Id after(base::milliseconds delay, std::function<void()> what) override {
        calls_.push_back({passed_ + delay, ++last_, false, std::move(what)});
        return last_;
    }
    void cancel(Id id) noexcept override {
        const auto found = std::ranges::find(calls_, id, &Call::id);
        if (found != calls_.end()) calls_.erase(found);
    }

    /// A call for the disk or the network.
    void after_outside(base::milliseconds delay, std::function<void()> what) {
        calls_.push_back({passed_ + delay, ++last_, true, std::move(what)});
    }

    /// Time that has really passed since the beginning.
    [[nodiscard]] Micros passed() const { return passed_; }
    [[nodiscard]] base::seconds wall_off() const { return wall_off_; }
    void jump(base::seconds by) { wall_off_ += by; }

    [[nodiscard]] std::optional<Micros> next() const {
        const auto found = first();
        if (found == calls_.end()) return std::nullopt;
        return found->at;
    }
    [[nodiscard]] bool next_is_outside() const { return first()->outside; }
    void make_next() {
        const auto found = first();
        const std::function<void()> what = std::move(found->what);
        passed_ = std::max(passed_, found->at);
        calls_.erase(found);
        what();
    }
    void move_to(Micros at) { passed_ = std::max(passed_, at); }

    /// The process ends, and with it its delayed calls.
    void forget_calls() { calls_.clear(); }
    /// The beginning again.
    void reset() {
        calls_.clear();
        passed_ = Micros{0};
        wall_off_ = base::seconds{0};
    }

    struct Call {
        Micros at{};
        Id id = 0;
        bool outside = false;
        std::function<void()> what;
    };
    [[nodiscard]] const std::vector<Call>& calls() const { return calls_; }

private:
    static base::seconds whole(Micros t) { return std::chrono::floor<base::seconds>(t); }
    [[nodiscard]] std::vector<Call>::const_iterator first() const {
        return std::ranges::min_element(calls_, {}, [](const Call& c) { return std::pair{c.at, c.id}; });
    }
    [[nodiscard]] std::vector<Call>::iterator first() {
        return std::ranges::min_element(calls_, {}, [](const Call& c) { return std::pair{c.at, c.id}; });
    }

    std::vector<Call> calls_;
    Id last_ = 0;
    Micros passed_{0};
    base::seconds wall_off_{0};
};

} // namespace explorer
