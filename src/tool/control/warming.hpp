// tool/control/warming.hpp - the pure parts of `stsmap warm`: when the next domain may be looked up, what has been
// found, and the words for it.
#pragma once

#include "base/clock.hpp"
#include "tool/client/control_text.hpp"

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tool {

/// A limit on look-ups: `rate` a second, and never more than a second's at once. Not thread-safe.
class Pace {
public:
    using Time = std::chrono::steady_clock::time_point;

    Pace(double rate, Time now) : rate_(rate), saved_(1), at_(now) {}
    /// Takes the right to one; otherwise how long to wait before asking again.
    [[nodiscard]] std::optional<std::chrono::steady_clock::duration> take(Time now);
    /// It cost no look-up.
    void give_back() noexcept;

private:
    [[nodiscard]] double most() const noexcept;
    double rate_;
    double saved_; ///< rights to take
    Time at_;
};

/// What became of one domain.
enum class Learnt {
    known,   ///< was known before
    found,   ///< has a policy, or DANE
    none,    ///< has none
    failing, ///< DNS or the policy host does not work
    refused, ///< the daemon does not take it for a domain
};
[[nodiscard]] Learnt judge_learnt(const Json& reply);

struct Warmed {
    std::size_t all = 0; ///< domains of the list
    std::size_t known = 0, found = 0, none = 0, failing = 0, refused = 0;
    [[nodiscard]] std::size_t asked() const noexcept { return known + found + none + failing + refused; }
    [[nodiscard]] std::size_t looked_up() const noexcept { return found + none + failing; }
    void count(Learnt learnt) noexcept;
};

/// "120 of 5,000, 9.8 a second, 97 found, 3 failing, 8 min left": at most 79 columns. `recent`: look-ups a second.
[[nodiscard]] std::string progress_text(const Warmed& warmed, double recent);
/// When the progress is shown, and what: once in each period. Not thread-safe.
class Progress {
public:
    using Time = std::chrono::steady_clock::time_point;

    Progress(std::chrono::milliseconds period, Time now) : period_(period), next_(now + period) {
        points_.emplace_back(now, 0);
    }
    /// When to call due() next.
    [[nodiscard]] Time next() const noexcept { return next_; }
    /// progress_text() with the rate of the last half minute; "" when it is not due.
    [[nodiscard]] std::string due(const Warmed& warmed, Time now);

private:
    std::chrono::milliseconds period_;
    Time next_;
    std::vector<std::pair<Time, std::size_t>> points_; ///< how many had been asked for
};

/// The summary, some lines.
[[nodiscard]] std::string warmed_text(const Warmed& warmed, base::seconds took);
[[nodiscard]] Json warmed_json(const Warmed& warmed, base::seconds took);

} // namespace tool
