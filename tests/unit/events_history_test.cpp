// The last events of each domain that has a policy.
#include "events/history.hpp"

#include "events/recorder.hpp"
#include "support/allocated.hpp"
#include "support/manual_time.hpp"
#include "support/memory_log.hpp"

#include <gtest/gtest.h>

#include <string>

namespace {

using namespace std::chrono_literals;
using namespace events;
using base::Instant;

constexpr Instant at(long second) { return Instant{base::seconds{second}}; }

PolicyFailed failure(std::string_view domain, base::Reason reason, bool has_policy = true) {
    return {.domain = domain,
            .reason = reason,
            .detail = "status 404 at 192.0.2.1",
            .kept = "enforce",
            .has_policy = has_policy};
}

TEST(History, KeepsWhatHappenedToADomainWithItsTime) {
    History history;
    history.note(PolicyLearnt{"a.example", sts::Mode::enforce, 2, 86400s, "1"}, at(10));
    history.note(DaneChecked{.domain = "a.example",
                             .verdict = "sts",
                             .before = "unknown",
                             .detail = "no MX record is signed",
                             .ttl = 60s},
                 at(11));
    history.note(failure("a.example", base::Reason::http_status), at(20));
    const auto events = history.of("a.example");
    ASSERT_EQ(events.size(), 3u);
    EXPECT_EQ(events[0].kind, id_of<PolicyLearnt>());
    EXPECT_EQ(events[0].first, at(10));
    EXPECT_EQ(events[0].text, "mode=enforce mx=2 max_age=86400 id=1");
    EXPECT_EQ(events[1].text, "verdict=sts before=unknown detail=no MX record is signed") << "DANE's why";
    EXPECT_EQ(events[2].text, "reason=http-status detail=status 404 at 192.0.2.1 kept=enforce");
    EXPECT_TRUE(history.of("b.example").empty());
}

TEST(History, TheSameAgainTakesNoPlaceAndMovesToTheEnd) {
    History history;
    for (long second = 0; second < 50; ++second) {
        PolicyFailed event = failure("a.example", base::Reason::http_status);
        event.repeated = static_cast<std::uint64_t>(second);
        event.next_try = base::seconds{second};
        history.note(event, at(second));
        history.note(DaneChecked{.domain = "a.example",
                                 .verdict = "sts",
                                 .before = "sts",
                                 .detail = "none",
                                 .ttl = base::seconds{second}},
                     at(second));
    }
    const auto events = history.of("a.example");
    ASSERT_EQ(events.size(), 2u);
    for (const History::Kept& kept : events) {
        EXPECT_EQ(kept.first, at(0));
        EXPECT_EQ(kept.last, at(49));
        EXPECT_EQ(kept.times, 50u);
    }
}

TEST(History, KeepsTheLastFew) {
    History history;
    for (int i = 0; i < 10; ++i) {
        const std::string id = std::to_string(i);
        history.note(PolicyLearnt{"a.example", sts::Mode::enforce, 2, 86400s, id}, at(i));
    }
    const auto events = history.of("a.example");
    ASSERT_EQ(events.size(), History::max_events);
    EXPECT_TRUE(events.front().text.ends_with("id=2"));
    EXPECT_TRUE(events.back().text.ends_with("id=9"));
}

TEST(History, TheLastFailureStaysWhateverHappensAfterIt) {
    History history;
    history.note(failure("a.example", base::Reason::http_status), at(1));
    history.note(failure("a.example", base::Reason::cert_expired), at(2));
    for (int i = 0; i < 30; ++i) {
        const std::string id = std::to_string(i);
        history.note(PolicyChanged{.domain = "a.example", .id = id, .id_before = "0"}, at(10 + i));
    }
    const auto events = history.of("a.example");
    ASSERT_EQ(events.size(), History::max_events);
    EXPECT_EQ(events.front().text, "reason=cert-expired detail=status 404 at 192.0.2.1 kept=enforce");
    EXPECT_TRUE(events.back().text.ends_with("id=29 id_before=0"));
    history.note(failure("a.example", base::Reason::connect_failed), at(50));
    EXPECT_EQ(history.of("a.example").front().kind, id_of<PolicyChanged>()) << "only the last one is kept";
    const auto last = history.failure("a.example");
    ASSERT_TRUE(last);
    EXPECT_EQ(last->reason, base::Reason::connect_failed);
    EXPECT_EQ(last->at, at(50));
}

TEST(History, TheLastFailureIsKeptInFullAndPrintable) {
    History history;
    const std::string detail = std::string(400, 'x') + "\x01" + std::string(400, 'y');
    PolicyFailed event = failure("a.example", base::Reason::http_status);
    event.detail = detail;
    history.note(event, at(1));
    const std::string kept = history.failure("a.example")->detail;
    EXPECT_EQ(kept.size(), History::max_detail);
    EXPECT_TRUE(kept.starts_with(std::string(400, 'x') + "\\x01yyy")) << kept;
}

TEST(History, FailuresOfDomainsWithoutAPolicyAreKeptApart) {
    History history{400'000};
    history.note(failure("known.example", base::Reason::http_status), at(1));
    for (int i = 0; i < 5000; ++i)
        history.note(failure("d" + std::to_string(i) + ".example", base::Reason::cert_expired, false), at(i));
    EXPECT_EQ(history.failure("d4999.example")->reason, base::Reason::cert_expired);
    EXPECT_FALSE(history.failure("d0.example"));
    EXPECT_TRUE(history.failure("known.example")) << "strangers do not push out what is known";
    history.note(PolicyLearnt{"d4999.example", sts::Mode::enforce, 2, 86400s, "1"}, at(6000));
    ASSERT_EQ(history.of("d4999.example").size(), 2u) << "it has a policy now, and a past";
    EXPECT_EQ(history.domains(), 2u);
}

TEST(History, RemembersWhereThePolicyCameFrom) {
    History history{20'000};
    EXPECT_FALSE(history.source("a.example"));
    history.note(PolicySource{"a.example", "192.0.2.1", "TLSv1.2", "CN=One", at(7)}, at(1));
    history.note(PolicySource{"a.example", "2001:db8::1", "TLSv1.3", "CN=Two", at(8)}, at(2));
    const auto source = history.source("a.example");
    ASSERT_TRUE(source);
    EXPECT_EQ(source->address, "2001:db8::1");
    EXPECT_EQ(source->tls, "TLSv1.3");
    EXPECT_EQ(source->issuer, "CN=Two");
    EXPECT_EQ(source->certificate_ends, at(8));
    EXPECT_TRUE(history.of("a.example").empty()) << "it is no event of its own";
    for (int i = 0; i < 1000; ++i)
        history.note(
            PolicySource{"d" + std::to_string(i) + ".example", "192.0.2.1", "TLSv1.3", "CN=One", at(7)},
            at(i));
    EXPECT_FALSE(history.source("a.example"));
    EXPECT_LE(history.octets(), 20'000u);
    history.forget("d999.example");
    EXPECT_FALSE(history.source("d999.example"));
}

TEST(History, ADomainWithoutAPolicyLeavesOnlyItsFailures) {
    History history;
    history.note(failure("a.example", base::Reason::http_status, false), at(1));
    history.forget("a.example");
    history.note(Lookup{.domain = "a.example", .answer = "notfound", .source = "network", .age = {}}, at(1));
    history.note(DnsServers{"127.0.0.1:53"}, at(1));
    history.note(PolicyRefreshed{"a.example", sts::Mode::enforce, 86400s, "1"}, at(1));
    EXPECT_EQ(history.octets(), 0u) << "the entry itself tells of the last fetch";
    history.note(failure("a.example", base::Reason::http_status), at(2));
    history.note(PolicyRefreshed{"a.example", sts::Mode::enforce, 86400s, "1"}, at(3));
    EXPECT_EQ(history.of("a.example").size(), 2u) << "that a failure is over is worth a place";
}

TEST(History, WhateverStrangersDoItHasItsBoundInOctets) {
    constexpr std::size_t most = 200'000;
    const std::string long_text(100'000, '\x01');
    const std::size_t before = test::allocated();
    History history{most};
    for (int i = 0; i < 5000; ++i) {
        const std::string domain = "d" + std::to_string(i) + ".example";
        history.note(PolicyAdmitsNoMx{domain, "1", long_text, {}}, at(i));
        history.note(failure(domain, base::Reason::http_status), at(i));
        ASSERT_LE(history.octets(), most);
        ASSERT_FALSE(history.of(domain).empty());
    }
    EXPECT_GT(history.domains(), 100u);
    EXPECT_TRUE(history.of("d0.example").empty()) << "noted longest ago";
    if (test::allocated() > before) {
        EXPECT_LT(test::allocated() - before, most + 50'000) << "as it says itself";
    }
}

TEST(History, ADomainThatIsNotedAgainOutlivesOthers) {
    History history{20'000};
    for (int i = 0; i < 1000; ++i) {
        history.note(failure("often.example", base::Reason::http_status), at(i));
        history.note(failure("d" + std::to_string(i) + ".example", base::Reason::http_status), at(i));
    }
    ASSERT_EQ(history.of("often.example").size(), 1u);
    EXPECT_EQ(history.of("often.example")[0].times, 1000u);
}

TEST(Recorder, RemembersWhatTheLogHoldsBack) {
    test::MemoryLog log;
    test::ManualTime time;
    History history;
    Recorder recorder{log, time, &history};
    for (int i = 0; i < 3; ++i) recorder.emit(failure("a.example", base::Reason::http_status));
    EXPECT_EQ(log.count("policy-failed"), 1u);
    ASSERT_EQ(history.of("a.example").size(), 1u);
    EXPECT_EQ(history.of("a.example")[0].times, 3u);
}

} // namespace
