// The status page: every section, everything escaped, nothing that a strict Content-Security-Policy refuses.
#include "admin/page/page.hpp"

#include "admin/page/chart.hpp"
#include "admin/page/template.hpp"
#include "support/sample_overview.hpp"

#include <gtest/gtest.h>
#include <kainjow/mustache.hpp>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <regex>
#include <set>
#include <string>
#include <vector>

namespace {

using namespace std::chrono_literals;
using page::Overview;

std::vector<Overview> samples() {
    std::vector<Overview> all{test::healthy_overview(), test::broken_overview(), test::observing_overview()};
    Overview bare; // a daemon that has just started, and knows nothing yet
    bare.now = bare.started = test::overview_now;
    all.push_back(std::move(bare));
    return all;
}

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

std::size_t count(const std::string& text, std::string_view part) {
    std::size_t found = 0;
    for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
    return found;
}

/// Start and end tags fit together, each attribute stands in quotes, and no id occurs twice. Words for the first mistake.
std::string mistake(const std::string& html) {
    static const std::set<std::string> without_end{"meta", "br", "link"};
    static const std::regex tag(R"(<(/?)([a-z0-9]+)((?:\s+[a-zA-Z-]+(?:="[^"<>]*")?)*)\s*(/?)>)");
    std::vector<std::string> open;
    std::set<std::string> ids;
    std::size_t at = html.find('>') + 1; // after the doctype
    while ((at = html.find('<', at)) != std::string::npos) {
        std::smatch found;
        if (!std::regex_search(html.begin() + static_cast<std::ptrdiff_t>(at), html.end(), found, tag,
                               std::regex_constants::match_continuous))
            return "no tag: " + html.substr(at, 60);
        const std::string name = found[2];
        const std::string attributes = found[3];
        std::smatch id;
        static const std::regex id_value("\\sid=\"([^\"]*)\"");
        if (std::regex_search(attributes, id, id_value) && !ids.insert(id[1]).second)
            return "twice: " + id[1].str();
        if (found[1].length() > 0) {
            if (open.empty() || open.back() != name) return "closes what is not open: " + name;
            open.pop_back();
        } else if (found[4].length() == 0 && !without_end.contains(name)) {
            open.push_back(name);
        }
        at += static_cast<std::size_t>(found.length());
        if (name == "style" && found[1].length() == 0) at = html.find("</style>", at);
    }
    return open.empty() ? "" : "not closed: " + open.back();
}

TEST(StatusPage, TheHashIsThatOfTheStyleSheet) {
    std::array<unsigned char, 32> digest{};
    unsigned length = 0;
    ASSERT_EQ(
        EVP_Digest(page::style().data(), page::style().size(), digest.data(), &length, EVP_sha256(), nullptr),
        1);
    std::array<unsigned char, 64> text{};
    EVP_EncodeBlock(text.data(), digest.data(), static_cast<int>(length));
    EXPECT_EQ(page::style_hash(), "sha256-" + std::string{reinterpret_cast<const char*>(text.data())});
}

TEST(StatusPage, TheTemplateIsValid) {
    const kainjow::mustache::mustache parsed{std::string{page::page_template}};
    EXPECT_TRUE(parsed.is_valid()) << parsed.error_message();
    // What is not escaped is SVG of numbers, and the style sheet.
    static const std::regex raw(R"(\{\{\{([a-z_]+)\}\}\}|\{\{&)");
    const std::string text{page::page_template};
    std::set<std::string> names;
    for (std::sregex_iterator found(text.begin(), text.end(), raw), end; found != end; ++found)
        names.insert((*found)[1]);
    EXPECT_EQ(names, (std::set<std::string>{"style", "answers_chart", "durations_chart", "bar"}));
}

TEST(StatusPage, IsWellFormed) {
    for (const Overview& overview : samples()) {
        const std::string html = page::html(overview);
        EXPECT_EQ(mistake(html), "");
        EXPECT_TRUE(html.starts_with("<!doctype html>"));
        EXPECT_FALSE(has(html, "{{"));
    }
    EXPECT_NE(mistake("<!doctype html><p>a<b></p>"), ""); // so the check can fail
    EXPECT_NE(mistake("<!doctype html><p a='x'></p>"), "");
}

