// tests/support/real_clock.hpp - a Clock that tells the machine's time, for tests with real sockets.
#pragma once

#include "base/clock.hpp"

namespace test {

class RealClock final : public base::Clock {
public:
    [[nodiscard]] base::Instant now() const noexcept override {
        return std::chrono::floor<base::seconds>(std::chrono::system_clock::now());
    }
    [[nodiscard]] base::Steady steady() const noexcept override {
        return std::chrono::time_point_cast<std::chrono::microseconds>(std::chrono::steady_clock::now());
    }
};

} // namespace test
