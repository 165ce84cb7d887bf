// A snapshot as the text that Prometheus reads.
#include "metrics/exposition.hpp"

#include "base/duration_bounds.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace {

using namespace std::chrono_literals;
using metrics::Id;

std::vector<std::string> lines_of(const std::string& text) {
    std::istringstream in(text);
    std::vector<std::string> all;
    for (std::string line; std::getline(in, line);) all.push_back(line);
    return all;
}

bool has(const std::string& text, const std::string& line) {
    return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

TEST(MetricsExposition, AllSeriesAreThereFromTheStart) {
    const std::string text = metrics::exposition(metrics::Snapshot{});
    std::set<std::string> samples;
    std::size_t helps = 0;
    for (const std::string& line : lines_of(text)) {
        if (line.starts_with("# HELP ")) ++helps;
        if (line.starts_with("#")) continue;
        EXPECT_TRUE(samples.insert(line.substr(0, line.rfind(' '))).second) << line;
    }
    EXPECT_EQ(helps, metrics::families);
    std::size_t expected = 0;
    for (const metrics::Family& family : metrics::table())
        expected +=
            family.series() * (family.type == metrics::Type::histogram ? family.bounds.size() + 3 : 1);
    EXPECT_EQ(samples.size(), expected) << "of a histogram: each bucket, +Inf, the sum and the count";
    EXPECT_TRUE(has(text, "# TYPE stsmapd_queries_total counter"));
    EXPECT_TRUE(has(text, "stsmapd_queries_total{answer=\"dane-only\",source=\"network\"} 0"));
    EXPECT_TRUE(text.ends_with("\n"));
}

TEST(MetricsExposition, NumbersAreWhole) {
    metrics::Snapshot all;
    all.set(Id::process_start_time_seconds, 1'795'928'869.25);
    all.set(Id::requests_total, 9'007'199'254'740'991.0);
    all.set(Id::queries_total, {2, 1}, 7);
    const std::string text = metrics::exposition(all);
    EXPECT_TRUE(has(text, "process_start_time_seconds 1795928869.25"));
    EXPECT_TRUE(has(text, "stsmapd_requests_total 9007199254740991"));
    EXPECT_TRUE(has(text, "stsmapd_queries_total{answer=\"notfound\",source=\"network\"} 7"));
}

TEST(MetricsExposition, BucketsAreCumulative) {
    base::Histogram<base::answer_bounds> histogram;
    histogram.observe(10us, 3);
    histogram.observe(40us);
    histogram.observe(60s);
    base::Histogram<base::answer_bounds>::Counts counts;
    histogram.add_to(counts);
    metrics::Snapshot all;
    all.set(Id::query_duration_seconds, {1}, counts);
    const std::string text = metrics::exposition(all);
    const std::string bucket = "stsmapd_query_duration_seconds_bucket{source=\"network\",le=";
    EXPECT_TRUE(has(text, bucket + "\"2.5e-05\"} 3"));
    EXPECT_TRUE(has(text, bucket + "\"5e-05\"} 4"));
    EXPECT_TRUE(has(text, bucket + "\"10\"} 4"));
    EXPECT_TRUE(has(text, bucket + "\"+Inf\"} 5"));
    EXPECT_TRUE(has(text, "stsmapd_query_duration_seconds_count{source=\"network\"} 5"));
    EXPECT_TRUE(has(text, "stsmapd_query_duration_seconds_sum{source=\"network\"} 60.00007"));
}

} // namespace
