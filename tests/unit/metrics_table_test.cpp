// The table of metrics: names as Prometheus wants them, labels whose values are those of the parts they are about.
#include "base/log_port.hpp"
#include "base/reason.hpp"
#include "base/version.hpp"
#include "cache/valkey/trouble.hpp"
#include "cache/valkey/value.hpp"
#include "decision/override.hpp"
#include "events/table.hpp"
#include "lookup/worth.hpp"
#include "metrics/snapshot.hpp"
#include "metrics/table.hpp"
#include "sts/policy.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using base::Reason;
using metrics::Family;
using metrics::Id;
using metrics::Label;
using metrics::Type;
using Words = std::vector<std::string_view>;

bool is_lower(char c) { return c >= 'a' && c <= 'z'; }

/// Lower-case words joined by underscores, as in Prometheus' conventions.
bool is_name(std::string_view text) {
    return !text.empty() && is_lower(text.front()) && text.back() != '_' &&
           text.find("__") == std::string_view::npos &&
           std::ranges::all_of(text, [](char c) { return is_lower(c) || c == '_'; });
}

Words values(Id id, std::string_view label) {
    for (const Label& each : metrics::family(id).labels)
        if (each.name == label) return {each.values.begin(), each.values.end()};
    return {};
}

/// The names of all reasons from one to another, both included.
Words reasons(Reason first, Reason last) {
    Words names;
    for (int at = static_cast<int>(first); at <= static_cast<int>(last); ++at)
        names.push_back(to_string(static_cast<Reason>(at)));
    return names;
}

TEST(MetricsTable, EachFamilyIsAtItsIndexAndNoTwoAreAlike) {
    const auto table = metrics::table();
    ASSERT_EQ(table.size(), metrics::families);
    std::set<std::string_view> names, helps;
    for (std::size_t i = 0; i < table.size(); ++i) {
        const Family& family = table[i];
        SCOPED_TRACE(family.name);
        EXPECT_EQ(metrics::index(family.id), i);
        EXPECT_EQ(&metrics::family(family.id), &family);
        EXPECT_TRUE(names.insert(family.name).second);
        EXPECT_TRUE(helps.insert(family.help).second) << "the help of another";
        EXPECT_EQ(to_string(family.type),
                  (std::map<Type, std::string_view>{
                      {Type::counter, "counter"}, {Type::gauge, "gauge"}, {Type::histogram, "histogram"}})
                      .at(family.type));
    }
    for (const std::string_view name : names)
        for (const std::string_view suffix : {"_bucket", "_count", "_sum"})
            EXPECT_FALSE(names.contains(std::string{name} + std::string{suffix}))
                << name << suffix << " is a series of a histogram";
}

TEST(MetricsTable, NamesAreThoseOfPrometheusConventions) {
    for (const Family& family : metrics::table()) {
        SCOPED_TRACE(family.name);
        EXPECT_TRUE(is_name(family.name));
        EXPECT_TRUE(family.name.starts_with("stsmapd_") || family.name.starts_with("process_"));
        EXPECT_EQ(family.name.ends_with("_total"), family.type == Type::counter);
        EXPECT_TRUE(family.type != Type::histogram || family.name.ends_with("_seconds"))
            << "base units, at the end";
        for (const std::string_view wrong : {"_ms", "_us", "_milliseconds", "_kilobytes", "_octets", "_count",
                                             "_sum", "_bucket", "_info_total"})
            EXPECT_FALSE(family.name.ends_with(wrong)) << wrong;
        for (const std::string_view type : {"_counter", "_gauge", "_histogram"})
            EXPECT_EQ(family.name.find(type), std::string_view::npos) << "a type in a name";
        const bool is_time = family.name.find("timestamp") != std::string_view::npos;
        EXPECT_TRUE(!is_time || (family.name.ends_with("_timestamp_seconds") && family.type == Type::gauge));
    }
}

TEST(MetricsTable, HelpIsSentencesThatTextFormatAndManualCanShow) {
    for (const Family& family : metrics::table()) {
        SCOPED_TRACE(family.name);
        EXPECT_TRUE(family.help.ends_with('.'));
        EXPECT_TRUE(std::isupper(static_cast<unsigned char>(family.help.front())) != 0 ||
                    family.help.starts_with("1 "));
        EXPECT_LE(family.help.size(), 300u);
        EXPECT_TRUE(std::ranges::all_of(family.help, [](char c) { return c >= ' ' && c <= '~' && c != '\\'; }));
        EXPECT_EQ(std::ranges::count(family.help, '`') % 2, 0);
        EXPECT_EQ(family.help.find("  "), std::string_view::npos);
        EXPECT_TRUE(base::version().starts_with(family.since) || family.since < base::version())
            << "since a version that is to come";
        EXPECT_EQ(std::ranges::count(family.since, '.'), 2);
        // What the help names exists.
        for (std::size_t at = family.help.find("`stsmapd_"); at != std::string_view::npos;
             at = family.help.find("`stsmapd_", at + 1)) {
            const std::string_view named = family.help.substr(at + 1, family.help.find('`', at + 1) - at - 1);
            EXPECT_TRUE(std::ranges::any_of(metrics::table(), [&](const Family& f) { return f.name == named; }))
                << named;
        }
    }
}

