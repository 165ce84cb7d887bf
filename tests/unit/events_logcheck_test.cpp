// The package's logcheck rules ignore exactly the lines that are only for the record, by the table of events,
// for all fields on which the level depends. grep(1), which logcheck(8) runs, is the judge.
#include "base/reason.hpp"
#include "events/render.hpp"
#include "events/table.hpp"
#include "log/log_format.hpp"
#include "lookup/steps.hpp"

#include "support/temp_folder.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <set>
#include <string>
#include <vector>

namespace {

using namespace std::chrono_literals;
using namespace events;
using base::Level;
using base::Reason;

std::string written(const Event& event) {
    const Line line = render(event);
    app::LogBuffer text;
    app::append_text_line(text, line.name, line.fields());
    return "Nov 21 12:00:00 mail stsmapd[123]: " + std::string{text.text()};
}

/// The lines that no rule ignores.
std::set<std::string> reported(const std::vector<std::string>& lines) {
    const test::TempFolder folder;
    const std::string all = folder / "all", left = folder / "left";
    {
        std::ofstream out{all};
        for (const std::string& line : lines) out << line << '\n';
    }
    const std::string rules = STSMAPD_SOURCE_DIR "/packaging/debian/stsmapd.logcheck.ignore.server";
    const std::string command = "grep -E -v -f '" + rules + "' '" + all + "' > '" + left + "'";
    EXPECT_LE(WEXITSTATUS(std::system(command.c_str())), 1) << command; // NOLINT(cert-env33-c)
    std::ifstream in{left};
    std::set<std::string> out;
    for (std::string line; std::getline(in, line);) out.insert(line);
    return out;
}

std::vector<Event> policy_failures() {
    std::vector<Event> out;
    for (unsigned i = 0; i <= static_cast<unsigned>(Reason::key_not_a_domain); ++i)
        for (const std::string_view kept : {"enforce", "no enforce policy"})
            for (const std::string_view detail : {"", "one", "two words", "x kept=\"no enforce policy\" y"})
                out.emplace_back(PolicyFailed{.domain = "a.example",
                                              .reason = static_cast<Reason>(i),
                                              .detail = detail,
                                              .kept = kept,
                                              .next_try = 60s,
                                              .has_policy = true});
    return out;
}

/// lookup::change() decides which of them are warnings.
std::vector<Event> policy_changes() {
    constexpr sts::Mode modes[] = {sts::Mode::enforce, sts::Mode::testing, sts::Mode::none};
    std::vector<Event> out;
    for (const sts::Mode before : modes)
        for (const sts::Mode after : modes)
            for (const base::seconds max_age : {0s, 1s, 10s, 86400s}) {
                const auto with = [](sts::Mode mode, base::seconds life) {
                    return std::make_shared<sts::PolicyText>(
                        sts::PolicyText{std::string{to_string(mode)} + std::to_string(life.count()),
                                        {mode, life, {{"mx.a.example", false}}}});
                };
                const lookup::Change how = lookup::change(with(before, 604800s), with(after, max_age));
                out.emplace_back(PolicyChanged{.domain = "a.example",
                                               .mode = after,
                                               .mode_before = before,
                                               .mx = 1,
                                               .max_age = max_age,
                                               .id = "2",
                                               .id_before = "1",
                                               .weakened = how == lookup::Change::weakened});
            }
    return out;
}

std::vector<Event> dane_changes() {
    std::vector<Event> out;
    for (const std::string_view other : {"sts", "unknown"})
        for (const bool lost : {true, false})
            for (const std::string_view next_hop : {"", "[mx.a.example]:25"})
                out.emplace_back(DaneChanged{.domain = "a.example",
                                             .verdict = lost ? other : "dane-only",
                                             .before = lost ? "dane-only" : other,
                                             .detail = "two words",
                                             .ttl = 60s,
                                             .next_hop = next_hop,
                                             .lost = lost});
    return out;
}

std::vector<Event> override_changes() {
    std::vector<Event> out;
    for (const std::string_view weakens : {"yes", "no"})
        for (const std::string_view note : {"ticket", "two words", "x weakens=no \"y\""}) {
            for (const std::string_view hides : {"", "dane-only"})
                out.emplace_back(OverrideAdded{".a.example", "dane-only", weakens, "2027-01-31T00:00:00Z",
                                               "uid 0 (alice, unverified)", hides, note});
            out.emplace_back(OverrideRemoved{"a.example", "may", weakens, note});
            out.emplace_back(OverrideExpired{"a.example", "off", weakens, "run-time", note});
        }
    out.emplace_back(OverridesInUse{3, 2, 0, ""});
    out.emplace_back(OverridesInUse{3, 2, 1, "a.example,b.example"});
    return out;
}

std::vector<Event> forgotten() {
    std::vector<Event> out;
    for (const std::string_view mode : {"enforce", "testing", "none", "-"})
        for (const std::string_view by : {"", "alice", "two words"})
            out.emplace_back(PolicyForgotten{.domain = "a.example", .mode = mode, .uid = 7, .by = by});
    return out;
}

std::vector<Event> fleet() {
    std::vector<Event> out{FleetKeys{.keys = 2, .sealing = "2026-11.a_b"}};
    for (const std::string_view engine : {"unix:/run/valkey/valkey.sock", "tls:[2001:db8::1]:6379"})
        for (const std::string_view detail : {"", "one", "two words", "x \"y\" detail=z"}) {
            out.emplace_back(FleetUp{engine, detail});
            out.emplace_back(FleetCompared{100, 2, 3, 4, detail});
            out.emplace_back(FleetDown{engine, "timeout", detail});
            out.emplace_back(FleetValueRefused{"stsmapd:1:p:{a.example}", "bad-seal", 7});
        }
    return out;
}

TEST(Logcheck, IgnoresAllAndOnlyWhatIsForTheRecord) {
    for (const std::vector<Event>& events :
         {policy_failures(), policy_changes(), dane_changes(), forgotten(), override_changes(), fleet()}) {
        std::vector<std::string> lines;
        std::set<Level> levels;
        for (const Event& event : events) {
            lines.push_back(written(event));
            levels.insert(level(event));
        }
        EXPECT_EQ(levels, (std::set{Level::info, Level::warning})) << lines.front();
        const std::set<std::string> seen = reported(lines);
        for (std::size_t i = 0; i < events.size(); ++i)
            EXPECT_EQ(seen.contains(lines[i]), level(events[i]) >= Level::warning) << lines[i];
    }
}

} // namespace
