#include "tool/control/warming.hpp"

#include "tool/control/texts.hpp"
#include "tool/show/safe_text.hpp"
#include "tool/show/times.hpp"

#include <algorithm>
#include <cmath>

namespace tool {

double Pace::most() const noexcept { return std::max(1.0, rate_); }

std::optional<std::chrono::steady_clock::duration> Pace::take(Time now) {
    const std::chrono::duration<double> passed = now - at_;
    saved_ = std::min(most(), saved_ + std::max(0.0, passed.count()) * rate_);
    at_ = now;
    if (saved_ >= 1) {
        saved_ -= 1;
        return std::nullopt;
    }
    const std::chrono::duration<double> missing((1 - saved_) / rate_);
    return std::chrono::ceil<std::chrono::milliseconds>(missing);
}

void Pace::give_back() noexcept { saved_ = std::min(most(), saved_ + 1); }

Learnt judge_learnt(const Json& reply) {
    if (flag_of(reply, "known")) return Learnt::known;
    const std::string_view mode = text_of(reply, "mode"), reason = text_of(reply, "reason");
    if ((!mode.empty() && mode != "none") || text_of(reply, "answer") == "dane-only") return Learnt::found;
    return reason.empty() || reason == "no-record" ? Learnt::none : Learnt::failing;
}

void Warmed::count(Learnt learnt) noexcept {
    switch (learnt) {
    case Learnt::known: ++known; return;
    case Learnt::found: ++found; return;
    case Learnt::none: ++none; return;
    case Learnt::failing: ++failing; return;
    case Learnt::refused: ++refused; return;
    }
}

namespace {

constexpr std::chrono::seconds rate_over{30};

std::string number(std::size_t count) {
    const std::string words = counted(static_cast<std::int64_t>(count), "");
    return words.substr(0, words.find(' '));
}

} // namespace

std::string progress_text(const Warmed& warmed, double recent) {
    const auto tenths = static_cast<std::int64_t>(std::lround(std::min(recent, 1e6) * 10));
    std::string text = number(warmed.asked()) + " of " + number(warmed.all) + ", " +
                       std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " a second, " +
                       number(warmed.found) + " found, " + number(warmed.failing) + " failing";
    if (recent > 0 && warmed.asked() < warmed.all) {
        const double left = static_cast<double>(warmed.all - warmed.asked()) / recent;
        text += ", " +
                length_words(base::seconds{static_cast<std::int64_t>(std::ceil(std::min(left, 1e8)))}) +
                " left";
    }
    return fitted(text, 79);
}

std::string Progress::due(const Warmed& warmed, Time now) {
    if (now < next_) return {};
    next_ += period_;
    if (next_ <= now) next_ = now + period_; // those that were missed are left out
    points_.emplace_back(now, warmed.asked());
    while (points_.size() > 2 && now - points_.front().first > rate_over) points_.erase(points_.begin());
    const auto [since, before] = points_.front();
    const std::chrono::duration<double> over = now - since;
    return progress_text(warmed,
                         over.count() > 0 ? static_cast<double>(warmed.asked() - before) / over.count() : 0);
}

std::string warmed_text(const Warmed& warmed, base::seconds took) {
    std::string text = counted(static_cast<std::int64_t>(warmed.all), "domain") + ": " +
                       number(warmed.known) + " known before, " + number(warmed.found) + " found, " +
                       number(warmed.none) + " without a policy, " + number(warmed.failing) + " failing";
    if (warmed.refused > 0) text += ", " + number(warmed.refused) + " refused";
    text += "; " + length_words(took);
    std::string out = wrapped("", text);
    if (const std::size_t left = warmed.all - warmed.asked(); left > 0)
        out += wrapped("", number(left) + " left: the same command goes on with them");
    return out;
}

Json warmed_json(const Warmed& warmed, base::seconds took) {
    return Json{{"schema", control_schema},
                {"kind", "end"},
                {"domains", warmed.all},
                {"known", warmed.known},
                {"found", warmed.found},
                {"none", warmed.none},
                {"failing", warmed.failing},
                {"refused", warmed.refused},
                {"left", warmed.all - warmed.asked()},
                {"took_s", took.count()}};
}

} // namespace tool