TEST(StatusPage, NeedsNothingThatTheBrowserRefuses) {
    for (const Overview& overview : samples()) {
        const std::string html = page::html(overview);
        // Markup of ours: escaped text has no "<".
        static const std::regex refused(
            R"(<(script|img|iframe|form|link|base|object|embed)|<[^>]*\s(style|on[a-z]+|src)=)");
        std::smatch found;
        EXPECT_FALSE(std::regex_search(html, found, refused)) << found[0];
        EXPECT_EQ(count(html, "<style"), 1U);
        EXPECT_TRUE(has(html, "<style>" + std::string{page::style()} + "</style>"));
        EXPECT_FALSE(has(html, "http://")) << "nothing from elsewhere";
        EXPECT_FALSE(has(html, "https://"));
        EXPECT_FALSE(has(html, "url("));
    }
}

TEST(StatusPage, EscapesWhatStrangersWrote) {
    Overview overview = test::broken_overview();
    const std::string evil = R"("><script>alert('1')</script>&amp;{{style}})";
    overview.host = overview.version = overview.dane = evil;
    overview.failing[0].detail = evil;
    overview.resolvers[0].name = evil;
    overview.overrides[0].domain = overview.overrides[0].reason = evil;
    overview.needs_restart = {evil};
    const std::string html = page::html(overview);
    EXPECT_EQ(mistake(html), "");
    EXPECT_FALSE(has(html, "<script"));
    EXPECT_FALSE(has(html, evil));
    // Once in each place, host and dane more often.
    EXPECT_GE(count(html, "&quot;&gt;&lt;script&gt;alert(&apos;1&apos;)&lt;/script&gt;&amp;amp;{{style}}"),
              9U);
}

TEST(StatusPage, HasAllSections) {
    const std::string html = page::html(test::healthy_overview());
    for (const char* id :
         {"wrong", "answers", "durations", "policies", "failing", "dane", "overrides", "store", "daemon"})
        EXPECT_TRUE(has(html, "<h2 id=\"" + std::string{id} + "\">")) << id;
    for (const char* words :
         {"All is well", "on mx1.example.net", "0.1.0, with OpenSSL 3.0.17 and SQLite 3.40.1",
          "running for 12 days", "951", "old.example.org", "cert-expired",
          "the certificate of mta-sts.old.example.org ended 2027-01-12", "127.0.0.1:53", "partner.example",
          "their new certificate is late, ticket 4711", "in 9 days", "3.4 MiB",
          "Nothing that the daemon can see", "Good to know", "at most 4,096", "1 to 6 hours ago"})
        EXPECT_TRUE(has(html, words)) << words;
    EXPECT_FALSE(has(html, "Only observing"));
}

TEST(StatusPage, SaysFirstWhatIsWrong) {
    const std::string html = page::html(test::broken_overview());
    EXPECT_TRUE(has(html, "<title>5 problems, "));
    const std::size_t wrong = html.find("id=\"wrong\"");
    const std::size_t problem = html.find("Problem:"), warning = html.find("Warning:");
    EXPECT_LT(wrong, problem);
    EXPECT_LT(problem, warning);
    EXPECT_LT(warning, html.find("class=\"tiles\""));
    EXPECT_EQ(count(html, "<li class=\"problem\""), 5U);
    EXPECT_TRUE(has(html, "id=\"trouble-store-failing\""));
    EXPECT_TRUE(has(html, "214 policies wait for the disk"));
    EXPECT_TRUE(has(html, "threads, listen"));
    EXPECT_TRUE(has(html, "<code>stsmap doctor</code>"));
    EXPECT_FALSE(has(html, "`"));
}

