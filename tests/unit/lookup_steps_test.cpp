#include "lookup/steps.hpp"

#include <gtest/gtest.h>

#include <memory>

namespace {

using namespace std::chrono_literals;
using base::Instant;
using base::Reason;
using base::seconds;
using cache::Knowledge;
using lookup::TxtOutcome;
using lookup::Why;

constexpr Instant t0{seconds{1'700'000'000}};
constexpr cache::Tuning tuning{};

cache::PolicyPtr policy(sts::Mode mode = sts::Mode::enforce, std::string text = "a") {
    sts::PolicyText p;
    p.text = std::move(text);
    p.policy.mode = mode;
    p.policy.max_age = 7 * 24h;
    return std::make_shared<const sts::PolicyText>(std::move(p));
}

Knowledge with_policy(std::string id = "1") {
    cache::Entry e;
    e.policy = policy();
    e.txt_id = std::move(id);
    e.fetched_at = e.txt_checked = e.last_asked = e.gets.last = t0;
    return e;
}

TxtOutcome shows(std::string id) { return {std::move(id), 300s}; }
TxtOutcome shows_none(Reason reason) { return {base::unexpected(reason), 300s}; }

std::string words(const lookup::Next& next) {
    if (std::holds_alternative<lookup::Keep>(next)) return "nothing";
    if (const auto* get = std::get_if<lookup::Get>(&next)) return "get " + get->id;
    return "give " + std::string(base::to_string(std::get<lookup::NoPolicy>(next).reason));
}

TEST(AfterTxt, Decides) {
    cache::Absence just_failed;
    just_failed.gets = {t0, 1, Reason::connect_failed, "1"};
    struct Row {
        Knowledge known;
        TxtOutcome txt;
        Why why;
        seconds after;
        const char* want;
        const char* reason;
    };
    const Row rows[] = {
        {{}, shows("1"), Why::query, 0s, "get 1", "nothing known"},
        {{},
         shows_none(Reason::no_record),
         Why::query,
         0s,
         "give no-record",
         "no HTTPS without a record (3.1)"},
        {{}, shows_none(Reason::record_multiple), Why::query, 0s, "give record-multiple", "3.1"},
        {{}, shows_none(Reason::dns_servfail), Why::query, 0s, "give dns-servfail", "nothing to go by"},
        {just_failed, shows("1"), Why::query, 60s, "give connect-failed", "back-off for the same id"},
        {just_failed, shows("2"), Why::query, 60s, "get 2", "a new id"},
        {just_failed, shows("1"), Why::query, 300s, "get 1", "the back-off is over"},
        {with_policy(), shows("1"), Why::txt_check, 1h, "nothing", "unchanged"},
        {with_policy(), shows("2"), Why::txt_check, 1h, "get 2", "changed"},
        {with_policy(), shows_none(Reason::no_record), Why::txt_check, 1h, "nothing",
         "3.1 note: the policy stays"},
        {with_policy(), shows_none(Reason::dns_timeout), Why::txt_check, 1h, "nothing", "the policy stays"},
        {with_policy(), shows("1"), Why::txt_check, 40h, "get 1", "the daily GET is overdue"},
        {with_policy(), shows("1"), Why::daily, 24h, "get 1", "daily"},
        {with_policy(), shows_none(Reason::no_record), Why::daily, 24h, "get 1", "10.2: whatever TXT says"},
        {with_policy(), shows("3"), Why::daily, 24h, "get 3", "filed under the id shown"},
        {with_policy(), shows("1"), Why::query, 8 * 24h, "get 1",
         "expired: an unchanged id revives nothing (5.1)"},
        {with_policy(), shows_none(Reason::no_record), Why::query, 8 * 24h, "give no-record", "expired"},
    };
    for (const Row& row : rows)
        EXPECT_EQ(words(lookup::after_txt(row.known, row.txt, row.why, t0 + row.after, true, tuning)),
                  row.want)
            << row.reason;
    for (const Row& row : rows) {
        const std::string within =
            words(lookup::after_txt(row.known, row.txt, row.why, t0 + row.after, false, tuning));
        EXPECT_FALSE(within.starts_with("get")) << "within a minute of the last GET: " << row.reason;
    }
}

TEST(NoteLook, ComesBackWhenTheMinuteIsOver) {
    cache::Entry entry = std::get<cache::Entry>(with_policy("1"));
    const auto due_in = [&](const TxtOutcome& txt, seconds get_wait) {
        lookup::note_look(entry, txt, t0 + 90s, get_wait, tuning);
        seconds wait{0};
        while (cache::plan(entry, t0 + 90s + wait, tuning) == cache::QueryPlan::serve) wait += 1s;
        return wait;
    };
    EXPECT_EQ(due_in(shows("1"), 0s), 300s);
    EXPECT_EQ(due_in(shows("1"), 30s), 300s) << "nothing to fetch";
    EXPECT_EQ(due_in(shows("2"), 1s), 1s);
    EXPECT_EQ(due_in(shows("2"), 60s), 60s);
    EXPECT_EQ(due_in(shows("2"), 0s), 300s) << "the back-off is in the way, or nothing";
    EXPECT_EQ(due_in(shows_none(Reason::dns_timeout), 30s), 300s);
}

TEST(Fetched, StartsANewLifeAndKeepsWhoAsked) {
    Knowledge before = with_policy();
    std::get<cache::Entry>(before).gets = {t0 + 1h, 3, Reason::http_status, "2"};
    std::get<cache::Entry>(before).agenda_at = t0 + 24h;
    const cache::Entry after = lookup::fetched(before, policy(), "2", shows("2"), t0 + 2h);
    EXPECT_EQ(after.txt_id, "2");
    EXPECT_EQ(after.fetched_at, t0 + 2h);
    EXPECT_EQ(after.last_asked, t0);
    EXPECT_EQ(after.agenda_at, t0 + 24h);
    EXPECT_EQ(after.gets.failures, 0u);
    EXPECT_EQ(after.gets.last, t0 + 2h);
    EXPECT_EQ(after.txt_ttl, 300s);
    EXPECT_EQ(lookup::fetched({}, policy(), "1", shows("1"), t0).last_asked, t0)
        << "a first query asked for it";
}

TEST(Fetched, HasATimeOfItsOwnAlsoWhenTheClockWasSetBack) {
    const Knowledge before = with_policy();
    const base::Instant same = std::get<cache::Entry>(before).fetched_at;
    EXPECT_NE(lookup::fetched(before, policy(), "2", shows("2"), same).fetched_at, same)
        << "the store knows rows by it";
}

TEST(FailedGet, CountsPerId) {
    cache::Attempts gets = lookup::failed_get({}, "1", Reason::http_status, t0);
    EXPECT_EQ(gets.failures, 1u);
    gets = lookup::failed_get(gets, "1", Reason::cert_expired, t0 + 300s);
    EXPECT_EQ(gets.failures, 2u);
    EXPECT_EQ(gets.reason, Reason::cert_expired);
    EXPECT_EQ(gets.last, t0 + 300s);
    gets = lookup::failed_get(gets, "2", Reason::cert_expired, t0 + 360s);
    EXPECT_EQ(gets.failures, 1u) << "a new id starts its own count";
}

TEST(Absent, IsBelievedAsLongAsItsCauseLasts) {
    EXPECT_EQ(lookup::absent({}, Reason::no_record, shows_none(Reason::no_record), t0, 0s, tuning).until,
              t0 + 300s);
    const cache::Attempts gets{t0, 1, Reason::http_status, "1"};
    EXPECT_EQ(lookup::absent(gets, Reason::http_status, {std::string("1"), 900s}, t0, 0s, tuning).until,
              t0 + 300s)
        << "no longer than the back-off";
    EXPECT_EQ(lookup::absent(gets, Reason::http_status, {std::string("1"), 60s}, t0, 0s, tuning).until,
              t0 + 60s)
        << "a new id may show up when the TTL is over";
}

TEST(KnownPolicy, AnswersWithoutASearchUnlessDaneIsDue) {
    using lookup::Wants;
    cache::Tuning with_dane;
    with_dane.dane.active = true;
    Knowledge known = with_policy();
    const auto wants_search = [&](Wants wants) {
        return !lookup::known_policy(known, wants, t0 + 60s, with_dane).has_value();
    };
    EXPECT_FALSE(wants_search(Wants::policy));
    EXPECT_TRUE(wants_search(Wants::dane)) << "enforced, and DANE was never looked up";
    auto& entry = std::get<cache::Entry>(known);
    entry.dane = {dane::Advice::sts, t0, t0 + 1h, {}};
    EXPECT_FALSE(wants_search(Wants::dane));
    const auto outcome = lookup::known_policy(known, Wants::dane, t0 + 60s, with_dane);
    ASSERT_TRUE(outcome);
    EXPECT_EQ(outcome->policy, entry.policy);
    EXPECT_EQ(outcome->fetched_at, t0);
    EXPECT_EQ(outcome->expires_at, t0 + 7 * 24h);
    EXPECT_EQ(outcome->dane.advice, dane::Advice::sts);
    EXPECT_FALSE(outcome->fetched);
}

TEST(KnownAbsence, AnswersWhileItIsBelieved) {
    const cache::Absence absence =
        lookup::absent({}, Reason::no_record, shows_none(Reason::no_record), t0, 0s, tuning);
    const auto known = lookup::known_absence(absence, t0 + 1s, tuning);
    ASSERT_TRUE(known);
    EXPECT_EQ(known->reason, Reason::no_record);
    EXPECT_EQ(known->policy, nullptr);
    EXPECT_FALSE(lookup::known_absence(absence, absence.until + 1s, tuning));
}

TEST(Kept, HasThePolicyUntilItExpires) {
    const lookup::Outcome before = lookup::kept(with_policy(), Reason::dns_timeout, t0 + 7 * 24h - 1s);
    EXPECT_NE(before.policy, nullptr);
    EXPECT_EQ(before.reason, Reason::dns_timeout);
    const lookup::Outcome after = lookup::kept(with_policy(), Reason::dns_timeout, t0 + 7 * 24h);
    EXPECT_EQ(after.policy, nullptr);
    EXPECT_EQ(after.reason, Reason::dns_timeout);
}

TEST(NextTxtLook, IsTheTtlWithinBounds) {
    EXPECT_EQ(lookup::next_txt_look({base::unexpected(Reason::no_record), std::nullopt}, tuning),
              tuning.txt_check_min);
    EXPECT_EQ(lookup::next_txt_look({base::unexpected(Reason::no_record), 365 * 24h}, tuning),
              tuning.txt_check_max);
    const seconds between = tuning.txt_check_min + 1s;
    EXPECT_EQ(lookup::next_txt_look({base::unexpected(Reason::no_record), between}, tuning), between);
}

TEST(WorthStoring, IsWhatARestartWouldMiss) {
    using dane::Advice;
    const dane::State none{}, sts{Advice::sts, t0, t0 + 1h, {}}, secured{Advice::dane_only, t0, t0 + 1h, {}};
    dane::State soon = secured, later = secured, failing = secured;
    soon.known_at += 1s; // t0 is not the last second of a quarter of a day
    later.known_at += 6h;
    failing.failed_since = t0 + 1h;
    EXPECT_FALSE(lookup::worth_storing(none, sts)) << "only DANE is stored";
    EXPECT_TRUE(lookup::worth_storing(none, secured));
    EXPECT_TRUE(lookup::worth_storing(secured, sts));
    EXPECT_FALSE(lookup::worth_storing(secured, soon));
    EXPECT_TRUE(lookup::worth_storing(secured, later));
    EXPECT_TRUE(lookup::worth_storing(secured, failing)) << "or a restart gives it another day";
    EXPECT_TRUE(lookup::worth_storing(failing, secured));
}

TEST(KeptLongEnough, CountsRunningTimeSinceItWasSeenExpired) {
    cache::Entry entry = std::get<cache::Entry>(with_policy());
    EXPECT_EQ(lookup::expired_since(entry, 10h), 10h) << "seen now";
    EXPECT_FALSE(lookup::kept_long_enough(entry, tuning.keep_expired + 10h, tuning)) << "not noted before";
    entry.over_since = 5h;
    EXPECT_EQ(lookup::expired_since(entry, 10h), 5h);
    EXPECT_FALSE(lookup::kept_long_enough(entry, 5h + tuning.keep_expired - 1s, tuning));
    EXPECT_TRUE(lookup::kept_long_enough(entry, 5h + tuning.keep_expired, tuning));
    entry.over_since = 20h;
    EXPECT_EQ(lookup::expired_since(entry, 10h), 10h) << "a time that has not been yet";
    EXPECT_FALSE(lookup::kept_long_enough(entry, 10h, tuning));
}

TEST(BackOff, KeepsTheFailedGetsAndIsNotBelieved) {
    cache::Entry entry = std::get<cache::Entry>(with_policy());
    entry.gets = {t0, 2, Reason::http_status, "2"};
    const cache::Absence left = lookup::back_off(entry, t0 + 1h);
    EXPECT_EQ(left.gets.failures, 2u);
    EXPECT_EQ(left.gets.failed_id, "2");
    EXPECT_EQ(left.reason, Reason::http_status);
    EXPECT_FALSE(lookup::known_absence(left, t0 + 1h, tuning));
}

TEST(PolicyErrorText, NamesTheLine) {
    EXPECT_EQ(lookup::describe({Reason::policy_mode, 3, "mode is missing"}), "mode is missing (line 3)");
    EXPECT_EQ(lookup::describe({Reason::policy_mode, 0, "mode is missing"}), "mode is missing");
}

TEST(Change, IsNamed) {
    using lookup::Change;
    EXPECT_EQ(lookup::change(nullptr, policy()), Change::learnt);
    EXPECT_EQ(lookup::change(policy(), policy()), Change::refreshed);
    EXPECT_EQ(lookup::change(policy(), policy(sts::Mode::enforce, "b")), Change::changed);
    EXPECT_EQ(lookup::change(policy(), policy(sts::Mode::testing, "b")), Change::weakened);
    EXPECT_EQ(lookup::change(policy(), policy(sts::Mode::none, "b")), Change::weakened);
    EXPECT_EQ(lookup::change(policy(sts::Mode::none), policy(sts::Mode::enforce, "b")), Change::changed);
    auto withdrawn = std::make_shared<sts::PolicyText>();
    withdrawn->text = "b";
    withdrawn->policy.mode = sts::Mode::enforce;
    withdrawn->policy.max_age = 0s;
    EXPECT_EQ(lookup::change(policy(), withdrawn), Change::weakened) << "max_age 0 ends it";
    EXPECT_EQ(lookup::change(policy(sts::Mode::testing), withdrawn), Change::changed);
}

} // namespace
