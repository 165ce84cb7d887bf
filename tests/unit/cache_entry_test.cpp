#include "cache/entry.hpp"

#include "dane/verdict.hpp"

#include <gtest/gtest.h>

#include <memory>

namespace {

using namespace std::chrono_literals;
using base::Instant;
using base::Reason;
using base::seconds;
using cache::Absence;
using cache::Entry;
using cache::QueryPlan;
using cache::Tuning;
using cache::Upkeep;

constexpr Instant t0{seconds{1'700'000'000}};
constexpr Tuning tuning{};

cache::PolicyPtr policy(seconds max_age, sts::Mode mode = sts::Mode::enforce) {
    sts::PolicyText text;
    text.policy.mode = mode;
    text.policy.max_age = max_age;
    return std::make_shared<const sts::PolicyText>(std::move(text));
}

/// Fetched, checked and asked for at t0.
Entry entry(seconds max_age = 7 * 24h) {
    Entry e;
    e.policy = policy(max_age);
    e.txt_id = "1";
    e.fetched_at = e.txt_checked = e.last_asked = t0;
    e.txt_ttl = 300s;
    e.gets.last = t0;
    return e;
}

TEST(Entry, LivesFromTheFetchForItsMaxAge) {
    EXPECT_EQ(cache::expires_at(entry(1h), t0), t0 + 1h);
    EXPECT_EQ(cache::plan(entry(1h), t0 + 1h - 1s, tuning), QueryPlan::serve_and_check);
    EXPECT_EQ(cache::plan(entry(1h), t0 + 1h, tuning), QueryPlan::resolve);
}

TEST(Entry, FetchedInTheFutureCountsFromNow) {
    EXPECT_EQ(cache::expires_at(entry(1h), t0 - 24h), t0 - 24h + 1h);
    Entry e = entry(1h);
    EXPECT_TRUE(cache::note_clock(e, t0 - 24h));
    EXPECT_EQ(cache::counted_from(e), t0 - 24h);
    EXPECT_EQ(e.fetched_at, t0) << "what was the truth is kept";
    EXPECT_FALSE(cache::note_clock(e, t0 - 23h)) << "it does not slide along";
    EXPECT_EQ(cache::expires_at(e, t0 - 23h), t0 - 23h);
    EXPECT_TRUE(cache::note_clock(e, t0 - 48h)) << "set back once more";
    EXPECT_EQ(cache::expires_at(e, t0 - 48h), t0 - 47h);
}

TEST(Entry, AClockPutRightGivesThePolicyItsOwnLife) {
    Entry e = entry(24h);
    const cache::Instant at_boot{};
    EXPECT_TRUE(cache::note_clock(e, at_boot)) << "no battery: 1970";
    EXPECT_EQ(cache::expires_at(e, at_boot + 60s), at_boot + 24h + 1s);
    EXPECT_EQ(cache::expires_at(e, t0 + 1h), t0 + 24h) << "before the step is noticed";
    EXPECT_TRUE(cache::note_clock(e, t0 + 1h));
    EXPECT_EQ(cache::expires_at(e, t0 + 1h), t0 + 24h);
    EXPECT_EQ(cache::counted_from(e), t0);
    EXPECT_FALSE(cache::note_clock(e, t0 + 2h));
}

TEST(Entry, TxtIsAskedAgainAfterItsTtlWithinBounds) {
    struct Row {
        seconds ttl, after;
        QueryPlan want;
        const char* why;
    };
    const Row rows[] = {
        {300s, 299s, QueryPlan::serve, "the TTL is not over"},
        {300s, 300s, QueryPlan::serve_and_check, "the TTL is over"},
        {0s, 59s, QueryPlan::serve, "never sooner than a minute"},
        {0s, 60s, QueryPlan::serve_and_check, "a TTL of zero counts as a minute"},
        {24h, 1h - 1s, QueryPlan::serve, "within the hour"},
        {24h, 1h, QueryPlan::serve_and_check, "never later than an hour"},
        {300s, -1s, QueryPlan::serve_and_check, "the clock was set back: check at once"},
    };
    for (const Row& row : rows) {
        Entry e = entry();
        e.txt_ttl = row.ttl;
        EXPECT_EQ(cache::plan(e, t0 + row.after, tuning), row.want) << row.why;
    }
    Entry restarted = entry();
    restarted.txt_checked = Instant{};
    EXPECT_EQ(cache::plan(restarted, t0 + 1s, tuning), QueryPlan::serve_and_check)
        << "first query after a restart";
}

TEST(Absence, IsBelievedUntilItsTimeIsOver) {
    Absence a;
    a.until = t0 + 300s;
    EXPECT_EQ(cache::plan(a, t0, tuning), QueryPlan::serve);
    EXPECT_EQ(cache::plan(a, t0 + 299s, tuning), QueryPlan::serve);
    EXPECT_EQ(cache::plan(a, t0 + 300s, tuning), QueryPlan::resolve);
    EXPECT_EQ(cache::plan(a, t0 - 24h, tuning), QueryPlan::resolve) << "the clock was set back by a day";
}

TEST(Absence, LivesAsLongAsItsAnswerWithinBounds) {
    EXPECT_EQ(cache::absence_life(Reason::no_record, 300s, tuning), 300s);
    EXPECT_EQ(cache::absence_life(Reason::no_record, 0s, tuning), 60s);
    EXPECT_EQ(cache::absence_life(Reason::no_record, 24h, tuning), 900s);
    EXPECT_EQ(cache::absence_life(Reason::no_record, std::nullopt, tuning), 60s);
    EXPECT_EQ(cache::absence_life(Reason::record_multiple, 600s, tuning), 600s);
    EXPECT_EQ(cache::absence_life(Reason::dns_servfail, 600s, tuning), 60s)
        << "RFC 2308 section 7.1: briefly";
}

TEST(Backoff, FiveMinutesThreeTimesThenDoublingToAnHour) {
    const seconds want[] = {0s, 300s, 300s, 300s, 600s, 1200s, 2400s, 3600s, 3600s};
    for (std::uint32_t failures = 0; failures < std::size(want); ++failures)
        EXPECT_EQ(cache::backoff(failures, tuning), want[failures]) << failures;
    EXPECT_EQ(cache::backoff(4'000'000'000u, tuning), 3600s);
}

TEST(MayGet, KeepsItsDistance) {
    struct Row {
        std::uint32_t failures;
        const char* id;
        seconds after;
        bool want;
        const char* why;
    };
    const Row rows[] = {
        {1, "1", 299s, false, "RFC 8461 section 3.3: five minutes for one id"},
        {1, "1", 300s, true, "five minutes are over"},
        {1, "2", 0s, true, "a new id: but for the minute, which is the limit's (lookup/get_limit.hpp)"},
        {5, "1", 1199s, false, "doubling"},
        {0, "1", 0s, true, "a success starts no back-off"},
        {3, "1", -10s, true, "the clock was set back"},
    };
    for (const Row& row : rows) {
        const cache::Attempts gets{t0, row.failures, Reason::connect_failed, row.failures ? "1" : ""};
        EXPECT_EQ(cache::may_get(gets, row.id, t0 + row.after, tuning), row.want) << row.why;
    }
    EXPECT_TRUE(cache::may_get({}, "1", t0, tuning)) << "never tried";
}

TEST(DailyGet, IsDueAfterADayOrHalfOfMaxAge) {
    EXPECT_EQ(cache::daily_get_at(entry(7 * 24h), t0, tuning), t0 + 24h);
    EXPECT_EQ(cache::daily_get_at(entry(24h), t0, tuning), t0 + 12h);
    EXPECT_EQ(cache::daily_get_at(entry(1h), t0, tuning), t0 + 30min);
    Entry failing = entry();
    failing.gets = {t0 + 24h, 1, Reason::http_status, "1"};
    EXPECT_EQ(cache::daily_get_at(failing, t0 + 24h, tuning), t0 + 24h + 300s);
    EXPECT_EQ(cache::daily_get_at(failing, t0 + 1h, tuning), t0 + 24h)
        << "set back behind the last try: nothing is known of how long ago it was";
}

TEST(DailyGet, IsJitteredByATenthOfItsPeriod) {
    EXPECT_EQ(cache::next_look(entry(), t0, tuning, 0.5), t0 + 24h);
    EXPECT_EQ(cache::next_look(entry(), t0, tuning, 0.0), t0 + 24h - 8640s);
    EXPECT_LE(cache::next_look(entry(), t0, tuning, 0.999), t0 + 24h + 8640s);
    Entry failing = entry();
    failing.gets = {t0 + 24h, 1, Reason::http_status, "1"};
    EXPECT_EQ(cache::next_look(failing, t0 + 24h, tuning, 0.0), t0 + 24h + 300s)
        << "a retry never comes early";
}

TEST(Upkeep, FetchesDailyWhatIsWanted) {
    struct Row {
        seconds max_age, asked, now;
        Upkeep want;
        const char* why;
    };
    const Row rows[] = {
        {7 * 24h, 0s, 21h, Upkeep::wait, "not due"},
        {7 * 24h, 0s, 22h, Upkeep::get, "due, with jitter"},
        {7 * 24h, 0s, 7 * 24h, Upkeep::forget, "expired"},
        {365 * 24h, 0s, 29 * 24h, Upkeep::get, "asked for within 30 days"},
        {365 * 24h, 0s, 30 * 24h, Upkeep::wait, "unasked for 30 days"},
        {365 * 24h, 100 * 24h, 101 * 24h, Upkeep::get, "asked for again"},
        {1h, 0s, 31min, Upkeep::wait, "a short life, unasked since the fetch: may expire"},
        {1h, 5min, 31min, Upkeep::get, "a short life, asked for since"},
    };
    for (const Row& row : rows) {
        Entry e = entry(row.max_age);
        e.last_asked = t0 + row.asked;
        EXPECT_EQ(cache::upkeep(e, t0 + row.now, tuning), row.want) << row.why;
    }
    Tuning off;
    off.daily_refresh = false;
    EXPECT_EQ(cache::upkeep(entry(), t0 + 48h, off), Upkeep::wait);
}

TEST(NextLook, OfAnUnwantedDomainIsItsEnd) {
    Entry e = entry(365 * 24h);
    EXPECT_EQ(cache::next_look(e, t0 + 40 * 24h, tuning, 0.5), t0 + 365 * 24h);
    EXPECT_TRUE(cache::overdue(e, t0 + 40 * 24h, tuning)) << "so the next TXT re-check brings a GET along";
    EXPECT_FALSE(cache::overdue(e, t0 + 25h, tuning));
}

TEST(NextLook, IsNeverBehindTheEnd) {
    Entry e = entry(24h);
    e.gets = {t0 + 24h - 10min, 10, Reason::http_status,
              "1"}; // the back-off of an hour ends after the policy
    for (const double random : {0.0, 0.5, 1.0})
        EXPECT_EQ(cache::next_look(e, t0 + 24h - 10min, tuning, random), t0 + 24h) << random;
}

using dane::Advice;
constexpr dane::Limits limits{.active = true};

Tuning with_dane() {
    Tuning t;
    t.dane = limits;
    return t;
}

dane::Verdict found(Advice advice, bool on_failures, seconds ttl) {
    dane::Verdict verdict;
    verdict.advice = advice;
    verdict.on_failures = on_failures;
    verdict.ttl = ttl;
    return verdict;
}

TEST(EntryDane, IsLookedUpForEnforcedPoliciesOnly) {
    Entry e = entry();
    EXPECT_TRUE(cache::dane_due(e, t0, with_dane()));
    EXPECT_FALSE(cache::dane_due(e, t0, tuning)) << "switched off";
    e.policy = policy(1h, sts::Mode::testing);
    EXPECT_FALSE(cache::dane_due(e, t0, with_dane()));
    Tuning strict = with_dane();
    strict.enforce_testing = true;
    EXPECT_TRUE(cache::dane_due(e, t0, strict));
    e.policy = policy(1h, sts::Mode::none);
    EXPECT_FALSE(cache::dane_due(e, t0, strict));
}

TEST(EntryDane, IsLookedUpBeforeTheFirstAnswerThenBehindIt) {
    Entry e = entry();
    EXPECT_EQ(cache::plan(e, t0, with_dane()), QueryPlan::resolve);
    e.dane = after_lookup({}, found(Advice::sts, false, 120s), t0, limits);
    EXPECT_EQ(cache::plan(e, t0 + 119s, with_dane()), QueryPlan::serve);
    EXPECT_EQ(cache::plan(e, t0 + 120s, with_dane()), QueryPlan::serve_and_check);
    e.dane = after_lookup({}, found(Advice::no_verdict, false, 60s), t0, limits);
    EXPECT_EQ(cache::plan(e, t0 + 10s, with_dane()), QueryPlan::serve)
        << "it could not be found out: MTA-STS for now";
    Entry restarted = entry();
    restarted.dane = {Advice::dane_only, t0, {}};
    EXPECT_EQ(cache::plan(restarted, t0 + 1s, with_dane()), QueryPlan::serve_and_check)
        << "remembered through a restart";
}

TEST(EntryDane, AnOldVerdictIsAskedAnewBeforeItIsUsed) {
    for (const Advice advice : {Advice::dane_only, Advice::sts}) {
        Entry e = entry(31'557'600s);
        e.dane = after_lookup({}, found(advice, false, 300s), t0, limits);
        EXPECT_EQ(cache::plan(e, t0 + 36h - 1s, with_dane()), QueryPlan::serve_and_check);
        EXPECT_EQ(cache::plan(e, t0 + 36h, with_dane()), QueryPlan::resolve);
        EXPECT_EQ(cache::plan(e, t0 + 360h, with_dane()), QueryPlan::resolve);
        EXPECT_EQ(cache::plan(e, t0 + 360h, tuning), QueryPlan::serve_and_check) << "nobody looks for DANE";
        // The lookup fails: nobody has to wait for it again.
        const Instant first = t0 + 100h;
        for (seconds t = 0s; t < 25h; t += 60s) {
            e.dane = after_lookup(e.dane, found(Advice::no_verdict, false, 60s), first + t, limits);
            EXPECT_EQ(cache::plan(e, first + t + 59s, with_dane()), QueryPlan::serve_and_check);
            EXPECT_EQ(cache::plan(e, first + t + 60s, with_dane()), QueryPlan::serve_and_check);
        }
        EXPECT_EQ(cache::plan(e, first + 72h, with_dane()), QueryPlan::resolve)
            << "nobody has looked for long: perhaps it works again";
    }
}

} // namespace
