// The last hour in minutes.
#include "admin/page/hour.hpp"

#include "metrics/table.hpp"

#include <gtest/gtest.h>

#include <string_view>

namespace {

using namespace std::chrono_literals;
using metrics::Id;
using page::Hour;
using page::Sign;

constexpr base::Instant start{1'800'000'000s};
/// The values of labels are counted by their places: these are the places that the code counts with.
TEST(PageHour, KnowsThePlacesOfLabelValues) {
    const auto value = [](Id id, std::size_t label, std::size_t at) {
        return metrics::family(id).labels[label].values[at];
    };
    const std::array<std::string_view, page::answers> answers{"secure", "dane-only", "notfound",
                                                              "temp",   "may",       "encrypt"};
    for (std::size_t at = 0; at < answers.size(); ++at)
        EXPECT_EQ(value(Id::queries_total, 0, at), answers[at]);
    EXPECT_EQ(metrics::family(Id::queries_total).labels[0].values.size(), answers.size());
    for (const Id id : {Id::queries_total, Id::query_duration_seconds}) {
        const std::size_t label = id == Id::queries_total ? 1 : 0;
        EXPECT_EQ(value(id, label, 0), "memory");
        EXPECT_EQ(value(id, label, 1), "network");
        EXPECT_EQ(value(id, label, 2), "key");
        EXPECT_EQ(metrics::family(id).labels[label].values.size(), 3U);
    }
    EXPECT_EQ(value(Id::fetches_total, 0, 0), "ok");
    metrics::Snapshot numbers;
    const auto grows = [&](Sign sign, Id id, std::initializer_list<std::size_t> at) {
        const auto before = page::number(numbers, sign);
        numbers.add(id, at, 1);
        EXPECT_EQ(page::number(numbers, sign), before + 1) << metrics::family(id).name;
    };
    const auto place = [](Id id, std::string_view name) {
        const auto values = metrics::family(id).labels[0].values;
        return static_cast<std::size_t>(std::find(values.begin(), values.end(), name) - values.begin());
    };
    grows(Sign::temp, Id::queries_total, {3, 0});
    grows(Sign::temp, Id::queries_total, {3, 1});
    grows(Sign::deadline, Id::deadlines_exceeded_total, {});
    grows(Sign::unanswered, Id::unanswered_requests_total, {});
    grows(Sign::weakened, Id::policy_changes_total, {place(Id::policy_changes_total, "weakened")});
    grows(Sign::record_vanished, Id::policy_changes_total,
          {place(Id::policy_changes_total, "record-vanished")});
    grows(Sign::policy_expired, Id::policy_changes_total, {place(Id::policy_changes_total, "expired")});
    grows(Sign::reload_failed, Id::config_reloads_total, {place(Id::config_reloads_total, "failed")});
    grows(Sign::held_up, Id::connections_held_up_total, {1});
    grows(Sign::violation, Id::connections_closed_total, {place(Id::connections_closed_total, "violation")});
    grows(Sign::store_failed, Id::store_commits_total, {place(Id::store_commits_total, "failed")});
    grows(Sign::log_dropped, Id::log_lines_dropped_total, {});
    for (const char* reason : {"too-large", "garbage", "bad-seal", "other-domain"})
        grows(Sign::shared_forged, Id::shared_values_refused_total,
              {place(Id::shared_values_refused_total, reason)});
}

struct Running {
    metrics::Snapshot numbers;
    Hour hour;
    base::seconds passed{};

    void sample() { hour.take(start + passed, base::Steady{passed}, numbers); }
    [[nodiscard]] Hour::View view() const { return hour.view(start + passed, base::Steady{passed}, numbers); }
};

TEST(PageHour, ShowsWhatHappenedInEachMinute) {
    Running daemon;
    EXPECT_TRUE(daemon.view().parts.empty());
    EXPECT_EQ(daemon.view().whole.total(), 0U);
    daemon.sample();
    daemon.numbers.add(Id::queries_total, {0, 0}, 5); // secure, from memory
    daemon.numbers.add(Id::fetches_total, {0}, 2);
    daemon.numbers.add(Id::fetches_total, {3}, 1);
    base::HistogramCounts<base::answer_bounds.size()> counts;
    counts.buckets[0] = 5;
    daemon.numbers.set(Id::query_duration_seconds, {0}, counts);
    daemon.passed = 60s;
    daemon.sample();
    daemon.numbers.add(Id::queries_total, {3, 1}, 1); // temp, after a search
    daemon.passed = 90s;
    const Hour::View view = daemon.view();
    ASSERT_EQ(view.parts.size(), 1U);
    const Hour::Part& part = view.parts[0];
    EXPECT_EQ(part.ago, 30s);
    EXPECT_EQ(part.length, 60s);
    EXPECT_EQ(part.by_answer[0], 5U);
    EXPECT_EQ(part.total(), 5U);
    EXPECT_EQ(part.memory.count, 5U);
    EXPECT_LE(part.memory.p99, 25us);
    EXPECT_EQ(part.network.count, 0U);
    EXPECT_EQ(part.fetched, 2U);
    EXPECT_EQ(part.not_fetched, 1U);
    EXPECT_EQ(view.whole.total(), 6U); // with the minute that is not over
    EXPECT_EQ(view.whole.length, 90s);
    const Hour::Grown temp = view.grown[static_cast<std::size_t>(Sign::temp)];
    EXPECT_EQ(temp.in_hour, 1U);
    EXPECT_EQ(temp.last, start + 90s);
    EXPECT_EQ(view.grown[static_cast<std::size_t>(Sign::weakened)].last, base::Instant{});
}

TEST(PageHour, ForgetsWhatIsOlder) {
    Running daemon;
    daemon.sample();
    daemon.numbers.add(Id::policy_changes_total, {2}, 1);
    for (int minute = 1; minute <= 200; ++minute) {
        daemon.passed = minute * 60s;
        daemon.numbers.add(Id::queries_total, {2, 0}, 1);
        daemon.sample();
    }
    const Hour::View view = daemon.view();
    EXPECT_EQ(view.parts.size(), Hour::minutes);
    EXPECT_EQ(view.whole.total(), Hour::minutes);
    EXPECT_EQ(view.whole.length, 3600s);
    const Hour::Grown weakened = view.grown[static_cast<std::size_t>(Sign::weakened)];
    EXPECT_EQ(weakened.in_hour, 0U);
    EXPECT_EQ(weakened.last, start + 60s); // when it was is still known
}

TEST(PageHour, AGapIsOneLongPart) {
    Running daemon;
    daemon.sample();
    daemon.passed = 60s;
    daemon.sample();
    daemon.passed = 3000s; // the machine was asleep
    daemon.sample();
    EXPECT_EQ(daemon.view().parts.back().length, 2940s);
    daemon.passed = 100'000s;
    daemon.sample();
    ASSERT_EQ(daemon.view().parts.size(), 1U);
    EXPECT_EQ(daemon.view().parts[0].length, 97'000s);
}

} // namespace
