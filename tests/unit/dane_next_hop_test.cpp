// DANE for a next hop in brackets, and at ports other than 25.
#include "support/dane_world.hpp"

#include <algorithm>
#include <functional>

namespace {

using namespace test::dane_world;
using dane::Advice;
using dane::Destination;

bool asked(const Course& course, const std::string& name, Type type) {
    return std::ranges::find(course.asked, name + "/" + std::to_string(static_cast<int>(type))) !=
           course.asked.end();
}

TEST(NextHopDane, TlsaIsAskedForAtThePort) {
    World world;
    world.mx({{10, mx1}});
    world.address(mx1);
    world.tlsa(tlsa1, {usable});
    const Course at_25 = run(world);
    EXPECT_EQ(at_25.verdict.advice, Advice::dane_only);
    const Course at_587 = run(world, false, "example.org", Destination{587, true});
    EXPECT_EQ(at_587.verdict.advice, Advice::sts) << at_587.verdict.why;
    EXPECT_TRUE(asked(at_587, "example.org", Type::mx));
    EXPECT_TRUE(asked(at_587, "_587._tcp." + mx1, Type::tlsa));
    EXPECT_FALSE(asked(at_587, tlsa1, Type::tlsa));
    world.tlsa("_587._tcp." + mx1, {usable});
    EXPECT_EQ(run(world, false, "example.org", Destination{587, true}).verdict.advice, Advice::dane_only);
}

struct Row {
    const char* what;
    std::function<void(World&)> change; ///< from a signed host with TLSA at 465
    Advice advice;
    bool on_failures;
    std::string why;
};

TEST(NextHopDane, InBracketsTheNameIsTheMailHost) {
    const std::string at = "_465._tcp." + mx1, moved = "host.provider.example";
    const Row rows[] = {
        {"all is signed", [](World&) {}, Advice::dane_only, false, mx1 + " has TLSA"},
        {"an MX record of the name says nothing",
         [&](World& w) {
             w.data(mx1, Type::mx, {dns::to_record({10, mx2})}, insecure);
         },
         Advice::dane_only, false, mx1 + " has TLSA"},
        {"a failing MX lookup says nothing", [](World& w) { w.fail(mx1, Type::mx); }, Advice::dane_only,
         false, mx1 + " has TLSA"},
        {"TLSA at 25 only",
         [&](World& w) {
             w.tlsa(tlsa1, {usable});
             w.none(at, Type::tlsa);
         },
         Advice::sts, false, mx1 + " has no TLSA"},
        {"an address that is not signed", [](World& w) { w.address(mx1, insecure); }, Advice::sts, false,
         "the address of " + mx1 + " is not signed"},
        {"TLSA that is not signed", [&](World& w) { w.tlsa(at, {usable}, insecure); }, Advice::sts, false,
         "the TLSA of " + mx1 + " is not signed"},
        {"TLSA of no use", [&](World& w) { w.tlsa(at, {unusable}); }, Advice::sts, false,
         mx1 + " has no usable TLSA"},
        {"a failing TLSA lookup", [&](World& w) { w.fail(at, Type::tlsa); }, Advice::dane_only, true,
         "TLSA lookup for " + mx1 + " failed: dns-servfail"},
        {"failing address lookups",
         [](World& w) {
             w.fail(mx1, Type::a);
             w.fail(mx1, Type::aaaa);
         },
         Advice::no_verdict, true, "address lookup for " + mx1 + " failed: dns-servfail"},
        {"no address at all",
         [](World& w) {
             w.none(mx1, Type::a);
             w.none(mx1, Type::aaaa);
         },
         Advice::sts, false, mx1 + " has no address"},
        // RFC 7672 section 2.2.3: the expanded name first, then the name itself.
        {"an alias, TLSA at its end",
         [&](World& w) {
             w.address(moved);
             w.alias(mx1, moved);
             w.none(at, Type::tlsa);
             w.tlsa("_465._tcp." + moved, {usable});
         },
         Advice::dane_only, false, mx1 + " has TLSA"},
        {"an alias, TLSA at the name",
         [&](World& w) {
             w.address(moved);
             w.alias(mx1, moved);
         },
         Advice::dane_only, false, mx1 + " has TLSA"},
        {"a signed alias out of the signed zone",
         [&](World& w) {
             w.address(moved, insecure);
             w.alias(mx1, moved);
         },
         Advice::dane_only, false, mx1 + " has TLSA"},
        {"an alias that is not signed",
         [&](World& w) {
             w.address(moved, insecure);
             w.alias(mx1, moved, insecure);
         },
         Advice::sts, false, "neither the address nor the CNAME of " + mx1 + " is signed"},
    };
    for (const Row& row : rows)
        for (const bool newest_first : {false, true}) {
            World world;
            world.address(mx1);
            world.tlsa(at, {usable});
            row.change(world);
            const Course course = run(world, newest_first, mx1, Destination{465, false});
            EXPECT_EQ(course.verdict.advice, row.advice) << row.what;
            EXPECT_EQ(course.verdict.on_failures, row.on_failures) << row.what;
            EXPECT_EQ(course.verdict.why, row.why) << row.what;
            EXPECT_EQ(course.verdict.mx_hosts, std::vector{mx1}) << row.what;
            EXPECT_FALSE(asked(course, mx1, Type::mx)) << row.what;
        }
}

TEST(NextHopDane, TtlIsThatOfTheAnswers) {
    World world;
    world.address(mx1);
    world.data("_587._tcp." + mx1, Type::tlsa, {usable}, true, std::chrono::seconds{90});
    EXPECT_EQ(run(world, false, mx1, Destination{587, false}).verdict.ttl, std::chrono::seconds{90});
}

} // namespace