/// A label with values that others choose would make a series for each.
TEST(MetricsTable, LabelsAreWordsOfClosedSets) {
    static const std::set<std::string_view> known{"version", "result",  "event", "answer", "source",
                                                  "reason",  "kind",    "mode",  "change", "origin",
                                                  "type",    "validates", "verdict", "level", "listener", "status",
                                                  "trouble"};
    std::set<std::string_view> used;
    for (const Family& family : metrics::table()) {
        SCOPED_TRACE(family.name);
        ASSERT_LE(family.labels.size(), metrics::max_labels);
        std::set<std::string_view> own;
        std::size_t product = 1;
        for (const Label& label : family.labels) {
            SCOPED_TRACE(label.name);
            EXPECT_TRUE(known.contains(label.name)) << "could its values hold a domain, a host or a client?";
            used.insert(label.name);
            EXPECT_TRUE(own.insert(label.name).second);
            EXPECT_TRUE(is_name(label.name) && label.name != "le" && label.name != "job" &&
                        label.name != "instance");
            std::set<std::string_view> once{label.values.begin(), label.values.end()};
            EXPECT_EQ(once.size(), label.values.size());
            EXPECT_FALSE(once.empty());
            product *= label.values.size();
            if (label.name == "version") {
                EXPECT_EQ(once, std::set<std::string_view>{base::version()});
                continue;
            }
            for (const std::string_view value : once)
                EXPECT_TRUE(!value.empty() && value.size() <= 32 &&
                            std::ranges::all_of(value, [](char c) {
                                return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-';
                            }))
                    << value;
        }
        EXPECT_EQ(family.series(), product);
        EXPECT_LE(product, 200u) << "more series than anybody looks at";
    }
    EXPECT_EQ(used, known);
}

TEST(MetricsTable, LabelsHaveTheValuesOfThePartsTheyAreAbout) {
    Words actions;
    for (std::size_t at = 0; at < 6; ++at)
        actions.push_back(decision::to_string(static_cast<decision::Action>(at)));
    EXPECT_EQ(actions, (Words{"off", "observe", "may", "encrypt", "secure", "dane-only"}));
    EXPECT_EQ(values(Id::override_hits_total, "kind"), actions);
    EXPECT_EQ(values(Id::overrides, "kind"), actions);

    EXPECT_EQ(values(Id::policies, "mode"), (Words{to_string(sts::Mode::none), to_string(sts::Mode::testing),
                                                   to_string(sts::Mode::enforce)}));
    Words names;
    for (std::size_t kind = 0; kind < events::kinds; ++kind)
        names.push_back(events::entry(static_cast<events::Id>(kind)).name);
    EXPECT_EQ(values(Id::events_total, "event"), names);

    EXPECT_EQ(values(Id::keys_rejected_total, "reason"),
              reasons(Reason::key_parent_domain, Reason::key_not_a_domain));
    Words keys;
    for (int at = 0; at < 64; ++at)
        if (const auto name = to_string(static_cast<Reason>(at)); name.starts_with("key-")) keys.push_back(name);
    EXPECT_EQ(values(Id::keys_rejected_total, "reason"), keys) << "each reason to reject a key, and no other";
}

TEST(MetricsTable, LabelsOfTheSharedCacheHaveTheWordsOfItsEnums) {
    Words troubles, refusals, worths;
    for (std::size_t at = 0; at < valkey::troubles; ++at)
        troubles.push_back(to_string(static_cast<valkey::Trouble>(at)));
    for (std::size_t at = 0; at < valkey::refusals; ++at)
        refusals.push_back(to_string(static_cast<valkey::Refusal>(at)));
    for (std::size_t at = 0; at < lookup::worths; ++at)
        worths.push_back(to_string(static_cast<lookup::Worth>(at)));
    EXPECT_EQ(values(Id::shared_connection_failures_total, "trouble"), troubles);
    Words results{"ok"};
    results.insert(results.end(), troubles.begin(), troubles.end());
    EXPECT_EQ(values(Id::shared_commands_total, "result"), results);
    EXPECT_EQ(values(Id::shared_values_refused_total, "reason"), refusals);
    EXPECT_EQ(values(Id::shared_values_total, "result"), worths);
    EXPECT_EQ(troubles.back(), "stopping");
    EXPECT_EQ(refusals.back(), "no-policy");
    EXPECT_EQ(worths.back(), "expired");
}