TEST(StatusPage, SaysThatTheDaemonOnlyObserves) {
    const std::string html = page::html(test::observing_overview());
    EXPECT_TRUE(has(html, "<strong>Only observing.</strong>"));
    EXPECT_TRUE(
        std::regex_search(html, std::regex("Since the start [0-9,]+ answers would have been secure")));
}

TEST(StatusPage, NamesNoDomainWhenItShallNot) {
    for (Overview& overview : samples()) {
        page::without_names(overview);
        overview.host.clear();
        const std::string html = page::html(overview);
        EXPECT_FALSE(has(html, "example")) << html.substr(html.find("example") - 80, 160);
        EXPECT_EQ(has(html, "stsmap list --failing"), !page::failing_by_reason(overview.census).empty());
    }
}

TEST(StatusPage, RefreshesItselfUnlessToldNotTo) {
    const Overview overview = test::healthy_overview();
    EXPECT_TRUE(has(page::html(overview), "<meta http-equiv=\"refresh\" content=\"30\">"));
    const std::string still = page::html(overview, std::nullopt);
    EXPECT_FALSE(has(still, "http-equiv"));
    EXPECT_TRUE(has(still, "<a href=\"?\">"));
}

TEST(StatusPage, IsSmall) {
    EXPECT_LT(page::html(test::healthy_overview()).size(), 64U * 1024);
    Overview overview = test::broken_overview();
    while (overview.failing.size() < page::max_failing_shown) overview.failing.push_back(overview.failing[0]);
    for (page::Failing& one : overview.failing) one.detail.assign(page::max_detail, '"');
    while (overview.overrides.size() < page::max_overrides_shown)
        overview.overrides.push_back(overview.overrides[0]);
    for (auto& one : overview.overrides) one.reason.assign(decision::max_override_reason, '"');
    overview.census.failing.fill(1);
    EXPECT_LT(page::html(overview).size(), 384U * 1024);
}

TEST(StatusPageChart, AxesEndAtRoundNumbers) {
    EXPECT_EQ(page::axis_top(0), 10);
    EXPECT_EQ(page::axis_top(10), 10);
    EXPECT_EQ(page::axis_top(11), 20);
    EXPECT_EQ(page::axis_top(201), 500);
    EXPECT_EQ(page::axis_top(999'999), 1'000'000);
    EXPECT_GT(page::axis_top(1e300), 0);
}

/// All corners of the paths lie within the view box.
TEST(StatusPageChart, StaysWithinItsBox) {
    for (Overview& overview : samples()) {
        // A part as long as the hour and more, and one that ended just now.
        overview.hour.parts.insert(overview.hour.parts.begin(),
                                   {.ago = 3600s, .length = 100'000s, .by_answer = {9, 9, 9, 9, 9, 9}});
        if (overview.hour.parts.size() > page::Hour::minutes) overview.hour.parts.pop_back();
        for (const std::string& svg :
             {page::answers_chart(overview.hour), page::durations_chart(overview.hour)}) {
            static const std::regex corner("[ML](-?[0-9.]+) (-?[0-9.]+)");
            for (std::sregex_iterator found(svg.begin(), svg.end(), corner), end; found != end; ++found) {
                EXPECT_GE(std::stod((*found)[1]), 0) << svg;
                EXPECT_LE(std::stod((*found)[1]), 601);
                EXPECT_GE(std::stod((*found)[2]), -0.1);
                EXPECT_LE(std::stod((*found)[2]), 100);
            }
            EXPECT_FALSE(has(svg, "nan"));
            EXPECT_FALSE(has(svg, "inf"));
            EXPECT_EQ(mistake("<!doctype html>" + svg), "");
        }
    }
}

TEST(StatusPageChart, ABarIsAsLongAsItsShare) {
    EXPECT_TRUE(has(page::bar(1, 4), "width=\"25\""));
    EXPECT_TRUE(has(page::bar(0, 4), "width=\"0\""));
    EXPECT_TRUE(has(page::bar(1, 1'000'000), "width=\"1\"")); // a little is seen, too
    EXPECT_TRUE(has(page::bar(0, 0), "width=\"0\""));
}

} // namespace
