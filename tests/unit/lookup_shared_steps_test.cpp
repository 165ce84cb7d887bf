// What a policy of the shared cache is worth, and who of a fleet fetches: tables.
#include "lookup/shared_steps.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace {

using namespace std::chrono_literals;
using base::Instant;
using base::Reason;
using base::seconds;
using cache::Knowledge;
using cache::Lease;
using cache::SharedPolicy;
using lookup::SharedTurn;
using lookup::TxtOutcome;
using lookup::Why;
using lookup::Worth;

constexpr Instant t0{seconds{1'700'000'000}};
constexpr seconds max_age = 7 * 24h;

cache::PolicyPtr policy(std::string text) {
    sts::PolicyText p;
    p.text = std::move(text);
    p.policy.mode = sts::Mode::enforce;
    p.policy.max_age = max_age;
    return std::make_shared<const sts::PolicyText>(std::move(p));
}

cache::Entry entry(std::string id = "1", std::string text = "m", Instant fetched_at = t0) {
    cache::Entry e;
    e.policy = policy(std::move(text));
    e.txt_id = std::move(id);
    e.fetched_at = e.txt_checked = e.last_asked = e.gets.last = fetched_at;
    e.txt_ttl = 300s;
    return e;
}

SharedPolicy value(std::string id, seconds after, std::string text = "m") {
    return {std::move(text), std::move(id), t0 + after, "mx2"};
}

TxtOutcome shows(std::string id) { return {std::move(id), 600s}; }
TxtOutcome shows_none(Reason reason) { return {base::unexpected(reason), 600s}; }

TEST(SharedWorth, BeforeParsing) {
    cache::Absence failed, withdrawn;
    failed.reason = Reason::connect_failed;
    failed.gets = {t0 + 1h, 1, Reason::connect_failed, "1"};
    withdrawn.reason = Reason::backing_off;
    withdrawn.gets.last = t0 + 1h;
    cache::Entry ahead = entry("1", "m", t0 + 365 * 24h);
    ahead.ahead_since = t0;
    const cache::Entry ours = entry();

    struct Row {
        Knowledge known;
        std::optional<TxtOutcome> txt; ///< none: a notification
        SharedPolicy found;
        seconds now; ///< after t0
        Worth want;
        const char* reason;
    };
    const Row rows[] = {
        {{}, shows("1"), value("1", 0s), 1h, Worth::take, "the same id"},
        {{}, shows("2"), value("1", 0s), 1h, Worth::other_id, "another id: a GET"},
        {{}, shows_none(Reason::no_record), value("1", 0s), 1h, Worth::take, "as a host that knew it"},
        {{}, shows_none(Reason::record_invalid), value("1", 0s), 1h, Worth::take, "the same"},
        {{}, shows_none(Reason::record_multiple), value("1", 0s), 1h, Worth::take, "the same"},
        {{}, shows_none(Reason::dns_timeout), value("1", 0s), 1h, Worth::take, "DNS fails"},
        {{}, shows_none(Reason::dns_servfail), value("1", 0s), 1h, Worth::take, "DNS fails"},
        {failed, shows("1"), value("1", 0s), 1h, Worth::take, "others can reach the policy host"},
        {withdrawn, shows("1"), value("1", 59min), 2h, Worth::older, "withdrawn since, by max_age 0"},
        {withdrawn, shows("1"), value("1", 61min), 2h, Worth::take, "and published again"},
        {{}, shows("1"), value("1", 1h + 5min), 1h, Worth::take, "clocks differ a little"},
        {{}, shows("1"), value("1", 1h + 5min + 1s), 1h, Worth::future, "or a lot"},
        {{}, shows("1"), value("", 0s), 1h, Worth::unreadable, "no id"},
        {{}, shows("1"), value("1;", 0s), 1h, Worth::unreadable, "an id that no record has"},
        {{}, shows("1"), value(std::string(33, 'a'), 0s), 1h, Worth::unreadable, "the same"},
        {ours, shows("1"), value("1", 1s), 24h, Worth::take, "newer than ours"},
        {ours, shows("1"), value("1", 0s), 24h, Worth::older, "ours"},
        {ours, shows("1"), value("1", -1s), 24h, Worth::older, "older than ours"},
        {ours, shows("2"), value("2", 1s), 24h, Worth::take, "changed, and another was faster"},
        {ours, shows("2"), value("2", 0s), 24h, Worth::take, "our text is known under the id shown"},
        {ours, shows("2"), value("2", -1s), 24h, Worth::older, "a replay"},
        {ours, shows("2"), value("1", 1s), 24h, Worth::other_id, "newer, but not what is shown"},
        {ours, shows_none(Reason::dns_timeout), value("2", 1s), 24h, Worth::take, "DNS fails"},
        {ours, {}, value("2", 1s), 24h, Worth::take, "a notification"},
        {ours, {}, value("2", 0s), 24h, Worth::older, "of the same second, with the same text"},
        {ours, {}, value("2", 0s, "z"), 24h, Worth::take, "of the same second: all take the greater text"},
        {ours, {}, value("2", 0s, "a"), 24h, Worth::older, "the same, seen from the other host"},
        {ours, {}, value("1", 0s), 24h, Worth::older, "our own offer comes back"},
        {ahead, {}, value("1", 1s), 24h, Worth::take, "our clock was wrong: counted from when that was seen"},
    };
    for (const Row& row : rows)
        EXPECT_EQ(to_string(lookup::worth_parsing(row.found, row.known, row.txt ? &*row.txt : nullptr,
                                                  t0 + row.now)),
                  to_string(row.want))
            << row.reason;
}

TEST(SharedWorth, AfterParsing) {
    const sts::Policy parsed = policy("m")->policy;
    const auto at = [&](seconds fetched, seconds now) {
        return lookup::worth_taking(value("1", fetched), parsed, t0 + now);
    };
    EXPECT_EQ(at(0s, max_age - 1s), Worth::take);
    EXPECT_EQ(at(0s, max_age), Worth::expired);
    EXPECT_EQ(at(300s, 0s), Worth::take) << "a little ahead of our clock";
    sts::Policy withdrawal = parsed;
    withdrawal.max_age = 0s;
    EXPECT_EQ(lookup::worth_taking(value("1", 0s), withdrawal, t0), Worth::expired) << "is not shared (5.1)";
    EXPECT_EQ(lookup::worth_taking(value("1", 60s), withdrawal, t0), Worth::expired);
}

TEST(SharedAdopted, IsAsIfFetchedThen) {
    cache::Entry before = entry("1", "old");
    before.last_asked = t0 + 5min;
    before.agenda_at = t0 + 22h;
    before.record_gone = true;
    before.dane.known_at = t0 + 1min;
    before.gets = {t0 + 1h, 3, Reason::connect_failed, "1"};
    const cache::Entry after =
        lookup::adopted(before, policy("new"), value("2", 10h, "new"), nullptr, t0 + 11h);
    EXPECT_EQ(after.policy->text, "new");
    EXPECT_EQ(after.txt_id, "2");
    EXPECT_EQ(after.fetched_at, t0 + 10h) << "no life is extended";
    EXPECT_EQ(after.gets.failures, 0u);
    EXPECT_EQ(after.last_asked, t0 + 5min);
    EXPECT_EQ(after.agenda_at, t0 + 22h);
    EXPECT_TRUE(after.record_gone);
    EXPECT_EQ(after.dane.known_at, t0 + 1min) << "of the MX hosts, not of the policy";
    EXPECT_EQ(cache::plan(after, t0 + 11h, {.dane = {.active = false}}), cache::QueryPlan::serve_and_check);
}

TEST(SharedAdopted, WhenTheRecordIsCheckedNext) {
    const cache::Entry same = entry("1", "m"), other = entry("1", "old");
    const TxtOutcome shown = shows("2"), failed = shows_none(Reason::dns_timeout);
    struct Row {
        Knowledge known;
        const TxtOutcome* txt;
        Instant checked;
        seconds ttl;
        const char* id;
        const char* reason;
    };
    const Row rows[] = {
        {{}, &shown, t0 + 2h, 600s, "2", "the record has just shown the id"},
        {same, &shown, t0 + 2h, 600s, "2", "the same"},
        {{}, &failed, Instant{}, 0s, "2", "at once"},
        {{}, nullptr, Instant{}, 0s, "2", "at once"},
        {other, nullptr, Instant{}, 0s, "2", "a notification: at once"},
        {other, &failed, Instant{}, 0s, "2", "at once"},
        {same, nullptr, t0, 300s, "1", "the text has not changed: neither do id and next check"},
    };
    for (const Row& row : rows) {
        const cache::Entry after = lookup::adopted(row.known, policy("m"), value("2", 1h), row.txt, t0 + 2h);
        EXPECT_EQ(after.txt_checked, row.checked) << row.reason;
        EXPECT_EQ(after.txt_ttl, row.ttl) << row.reason;
        EXPECT_EQ(after.txt_id, row.id) << row.reason;
        EXPECT_EQ(after.fetched_at, t0 + 1h) << row.reason;
        const bool is_new = std::holds_alternative<std::monostate>(row.known);
        EXPECT_EQ(after.last_asked, is_new ? t0 + 2h : t0) << row.reason;
    }
}

TEST(SharedAdopted, NothingIsFetchedInTheFuture) {
    const cache::Entry after = lookup::adopted({}, policy("m"), value("1", 200s), nullptr, t0);
    EXPECT_EQ(after.fetched_at, t0);
}

TEST(SharedBeside, IsAskedWhenNoPolicyIsKnown) {
    EXPECT_TRUE(lookup::ask_beside({}, Why::query, t0));
    EXPECT_TRUE(lookup::ask_beside(cache::Absence{}, Why::query, t0));
    EXPECT_TRUE(lookup::ask_beside(entry(), Why::query, t0 + max_age)) << "it has expired";
    EXPECT_FALSE(lookup::ask_beside(entry(), Why::query, t0 + 1h));
    EXPECT_FALSE(lookup::ask_beside(entry(), Why::txt_check, t0 + 1h));
    EXPECT_FALSE(lookup::ask_beside(entry(), Why::daily, t0 + 24h));
    EXPECT_FALSE(lookup::ask_beside({}, Why::by_hand, t0));
}

TEST(SharedLeaseFor, OnlyADailyGetCanWaitLong) {
    struct Row {
        Knowledge known;
        Why why;
        const char* id;
        seconds now;
        Lease want;
        const char* reason;
    };
    const Row rows[] = {
        {{}, Why::query, "1", 0s, Lease::fetch, "a client waits"},
        {entry(), Why::daily, "1", 24h, Lease::refresh, "daily"},
        {entry(), Why::daily, "2", 24h, Lease::fetch, "the policy has changed"},
        {entry(), Why::txt_check, "2", 1h, Lease::fetch, "the policy has changed"},
        {entry(), Why::txt_check, "1", 40h, Lease::fetch, "overdue"},
        {entry(), Why::daily, "1", max_age - 600s, Lease::refresh, "ten minutes are left"},
        {entry(), Why::daily, "1", max_age - 599s, Lease::fetch, "it expires soon"},
        {entry(), Why::daily, "1", max_age, Lease::fetch, "it has expired"},
    };
    for (const Row& row : rows)
        EXPECT_EQ(lookup::lease_for(row.known, row.why, row.id, t0 + row.now), row.want) << row.reason;
}

/// Plays a search's way: each event is "TIME WHAT", in milliseconds, and gives one step.
std::string way(SharedTurn turn, const std::vector<std::pair<long, const char*>>& events) {
    static const char* const names[] = {"find", "lease", "wait", "take", "get", "leave"};
    std::string steps;
    for (const auto& [at, what] : events) {
        const base::Steady now{std::chrono::milliseconds{at}};
        const std::string event = what;
        const auto step = event == "fits"       ? turn.looked(SharedTurn::Look::fits, now)
                          : event == "nothing"  ? turn.looked(SharedTurn::Look::nothing, now)
                          : event == "trouble"  ? turn.looked(SharedTurn::Look::trouble, now)
                          : event == "won"      ? turn.asked(SharedTurn::Won::yes, now)
                          : event == "lost"     ? turn.asked(SharedTurn::Won::no, now)
                          : event == "no lease" ? turn.asked(SharedTurn::Won::trouble, now)
                          : event == "time"     ? turn.waited(now)
                          : event == "news"     ? turn.heard(SharedTurn::News::fits)
                          : event == "other"    ? turn.heard(SharedTurn::News::other)
                                                : turn.heard(SharedTurn::News::look);
        steps += (steps.empty() ? "" : ", ") + std::string(names[static_cast<int>(step)]);
        if (step == SharedTurn::Step::wait)
            steps +=
                " " +
                std::to_string(
                    std::chrono::floor<std::chrono::milliseconds>(turn.until().time_since_epoch()).count());
    }
    return steps;
}

TEST(SharedTurn, OneFetchesTheOthersWaitAWhile) {
    struct Row {
        Lease lease;
        bool ask_lease;
        std::vector<std::pair<long, const char*>> events;
        const char* want;
        const char* reason;
    };
    const Row rows[] = {
        {Lease::fetch, true, {{0, "fits"}}, "take", "it is there"},
        {Lease::fetch, true, {{0, "nothing"}, {1, "won"}}, "lease, get", "this host fetches"},
        {Lease::fetch, true, {{0, "trouble"}}, "get", "as without the cache, at once"},
        {Lease::fetch, true, {{0, "nothing"}, {1, "no lease"}}, "lease, get", "the same"},
        {Lease::fetch,
         true,
         {{0, "nothing"}, {1, "lost"}, {90, "news"}},
         "lease, wait 251, take",
         "notified"},
        {Lease::fetch,
         true,
         {{0, "nothing"}, {0, "lost"}, {250, "time"}, {252, "fits"}},
         "lease, wait 250, find, take",
         "not notified, found at the first look"},
        {Lease::fetch,
         true,
         {{0, "nothing"},
          {0, "lost"},
          {250, "time"},
          {252, "nothing"},
          {500, "time"},
          {502, "nothing"},
          {1000, "time"},
          {1002, "nothing"},
          {1500, "time"}},
         "lease, wait 250, find, wait 500, find, wait 1000, find, wait 1500, get",
         "nothing comes"},
        {Lease::fetch,
         true,
         {{0, "nothing"}, {0, "lost"}, {250, "time"}, {252, "trouble"}},
         "lease, wait 250, find, get",
         "the cache goes down meanwhile: no further wait"},
        {Lease::fetch,
         true,
         {{0, "nothing"}, {0, "lost"}, {250, "time"}, {800, "nothing"}, {1000, "time"}, {1600, "nothing"}},
         "lease, wait 250, find, wait 1000, find, get",
         "answers that take long do not add up"},
        {Lease::fetch,
         true,
         {{0, "nothing"}, {0, "lost"}, {90, "other"}, {250, "time"}},
         "lease, wait 250, wait 250, find",
         "a notification that does not help"},
        {Lease::fetch,
         true,
         {{0, "nothing"}, {0, "lost"}, {90, "look"}, {91, "fits"}},
         "lease, wait 250, find, take",
         "a notification without the policy"},
        {Lease::fetch,
         true,
         {{0, "nothing"},
          {0, "lost"},
          {10, "look"},
          {11, "nothing"},
          {20, "look"},
          {21, "nothing"},
          {30, "look"},
          {31, "nothing"},
          {40, "look"},
          {250, "time"}},
         "lease, wait 250, find, wait 250, find, wait 250, find, wait 250, wait 250, find",
         "many of them do not make us ask all the time"},
        {Lease::refresh, true, {{0, "fits"}}, "take", "another was earlier today"},
        {Lease::refresh, true, {{0, "nothing"}, {1, "won"}}, "lease, get", "this host refreshes"},
        {Lease::refresh, true, {{0, "nothing"}, {1, "lost"}}, "lease, leave", "another one does"},
        {Lease::refresh, true, {{0, "nothing"}, {1, "no lease"}}, "lease, get", "as without the cache"},
        {Lease::refresh, true, {{0, "trouble"}}, "get", "the same"},
        {Lease::refresh, false, {{0, "nothing"}}, "get", "has waited long enough for another"},
        {Lease::refresh, false, {{0, "fits"}}, "take", "which was the other's at last"},
    };
    for (const Row& row : rows)
        EXPECT_EQ(way(SharedTurn{row.lease, row.ask_lease}, row.events), row.want) << row.reason;
}

TEST(SharedTurn, LooksAgainAfterHalfToTwoMinutes) {
    EXPECT_EQ(lookup::look_again(0.0), 30s);
    EXPECT_EQ(lookup::look_again(0.5), 75s);
    EXPECT_EQ(lookup::look_again(0.9999), 119s);
}

TEST(LostLeases, NobodyWaitsLongerThanALease) {
    lookup::LostLeases lost;
    const auto a = *base::Domain::parse("a.example"), b = *base::Domain::parse("b.example");
    const auto at = [](seconds after) { return base::Steady{after}; };
    EXPECT_FALSE(lost.enough(a, at(0s)));
    lost.note(a, at(0s));
    lost.note(a, at(60s));
    EXPECT_FALSE(lost.enough(a, at(119s)));
    EXPECT_TRUE(lost.enough(a, at(120s))) << "counted from the first loss";
    EXPECT_FALSE(lost.enough(b, at(120s)));
    lost.forget(a);
    EXPECT_FALSE(lost.enough(a, at(120s))) << "a policy came";
    lost.note(a, at(130s));
    EXPECT_FALSE(lost.enough(a, at(240s)));
    EXPECT_TRUE(lost.enough(a, at(250s)));
    EXPECT_FALSE(lost.enough(a, at(730s))) << "forgotten after ten minutes";
    EXPECT_EQ(lost.size(), 0u);
}

TEST(LostLeases, IsBounded) {
    lookup::LostLeases lost;
    for (std::size_t i = 0; i < lookup::LostLeases::max_remembered + 10; ++i)
        lost.note(*base::Domain::parse("d" + std::to_string(i) + ".example"), base::Steady{});
    EXPECT_EQ(lost.size(), lookup::LostLeases::max_remembered);
    EXPECT_TRUE(lost.enough(*base::Domain::parse("one.more.example"), base::Steady{}))
        << "who finds no place does not wait";
}

} // namespace
