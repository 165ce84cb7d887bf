// Next hops in brackets and with ports: whose policy, and what DANE says about exactly this one.
#include "support/lookup_world.hpp"

#include "lookup/hop_verdicts.hpp"
#include "support/sanitized.hpp"

#include <gtest/gtest.h>

#include <malloc.h>

#include <set>

namespace {

using namespace std::chrono_literals;
using test::LookupWorld;
using test::policy_text;

constexpr const char* secure = "OK secure match=mx.a.example servername=hostname";
constexpr const char* dane_only = "OK dane-only";
constexpr const char* notfound = "NOTFOUND ";

cache::Tuning with_dane() {
    cache::Tuning tuning;
    tuning.dane.active = true;
    return tuning;
}

/// mx.a.example is the MX host of a.example, and both have an enforced policy that admits it.
void serve(LookupWorld& world, std::string_view mode = "enforce") {
    for (const char* name : {"a.example", "mx.a.example"}) {
        world.at(name).record("1");
        world.at(name).policy(policy_text(mode, {"mx.a.example"}, 7 * 86400));
    }
    world.signed_mx("a.example", "mx.a.example", "");
}

TEST(NextHop, DaneIsAboutThisVeryOne) {
    const std::set<unsigned> nowhere, at_25{25}, at_587{587}, both{25, 587};
    struct Row {
        const char* key;
        bool looks_at_25;
    };
    for (const auto& [key, looks_at_25] :
         {Row{"a.example", true}, Row{"a.example:25", true}, Row{"a.example:smtp", true},
          Row{"a.example:587", false}, Row{"a.example:submission", false}, Row{"[mx.a.example]", true},
          Row{"[mx.a.example]:25", true}, Row{"[mx.a.example]:587", false},
          Row{"[mx.a.example]:submission", false}})
        for (const auto& ports : {nowhere, at_25, at_587, both}) {
            LookupWorld world(with_dane());
            serve(world);
            for (const unsigned port : ports) world.tlsa("mx.a.example", port, LookupWorld::usable_tlsa());
            const bool dane = ports.contains(looks_at_25 ? 25 : 587);
            for (int i = 0; i < 3; ++i)
                EXPECT_EQ(world.ask(key), dane ? dane_only : secure) << key << ' ' << ports.size();
        }
}

TEST(NextHop, NoFormHasTheVerdictOfAnother) {
    LookupWorld world(with_dane());
    serve(world);
    world.tlsa("mx.a.example", 587, LookupWorld::usable_tlsa());
    for (int i = 0; i < 2; ++i) {
        EXPECT_EQ(world.ask("a.example:587"), dane_only);
        EXPECT_EQ(world.ask("a.example"), secure);
        EXPECT_EQ(world.ask("a.example:465"), secure);
        EXPECT_EQ(world.ask("[mx.a.example]:587"), dane_only);
        EXPECT_EQ(world.ask("[mx.a.example]"), secure);
    }
    EXPECT_EQ(world.gets(), 2u) << "one a policy domain, whatever the form";
    EXPECT_EQ(world.asked("mx.a.example", dns::Type::mx), 0u) << "none is made for a host in brackets";
    EXPECT_EQ(world.asked("_25._tcp.mx.a.example", dns::Type::tlsa), 2u);
}

TEST(NextHop, ModesTestingAndNoneAreNoMatterOfDane) {
    for (const char* mode : {"testing", "none"}) {
        LookupWorld world(with_dane());
        serve(world, mode);
        world.tlsa("mx.a.example", 587, LookupWorld::usable_tlsa());
        EXPECT_EQ(world.ask("[mx.a.example]:587"), notfound);
        EXPECT_EQ(world.ask("[mx.a.example]:587"), notfound);
        EXPECT_EQ(world.asked("_587._tcp.mx.a.example", dns::Type::tlsa), 0u);
    }
}

TEST(NextHop, WithoutDaneThePolicyDecides) {
    LookupWorld world;
    serve(world);
    world.tlsa("mx.a.example", 587, LookupWorld::usable_tlsa());
    EXPECT_EQ(world.ask("[mx.a.example]:587"), secure);
    EXPECT_EQ(world.asked("_587._tcp.mx.a.example", dns::Type::tlsa), 0u);
}

TEST(NextHop, OneLookupForManyClients) {
    LookupWorld world(with_dane());
    serve(world);
    world.tlsa("mx.a.example", 587, LookupWorld::usable_tlsa());
    world.dns_delay = 1s;
    world.at("mx.a.example").https_delay = 1s;
    for (const std::string& reply : world.ask_many("[mx.a.example]:587", 100)) EXPECT_EQ(reply, dane_only);
    EXPECT_EQ(world.asked("_587._tcp.mx.a.example", dns::Type::tlsa), 1u);
    EXPECT_EQ(world.gets(), 1u);
}

TEST(NextHop, FormsTogetherFetchOnce) {
    LookupWorld world(with_dane());
    serve(world);
    world.tlsa("mx.a.example", 587, LookupWorld::usable_tlsa());
    world.dns_delay = 1s;
    world.at("a.example").https_delay = 2s;
    std::vector<std::string> replies;
    for (const char* key : {"a.example:587", "a.example", "a.example:465"})
        world.ask_later(
            key, [&replies, key](const std::string& reply) { replies.push_back(key + (" " + reply)); });
    world.pass(30s);
    EXPECT_EQ(std::set<std::string>(replies.begin(), replies.end()),
              (std::set<std::string>{"a.example:587 OK dane-only", std::string("a.example ") + secure,
                                     std::string("a.example:465 ") + secure}));
    EXPECT_EQ(world.gets(), 1u);
    EXPECT_EQ(world.txt_questions(), 1u);
}

TEST(NextHop, ChangesAreNoticedBehindTheAnswer) {
    LookupWorld world(with_dane());
    serve(world);
    EXPECT_EQ(world.ask("[mx.a.example]:587"), secure);
    world.tlsa("mx.a.example", 587, LookupWorld::usable_tlsa());
    world.pass(301s);
    EXPECT_EQ(world.ask("[mx.a.example]:587"), secure) << "from memory; the check starts behind it";
    EXPECT_EQ(world.ask("[mx.a.example]:587"), dane_only);
    world.tlsa("mx.a.example", 587, "");
    world.pass(301s);
    world.ask("[mx.a.example]:587");
    EXPECT_EQ(world.ask("[mx.a.example]:587"), secure);
    EXPECT_EQ(world.log.count("warning dane-changed domain=mx.a.example verdict=sts before=dane-only"), 1u);
    EXPECT_GE(world.log.count("next_hop=[mx.a.example]:587"), 6u);
}

/// An answer remembered for this second is dropped together with its verdict.
TEST(NextHop, RememberedAnswersEndWithTheVerdict) {
    LookupWorld world(with_dane());
    serve(world);
    EXPECT_EQ(world.ask("[mx.a.example]:587"), secure);
    world.tlsa("mx.a.example", 587, LookupWorld::usable_tlsa());
    world.pass(301s);
    world.dns_delay = 0s;
    // All of it is within one second of the clock: the first question starts the check, the others repeat it.
    const auto replies = world.ask_many("[mx.a.example]:587", 5);
    for (const std::string& reply : replies) EXPECT_EQ(reply, secure);
    for (int i = 0; i < 5; ++i) EXPECT_EQ(world.ask("[mx.a.example]:587"), dane_only);
}

TEST(NextHop, AVerdictEndsTheVersionOfItsDomain) {
    LookupWorld world(with_dane());
    serve(world);
    EXPECT_EQ(world.ask("mx.a.example"), secure);
    const cache::Version before = world.table().version(*base::Domain::parse("mx.a.example"));
    EXPECT_EQ(world.ask("mx.a.example"), secure);
    EXPECT_TRUE(before.current());
    EXPECT_EQ(world.ask("[mx.a.example]:587"), secure);
    EXPECT_FALSE(before.current());
}

TEST(NextHop, FailedLookupsChangeNothingForADay) {
    LookupWorld world(with_dane());
    serve(world);
    world.tlsa("mx.a.example", 587, LookupWorld::usable_tlsa());
    EXPECT_EQ(world.ask("[mx.a.example]:587"), dane_only);
    for (auto& [question, answer] : world.dns) answer = dns::failed(base::Reason::dns_servfail);
    for (int hour = 0; hour < 23; ++hour) {
        world.pass(1h);
        EXPECT_EQ(world.ask("[mx.a.example]:587"), dane_only) << "hour " << hour;
    }
}

TEST(NextHop, AfterARestartTheVerdictIsLookedUpBeforeTheAnswer) {
    LookupWorld world(with_dane());
    serve(world);
    world.tlsa("mx.a.example", 587, LookupWorld::usable_tlsa());
    EXPECT_EQ(world.ask("[mx.a.example]:587"), dane_only);
    world.restart();
    EXPECT_EQ(world.ask("[mx.a.example]:587"), dane_only);
    EXPECT_EQ(world.gets(), 1u);
}

TEST(NextHop, AKnownPolicyIsToldAtTheDeadlineThoughDaneIsNot) {
    LookupWorld world(with_dane());
    serve(world);
    EXPECT_EQ(world.ask("mx.a.example"), secure);
    world.dns_delay = 16s;
    EXPECT_EQ(world.ask("[mx.a.example]:587"), secure);
    EXPECT_EQ(world.log.count("reason=deadline next_hop=[mx.a.example]:587"), 1u);
}

TEST(NextHop, AnUnknownServiceHasNoVerdictAndTheLogSaysSo) {
    LookupWorld world(with_dane());
    serve(world);
    world.tlsa("mx.a.example", 25, LookupWorld::usable_tlsa());
    for (int i = 0; i < 3; ++i)
        EXPECT_EQ(world.ask("[mx.a.example]:no-such"), secure) << "the policy decides";
    EXPECT_EQ(world.log.count("warning service-unknown next_hop=[mx.a.example]:no-such service=no-such"), 1u);
    EXPECT_EQ(world.asked("_0._tcp.mx.a.example", dns::Type::tlsa), 0u);
    world.pass(61s);
    world.ask("[mx.a.example]:no-such");
    EXPECT_EQ(world.log.count("warning service-unknown"), 2u) << "once a minute";
}

TEST(NextHop, TheLineNamesItWhenItIsNotUsual) {
    LookupWorld world(with_dane());
    serve(world);
    for (const char* key : {"a.example", "A.example:smtp", "[MX.a.example]:587"})
        for (int i = 0; i < 4; ++i) world.ask(key);
    EXPECT_EQ(world.log.count("next_hop=[MX.a.example]:587"), 4u);
    EXPECT_EQ(world.log.count("lookup domain=a.example "), 8u);
    EXPECT_EQ(world.log.count("lookup domain=mx.a.example answer=secure"), 4u);
    EXPECT_EQ(world.log.count("next_hop=A"), 0u);
}

TEST(NextHop, ARelayThatItsPolicyDoesNotAdmitIsSaid) {
    LookupWorld world(with_dane());
    serve(world);
    world.at("mx.a.example").policy(policy_text("enforce", {"other.a.example"}, 86400));
    world.ask("[mx.a.example]:587");
    EXPECT_EQ(world.log.count("warning policy-admits-no-mx domain=mx.a.example id=1 mx_hosts=mx.a.example"),
              1u);
}

postfix::NextHop hop(const std::string& name, std::uint16_t port = 587, bool brackets = true) {
    return postfix::NextHop{*base::Domain::parse(name), port, brackets};
}

TEST(HopVerdicts, AreFoundByAllOfTheNextHop) {
    lookup::HopVerdicts verdicts;
    dane::State dane;
    dane.advice = dane::Advice::dane_only;
    EXPECT_EQ(verdicts.find(hop("a.example")), dane::State{});
    EXPECT_EQ(verdicts.put(hop("a.example"), dane), std::nullopt);
    EXPECT_EQ(verdicts.find(hop("a.example")), dane);
    EXPECT_EQ(verdicts.find(hop("a.example", 465)), dane::State{});
    EXPECT_EQ(verdicts.find(hop("a.example", 587, false)), dane::State{});
    EXPECT_EQ(verdicts.find(hop("b.example")), dane::State{});
}

TEST(HopVerdicts, TheOnePutLongestAgoMakesRoom) {
    lookup::HopVerdicts verdicts;
    const auto name = [](std::size_t i) { return "a" + std::to_string(i) + ".example"; };
    for (std::size_t i = 0; i < lookup::HopVerdicts::max_hops; ++i)
        EXPECT_EQ(verdicts.put(hop(name(i)), {}), std::nullopt);
    EXPECT_EQ(verdicts.put(hop(name(0)), {}), std::nullopt) << "put anew";
    EXPECT_EQ(verdicts.put(hop("new.example"), {}), hop(name(1)));
    EXPECT_EQ(verdicts.put(hop("newer.example"), {}), hop(name(2)));
    EXPECT_EQ(verdicts.size(), lookup::HopVerdicts::max_hops);
}

TEST(HopVerdicts, TheLongestOnesTakeLittle) {
    const auto in_use = [] { return ::mallinfo2().uordblks; };
    const std::string rest =
        "." + std::string(60, 'b') + "." + std::string(60, 'c') + "." + std::string(60, 'd');
    const std::size_t before = in_use();
    lookup::HopVerdicts verdicts;
    for (std::size_t i = 0; i < lookup::HopVerdicts::max_hops + 100; ++i) {
        std::string first = std::to_string(i);
        first.insert(0, 61 - first.size(), 'a');
        ASSERT_EQ((first + rest).size(), base::max_policy_domain);
        (void)verdicts.put(hop(first + rest, 65535), {});
    }
    EXPECT_EQ(verdicts.size(), lookup::HopVerdicts::max_hops);
    if (test::sanitized) return; // sanitizers have allocators of their own
    const std::size_t octets = (in_use() - before) / lookup::HopVerdicts::max_hops;
    RecordProperty("octets", static_cast<int>(octets));
    EXPECT_GT(octets, 244U);
    EXPECT_LT(octets, 700U);
}

} // namespace
