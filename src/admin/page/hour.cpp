#include "admin/page/hour.hpp"

#include <algorithm>
#include <numeric>

namespace page {

namespace {

using metrics::Id;

/// Of stsmapd_queries_total and stsmapd_query_duration_seconds.
enum Source : std::size_t { memory, network, key };
constexpr std::size_t sources = 3;

std::uint64_t whole(double value) noexcept { return value > 0 ? static_cast<std::uint64_t>(value) : 0; }
std::uint64_t grown(std::uint64_t from, std::uint64_t to) noexcept { return to > from ? to - from : 0; }

template <std::size_t Size>
std::array<std::uint64_t, Size> difference(const std::array<std::uint64_t, Size>& from,
                                           const std::array<std::uint64_t, Size>& to) {
    std::array<std::uint64_t, Size> all{};
    for (std::size_t i = 0; i < Size; ++i) all[i] = grown(from[i], to[i]);
    return all;
}

} // namespace

std::uint64_t number(const metrics::Snapshot& numbers, Sign sign) {
    const auto one = [&](Id id, std::size_t value) { return whole(numbers.value(id, {value})); };
    switch (sign) {
    case Sign::temp: {
        std::uint64_t all = 0;
        for (std::size_t source = 0; source < sources; ++source)
            all += whole(numbers.value(Id::queries_total, {static_cast<std::size_t>(Answer::temp), source}));
        return all;
    }
    case Sign::deadline: return whole(numbers.value(Id::deadlines_exceeded_total));
    case Sign::unanswered: return whole(numbers.value(Id::unanswered_requests_total));
    case Sign::weakened: return one(Id::policy_changes_total, 2);
    case Sign::record_vanished: return one(Id::policy_changes_total, 4);
    case Sign::policy_expired: return one(Id::policy_changes_total, 3);
    case Sign::reload_failed: return one(Id::config_reloads_total, 1);
    case Sign::held_up: return whole(numbers.sum(Id::connections_held_up_total));
    case Sign::violation: return one(Id::connections_closed_total, 2);
    case Sign::store_failed: return one(Id::store_commits_total, 1);
    case Sign::log_dropped: return whole(numbers.value(Id::log_lines_dropped_total));
    case Sign::shared_forged: {
        std::uint64_t all = 0;
        for (const char* reason : {"too-large", "garbage", "bad-seal", "other-domain"})
            all += one(Id::shared_values_refused_total,
                       metrics::value_of(Id::shared_values_refused_total, 0, reason).value());
        return all;
    }
    }
    return 0;
}

std::uint64_t Hour::Part::total() const noexcept {
    return std::accumulate(by_answer.begin(), by_answer.end(), std::uint64_t{0});
}

Hour::Sample Hour::sample(base::Steady at, const metrics::Snapshot& numbers) {
    Sample now;
    now.at = at;
    for (std::size_t answer = 0; answer < answers; ++answer)
        for (std::size_t source = 0; source < sources; ++source)
            now.by_answer[answer] += whole(numbers.value(Id::queries_total, {answer, source}));
    const auto histograms = numbers.histograms(Id::query_duration_seconds);
    for (std::size_t bucket = 0; bucket < now.memory.size(); ++bucket) {
        now.memory[bucket] = histograms[memory].counts[bucket] + histograms[key].counts[bucket];
        now.network[bucket] = histograms[network].counts[bucket];
    }
    now.fetched = whole(numbers.value(Id::fetches_total, {0}));
    now.not_fetched = grown(now.fetched, whole(numbers.sum(Id::fetches_total)));
    for (std::size_t sign = 0; sign < signs; ++sign)
        now.by_sign[sign] = number(numbers, static_cast<Sign>(sign));
    return now;
}

Hour::Part Hour::between(const Sample& from, const Sample& to, base::Steady now) {
    Part part;
    part.ago = std::chrono::floor<base::seconds>(now - to.at);
    part.length = std::chrono::round<base::seconds>(to.at - from.at);
    part.by_answer = difference(from.by_answer, to.by_answer);
    part.memory = base::quantiles(base::answer_bounds, difference(from.memory, to.memory));
    part.network = base::quantiles(base::answer_bounds, difference(from.network, to.network));
    part.fetched = grown(from.fetched, to.fetched);
    part.not_fetched = grown(from.not_fetched, to.not_fetched);
    return part;
}

const Hour::Sample& Hour::kept(std::size_t n) const noexcept {
    return samples_[(next_ + samples_.size() - count_ + n) % samples_.size()];
}

void Hour::take(base::Instant now, base::Steady steady, const metrics::Snapshot& numbers) {
    const Sample taken = sample(steady, numbers);
    for (std::size_t sign = 0; count_ > 0 && sign < signs; ++sign)
        if (taken.by_sign[sign] > kept(count_ - 1).by_sign[sign]) last_[sign] = now;
    samples_[next_] = taken;
    next_ = (next_ + 1) % samples_.size();
    count_ = std::min(count_ + 1, samples_.size());
}

Hour::View Hour::view(base::Instant now, base::Steady steady, const metrics::Snapshot& numbers) const {
    View view;
    std::size_t first = 0;
    while (first + 1 < count_ && steady - kept(first + 1).at > span) ++first;
    const Sample present = sample(steady, numbers);
    for (std::size_t n = first; n + 1 < count_; ++n)
        view.parts.push_back(between(kept(n), kept(n + 1), steady));
    view.whole = between(count_ == 0 ? present : kept(first), present, steady);
    for (std::size_t sign = 0; count_ > 0 && sign < signs; ++sign) {
        view.grown[sign].in_hour = grown(kept(first).by_sign[sign], present.by_sign[sign]);
        view.grown[sign].last = present.by_sign[sign] > kept(count_ - 1).by_sign[sign] ? now : last_[sign];
    }
    return view;
}

} // namespace page
