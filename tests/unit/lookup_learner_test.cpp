// The learner with fakes of its ports: the order of its steps, and what happens when the store fails.
#include "lookup/learner.hpp"

#include "lookup/commit.hpp"
#include "lookup/learnt_events.hpp"
#include "support/learner_world.hpp"

#include <gtest/gtest.h>

#include <map>

namespace {

using namespace std::chrono_literals;
using base::Reason;
using lookup::Outcome;
using lookup::Why;

class LearnerTest : public testing::Test, protected test::LearnerWorld {
protected:
    LearnerTest() : LearnerWorld(Events::recorded) { publish(); }

    void learn(Why why = Why::query) {
        learner.learn(domain, why, [this](const Outcome& outcome) { outcomes.push_back(outcome); });
        run();
    }
    [[nodiscard]] bool in_table() const { return std::holds_alternative<cache::Entry>(table.find(domain)); }

    std::vector<Outcome> outcomes;
};

TEST_F(LearnerTest, TellsNobodyBeforeTheCommit) {
    store.hold();
    learn();
    EXPECT_TRUE(outcomes.empty());
    EXPECT_FALSE(in_table()) << "another client would hear of a policy that a crash could lose";
    ASSERT_TRUE(store.release_one());
    run();
    ASSERT_EQ(outcomes.size(), 1u);
    EXPECT_TRUE(outcomes[0].fetched);
    EXPECT_TRUE(in_table());
    EXPECT_EQ(store.rows().at("a.example").txt_id, "1");
}

TEST_F(LearnerTest, GoesOnFromMemoryWhenTheDiskIsFull) {
    store.fail_next();
    learn();
    ASSERT_EQ(outcomes.size(), 1u);
    EXPECT_NE(outcomes[0].policy, nullptr);
    EXPECT_TRUE(in_table());
    EXPECT_TRUE(store.rows().empty());
}

TEST_F(LearnerTest, DoesNotWaitForADiskThatHangs) {
    store.hold();
    learn();
    time.make_next_call();
    run();
    ASSERT_EQ(outcomes.size(), 1u);
    EXPECT_NE(outcomes[0].policy, nullptr);
    EXPECT_EQ(time.passed(), lookup::commit_patience);
    store.release(); // a late commit does no harm
    run();
    EXPECT_EQ(outcomes.size(), 1u);
    EXPECT_EQ(store.rows().size(), 1u);
}

TEST_F(LearnerTest, ManyJoinOneFlight) {
    store.hold();
    for (int i = 0; i < 100; ++i) learn();
    EXPECT_EQ(learner.aloft(), 1u);
    store.release();
    run();
    EXPECT_EQ(outcomes.size(), 100u);
    EXPECT_EQ(resolver.asked.size(), 1u);
    EXPECT_EQ(fetcher.gets(), 1u);
    EXPECT_EQ(learner.aloft(), 0u);
}

TEST_F(LearnerTest, TellsOfTheEndOfABurstOnce) {
    const auto learn_many = [this](std::size_t count) {
        for (std::size_t i = 0; i < count; ++i)
            learner.learn(*base::Domain::parse("d" + std::to_string(i) + ".example"), Why::query, {});
        EXPECT_EQ(bursts, 0u);
        run();
        EXPECT_EQ(learner.aloft(), 0u);
        time.move_to(time.passed() + std::chrono::hours{2}); // so that all is learnt again
        return std::exchange(bursts, 0u);
    };
    EXPECT_EQ(learn_many(lookup::Flights::burst - 1), 0u);
    EXPECT_EQ(learn_many(lookup::Flights::burst), 1u);
    EXPECT_EQ(learn_many(lookup::Flights::burst - 1), 0u);
    EXPECT_EQ(learn_many(lookup::Flights::burst + 1), 1u);
}

TEST_F(LearnerTest, AQueryThatComesLateFindsWhatTheFlightBrought) {
    learn();
    learn();
    ASSERT_EQ(outcomes.size(), 2u);
    EXPECT_EQ(outcomes[1].policy, outcomes[0].policy);
    EXPECT_FALSE(outcomes[1].fetched);
    EXPECT_EQ(resolver.asked.size(), 1u);
    const base::Domain nothing = *base::Domain::parse("nothing.example");
    for (int i = 0; i < 2; ++i)
        learner.learn(nothing, Why::query, [this](const Outcome& o) { outcomes.push_back(o); }), run();
    EXPECT_EQ(outcomes[3].reason, Reason::no_record);
    EXPECT_EQ(resolver.asked.size(), 2u);
}

TEST_F(LearnerTest, RefusedAddressesAndBadPoliciesHaveTheirReasons) {
    fetcher.set("mta-sts.a.example", "version: STSv1\nmode: test\nmx: mx.a.example\nmax_age: 1\n");
    learn();
    ASSERT_EQ(outcomes.size(), 1u);
    EXPECT_EQ(outcomes[0].reason, Reason::policy_mode);
    EXPECT_EQ(log.count("policy-failed domain=a.example reason=policy-mode"), 1u);
    EXPECT_EQ(log.count("(line 2)"), 1u);
    EXPECT_TRUE(store.operations().empty()) << "nothing to keep";
}

TEST_F(LearnerTest, AFailureIsLoggedOnceAnHour) {
    fetcher.fail("mta-sts.a.example", Reason::http_status, "status 503");
    for (int minute = 0; minute < 120; ++minute) {
        learn();
        time.move_to(time.passed() + 60s);
    }
    EXPECT_GE(fetcher.gets(), 5u);
    EXPECT_LE(log.count("policy-failed"), 2u);
}

TEST_F(LearnerTest, ATxtFailureIsToldWhereAPolicyIsKnown) {
    resolver.fail("_mta-sts.a.example", dns::Type::txt, Reason::dns_servfail,
                  "127.0.0.1:53 udp dns-servfail");
    learn();
    EXPECT_EQ(log.count("policy-failed"), 0u) << "the lookup's line says it";
    resolver.txt("_mta-sts.a.example", {"v=STSv1; id=1;"});
    time.move_to(time.passed() + 61s);
    learn();
    ASSERT_TRUE(in_table());
    resolver.fail("_mta-sts.a.example", dns::Type::txt, Reason::dns_servfail,
                  "127.0.0.1:53 udp dns-servfail");
    time.move_to(time.passed() + 61s);
    learn(Why::txt_check);
    EXPECT_EQ(log.count("info policy-failed domain=a.example reason=dns-servfail "
                        "detail=127.0.0.1:53 udp dns-servfail kept=enforce next_try_s=60"),
              1u);
    resolver.fail("_mta-sts.a.example", dns::Type::txt, Reason::overloaded);
    time.move_to(time.passed() + 2h);
    learn(Why::txt_check);
    EXPECT_EQ(log.count("policy-failed"), 1u) << "our own trouble is not the domain's";
    resolver.txt("_mta-sts.a.example", {});
    learn(Why::txt_check);
    EXPECT_EQ(log.count("warning policy-failed domain=a.example reason=no-record"), 1u);
}

TEST_F(LearnerTest, ARecordOfNoUseIsShown) {
    resolver.txt("_mta-sts.a.example", {"other", "v=STSv1; id=a\nb;"});
    learn();
    EXPECT_EQ(outcomes.back().reason, Reason::record_invalid);
    EXPECT_EQ(outcomes.back().detail, "v=STSv1; id=a\nb;") << "the log makes it printable";
    EXPECT_EQ(lookup::unusable_records({"v=STSv1; id=1;", "spf", "v=STSv1; id=2;"}),
              "v=STSv1; id=1; | v=STSv1; id=2;");
    const std::vector<std::string> many(100, "v=STSv1; id=" + std::string(1000, '\x01'));
    EXPECT_LE(lookup::unusable_records(many).size(), lookup::max_record_shown);
    EXPECT_EQ(lookup::unusable_records({"spf", ""}), "");
}

TEST_F(LearnerTest, TheFirstVerdictOnDaneIsToldAndTheNextOnesAreSteps) {
    dane::State before, after;
    after.advice = dane::Advice::sts;
    after.known_at = time.now();
    dane::Verdict verdict;
    verdict.why = "mx.a.example has no TLSA";
    lookup::emit_dane(recorder, domain, before, after, verdict);
    EXPECT_EQ(log.count("info dane-checked domain=a.example verdict=sts before=unknown detail=mx.a.example"),
              1u);
    lookup::emit_dane(recorder, domain, after, after, verdict);
    EXPECT_EQ(log.count("debug dane-checked"), 1u);
    before.check_at = time.now(); // a lookup that brought no verdict
    lookup::emit_dane(recorder, domain, before, before, verdict);
    EXPECT_EQ(log.count("debug dane-checked"), 2u);
    lookup::emit_dane(recorder, domain, before, after, verdict);
    EXPECT_EQ(log.count("info dane-checked"), 2u) << "the first that tells";
}

TEST_F(LearnerTest, OurOwnOverloadIsNoFailureOfThePolicyHost) {
    fetcher.fail("mta-sts.a.example", Reason::overloaded);
    learn();
    fetcher.set("mta-sts.a.example", test::policy_text("enforce", {"mx.a.example"}, 86400));
    learn();
    ASSERT_EQ(outcomes.size(), 2u);
    EXPECT_EQ(outcomes[0].reason, Reason::overloaded);
    EXPECT_TRUE(outcomes[1].fetched) << "neither remembered nor a reason to back off";
}

TEST_F(LearnerTest, OurOwnOverloadStartsNoBackOffBesideAKeptPolicy) {
    learn();
    resolver.txt("_mta-sts.a.example", {"v=STSv1; id=2;"});
    for (const Reason ours : {Reason::overloaded, Reason::shutting_down}) {
        fetcher.fail("mta-sts.a.example", ours);
        time.move_to(time.passed() + 61s);
        learn(Why::txt_check);
        EXPECT_NE(outcomes.back().policy, nullptr);
        const cache::Knowledge known = table.find(domain);
        EXPECT_EQ(std::get<cache::Entry>(known).gets.failures, 0u);
        EXPECT_EQ(std::get<cache::Entry>(known).gets.last, std::get<cache::Entry>(known).fetched_at);
    }
    fetcher.set("mta-sts.a.example", test::policy_text("enforce", {"mx.a.example"}, 86400));
    learn(Why::txt_check);
    EXPECT_TRUE(outcomes.back().fetched) << "at once";
}

TEST_F(LearnerTest, WhatADomainMakesTheLogRememberHasABound) {
    // An id and 20 MX host names of the longest kind: one line, cut, and 200 octets remembered at most.
    cache::Entry entry;
    entry.policy = *table.intern(test::policy_text("enforce", {"mx.a.example"}, 86400));
    entry.txt_id = std::string(32, 'x');
    dane::Verdict verdict;
    const std::string label(63, 'h');
    for (int i = 0; i < 520; ++i)
        verdict.mx_hosts.push_back(label + "." + label + "." + label + ".h" + std::to_string(i) + ".example");
    lookup::emit_refused_hosts(recorder, domain, entry, verdict);
    lookup::emit_refused_hosts(recorder, domain, entry, verdict);
    ASSERT_EQ(log.count("policy-admits-no-mx"), 1u);
    for (const std::string& line : log.lines()) {
        EXPECT_LE(line.size(), 6000u);
    }
    EXPECT_EQ(log.count("and 500 more"), 1u);
}

TEST_F(LearnerTest, OverloadInDnsIsNotRemembered) {
    resolver.fail("_mta-sts.a.example", dns::Type::txt, Reason::overloaded);
    learn();
    resolver.txt("_mta-sts.a.example", {"v=STSv1; id=1;"});
    learn();
    ASSERT_EQ(outcomes.size(), 2u);
    EXPECT_EQ(outcomes[0].reason, Reason::overloaded);
    EXPECT_TRUE(outcomes[1].fetched);
}

TEST_F(LearnerTest, WithoutMemoryNothingIsBegun) {
    bool left = false;
    lookup::Learner poor{{io.get_executor(), resolver, fetcher, dane, store, table, time, time, recorder,
                          [&left] { return left; }},
                         {}};
    const auto ask = [&](Why why) {
        poor.learn(domain, why, [this](const Outcome& outcome) { outcomes.push_back(outcome); });
        run();
        return outcomes.back();
    };
    EXPECT_EQ(ask(Why::query).reason, Reason::overloaded);
    EXPECT_EQ(ask(Why::txt_check).reason, Reason::overloaded);
    EXPECT_TRUE(resolver.asked.empty());
    left = true;
    EXPECT_TRUE(ask(Why::query).fetched);
    left = false;
    EXPECT_TRUE(ask(Why::query).policy) << "what is known needs no memory";
}

TEST_F(LearnerTest, NewPoliciesAreAnnouncedOnce) {
    int announced = 0;
    learner.on_new_policy([&](const base::Domain&) { ++announced; });
    learn();
    EXPECT_EQ(announced, 1);
    time.move_to(90s);
    resolver.txt("_mta-sts.a.example", {"v=STSv1; id=2;"});
    learn(Why::txt_check);
    EXPECT_EQ(fetcher.gets(), 2u);
    EXPECT_EQ(announced, 1);
}

/// However many domains hang, a question for another one waits for a place, and is answered at the deadline
/// at the latest, because there are more waiting places than connections. Only when these are full, too, it
/// is our own trouble (TEMP).
TEST_F(LearnerTest, DomainsThatHangDoNotMakeOthersTemporary) {
    using lookup::Learner;
    resolver.hold(dns::Type::txt);
    std::map<Reason, std::size_t> heard;
    const auto ask = [&](const std::string& name, Why why = Why::query) {
        learner.learn(*base::Domain::parse(name + ".example"), why,
                      [&](const Outcome& o) { ++heard[o.reason]; });
    };
    for (std::size_t i = 0; i < lookup::Flights::max_flights; ++i) ask("hangs" + std::to_string(i));
    run();
    EXPECT_EQ(learner.aloft(), lookup::Flights::max_flights);
    ask("checked", Why::txt_check);
    run();
    EXPECT_EQ(heard[Reason::overloaded], 1u) << "nobody waits for that";

    for (std::size_t i = 0; i < lookup::Flights::max_standby; ++i) ask("waits" + std::to_string(i));
    run();
    EXPECT_EQ(learner.standby(), lookup::Flights::max_standby);
    EXPECT_EQ(heard[Reason::overloaded], 1u);
    ask("over");
    run();
    EXPECT_EQ(heard[Reason::overloaded], 2u);

    resolver.release();
    run();
    EXPECT_EQ(learner.standby(), 0u);
    EXPECT_EQ(learner.aloft(), 0u);
    std::size_t all = 0;
    for (const auto& [reason, count] : heard) all += count;
    EXPECT_EQ(all, lookup::Flights::max_flights + lookup::Flights::max_standby + 2) << "each once";
    EXPECT_EQ(heard[Reason::overloaded], 2u);
}

TEST_F(LearnerTest, WhoHasWaitedTooLongForAPlaceNeedsNone) {
    using lookup::Learner;
    resolver.hold(dns::Type::txt);
    for (std::size_t i = 0; i < lookup::Flights::max_flights; ++i)
        learner.learn(*base::Domain::parse("hangs" + std::to_string(i) + ".example"), Why::query, {});
    Reason heard{};
    learner.learn(*base::Domain::parse("late.example"), Why::query,
                  [&](const Outcome& o) { heard = o.reason; });
    run();
    time.move_to(lookup::Flights::standby_for);
    const std::size_t asked = resolver.asked.size();
    resolver.release();
    run();
    EXPECT_EQ(heard, Reason::deadline);
    EXPECT_EQ(resolver.asked.size(), asked);
}

} // namespace
