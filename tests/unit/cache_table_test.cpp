#include "cache/table.hpp"

#include "base/siphash.hpp"
#include "cache/memory/interner.hpp"

#include "support/failing_memory.hpp"

#include <gtest/gtest.h>

#include <malloc.h>

#include <atomic>
#include <map>
#include <memory>
#include <new>
#include <random>
#include <set>
#include <string>
#include <thread>

namespace {

using base::Domain;
using base::Instant;
using base::seconds;
using cache::Absence;
using cache::Entry;
using cache::Limits;
using cache::QueriedPolicy;
using cache::Table;

constexpr Instant t0{seconds{1'700'000'000}};
constexpr seconds day{86400};

Domain domain(const std::string& name) { return Domain::parse(name).value(); }

std::string text(std::string_view mode, seconds max_age, std::string_view mx = "mx.example.net") {
    return "version: STSv1\nmode: " + std::string(mode) + "\nmx: " + std::string(mx) +
           "\nmax_age: " + std::to_string(max_age.count()) + "\n";
}

Entry entry(Table& table, std::string_view mode, seconds max_age, Instant asked, Instant fetched = t0) {
    Entry e;
    e.policy = table.intern(text(mode, max_age)).value();
    e.txt_id = "20231114T221320";
    e.fetched_at = fetched;
    e.last_asked = asked;
    return e;
}

std::optional<base::Domain> gone(const std::optional<cache::Evicted>& evicted) {
    return evicted ? std::optional{evicted->domain} : std::nullopt;
}

bool has_policy(const Table& table, const std::string& name) {
    return std::holds_alternative<Entry>(table.find(domain(name)));
}

TEST(TableWalk, SeesEachPolicyOnceInSlices) {
    Table table{Limits{}};
    constexpr int all = 20'000;
    for (int i = 0; i < all; ++i)
        table.put(domain("d" + std::to_string(i) + ".example"), entry(table, "enforce", day, t0), t0);
    std::set<std::string> seen;
    std::size_t slices = 0, longest = 0;
    for (cache::Cursor cursor; !cursor.over(); ++slices) {
        const auto slice = table.slice(cursor);
        longest = std::max(longest, slice.size());
        for (const Table::Seen& one : slice) {
            EXPECT_TRUE(seen.insert(one.domain.name()).second) << one.domain.name();
            EXPECT_EQ(one.entry.fetched_at, t0);
        }
    }
    EXPECT_EQ(seen.size(), std::size_t{all});
    EXPECT_LE(longest, 1500u);
    EXPECT_GE(slices, all / 1500);
}

TEST(TableWalk, FindsAPolicyAgainUntilItIsForgotten) {
    Table table{Limits{}};
    table.put(domain("a.example"), entry(table, "enforce", day, t0), t0);
    cache::Cursor cursor;
    std::optional<cache::Place> place;
    while (!cursor.over())
        for (const Table::Seen& one : table.slice(cursor)) place = one.place;
    ASSERT_TRUE(place);
    table.update(domain("a.example"), [](Entry& e) { e.txt_id = "2"; });
    const auto now = table.at(*place);
    ASSERT_TRUE(now);
    EXPECT_EQ(now->domain, domain("a.example"));
    EXPECT_EQ(now->entry.txt_id, "2") << "as it is now";
    table.erase(domain("a.example"));
    EXPECT_FALSE(table.at(*place));
    for (int i = 0; i < 2000; ++i) // one of them gets the place
        table.put(domain(std::string(1, static_cast<char>('a' + i % 26)) + std::to_string(i) + ".test"),
                  entry(table, "enforce", day, t0), t0);
    EXPECT_FALSE(table.at(*place)) << "another domain's";
}

// Under ThreadSanitizer, too: tests/run tsan.
TEST(TableWalk, SeesWhatStaysWhileOthersComeAndGo) {
    Table table{Limits{}};
    constexpr int all = 5000;
    const auto stays = [](int i) { return domain("stays" + std::to_string(i) + ".example"); };
    for (int i = 0; i < all; ++i) table.put(stays(i), entry(table, "enforce", day, t0), t0);
    std::atomic<bool> stop{false};
    std::thread others([&] {
        for (int i = 0; !stop; i = (i + 1) % 3000) {
            const Domain guest = domain("guest" + std::to_string(i) + ".example");
            table.put(guest, entry(table, i % 2 == 0 ? "enforce" : "none", day, t0), t0);
            (void)table.ask(stays(i), t0 + seconds{i});
            table.update(stays(i), [i](Entry& e) { e.txt_id = std::to_string(i); });
            if (i % 3 != 0) table.erase(guest);
        }
    });
    for (int walk = 0; walk < 5; ++walk) {
        std::map<std::string, int> seen;
        std::vector<cache::Place> places;
        for (cache::Cursor cursor; !cursor.over();)
            for (const Table::Seen& one : table.slice(cursor)) {
                if (!one.domain.name().starts_with("stays")) continue;
                ++seen[one.domain.name()];
                places.push_back(one.place);
            }
        EXPECT_EQ(seen.size(), std::size_t{all});
        for (const auto& [name, times] : seen) EXPECT_EQ(times, 1) << name;
        for (const cache::Place place : places) EXPECT_TRUE(table.at(place));
    }
    stop = true;
    others.join();
}

TEST(Table, VersionEndsWithEveryChangeOfTheDomain) {
    Table table{Limits{}};
    const Domain a = domain("a.example");
    cache::Version version;
    EXPECT_FALSE(version.current()) << "never read";
    const auto ends = [&](const char* what, const auto& change) {
        version = table.version(a);
        EXPECT_TRUE(version.current()) << what;
        change();
        EXPECT_FALSE(version.current()) << what;
    };
    ends("absence", [&] { table.put(a, cache::Absence{}); });
    ends("policy", [&] { table.put(a, entry(table, "enforce", 7 * day, t0), t0); });
    ends("update", [&] { table.update(a, [](Entry& e) { e.txt_checked = t0; }); });
    ends("schedule", [&] { table.schedule([](Entry&) { return t0; }); });
    ends("erase", [&] { table.erase(a); });
    table.put(a, entry(table, "enforce", 7 * day, t0), t0);
    ends("eviction", [&] {
        table.set_limits({0, 0});
        EXPECT_EQ(gone(table.make_room(t0)), a);
    });

    table.put(a, entry(table, "enforce", 7 * day, t0), t0);
    version = table.version(a);
    (void)table.ask(a, t0 + day);
    (void)table.find(a);
    table.for_each([](const Domain&, const Entry&) {});
    EXPECT_FALSE(table.update(domain("b.example"), [](Entry&) {}));
    EXPECT_TRUE(version.current()) << "asking changes nothing";
}

TEST(CacheSiphash, AgreesWithThePublishedVectors) {
    std::string in;
    const base::SipKey key{0x0706050403020100U, 0x0f0e0d0c0b0a0908U};
    EXPECT_EQ(base::siphash(in, key), 0x726fdb47dd0e0e31U);
    for (char c = 0; c < 15; ++c) in.push_back(c);
    EXPECT_EQ(base::siphash(std::string_view(in).substr(0, 1), key), 0x74f839c593dc67fdU);
    EXPECT_EQ(base::siphash(in, key), 0xa129ca6149be45e5U); // the paper's own example
}

// OpenSSL 3's results: openssl mac -macopt c-rounds:1 -macopt d-rounds:3 -macopt size:8 ... SIPHASH.
TEST(CacheSiphash, WithFewerRoundsAgreesWithOpenssl) {
    std::string in;
    const base::SipKey key{0x0706050403020100U, 0x0f0e0d0c0b0a0908U};
    for (char c = 0; c < 20; ++c) in.push_back(c);
    const auto of = [&](std::size_t size) {
        return base::siphash_1_3(std::string_view(in).substr(0, size), key);
    };
    EXPECT_EQ(of(0), 0xabac0158050fc4dcU);
    EXPECT_EQ(of(1), 0xc9f49bf37d57ca93U);
    EXPECT_EQ(of(8), 0x369095118d299a8eU);
    EXPECT_EQ(of(15), 0xd320d86d2a519956U);
    EXPECT_EQ(of(20), 0xc0dc2f46a6cce040U);
}

TEST(CacheTable, FindsEveryFieldItWasGiven) {
    Table table{Limits{}};
    const Domain name = domain("example.com");
    EXPECT_TRUE(std::holds_alternative<std::monostate>(table.find(name)));

    Entry in = entry(table, "enforce", 30 * day, t0 + seconds{5});
    in.txt_checked = t0 + seconds{7};
    in.txt_ttl = seconds{300};
    in.gets = {t0 + seconds{9}, 3, base::Reason::http_status, "otherid"};
    EXPECT_EQ(table.put(name, in, t0), std::nullopt);
    EXPECT_EQ(table.policy_count(), 1U);

    const Entry out = std::get<Entry>(table.find(name));
    EXPECT_EQ(out.policy, in.policy);
    EXPECT_EQ(out.txt_id, in.txt_id);
    EXPECT_EQ(out.fetched_at, in.fetched_at);
    EXPECT_EQ(out.txt_checked, in.txt_checked);
    EXPECT_EQ(out.txt_ttl, in.txt_ttl);
    EXPECT_EQ(out.last_asked, in.last_asked);
    EXPECT_EQ(out.gets, in.gets);
    EXPECT_TRUE(std::holds_alternative<std::monostate>(table.find(domain("xample.com"))));
}

TEST(CacheTable, KeepsBothTimesOfAPolicyFromTheFuture) {
    Table table{Limits{}};
    const Domain name = domain("example.com");
    const Instant now = t0 - 10 * 365 * day;
    Entry e = entry(table, "enforce", day, t0);
    ASSERT_TRUE(cache::note_clock(e, now));
    table.put(name, e, now);
    const auto find = [&] { return std::get<Entry>(table.find(name)); };
    EXPECT_EQ(find().fetched_at, t0);
    EXPECT_EQ(find().ahead_since, now);
    table.schedule([](Entry& one) {
        (void)cache::note_clock(one, t0 + seconds{5});
        return Instant{};
    });
    EXPECT_EQ(find().fetched_at, t0);
    EXPECT_EQ(find().ahead_since, Instant{});
    EXPECT_EQ(cache::expires_at(find(), t0 + seconds{5}), t0 + day);
}

TEST(CacheTable, ANewerPolicyReplacesAndKeepsTheNewerLastAsked) {
    Table table{Limits{}};
    table.put(domain("a.example"), entry(table, "enforce", day, t0 + seconds{500}), t0);
    Entry next = entry(table, "testing", day, t0);
    next.txt_id = "2";
    table.put(domain("a.example"), next, t0);
    const Entry out = std::get<Entry>(table.find(domain("a.example")));
    EXPECT_EQ(out.policy->policy.mode, sts::Mode::testing);
    EXPECT_EQ(out.txt_id, "2");
    EXPECT_EQ(out.last_asked, t0 + seconds{500});
    EXPECT_EQ(table.policy_count(), 1U);
}

TEST(CacheTable, UpdateChangesInPlaceAndOnlyAPolicy) {
    Table table{Limits{}};
    EXPECT_FALSE(table.update(domain("a.example"), [](Entry&) { FAIL(); }));
    table.put(domain("a.example"), entry(table, "enforce", day, t0), t0);
    EXPECT_TRUE(table.update(domain("a.example"), [](Entry& e) {
        e.txt_checked = t0 + seconds{60};
        e.txt_id = "a-longer-record-id-than-it-was-before";
    }));
    const Entry out = std::get<Entry>(table.find(domain("a.example")));
    EXPECT_EQ(out.txt_checked, t0 + seconds{60});
    EXPECT_EQ(out.txt_id, "a-longer-record-id-than-it-was-before");
    EXPECT_EQ(out.fetched_at, t0);
}

TEST(CacheTable, AnEntryWithoutAPolicyIsRefused) {
    Table table{Limits{}};
    EXPECT_THROW(table.put(domain("a.example"), Entry{}, t0), std::invalid_argument);
    table.put(domain("a.example"), entry(table, "enforce", day, t0), t0);
    EXPECT_THROW(table.update(domain("a.example"), [](Entry& e) { e.policy = nullptr; }),
                 std::invalid_argument);
    EXPECT_TRUE(has_policy(table, "a.example"));
}

TEST(CacheTable, EraseForgetsPolicyAndAbsence) {
    Table table{Limits{}};
    table.put(domain("a.example"), entry(table, "enforce", day, t0), t0);
    table.put(domain("b.example"), Absence{base::Reason::no_record, t0 + seconds{60}, {}});
    table.erase(domain("a.example"));
    table.erase(domain("b.example"));
    table.erase(domain("never.example"));
    EXPECT_TRUE(std::holds_alternative<std::monostate>(table.find(domain("a.example"))));
    EXPECT_TRUE(std::holds_alternative<std::monostate>(table.find(domain("b.example"))));
    EXPECT_EQ(table.policy_count() + table.absence_count(), 0U);
}

TEST(CacheTable, AnAbsenceNeverReplacesAPolicyButAPolicyAnAbsence) {
    Table table{Limits{}};
    const Absence absence{
        base::Reason::dns_servfail, t0 + seconds{60}, {t0, 2, base::Reason::dns_servfail, ""}};
    table.put(domain("a.example"), absence);
    const Absence out = std::get<Absence>(table.find(domain("a.example")));
    EXPECT_EQ(out.reason, base::Reason::dns_servfail);
    EXPECT_EQ(out.until, absence.until);
    EXPECT_EQ(out.gets, absence.gets);

    table.put(domain("a.example"), entry(table, "enforce", day, t0), t0);
    EXPECT_EQ(table.absence_count(), 0U);
    table.put(domain("a.example"), absence);
    EXPECT_TRUE(has_policy(table, "a.example"));
    EXPECT_TRUE(
        std::holds_alternative<cache::QueriedPolicy>(table.ask(domain("a.example"), t0 + day - seconds{1})));
    const cache::QueryResult over = table.ask(domain("a.example"), t0 + day);
    ASSERT_TRUE(std::holds_alternative<Absence>(over)) << "an expired policy hides nothing";
    EXPECT_EQ(table.absence(domain("a.example")).value().reason, base::Reason::dns_servfail);
    EXPECT_TRUE(has_policy(table, "a.example")) << "and is kept";
}

TEST(CacheTable, APolicyIsErasedByWhenItWasFetched) {
    Table table{Limits{}};
    table.put(domain("a.example"), entry(table, "enforce", day, t0, t0 + seconds{1}), t0);
    EXPECT_FALSE(table.erase(domain("a.example"), t0)) << "that one has been replaced";
    EXPECT_TRUE(has_policy(table, "a.example"));
    EXPECT_TRUE(table.erase(domain("a.example"), t0 + seconds{1}));
    EXPECT_FALSE(has_policy(table, "a.example"));
    EXPECT_FALSE(table.erase(domain("a.example"), t0 + seconds{1}));
}

TEST(CacheTable, TheLargestAbsencesTakeWhatTheyMay) {
    constexpr std::size_t most = 5000;
    Table table{Limits{10, most}};
    const auto name = [](std::size_t n) {
        const std::string label(61, 'a');
        std::string all = label + "." + label + "." + label + ".";
        all += std::to_string(10'000'000 + n) + std::string(base::max_policy_domain - all.size() - 8, 'b');
        return domain(all);
    };
    ASSERT_EQ(name(1).name().size(), base::max_policy_domain);
    Absence absence;
    absence.reason = base::Reason::http_status;
    absence.until = t0 + seconds{60};
    absence.gets = {t0, 9, base::Reason::http_status,
                    std::string(32, 'x')}; // RFC 8461 section 3.1: the longest
    const std::size_t before = ::mallinfo2().uordblks;
    for (std::size_t n = 0; n < 2 * most; ++n) table.put(name(n), absence);
    EXPECT_EQ(table.absence_count(), most);
    EXPECT_LE((::mallinfo2().uordblks - before) / most, 700U) << "octets each";
}

TEST(CacheTable, AskNotesTheTimeOnceAMinute) {
    Table table{Limits{}};
    const Domain name = domain("a.example");
    EXPECT_TRUE(std::holds_alternative<std::monostate>(table.ask(name, t0)));

    table.put(name, entry(table, "enforce", day, Instant{}), t0);
    const auto asked = [&](Instant now) { return std::get<QueriedPolicy>(table.ask(name, now)).last_asked; };
    EXPECT_EQ(asked(t0), t0);
    EXPECT_EQ(asked(t0 + seconds{1}), t0);
    EXPECT_EQ(asked(t0 + seconds{59}), t0);
    EXPECT_EQ(asked(t0 + seconds{60}), t0 + seconds{60});
    EXPECT_EQ(asked(t0 + seconds{61}), t0 + seconds{60});
    EXPECT_EQ(asked(t0 - seconds{1000}), t0 - seconds{1000}) << "the clock was set back";
    EXPECT_EQ(std::get<Entry>(table.find(name)).last_asked, t0 - seconds{1000});
}

TEST(CacheTable, AskIsAUseOfAnAbsenceOnceAMinute) {
    // The order of eviction shows what counted as a use.
    const auto goes_first = [](seconds again) {
        Table table{Limits{10, 2}};
        const Absence absence{base::Reason::no_record, t0 + day, {}};
        table.put(domain("a.example"), absence);
        table.put(domain("b.example"), absence);
        (void)table.ask(domain("a.example"), t0);
        (void)table.ask(domain("b.example"), t0);
        (void)table.ask(domain("a.example"), t0 + again);
        table.put(domain("c.example"), absence);
        return table.absence(domain("a.example")) ? "b.example" : "a.example";
    };
    EXPECT_STREQ(goes_first(seconds{59}), "a.example");
    EXPECT_STREQ(goes_first(seconds{60}), "b.example");
    EXPECT_STREQ(goes_first(seconds{-1}), "b.example") << "the clock was set back";
}

TEST(CacheTable, AnAbsenceForWhichThereIsNoMemoryIsNotCounted) {
    // Names in the shards at random: some have to grow their index, others not.
    Table table{Limits{10, 1000}};
    std::size_t put = 0, refused = 0;
    test::FailingMemory memory;
    std::thread{[&] {
        for (int i = 0; i < 500; ++i) {
            const Domain name = domain("n" + std::to_string(i) + ".example");
            const Absence absence{base::Reason::no_record, t0 + day, {}};
            memory.fail(static_cast<std::uint64_t>(i % 5) + 1, 1);
            bool is_put = true;
            try {
                table.put(name, absence);
            } catch (const std::bad_alloc&) {
                is_put = false;
            }
            memory.heal();
            ++(is_put ? put : refused);
            EXPECT_EQ(table.absence(name).has_value(), is_put) << i;
        }
    }}.join();
    EXPECT_EQ(table.absence_count(), put);
    EXPECT_GT(put, 100u);
    EXPECT_GT(refused, 50u);
    table.set_limits({10, 0});
    EXPECT_EQ(table.absence_count(), 0u);
    for (int i = 0; i < 500; ++i)
        EXPECT_FALSE(table.absence(domain("n" + std::to_string(i) + ".example"))) << i;
}

TEST(CacheTable, AskGivesWhatAnAnswerDependsOn) {
    Table table{Limits{}};
    const Domain name = domain("a.example");
    Entry put = entry(table, "enforce", day, t0);
    put.txt_id = "an-id-that-no-answer-depends-on";
    put.txt_checked = t0 + seconds{1};
    put.txt_ttl = seconds{300};
    put.gets = {t0 + seconds{2}, 3, base::Reason::fetch_timeout, "another-such-id"};
    put.dane = {dane::Advice::dane_only, t0 + seconds{3}, t0 + seconds{4}};
    table.put(name, put, t0);
    const QueriedPolicy out = std::get<QueriedPolicy>(table.ask(name, t0));
    EXPECT_EQ(out.policy, put.policy);
    EXPECT_EQ(out.fetched_at, put.fetched_at);
    EXPECT_EQ(out.ahead_since, Instant{});
    EXPECT_EQ(out.txt_checked, put.txt_checked);
    EXPECT_EQ(out.txt_ttl, put.txt_ttl);
    EXPECT_EQ(out.dane, put.dane);
    EXPECT_EQ(out.failed, base::Reason::fetch_timeout);
    const Entry all = std::get<Entry>(table.find(name));
    EXPECT_EQ(all.gets, put.gets) << "which is still known";
    EXPECT_EQ(all.txt_id, put.txt_id);
}

TEST(CacheTable, AFloodOfJunkNamesEvictsNoPolicy) {
    Table table{Limits{1000, 5000}};
    for (int i = 0; i < 1000; ++i)
        table.put(domain("p" + std::to_string(i) + ".example"), entry(table, "enforce", day, t0), t0);
    for (int i = 0; i < 300'000; ++i)
        table.put(domain("junk" + std::to_string(i) + ".example"),
                  Absence{base::Reason::no_record, t0 + day, {}});
    EXPECT_EQ(table.policy_count(), 1000U);
    EXPECT_EQ(table.absence_count(), 5000U);
    for (int i = 0; i < 1000; ++i) EXPECT_TRUE(has_policy(table, "p" + std::to_string(i) + ".example"));
    // The newest ones are left.
    for (int i = 295'000; i < 300'000; ++i) {
        const auto known = table.find(domain("junk" + std::to_string(i) + ".example"));
        ASSERT_TRUE(std::holds_alternative<Absence>(known)) << i;
    }
}

TEST(CacheTable, AbsencesInUseOutliveTheUnused) {
    Table table{Limits{10, 3}};
    const Absence absence{base::Reason::no_record, t0 + day, {}};
    for (const char* name : {"a.example", "b.example", "c.example"}) table.put(domain(name), absence);
    (void)table.ask(domain("a.example"), t0);
    table.put(domain("d.example"), absence);
    const auto known = [&](const char* name) {
        return std::holds_alternative<Absence>(table.find(domain(name)));
    };
    EXPECT_TRUE(known("a.example"));
    EXPECT_FALSE(known("b.example"));
    table.put(domain("c.example"), absence);
    table.set_limits(Limits{10, 2});
    EXPECT_EQ(table.absence_count(), 2U);
    EXPECT_TRUE(known("c.example"));
    EXPECT_TRUE(known("d.example"));
}

TEST(CacheTable, TheAbsencesUsedLastStayAlthoughTheClockWasSetBack) {
    constexpr int count = 1000;
    Table table{Limits{10, count}};
    const auto name = [](int i) { return domain("a" + std::to_string(i) + ".example"); };
    for (int i = 0; i < count; ++i) table.put(name(i), Absence{base::Reason::no_record, t0 + day, {}});
    for (int i = 0; i < count; ++i) (void)table.ask(name(i), t0);
    for (int i = 0; i < count / 2; ++i) (void)table.ask(name(i), t0 - seconds{3600});
    table.set_limits(Limits{10, count / 2});
    for (int i = 0; i < count; ++i)
        EXPECT_EQ(std::holds_alternative<Absence>(table.find(name(i))), i < count / 2) << i;
}

TEST(CacheTable, EvictsExpiredThenUnenforcedThenTheLongestUnasked) {
    Table table{Limits{6, 10}};
    const auto put = [&](const char* name, const char* mode, seconds max_age, Instant asked) {
        return table.put(domain(name), entry(table, mode, max_age, asked), t0);
    };
    EXPECT_EQ(put("enforced-new.example", "enforce", 30 * day, t0 + seconds{900}), std::nullopt);
    EXPECT_EQ(put("enforced-old.example", "enforce", 30 * day, t0 + seconds{1}), std::nullopt);
    EXPECT_EQ(put("expired-late.example", "enforce", seconds{100}, t0 + seconds{950}), std::nullopt);
    EXPECT_EQ(put("expired-early.example", "enforce", seconds{50}, t0 + seconds{960}), std::nullopt);
    EXPECT_EQ(put("none.example", "none", 30 * day, t0 + seconds{800}), std::nullopt);
    EXPECT_EQ(put("testing.example", "testing", 30 * day, t0 + seconds{700}), std::nullopt);

    table.set_limits(Limits{0, 10});
    const Instant now = t0 + seconds{100};
    std::vector<std::string> order;
    while (const auto victim = table.make_room(now)) order.push_back(victim->domain.name());
    EXPECT_EQ(order,
              (std::vector<std::string>{"expired-early.example", "expired-late.example", "testing.example",
                                        "none.example", "enforced-old.example", "enforced-new.example"}));
    EXPECT_EQ(table.policy_count(), 0U);
}

TEST(CacheTable, ARefreshedPolicyIsNoLongerTheFirstToGo) {
    Table table{Limits{2, 10}};
    table.put(domain("a.example"), entry(table, "enforce", seconds{100}, t0), t0);
    table.put(domain("b.example"), entry(table, "enforce", day, t0 + seconds{10}), t0);
    EXPECT_TRUE(table.update(domain("a.example"), [](Entry& e) { e.fetched_at = t0 + seconds{200}; }));
    (void)table.ask(domain("a.example"), t0 + seconds{200});
    EXPECT_EQ(gone(table.put(domain("c.example"), entry(table, "enforce", day, t0 + seconds{200}),
                             t0 + seconds{200})),
              domain("b.example"));
    // A mode that changes under update() changes the class.
    EXPECT_TRUE(table.update(domain("c.example"),
                             [&](Entry& e) { e.policy = table.intern(text("none", day)).value(); }));
    EXPECT_EQ(gone(table.put(domain("d.example"), entry(table, "enforce", day, t0), t0 + seconds{200})),
              domain("c.example"));
}

TEST(CacheTable, AnUnenforcedNewcomerNeverPushesOutAnEnforcedPolicy) {
    Table table{Limits{2, 10}};
    table.put(domain("a.example"), entry(table, "enforce", day, t0), t0);
    table.put(domain("b.example"), entry(table, "enforce", day, t0), t0);
    EXPECT_EQ(gone(table.put(domain("new.example"), entry(table, "none", day, t0 + day), t0)),
              domain("new.example"));
    EXPECT_EQ(table.policy_count(), 2U);
    EXPECT_TRUE(has_policy(table, "a.example"));
}

// The order is compared with a plain sort of the same data, over all shards.
TEST(CacheTable, EvictionOrderIsExactOverThousands) {
    Table table{Limits{100'000, 10}};
    std::mt19937 random{7}; // NOLINT: the same run every time
    struct Item {
        int order;
        std::int64_t key;
    };
    std::map<std::string, Item> items;
    const Instant now = t0 + seconds{1000};
    for (int i = 0; i < 5000; ++i) {
        const std::string name = "d" + std::to_string(i) + ".example";
        const char* mode = i % 3 == 0 ? "enforce" : i % 3 == 1 ? "testing" : "none";
        const seconds max_age{random() % 4 == 0 ? 1 + random() % 1000 : 5000 + random() % 1000};
        const Instant asked = t0 + seconds{random() % 100'000};
        table.put(domain(name), entry(table, mode, max_age, asked), t0);
        if (max_age <= seconds{1000})
            items[name] = {0, max_age.count()};
        else
            items[name] = {i % 3 == 0 ? 2 : 1, (asked - t0).count()};
    }
    for (int i = 0; i < 5000; i += 7) { // and some are removed in between
        const std::string name = "d" + std::to_string(i) + ".example";
        table.erase(domain(name));
        items.erase(name);
    }
    table.set_limits(Limits{0, 10});
    std::pair<int, std::int64_t> last{0, 0};
    std::size_t n = 0;
    for (; const auto victim = table.make_room(now); ++n) {
        const Item item = items.at(victim->domain.name());
        EXPECT_LE(last, std::pair(item.order, item.key)) << victim->domain.name();
        last = {item.order, item.key};
        items.erase(victim->domain.name());
    }
    EXPECT_TRUE(items.empty());
}

TEST(CacheTable, EvictionOrderIsExactAfterChangesOfEveryKind) {
    Table table{Limits{100'000, 10}};
    std::mt19937 random{11}; // NOLINT: the same run every time
    struct Item {
        bool enforced;
        Instant expires, asked;
    };
    std::map<std::string, Item> items;
    const Instant now = t0 + seconds{1000};
    constexpr seconds life{5000};
    for (int i = 0; i < 3000; ++i) {
        const std::string name = "d" + std::to_string(i) + ".example";
        const Instant asked = t0 + seconds{random() % 100'000}, fetched = t0 - seconds{random() % 8000};
        const bool enforced = i % 2 == 0;
        table.put(domain(name), entry(table, enforced ? "enforce" : "testing", life, asked, fetched), t0);
        items[name] = {enforced, fetched + life, asked};
    }
    for (auto& [name, item] : items) {
        const Instant other = t0 + seconds{random() % 100'000};
        switch (random() % 4) {
        case 0: // by a clock that goes forward or was set back
            (void)table.ask(domain(name), other);
            if (other < item.asked || other >= item.asked + seconds{60}) item.asked = other;
            break;
        case 1: {
            const Instant fetched = t0 - seconds{random() % 8000};
            EXPECT_TRUE(table.update(domain(name), [&](Entry& e) { e.fetched_at = fetched; }));
            item.expires = fetched + life;
            break;
        }
        case 2:
            EXPECT_TRUE(table.update(domain(name), [&](Entry& e) { e.last_asked = other; }));
            item.asked = other;
            break;
        default: break;
        }
    }
    const auto rank = [&](const Item& item) {
        if (item.expires <= now) return std::pair{0, item.expires};
        return std::pair{item.enforced ? 2 : 1, item.asked};
    };
    table.set_limits(Limits{0, 10});
    std::pair<int, Instant> last{};
    while (const auto victim = table.make_room(now)) {
        const auto found = items.find(victim->domain.name());
        ASSERT_NE(found, items.end());
        ASSERT_LE(last, rank(found->second)) << found->first;
        last = rank(found->second);
        items.erase(found);
    }
    EXPECT_TRUE(items.empty());
}

TEST(CacheTable, AWalkVisitsEveryDomainOnce) {
    Table table{Limits{}};
    for (int i = 0; i < 3000; ++i)
        table.put(domain("d" + std::to_string(i) + ".example"), entry(table, "enforce", day, t0), t0);
    for (int i = 0; i < 3000; i += 2) table.erase(domain("d" + std::to_string(i) + ".example"));
    std::set<std::string> seen;
    table.for_each([&](const Domain& name, const Entry& e) {
        EXPECT_TRUE(seen.insert(name.name()).second);
        EXPECT_EQ(e.fetched_at, t0);
    });
    EXPECT_EQ(seen.size(), 1500U);
    EXPECT_FALSE(seen.contains("d0.example"));
    // for_each() holds no lock while it visits: the table may be changed from within.
    table.for_each([&](const Domain& name, const Entry&) { table.erase(name); });
    EXPECT_EQ(table.policy_count(), 0U);
}

TEST(CacheTable, TheAgendaGivesEachDomainOnceTheEarliestFirst) {
    Table table{Limits{}};
    std::mt19937 random{7};
    std::map<std::string, Instant> due;
    for (int i = 0; i < 3000; ++i) {
        const std::string name = "d" + std::to_string(i) + ".example";
        table.put(domain(name), entry(table, i % 3 == 0 ? "testing" : "enforce", day, t0), t0);
        due[name] = t0 + seconds{1 + random() % 500};
    }
    EXPECT_EQ(table.next_due(), std::nullopt);
    for (const auto& [name, when] : due)
        table.update(domain(name), [at = when](Entry& e) { e.agenda_at = at; });
    for (int i = 0; i < 3000; i += 5) { // erased, or taken off the agenda
        const std::string name = "d" + std::to_string(i) + ".example";
        if (i % 2 == 0)
            table.erase(domain(name));
        else
            table.update(domain(name), [](Entry& e) { e.agenda_at = Instant{}; });
        due.erase(name);
    }
    table.put(domain("d1.example"), entry(table, "testing", day, t0), t0); // a new policy keeps the place
    table.update(domain("d2.example"), [](Entry& e) { e.agenda_at = t0 + seconds{1000}; });
    due["d2.example"] = t0 + seconds{1000};

    Instant before{};
    while (const auto first = table.next_due()) {
        EXPECT_EQ(table.take_due(*first - seconds{1}), std::nullopt);
        const auto name = table.take_due(*first);
        ASSERT_TRUE(name);
        EXPECT_EQ(due.at(name->name()), *first);
        EXPECT_LE(before, *first);
        EXPECT_EQ(std::get<Entry>(table.find(*name)).agenda_at, Instant{});
        before = *first;
        due.erase(name->name());
    }
    EXPECT_TRUE(due.empty());
}

TEST(CacheTable, ScheduleSetsEveryTimeAndTheEpochTakesOff) {
    Table table{Limits{}};
    for (int i = 0; i < 1000; ++i)
        table.put(domain("d" + std::to_string(i) + ".example"),
                  entry(table, "enforce", day, t0 + seconds{i % 2}), t0);
    table.schedule([](const Entry& e) { return e.last_asked == t0 ? Instant{} : e.last_asked; });
    int taken = 0;
    while (table.take_due(t0 + seconds{1})) ++taken;
    EXPECT_EQ(taken, 500);
    EXPECT_EQ(table.next_due(), std::nullopt);
}

TEST(CacheTable, NamesAndIdsOfAllLengthsSurviveChanges) {
    Table table{Limits{}};
    std::mt19937 random{11};
    std::map<std::string, std::string> ids;
    for (int i = 0; i < 20'000; ++i) {
        const int n = static_cast<int>(random() % 700);
        const std::string name =
            std::string(1 + static_cast<std::size_t>(n) % 60, 'a') + std::to_string(n) + ".example";
        if (random() % 4 == 0) {
            table.erase(domain(name));
            ids.erase(name);
            continue;
        }
        Entry e = entry(table, "enforce", day, t0);
        e.txt_id = std::string(random() % 256, static_cast<char>('0' + random() % 10));
        table.put(domain(name), e, t0);
        ids[name] = e.txt_id;
    }
    EXPECT_EQ(table.policy_count(), ids.size());
    for (const auto& [name, id] : ids) EXPECT_EQ(std::get<Entry>(table.find(domain(name))).txt_id, id);
}

TEST(CacheTable, EqualTextsAreOneObjectAndUnusedOnesAreForgotten) {
    Table table{Limits{}};
    auto first = table.intern(text("enforce", day)).value();
    EXPECT_EQ(first, table.intern(text("enforce", day)).value());
    auto second = table.intern(text("enforce", 2 * day)).value();
    EXPECT_NE(first, second);
    EXPECT_EQ(first->text, text("enforce", day));
    EXPECT_EQ(first->policy.max_age, day);
    const std::weak_ptr<const sts::PolicyText> one = first, two = second;

    Entry e;
    e.policy = first;
    table.put(domain("a.example"), e, t0);
    table.put(domain("b.example"), e, t0);
    e = {};
    first.reset();
    second.reset();
    EXPECT_FALSE(one.expired()) << "the table still holds it";
    EXPECT_TRUE(two.expired());
    table.erase(domain("a.example"));
    EXPECT_FALSE(one.expired());
    table.put(domain("b.example"), entry(table, "none", day, t0), t0);
    EXPECT_TRUE(one.expired());
    EXPECT_TRUE(table.intern(text("enforce", day))) << "it is made once more";

    const auto bad = table.intern("nonsense");
    ASSERT_FALSE(bad);
    EXPECT_NE(bad.error().reason, base::Reason::none);
}

TEST(CacheTable, TextsThatNobodyHoldsTakeNoMemory) {
    Table table{Limits{}};
    const auto pass = [&table](int from) {
        for (int n = from; n < from + 10'000; ++n)
            ASSERT_TRUE(table.intern(text("enforce", day, "mx" + std::to_string(n) + ".example.net")));
    };
    pass(0);
    const std::size_t before = ::mallinfo2().uordblks;
    pass(10'000);
    EXPECT_LE(::mallinfo2().uordblks, before + 10'000) << "an octet each";
}

TEST(CacheTable, ATextOutlivesTheTable) {
    cache::PolicyPtr kept;
    {
        Table table{Limits{}};
        kept = table.intern(text("enforce", day)).value();
    }
    EXPECT_EQ(kept->policy.mode, sts::Mode::enforce);
    kept.reset();
}

TEST(CacheTable, TimesBeyond32BitsAreBoundedNotWrapped) {
    Table table{Limits{}};
    table.put(domain("a.example"),
              entry(table, "enforce", day, Instant{seconds{-5}}, Instant{seconds{1LL << 40}}), t0);
    const Entry out = std::get<Entry>(table.find(domain("a.example")));
    EXPECT_EQ(out.last_asked, Instant{});
    EXPECT_GT(out.fetched_at, t0 + 70 * 365 * day) << "still far in the future";

    for (const seconds ttl : {seconds{4095}, seconds{4096}, day, seconds{0x7fffffff}}) {
        Entry e = entry(table, "enforce", day, t0);
        e.txt_ttl = ttl;
        table.put(domain("b.example"), e, t0);
        EXPECT_EQ(std::get<Entry>(table.find(domain("b.example"))).txt_ttl, seconds{4095}) << ttl.count();
    }
}

// Every reader sees a consistent entry: its id and TTL are the policy's max_age. Also made for the thread
// sanitizer.
TEST(CacheTable, ReadersAndAWriterAtOnce) {
    Table table{Limits{200, 100}};
    constexpr int names = 300;
    std::vector<Domain> domains;
    for (int i = 0; i < names; ++i) domains.push_back(domain("d" + std::to_string(i) + ".example"));
    std::atomic<bool> over{false};
    std::atomic<std::size_t> seen{0};
    std::vector<std::thread> readers;
    for (unsigned r = 0; r < 3; ++r)
        readers.emplace_back([&, r] {
            std::mt19937 random{r};
            for (unsigned n = 0; !over; ++n) {
                const Domain& name = domains[random() % names];
                if (n % 2 != 0) {
                    const cache::QueryResult told = table.ask(name, t0 + seconds{n});
                    if (const QueriedPolicy* e = std::get_if<QueriedPolicy>(&told)) {
                        EXPECT_EQ(e->txt_ttl, e->policy->policy.max_age);
                    }
                    continue;
                }
                const cache::Knowledge known = table.find(name);
                if (const Entry* e = std::get_if<Entry>(&known)) {
                    EXPECT_EQ(e->txt_id, std::to_string(e->policy->policy.max_age.count()));
                    seen.fetch_add(1);
                }
            }
        });
    std::mt19937 random{99};
    for (int n = 0; n < 20'000 || seen < 100; ++n) {
        const Domain& name = domains[random() % names];
        const seconds max_age{1000 + n % 50};
        Entry e = entry(table, n % 2 == 0 ? "enforce" : "none", max_age, t0 + seconds{n});
        e.txt_id = std::to_string(max_age.count());
        e.txt_ttl = max_age;
        switch (random() % 8) {
        case 0: table.erase(name); break;
        case 1: table.put(name, Absence{base::Reason::no_record, t0, {}}); break;
        case 2: table.update(name, [n](Entry& old) { old.txt_checked = t0 + seconds{n}; }); break;
        default: table.put(name, e, t0 + seconds{n});
        }
        ASSERT_LE(table.policy_count(), 200U);
        if (n % 2000 == 0) table.for_each([](const Domain&, const Entry&) {});
    }
    over = true;
    for (std::thread& t : readers) t.join();
    EXPECT_LE(table.absence_count(), 100U);
}

} // namespace
