// All of lookup/ with the real cache and store, in a fake world, with time set by the test.
#include "support/lookup_world.hpp"

#include <gtest/gtest.h>

namespace {

using namespace std::chrono_literals;
using base::Reason;
using test::LookupWorld;
using test::policy_text;

constexpr const char* secure = "OK secure match=mx.a.example servername=hostname";
constexpr const char* secure_new = "OK secure match=new.a.example servername=hostname";
constexpr const char* notfound = "NOTFOUND ";

void serve(LookupWorld& world, const std::string& mx = "mx.a.example", const std::string& id = "1",
           long max_age = 7 * 86400) {
    world.at("a.example").record(id);
    world.at("a.example").policy(policy_text("enforce", {mx}, max_age));
}

TEST(Lookup, LearnsThenAnswersFromMemory) {
    LookupWorld world;
    serve(world);
    EXPECT_EQ(world.ask("a.example"), secure);
    EXPECT_EQ(world.ask("A.Example:25"), secure);
    EXPECT_EQ(world.ask("[a.example]:587"), secure);
    EXPECT_EQ(world.txt_questions(), 1u);
    EXPECT_EQ(world.gets(), 1u);
    EXPECT_EQ(world.log.count("policy-learnt domain=a.example mode=enforce"), 1u);
    EXPECT_EQ(world.log.count("lookup domain=a.example answer=secure source=network"), 1u);
    EXPECT_EQ(world.log.count("lookup domain=a.example answer=secure source=memory"), 2u);
}

TEST(Lookup, OneFlightForManyClients) {
    LookupWorld world;
    serve(world);
    world.at("a.example").https_delay = 2s;
    for (const std::string& reply : world.ask_many("a.example", 1000)) EXPECT_EQ(reply, secure);
    EXPECT_EQ(world.txt_questions(), 1u);
    EXPECT_EQ(world.gets(), 1u);
}

TEST(Lookup, NewIdIsFetchedBehindTheAnswer) {
    LookupWorld world;
    serve(world);
    EXPECT_EQ(world.ask("a.example"), secure);
    serve(world, "new.a.example", "2");
    world.pass(61s);
    EXPECT_EQ(world.ask("a.example"), secure) << "from memory; the check starts behind it";
    EXPECT_EQ(world.ask("a.example"), secure_new);
    EXPECT_EQ(world.gets(), 2u);
    EXPECT_EQ(world.log.count("policy-changed domain=a.example"), 1u);
}

TEST(Lookup, KeepsThePolicyThroughEveryKindOfTrouble) {
    for (const Reason trouble :
         {Reason::dns_timeout, Reason::dns_servfail, Reason::dns_refused, Reason::dns_network}) {
        LookupWorld world;
        serve(world);
        world.ask("a.example");
        world.at("a.example").dns_fails(trouble);
        world.at("a.example").https_fails(Reason::connect_failed);
        for (int day = 1; day < 7; ++day) {
            world.pass(24h);
            EXPECT_EQ(world.ask("a.example"), secure) << base::to_string(trouble) << " day " << day;
        }
        EXPECT_GE(world.log.count("warning policy-failed domain=a.example reason=connect-failed"), 1u);
        world.pass(25h);
        EXPECT_EQ(world.ask("a.example"), notfound) << "max_age is over";
        EXPECT_EQ(world.log.count("policy-expired domain=a.example"), 1u);
    }
}

TEST(Lookup, TroubleWithoutAPolicyIsNotFoundAndBrieflyRemembered) {
    LookupWorld world;
    world.at("a.example").dns_fails(Reason::dns_servfail);
    EXPECT_EQ(world.ask("a.example"), notfound);
    EXPECT_EQ(world.ask("a.example"), notfound);
    EXPECT_EQ(world.txt_questions(), 1u);
    EXPECT_EQ(world.log.count("reason=dns-servfail"), 2u);
    serve(world);
    world.pass(61s);
    EXPECT_EQ(world.ask("a.example"), secure);
}

TEST(Lookup, AnAbsenceIsBelievedForItsNegativeTtl) {
    LookupWorld world;
    world.at("a.example").no_record(300s);
    EXPECT_EQ(world.ask("a.example"), notfound);
    serve(world);
    world.pass(299s);
    EXPECT_EQ(world.ask("a.example"), notfound);
    EXPECT_EQ(world.txt_questions(), 1u);
    world.pass(1s);
    EXPECT_EQ(world.ask("a.example"), secure);
}

TEST(Lookup, BacksOffTowardsAPolicyHostThatFails) {
    LookupWorld world;
    world.at("a.example").record("1");
    world.at("a.example").https_fails(Reason::http_status, "status 503");
    // A query a minute for a day: 3 GETs five minutes apart, then 10, 20, 40 minutes, then hourly.
    for (int minute = 0; minute < 24 * 60; ++minute) {
        EXPECT_EQ(world.ask("a.example"), notfound);
        world.pass(60s);
    }
    EXPECT_LE(world.gets(), 30u);
    EXPECT_GE(world.gets(), 24u);
}

TEST(Lookup, DailyGetKeepsAPolicyAliveWithoutATxtRecord) {
    LookupWorld world;
    serve(world, "mx.a.example", "1", 2 * 86400);
    world.ask("a.example");
    world.at("a.example").no_record();
    world.pass(10 * 24h);
    EXPECT_EQ(world.ask("a.example"), secure) << "RFC 8461 section 10.2";
    EXPECT_GE(world.gets(), 10u);
    EXPECT_GE(world.log.count("policy-refreshed domain=a.example"), 9u);
}

TEST(Lookup, NobodyAsksSoNobodyFetches) {
    LookupWorld world;
    serve(world, "mx.a.example", "1", 31557600);
    world.ask("a.example");
    world.pass(300 * 24h);
    EXPECT_LE(world.gets(), 31u);
    EXPECT_EQ(world.ask("a.example"), secure);
    EXPECT_EQ(world.ask("a.example"), secure);
    const std::size_t before = world.gets();
    world.pass(61s);
    world.ask("a.example");
    world.pass(61s);
    EXPECT_GE(world.gets(), before) << "wanted again";
}

TEST(Lookup, SlowPolicyHostIsAnsweredAtTheDeadlineAndProtectsTheNext) {
    LookupWorld world;
    serve(world);
    world.at("a.example").https_delay = 20s;
    EXPECT_EQ(world.ask("a.example"), notfound);
    EXPECT_EQ(world.time.passed(), 10s);
    EXPECT_EQ(world.log.count("reason=deadline"), 1u);
    world.pass(11s);
    EXPECT_EQ(world.ask("a.example"), secure);
    EXPECT_EQ(world.gets(), 1u);
}

TEST(Lookup, WhileTheStoreIsStillBeingReadTheDeadlineDefersInsteadOfPassingAPolicyOver) {
    LookupWorld world;
    serve(world);
    world.ask("a.example");
    world.at("late.example").record("1");
    world.at("late.example").https_delay = 20s;
    world.table().set_complete(false);
    EXPECT_EQ(world.ask("a.example"), secure);
    EXPECT_EQ(world.ask("late.example").substr(0, 14), "TEMP stsmapd: ");
    EXPECT_EQ(world.log.count("lookup domain=late.example answer=temp"), 1u);
    world.table().set_complete(true);
    EXPECT_EQ(world.ask("late.example"), notfound);
}

TEST(Lookup, WithdrawnPolicyIsForgottenAndSaidAloud) {
    LookupWorld world;
    serve(world);
    world.ask("a.example");
    world.at("a.example").record("2");
    world.at("a.example").policy(policy_text("none", {}, 86400));
    world.pass(61s);
    world.ask("a.example");
    EXPECT_EQ(world.ask("a.example"), notfound);
    EXPECT_EQ(world.log.count("warning policy-changed domain=a.example mode=none mode_before=enforce"), 1u);
}

TEST(Lookup, StrictTestingEnforcesTesting) {
    for (const bool strict : {false, true}) {
        cache::Tuning tuning;
        tuning.enforce_testing = strict;
        LookupWorld world(tuning);
        world.at("a.example").record("1");
        world.at("a.example").policy(policy_text("testing", {"mx.a.example"}, 86400));
        EXPECT_EQ(world.ask("a.example"), strict ? secure : notfound);
    }
}

TEST(Lookup, SurvivesRestartKillAndOutage) {
    LookupWorld world;
    serve(world);
    EXPECT_EQ(world.ask("a.example"), secure);
    world.at("a.example").dns_fails(Reason::dns_timeout);
    world.at("a.example").https_fails(Reason::connect_timeout);
    world.kill();
    EXPECT_EQ(world.ask("a.example"), secure);
    world.restart();
    EXPECT_EQ(world.ask("a.example"), secure);
    world.pass(6 * 24h);
    world.restart();
    EXPECT_EQ(world.ask("a.example"), secure);
    world.pass(25h);
    world.restart();
    EXPECT_EQ(world.ask("a.example"), notfound);
}

TEST(Lookup, DamagedStoreIsNoReasonToStop) {
    LookupWorld world;
    serve(world);
    EXPECT_EQ(world.ask("a.example"), secure);
    world.restart_with_damaged_store();
    EXPECT_EQ(world.ask("a.example"), secure) << "learnt anew";
    EXPECT_EQ(world.gets(), 2u);
    world.restart();
    EXPECT_EQ(world.ask("a.example"), secure);
    EXPECT_EQ(world.gets(), 2u);
}

TEST(Lookup, MaxAgeZeroServesThisDeliveryOnly) {
    LookupWorld world;
    serve(world, "mx.a.example", "1", 0);
    world.at("a.example").https_delay = 1s;
    for (const std::string& reply : world.ask_many("a.example", 5))
        EXPECT_EQ(reply, secure) << "who waited for the fetch";
    EXPECT_EQ(world.table().policy_count(), 0u);
    EXPECT_EQ(world.ask("a.example"), notfound) << "no longer";
    world.pass(58s); // the GET began a second before it ended
    EXPECT_EQ(world.ask("a.example"), notfound);
    EXPECT_EQ(world.gets(), 1u);
    EXPECT_LE(world.txt_questions(), 1u) << "nor is anybody asked";
    world.pass(1s);
    EXPECT_EQ(world.ask("a.example"), secure);
    EXPECT_EQ(world.gets(), 2u);
    EXPECT_EQ(world.log.count("policy-too-short"), 1u) << "said once";
}

TEST(Lookup, ExpiryDuringABackgroundCheckStillResolvesForTheClient) {
    LookupWorld world;
    serve(world, "mx.a.example", "1", 100);
    world.ask("a.example");
    world.pass(98s);
    world.at("a.example").txt_delay = 4s;
    EXPECT_EQ(world.ask("a.example"), secure) << "memory, with a check started";
    world.pass(3s);
    EXPECT_EQ(world.ask("a.example"), secure) << "expired meanwhile: fetched anew, not given up";
    EXPECT_GE(world.gets(), 2u);
}

TEST(Lookup, ClockSetBackNeitherLosesNorImmortalises) {
    LookupWorld world;
    serve(world);
    world.ask("a.example");
    world.at("a.example").no_record();
    world.at("a.example").https_fails(Reason::connect_failed);
    world.time.jump(-10 * 365 * 24h);
    world.restart();
    EXPECT_EQ(world.ask("a.example"), secure);
    world.pass(8 * 24h);
    EXPECT_EQ(world.ask("a.example"), notfound) << "max_age counts from the restart at the latest";
}

TEST(Lookup, KeysWithoutAPolicyDomainCostNothing) {
    LookupWorld world;
    for (const char* key :
         {".a.example", ".example", "[192.0.2.1]", "[IPv6:2001:db8::1]:25", "localhost", "", "a b"})
        EXPECT_EQ(world.ask(key), notfound) << key;
    EXPECT_EQ(world.txt_questions(), 0u);
}

constexpr const char* dane_only = "OK dane-only";

cache::Tuning with_dane() {
    cache::Tuning tuning;
    tuning.dane.active = true;
    return tuning;
}

TEST(Dane, IsNeverOverridden) {
    LookupWorld world(with_dane());
    serve(world);
    world.signed_mx("a.example", "mx.a.example", LookupWorld::usable_tlsa());
    EXPECT_EQ(world.ask("a.example"), dane_only);
    EXPECT_EQ(world.ask("a.example", "sts-tlsrpt"), dane_only);
    EXPECT_EQ(world.log.count("info dane-changed domain=a.example verdict=dane-only before=unknown"), 1u);
    EXPECT_EQ(world.log.count("lookup domain=a.example answer=dane-only"), 2u);
}

TEST(Dane, IsForEnforcedPoliciesOnly) {
    LookupWorld world(with_dane());
    world.at("a.example").record("1");
    world.at("a.example").policy(policy_text("testing", {"mx.a.example"}, 86400));
    world.signed_mx("a.example", "mx.a.example", LookupWorld::usable_tlsa());
    EXPECT_EQ(world.ask("a.example"), notfound) << "main.cf's own dane level does that better";
}

TEST(Dane, UnsignedMxRecordsLeaveMtaSts) {
    LookupWorld world(with_dane());
    serve(world);
    world.signed_mx("a.example", "mx.a.example", LookupWorld::usable_tlsa());
    world.dns.at({"a.example", dns::Type::mx})->worth = dns::Worth::insecure;
    EXPECT_EQ(world.ask("a.example"), secure) << "dane would be a downgrade by a spoofed MX";
}

TEST(Dane, OneBadNameServerChangesNothing) {
    LookupWorld world(with_dane());
    serve(world);
    world.signed_mx("a.example", "mx.a.example", LookupWorld::usable_tlsa());
    EXPECT_EQ(world.ask("a.example"), dane_only);
    for (const dns::Type type : {dns::Type::mx, dns::Type::a, dns::Type::aaaa, dns::Type::tlsa})
        for (auto& [question, answer] : world.dns)
            if (question.second == type) answer = dns::failed(Reason::dns_servfail);
    for (int hour = 0; hour < 23; ++hour) {
        world.pass(1h);
        EXPECT_EQ(world.ask("a.example"), dane_only) << "hour " << hour;
    }
    world.pass(2h);
    EXPECT_EQ(world.ask("a.example"), secure) << "a day without any sign of DANE: MTA-STS protects";
}

TEST(Dane, AddedAndRemovedRecordsAreNoticed) {
    LookupWorld world(with_dane());
    serve(world);
    world.signed_mx("a.example", "mx.a.example", "");
    EXPECT_EQ(world.ask("a.example"), secure);
    world.signed_mx("a.example", "mx.a.example", LookupWorld::usable_tlsa());
    world.pass(301s);
    world.ask("a.example");
    EXPECT_EQ(world.ask("a.example"), dane_only);
    world.signed_mx("a.example", "mx.a.example", "");
    world.pass(301s);
    world.ask("a.example");
    EXPECT_EQ(world.ask("a.example"), secure);
    EXPECT_EQ(world.log.count("warning dane-changed domain=a.example verdict=sts before=dane-only"), 1u);
}

TEST(Dane, SurvivesKillDuringAnOutage) {
    LookupWorld world(with_dane());
    serve(world);
    world.signed_mx("a.example", "mx.a.example", LookupWorld::usable_tlsa());
    EXPECT_EQ(world.ask("a.example"), dane_only);
    for (auto& [question, answer] : world.dns) answer = dns::failed(Reason::dns_timeout);
    world.at("a.example").dns_fails(Reason::dns_timeout);
    world.kill();
    EXPECT_EQ(world.ask("a.example"), dane_only);
    EXPECT_EQ(world.ask("a.example"), dane_only)
        << "the failed check behind the first answer changes nothing";
}

TEST(Dane, ADomainThatIsHardlyAskedKeepsItsVerdict) {
    // The daily refresh renews it, whether its GET succeeds or not.
    for (const bool fails : {false, true}) {
        SCOPED_TRACE(fails);
        LookupWorld world(with_dane());
        serve(world, "mx.a.example", "1", 30 * 86400);
        world.signed_mx("a.example", "mx.a.example", LookupWorld::usable_tlsa());
        EXPECT_EQ(world.ask("a.example"), dane_only);
        if (fails) world.at("a.example").https_fails(Reason::http_status);
        for (const base::seconds unasked : {25h, 35h, 47h, 100h, 200h}) {
            world.pass(unasked);
            EXPECT_EQ(world.ask("a.example"), dane_only) << unasked.count();
        }
    }
}

TEST(Dane, AVerdictOfAnyAgeIsAskedAnewBeforeItIsUsed) {
    cache::Tuning tuning = with_dane();
    tuning.daily_refresh = false; // nothing renews it
    LookupWorld world(tuning);
    serve(world, "mx.a.example", "1", 300 * 86400);
    world.signed_mx("a.example", "mx.a.example", "");
    EXPECT_EQ(world.ask("a.example"), secure);
    world.signed_mx("a.example", "mx.a.example", LookupWorld::usable_tlsa());
    world.pass(37h);
    EXPECT_EQ(world.ask("a.example"), dane_only) << "an old sts verdict would override it";
    world.pass(100h);
    world.restart();
    EXPECT_EQ(world.ask("a.example"), dane_only);
    // From here on nobody answers. The verdict stays valid for a day from the first failure, also over
    // restarts.
    world.pass(100h);
    for (auto& [question, answer] : world.dns) answer = dns::failed(Reason::dns_timeout);
    for (int hour = 0; hour < 24; ++hour) {
        EXPECT_EQ(world.ask("a.example"), dane_only) << hour;
        if (hour % 5 == 2) world.kill();
        world.pass(1h);
    }
    world.pass(60s);
    EXPECT_EQ(world.ask("a.example"), secure);
    world.restart();
    EXPECT_EQ(world.ask("a.example"), secure) << "a restart gives it no other day";
    world.signed_mx("a.example", "mx.a.example", LookupWorld::usable_tlsa());
    world.pass(61s);
    world.ask("a.example");
    EXPECT_EQ(world.ask("a.example"), dane_only);
}

TEST(Dane, AWithdrawalDoesNotTakeItsVerdictAlong) {
    cache::Tuning tuning = with_dane();
    tuning.daily_refresh = false;
    LookupWorld world(tuning);
    serve(world, "mx.a.example", "1", 300 * 86400);
    world.signed_mx("a.example", "mx.a.example", LookupWorld::usable_tlsa());
    EXPECT_EQ(world.ask("a.example"), dane_only);
    world.pass(37h); // so that the next question waits for DANE
    serve(world, "mx.a.example", "2", 0);
    for (auto& [question, answer] : world.dns) answer = dns::failed(Reason::dns_timeout);
    EXPECT_EQ(world.ask("a.example"), dane_only) << "one lookup that failed turns nothing off";
    EXPECT_EQ(world.table().policy_count(), 0u);
}

TEST(Dane, SilentDnsAfterARestartHoldsUpNobody) {
    LookupWorld world(with_dane());
    serve(world);
    world.signed_mx("a.example", "mx.a.example", LookupWorld::usable_tlsa());
    world.at("b.example").record("1");
    world.at("b.example").policy(policy_text("enforce", {"mx.a.example"}, 86400));
    EXPECT_EQ(world.ask("a.example"), dane_only);
    EXPECT_EQ(world.ask("b.example"), secure);
    world.restart();
    // The probe of the resolver gets no answer.
    cache::Tuning silent;
    silent.dane.remembered = true;
    world.tune(silent);
    for (const char* domain : {"a.example", "b.example"}) {
        world.at(domain).dns_fails(Reason::dns_timeout);
        world.at(domain).txt_delay = 16s;
    }
    const auto begun = world.time.passed();
    EXPECT_EQ(world.ask("a.example"), dane_only) << "found before";
    EXPECT_EQ(world.ask("b.example"), secure);
    EXPECT_EQ(world.time.passed(), begun);
}

TEST(Dane, AKnownPolicyIsToldAtTheDeadlineThoughDaneIsNot) {
    // DANE is looked up from now on: the known policies have no verdict yet.
    LookupWorld world;
    serve(world);
    EXPECT_EQ(world.ask("a.example"), secure);
    world.tune(with_dane());
    world.at("a.example").txt_delay = 16s;
    world.pass(61s);
    EXPECT_EQ(world.ask("a.example"), secure);
    EXPECT_EQ(world.log.count("reason=deadline"), 1u);
}

TEST(Dane, APolicyThatAdmitsNoMxHostIsSaidOnce) {
    LookupWorld world(with_dane());
    serve(world, "other.a.example");
    world.signed_mx("a.example", "mx.a.example", "");
    for (int i = 0; i < 5; ++i) {
        world.ask("a.example");
        world.pass(301s);
    }
    EXPECT_EQ(world.log.count("warning policy-admits-no-mx domain=a.example id=1 mx_hosts=mx.a.example"), 1u);
}

} // namespace
