// What is wrong, in words.
#include "admin/page/troubles.hpp"

#include "config/options.hpp"
#include "events/table.hpp"
#include "support/sample_overview.hpp"
#include "tool/commands.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <regex>
#include <set>
#include <string>

namespace {

using namespace std::chrono_literals;
using metrics::Id;
using page::Overview;
using page::Sign;
using page::Trouble;
using Weight = page::Trouble::Weight;

/// A daemon with nothing to say.
Overview quiet() {
    Overview overview = test::healthy_overview();
    overview.census.failing = {};
    overview.failing.clear();
    overview.overrides.clear();
    return overview;
}

struct Row {
    std::string id;
    Weight weight;
    std::function<void(Overview&)> cause;
    std::string words; ///< part of them
};

void grow(Overview& overview, Sign sign, std::uint64_t count, base::seconds ago = 0s) {
    overview.hour.grown[static_cast<std::size_t>(sign)] = {count, overview.now - ago};
}
page::Resolver resolver(bool silent) {
    return {"192.0.2.1:53", page::Resolver::Validates::yes, true, silent};
}

TEST(PageTroubles, NoneWhenAllIsWell) { EXPECT_TRUE(page::troubles(quiet()).empty()); }

TEST(PageTroubles, Table) {
    const Row rows[]{
        {"temp-answers", Weight::problem, [](Overview& o) { grow(o, Sign::temp, 1); },
         "1 question was answered TEMP"},
        {"temp-answers", Weight::problem, [](Overview& o) { grow(o, Sign::temp, 1200); },
         "1,200 questions were answered TEMP"},
        {"unanswered", Weight::problem, [](Overview& o) { grow(o, Sign::unanswered, 1); }, "1 request"},
        {"deadline-exceeded", Weight::warning, [](Overview& o) { grow(o, Sign::deadline, 2); },
         "2 questions"},
        {"connections-held-up", Weight::warning, [](Overview& o) { grow(o, Sign::held_up, 2); }, "2 times"},
        {"protocol-violations", Weight::note, [](Overview& o) { grow(o, Sign::violation, 1); },
         "1 connection was closed"},
        {"memory-short", Weight::problem, [](Overview& o) { o.numbers.set(Id::memory_short, 1); },
         "Memory is short"},
        {"store-failing", Weight::problem,
         [](Overview& o) {
             o.numbers.set(Id::store_failing, 1);
             o.numbers.set(Id::store_rows_waiting, 3);
             grow(o, Sign::store_failed, 3);
         },
         "3 policies wait for the disk"},
        {"store-failed", Weight::note, [](Overview& o) { grow(o, Sign::store_failed, 3); }, "3 writes"},
        {"store-loading", Weight::note, [](Overview& o) { o.complete = false; }, "still being read"},
        {"policies-full", Weight::warning, [](Overview& o) { o.numbers.set(Id::policies_limit, 1200); },
         "1,200"},
        {"shared-cache-down", Weight::warning, [](Overview& o) { o.numbers.set(Id::shared_configured, 1); },
         "cannot be used"},
        {"shared-values-refused", Weight::warning, [](Overview& o) { grow(o, Sign::shared_forged, 2); },
         "2 values of the shared cache"},
        {"log-dropped", Weight::note, [](Overview& o) { grow(o, Sign::log_dropped, 1); }, "1 line"},
        {"resolvers-silent", Weight::problem, [](Overview& o) { o.resolvers = {resolver(true)}; },
         "The name server does not answer"},
        {"resolvers-silent", Weight::problem,
         [](Overview& o) {
             o.resolvers = {resolver(true), resolver(true)};
         },
         "None of the name servers"},
        {"resolver-silent", Weight::warning,
         [](Overview& o) {
             o.resolvers = {resolver(true), resolver(false)};
         },
         "1 name server does not"},
        {"dane-inactive", Weight::note, [](Overview& o) { o.dane = "dane = \"off\""; }, "dane = \"off\""},
        {"policy-weakened", Weight::warning, [](Overview& o) { grow(o, Sign::weakened, 0, 23h); },
         "23 hours ago"},
        {"record-vanished", Weight::warning, [](Overview& o) { grow(o, Sign::record_vanished, 1, 5min); },
         "5 min ago"},
        {"policies-expiring", Weight::warning, [](Overview& o) { o.census.expiring = 1; },
         "1 enforced policy expires within a day"},
        {"fetches-failing", Weight::note, [](Overview& o) { o.census.failing[9] = 5; },
         "5 policies of 1,200"},
        {"fetches-failing", Weight::warning, [](Overview& o) { o.census.failing[9] = 240; }, "240 policies"},
        {"policies-overdue", Weight::note, [](Overview& o) { o.census.overdue = 1; }, "1 policy is overdue"},
        {"override-ending", Weight::note,
         [](Overview& o) {
             o.overrides.resize(2);
             o.overrides[0].until = o.now + 5h;
         },
         "1 override ends within three days, the next one in 5 hours"},
        {"overrides-weaken", Weight::note, [](Overview& o) { o.numbers.set(Id::overrides_weakening, 2); },
         "2 overrides give less"},
        {"reload-failed", Weight::warning, [](Overview& o) { grow(o, Sign::reload_failed, 1, 25h); },
         "the old one stays in use"},
        {"needs-restart", Weight::note,
         [](Overview& o) {
             o.needs_restart = {"threads", "listen"};
         },
         "threads, listen"},
        {"observing", Weight::note, [](Overview& o) { o.numbers.set(Id::observing, 1); }, "only observes"},
    };
    std::set<std::string> seen;
    for (const Row& row : rows) {
        Overview overview = quiet();
        row.cause(overview);
        const auto found = page::troubles(overview);
        ASSERT_EQ(found.size(), 1U) << row.id << " " << row.words;
        EXPECT_EQ(found[0].id, row.id);
        EXPECT_EQ(found[0].weight, row.weight) << row.id;
        EXPECT_NE(found[0].words.find(row.words), std::string::npos) << found[0].words;
        EXPECT_TRUE(found[0].words.ends_with(".")) << found[0].words;
        EXPECT_FALSE(found[0].advice.empty());
        seen.insert(row.id);
    }
    EXPECT_EQ(seen.size(), 26U);
}

TEST(PageTroubles, ASharedCacheThatWorksIsNone) {
    Overview overview = quiet();
    overview.numbers.set(Id::shared_configured, 1);
    overview.numbers.set(Id::shared_up, 1);
    EXPECT_TRUE(page::troubles(overview).empty());
}

TEST(PageTroubles, AreOverAfterAWhile) {
    Overview overview = quiet();
    grow(overview, Sign::weakened, 0, 24h);
    grow(overview, Sign::reload_failed, 0, 27h); // and a reload succeeded after that
    grow(overview, Sign::temp, 0, 2h);
    EXPECT_TRUE(page::troubles(overview).empty());
}

bool is_event(const std::string& name) {
    for (std::size_t kind = 0; kind < events::kinds; ++kind)
        if (events::entry(static_cast<events::Id>(kind)).name == name) return true;
    return false;
}

/// The advice names events, options and commands that there are.
TEST(PageTroubles, AdviceCanBeFollowed) {
    std::set<std::string> events_named, options_named, commands_named;
    for (const Trouble& one : page::troubles(test::broken_overview())) {
        const auto each = [&](const char* pattern, std::set<std::string>& names) {
            const std::regex form(pattern);
            for (std::sregex_iterator found(one.advice.begin(), one.advice.end(), form), end; found != end;
                 ++found)
                names.insert((*found)[1]);
        };
        each("\\(([a-z]+(?:-[a-z]+)+)\\)", events_named);
        each("\\b((?:cache|limits|dns|web|fetch)\\.[a-z_]+)", options_named);
        each("stsmap ([a-z-]+)", commands_named);
    }
    EXPECT_GE(events_named.size(), 4U);
    for (const std::string& name : events_named) EXPECT_TRUE(is_event(name)) << name;
    EXPECT_GE(options_named.size(), 3U);
    for (const std::string& name : options_named) EXPECT_NE(config::find_option(name), nullptr) << name;
    EXPECT_GE(commands_named.size(), 3U);
    for (const std::string& name : commands_named)
        EXPECT_TRUE(std::ranges::count(tool::command_table, name, &tool::CommandRow::name) == 1) << name;
}

TEST(PageTroubles, TheWeightiestFirst) {
    const auto found = page::troubles(test::broken_overview());
    EXPECT_GE(found.size(), 18U);
    for (std::size_t i = 1; i < found.size(); ++i) EXPECT_GE(found[i - 1].weight, found[i].weight);
    std::set<std::string_view> ids;
    for (const Trouble& one : found) EXPECT_TRUE(ids.insert(one.id).second) << one.id;
}

} // namespace
