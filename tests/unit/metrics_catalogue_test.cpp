// The table of metrics as a manual and as JSON, and the files that are made of them.
#include "metrics/catalogue.hpp"
#include "metrics/table.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <fstream>
#include <sstream>
#include <string>

namespace {

std::string text_of(const std::string& path) {
    std::ifstream in{path};
    EXPECT_TRUE(in) << path;
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
}

TEST(MetricsCatalogue, TheManualIsTheTable) {
    const std::string page = text_of(STSMAPD_SOURCE_DIR "/man/stsmapd-metrics.7");
    const std::string
        begin = ".\\\" The list up to END METRICS is the output of stsmapd --print-man-metrics.\n",
        end = ".\\\" END METRICS\n";
    ASSERT_NE(page.find(begin), std::string::npos);
    const std::size_t from = page.find(begin) + begin.size(), to = page.find(end, from);
    ASSERT_NE(to, std::string::npos);
    EXPECT_EQ(page.substr(from, to - from), metrics::man_metrics())
        << "Write it again between its two markers with: stsmapd --print-man-metrics";
}

TEST(MetricsCatalogue, TheManualHasEachFamilyAndEachValue) {
    const std::string manual = metrics::man_metrics();
    std::size_t at = 0;
    for (const metrics::Family& family : metrics::table()) {
        SCOPED_TRACE(family.name);
        const std::string item = ".It Ic " + std::string{family.name} + "\n(" +
                                 std::string{to_string(family.type)} + ", since ";
        at = manual.find(item, at);
        ASSERT_NE(at, std::string::npos) << "in the order of the table";
        const std::string entry = manual.substr(at, manual.find(".It ", at + 1) - at);
        for (const metrics::Label& label : family.labels) {
            EXPECT_NE(entry.find("\n.Ar " + std::string{label.name} + " :\n"), std::string::npos);
            if (label.name == "version") continue;
            for (const std::string_view value : label.values) EXPECT_NE(entry.find(value), std::string::npos);
        }
        EXPECT_EQ(entry.find("Buckets up to") != std::string::npos, !family.bounds.empty());
    }
    EXPECT_NE(manual.find("0.000025, 0.00005, 0.0001"), std::string::npos) << "not as 2.5e-05";
    std::istringstream lines(manual);
    for (std::string line; std::getline(lines, line);) {
        EXPECT_LE(line.size(), 125u) << line;
        EXPECT_FALSE(line.empty());
    }
}

TEST(MetricsCatalogue, TheDocumentIsTheTable) {
    const std::string text = metrics::table_json();
    EXPECT_EQ(text_of(STSMAPD_SOURCE_DIR "/packaging/monitoring/metrics.json"), text)
        << "Write it again with: stsmapd --print-metrics-table > packaging/monitoring/metrics.json";
    const auto document = nlohmann::json::parse(text);
    EXPECT_EQ(document.at("schema"), 1);
    const auto& families = document.at("families");
    ASSERT_EQ(families.size(), metrics::families);
    for (const metrics::Family& family : metrics::table()) {
        SCOPED_TRACE(family.name);
        const auto& shown = families.at(metrics::index(family.id));
        EXPECT_EQ(shown.at("name"), family.name);
        EXPECT_EQ(shown.at("type"), to_string(family.type));
        EXPECT_EQ(shown.at("help"), family.help);
        EXPECT_EQ(shown.at("since"), family.since);
        ASSERT_EQ(shown.at("labels").size(), family.labels.size());
        for (std::size_t i = 0; i < family.labels.size(); ++i) {
            const auto& label = shown.at("labels").at(i);
            EXPECT_EQ(label.at("name"), family.labels[i].name);
            if (family.labels[i].name == "version") {
                EXPECT_TRUE(label.at("values").is_null()) << "the file would change with each version";
                continue;
            }
            std::vector<std::string> values{family.labels[i].values.begin(), family.labels[i].values.end()};
            EXPECT_EQ(label.at("values"), values);
        }
        ASSERT_EQ(shown.contains("buckets"), !family.bounds.empty());
        if (family.bounds.empty()) continue;
        ASSERT_EQ(shown.at("buckets").size(), family.bounds.size());
        for (std::size_t i = 0; i < family.bounds.size(); ++i)
            EXPECT_DOUBLE_EQ(shown.at("buckets").at(i).get<double>() * 1e6,
                             static_cast<double>(family.bounds[i].count()));
    }
}

} // namespace