TEST(MetricsTable, EveryReasonOfAFailureIsCounted) {
    const Words fetches = values(Id::fetches_total, "result"), dns = values(Id::dns_questions_total, "result"),
                failing = values(Id::policies_failing, "reason");
    const auto has = [](const Words& words, Reason reason) {
        return std::ranges::find(words, to_string(reason)) != words.end();
    };
    for (int at = 1; at <= static_cast<int>(Reason::key_not_a_domain); ++at) {
        const auto reason = static_cast<Reason>(at);
        SCOPED_TRACE(to_string(reason));
        const bool key = to_string(reason).starts_with("key-");
        EXPECT_EQ(has(dns, reason), base::is_dns_failure(reason) || reason == Reason::overloaded ||
                                        reason == Reason::shutting_down);
        const bool host = reason >= Reason::host_unresolvable && reason <= Reason::policy_mx_invalid;
        EXPECT_EQ(has(fetches, reason), host || reason == Reason::overloaded || reason == Reason::shutting_down);
        EXPECT_EQ(has(failing, reason), !key && reason != Reason::shutting_down && reason != Reason::deadline &&
                                            reason != Reason::backing_off);
    }
    EXPECT_EQ(fetches.front(), "ok");
}

TEST(MetricsTable, HistogramsHaveAscendingBounds) {
    std::size_t histograms = 0;
    for (const Family& family : metrics::table()) {
        SCOPED_TRACE(family.name);
        EXPECT_EQ(family.bounds.empty(), family.type != Type::histogram);
        if (family.type != Type::histogram) continue;
        ++histograms;
        EXPECT_TRUE(std::ranges::is_sorted(family.bounds, std::ranges::less_equal{}) &&
                    std::ranges::adjacent_find(family.bounds) == family.bounds.end());
        EXPECT_GT(family.bounds.front().count(), 0);
        EXPECT_GE(family.bounds.back(), std::chrono::seconds{10});
    }
    EXPECT_EQ(histograms, 5u);
}

TEST(MetricsSnapshot, HasEverySeriesFromTheStart) {
    const metrics::Snapshot snapshot;
    for (const Family& family : metrics::table()) {
        SCOPED_TRACE(family.name);
        const bool histogram = family.type == Type::histogram;
        EXPECT_EQ(snapshot.values(family.id).size(), histogram ? 0 : family.series());
        EXPECT_EQ(snapshot.histograms(family.id).size(), histogram ? family.series() : 0);
        for (const auto& buckets : snapshot.histograms(family.id))
            EXPECT_EQ(buckets.counts, std::vector<std::uint64_t>(family.bounds.size() + 1));
        EXPECT_EQ(snapshot.sum(family.id), 0);
    }
}

TEST(MetricsSnapshot, TakesANumberForASeriesAndRefusesOthers) {
    metrics::Snapshot snapshot;
    snapshot.set(Id::queries_total, {1, 2}, 5);
    snapshot.add(Id::queries_total, {1, 2}, 2);
    snapshot.add(Id::queries_total, {5, 0}, 1);
    EXPECT_EQ(snapshot.value(Id::queries_total, {1, 2}), 7);
    EXPECT_EQ(snapshot.values(Id::queries_total)[1 * 3 + 2], 7) << "the last label fastest";
    EXPECT_EQ(snapshot.sum(Id::queries_total), 8);
    EXPECT_THROW(snapshot.set(Id::queries_total, {6, 0}, 1), std::out_of_range);
    EXPECT_THROW(snapshot.set(Id::queries_total, {0, 3}, 1), std::out_of_range);
    EXPECT_THROW(snapshot.set(Id::queries_total, {0}, 1), std::out_of_range);
    EXPECT_THROW(snapshot.set(Id::queries_total, 1), std::out_of_range);
    EXPECT_THROW(snapshot.set(Id::fetch_duration_seconds, 1), std::logic_error);
    base::HistogramCounts<14> counts;
    counts.buckets[14] = 3;
    counts.sum_us = 70'000'000;
    snapshot.set(Id::fetch_duration_seconds, {}, counts);
    EXPECT_EQ(snapshot.histograms(Id::fetch_duration_seconds)[0].counts.back(), 3u);
    EXPECT_EQ(snapshot.histograms(Id::fetch_duration_seconds)[0].sum_us, 70'000'000u);
    EXPECT_THROW(snapshot.set(Id::store_commit_duration_seconds, {}, counts), std::logic_error)
        << "other buckets";
    EXPECT_THROW(snapshot.set(Id::flights, {}, counts), std::logic_error);
}

} // namespace
