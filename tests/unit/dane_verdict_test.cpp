// The result of a domain's answers: DANE, MTA-STS, or unknown.
#include "support/dane_world.hpp"

#include <functional>

namespace {

using namespace std::chrono_literals;
using namespace test::dane_world;
using dane::Advice;

struct Row {
    std::string what;
    std::function<void(World&)> change; ///< from World::good()
    Advice advice;
    bool on_failures;
    std::string why; ///< empty: not looked at (it depends on the order of answers)
};

const Row rows[] = {
    {"all is signed", [](World&) {}, Advice::dane_only, false, "2 of 2 MX hosts have TLSA, none is without"},

    // The MX RRset.
    {"unsigned MX, or AD from a resolver that is not trusted",
     [](World& w) {
         w.mx({{10, mx1}, {20, mx2}}, insecure);
     },
     Advice::sts, false, "the MX RRset is not signed"},
    {"MX lookup times out", [](World& w) { w.fail("example.org", Type::mx, Reason::dns_timeout); },
     Advice::no_verdict, true, "MX lookup failed: dns-timeout"},
    {"MX lookup fails", [](World& w) { w.fail("example.org", Type::mx); }, Advice::no_verdict, true,
     "MX lookup failed: dns-servfail"},
    {"null MX",
     [](World& w) {
         w.mx({{0, ""}});
     },
     Advice::sts, false, "null MX: the domain takes no mail"},
    {"null MX, unsigned",
     [](World& w) {
         w.mx({{0, ""}}, insecure);
     },
     Advice::sts, false, "null MX: the domain takes no mail"},
    {"null MX beside another",
     [](World& w) {
         w.mx({{0, ""}, {10, mx1}});
     },
     Advice::sts, false, "the root is no host name"},
    {"an MX that is no host name",
     [](World& w) {
         w.mx({{10, mx1}, {20, "a\\046b.example"}});
     },
     Advice::sts, false, "a\\\\046b.example is no host name"},
    {"an MX that is an address",
     [](World& w) {
         w.mx({{10, "192.0.2.1"}});
     },
     Advice::sts, false, "192.0.2.1 is no host name"},

    // Implicit MX (RFC 5321 section 5.1).
    {"implicit MX with TLSA",
     [](World& w) {
         w.none("example.org", Type::mx);
         w.address("example.org");
         w.tlsa("_25._tcp.example.org", {usable});
     },
     Advice::dane_only, false, "1 of 1 MX hosts have TLSA, none is without"},
    {"implicit MX without TLSA",
     [](World& w) {
         w.none("example.org", Type::mx);
         w.address("example.org");
     },
     Advice::sts, false, "example.org has no TLSA"},
    {"implicit MX, the denial unsigned",
     [](World& w) {
         w.none("example.org", Type::mx, insecure);
         w.address("example.org");
         w.tlsa("_25._tcp.example.org", {usable});
     },
     Advice::sts, false, "the MX RRset is not signed"},
    {"neither MX nor address", [](World& w) { w.answers.clear(); }, Advice::sts, false,
     "no MX host has an address"},

    // Addresses.
    {"both addresses of one unsigned", [](World& w) { w.address(mx2, insecure); }, Advice::sts, false,
     "the address of mx2.example.net is not signed"},
    {"AAAA fails beside a good A", [](World& w) { w.fail(mx2, Type::aaaa); }, Advice::dane_only, false, ""},
    {"A fails beside a good AAAA", [](World& w) { w.fail(mx2, Type::a); }, Advice::dane_only, false, ""},
    {"AAAA fails at all hosts",
     [](World& w) {
         w.fail(mx1, Type::aaaa, Reason::dns_timeout);
         w.fail(mx2, Type::aaaa, Reason::dns_timeout);
     },
     Advice::dane_only, false, ""},
    {"IPv4 only", [](World& w) { w.none(mx2, Type::aaaa); }, Advice::dane_only, false, ""},
    {"IPv6 only", [](World& w) { w.none(mx2, Type::a); }, Advice::dane_only, false, ""},
    {"AAAA denied without AD beside a secure A", [](World& w) { w.none(mx2, Type::aaaa, insecure); },
     Advice::dane_only, false, ""},
    {"AAAA fails beside an unsigned A",
     [](World& w) {
         w.address(mx2, insecure);
         w.fail(mx2, Type::aaaa);
     },
     Advice::sts, false, "the address of mx2.example.net is not signed"},
    {"AAAA fails beside no A, unsigned",
     [](World& w) {
         w.none(mx2, Type::a, insecure);
         w.fail(mx2, Type::aaaa);
     },
     Advice::sts, false, "the address of mx2.example.net is not signed"},
    {"AAAA fails beside no A",
     [](World& w) {
         w.none(mx2, Type::a);
         w.fail(mx2, Type::aaaa);
     },
     Advice::dane_only, true,
     "address lookup for mx2.example.net failed: dns-servfail (1 of 2 MX hosts failed)"},
    {"both address lookups of one fail",
     [](World& w) {
         w.fail(mx2, Type::a);
         w.fail(mx2, Type::aaaa);
     },
     Advice::dane_only, true,
     "address lookup for mx2.example.net failed: dns-servfail (1 of 2 MX hosts failed)"},
    {"all address lookups fail",
     [](World& w) {
         for (const std::string& host : {mx1, mx2})
             for (const Type type : {Type::a, Type::aaaa}) w.fail(host, type, Reason::dns_timeout);
     },
     Advice::no_verdict, true,
     "address lookup for mx1.example.net failed: dns-timeout (2 of 2 MX hosts failed)"},
    {"one fails, the other is without TLSA",
     [](World& w) {
         w.fail(mx1, Type::a);
         w.fail(mx1, Type::aaaa);
         w.none(tlsa2, Type::tlsa);
     },
     Advice::sts, false, "mx2.example.net has no TLSA"},
    {"one fails, the other does not exist",
     [](World& w) {
         w.fail(mx1, Type::a);
         w.fail(mx1, Type::aaaa);
         w.mx({{10, mx1}, {20, "gone.example.net"}});
     },
     Advice::no_verdict, true,
     "address lookup for mx1.example.net failed: dns-servfail (1 of 2 MX hosts failed)"},
    {"an MX that securely does not exist takes no mail",
     [](World& w) {
         w.mx({{10, mx1}, {20, "gone.example.net"}});
     },
     Advice::dane_only, false, "1 of 2 MX hosts have TLSA, none is without"},
    {"an MX that does not exist in an unsigned zone",
     [](World& w) {
         w.none(mx2, Type::a, insecure);
         w.none(mx2, Type::aaaa, insecure);
     },
     Advice::sts, false, "the address of mx2.example.net is not signed"},

    // TLSA.
    {"no TLSA at one", [](World& w) { w.none(tlsa2, Type::tlsa); }, Advice::sts, false,
     "mx2.example.net has no TLSA"},
    {"no TLSA at one, denied without AD", [](World& w) { w.none(tlsa2, Type::tlsa, insecure); }, Advice::sts,
     false, "mx2.example.net has no TLSA"},
    {"no TLSA at all",
     [](World& w) {
         w.none(tlsa1, Type::tlsa);
         w.none(tlsa2, Type::tlsa);
     },
     Advice::sts, false, ""},
    {"unsigned TLSA", [](World& w) { w.tlsa(tlsa2, {usable}, insecure); }, Advice::sts, false,
     "the TLSA of mx2.example.net is not signed"},
    {"unusable TLSA only", [](World& w) { w.tlsa(tlsa2, {unusable}); }, Advice::sts, false,
     "mx2.example.net has no usable TLSA"},
    {"a digest of the wrong length",
     [](World& w) {
         w.tlsa(tlsa2, {short_digest, unusable});
     },
     Advice::sts, false, "mx2.example.net has no usable TLSA"},
    {"unusable TLSA beside a usable one",
     [](World& w) {
         w.tlsa(tlsa2, {unusable, short_digest, usable});
     },
     Advice::dane_only, false, ""},
    {"a whole key (3 1 0)",
     [](World& w) {
         w.tlsa(tlsa2, {std::string{"\3\1\0", 3} + "key"});
     },
     Advice::dane_only, false, ""},
    {"TLSA lookup of one fails", [](World& w) { w.fail(tlsa2, Type::tlsa); }, Advice::dane_only, true,
     "TLSA lookup for mx2.example.net failed: dns-servfail (1 of 2 MX hosts failed)"},
    {"TLSA lookup of all fails",
     [](World& w) {
         w.fail(tlsa1, Type::tlsa);
         w.fail(tlsa2, Type::tlsa, Reason::dns_timeout);
     },
     Advice::dane_only, true,
     "TLSA lookup for mx1.example.net failed: dns-servfail (2 of 2 MX hosts failed)"},
    {"TLSA lookup of one fails, the other is without",
     [](World& w) {
         w.fail(tlsa1, Type::tlsa);
         w.none(tlsa2, Type::tlsa);
     },
     Advice::sts, false, "mx2.example.net has no TLSA"},
    {"TLSA lookup of one fails, the address of the other is unsigned",
     [](World& w) {
         w.fail(tlsa1, Type::tlsa);
         w.address(mx2, insecure);
     },
     Advice::sts, false, "the address of mx2.example.net is not signed"},

    // An MX host that is an alias (RFC 7672 section 2.2.3).
    {"TLSA at the expanded name alone",
     [](World& w) {
         w.address("real.example");
         w.alias(mx2, "real.example");
         w.none(tlsa2, Type::tlsa);
         w.tlsa("_25._tcp.real.example", {usable});
     },
     Advice::dane_only, false, ""},
    {"TLSA at the original name alone",
     [](World& w) {
         w.address("real.example");
         w.alias(mx2, "real.example");
     },
     Advice::dane_only, false, ""},
    {"TLSA of the expanded name unsigned, of the original good",
     [](World& w) {
         w.address("real.example");
         w.alias(mx2, "real.example");
         w.tlsa("_25._tcp.real.example", {usable}, insecure);
     },
     Advice::dane_only, false, ""},
    {"unusable TLSA at the expanded name hides that of the original",
     [](World& w) {
         w.address("real.example");
         w.alias(mx2, "real.example");
         w.tlsa("_25._tcp.real.example", {unusable});
     },
     Advice::sts, false, "mx2.example.net has no usable TLSA"},
    {"TLSA lookup at the expanded name fails",
     [](World& w) {
         w.address("real.example");
         w.alias(mx2, "real.example");
         w.fail("_25._tcp.real.example", Type::tlsa);
     },
     Advice::dane_only, true,
     "TLSA lookup for mx2.example.net failed: dns-servfail (1 of 2 MX hosts failed)"},
    {"TLSA at neither name",
     [](World& w) {
         w.address("real.example");
         w.alias(mx2, "real.example");
         w.none(tlsa2, Type::tlsa);
     },
     Advice::sts, false, "mx2.example.net has no TLSA"},
    {"a signed alias into an unsigned zone, TLSA at the original",
     [](World& w) {
         w.address("real.example", insecure);
         w.alias(mx2, "real.example");
     },
     Advice::dane_only, false, ""},
    {"a signed alias into an unsigned zone, no TLSA",
     [](World& w) {
         w.address("real.example", insecure);
         w.alias(mx2, "real.example");
         w.none(tlsa2, Type::tlsa);
     },
     Advice::sts, false, "mx2.example.net has no TLSA"},
    {"an unsigned alias",
     [](World& w) {
         w.address("real.example");
         w.alias(mx2, "real.example", insecure);
         w.tlsa("_25._tcp.real.example", {usable});
     },
     Advice::sts, false, "neither the address nor the CNAME of mx2.example.net is signed"},
    {"the alias cannot be checked",
     [](World& w) {
         w.address("real.example", insecure);
         w.alias(mx2, "real.example");
         w.fail(mx2, Type::cname);
     },
     Advice::dane_only, true,
     "CNAME lookup for mx2.example.net failed: dns-servfail (1 of 2 MX hosts failed)"},
    {"the only alias cannot be checked",
     [](World& w) {
         w.mx({{10, mx2}});
         w.address("real.example", insecure);
         w.alias(mx2, "real.example");
         w.fail(mx2, Type::cname);
     },
     Advice::no_verdict, true,
     "CNAME lookup for mx2.example.net failed: dns-servfail (1 of 1 MX hosts failed)"},
};

TEST(DaneVerdict, Table) {
    for (const Row& row : rows) {
        World world = World::good();
        row.change(world);
        for (const bool newest_first : {false, true}) {
            SCOPED_TRACE(row.what + (newest_first ? ", newest first" : ""));
            const Verdict verdict = run(world, newest_first).verdict;
            EXPECT_EQ(to_string(verdict.advice), to_string(row.advice)) << verdict.why;
            EXPECT_EQ(verdict.on_failures, row.on_failures);
            EXPECT_TRUE(!row.on_failures || verdict.ttl == dane::min_ttl);
            EXPECT_TRUE(row.why.empty() || verdict.why == row.why) << verdict.why;
            EXPECT_LE(verdict.why.size(), dane::max_why);
        }
    }
}

TEST(DaneVerdict, AnAnswerThatNobodyValidatedIsALookupThatFailed) {
    for (const Row& row : rows) {
        World world = World::good();
        row.change(world);
        for (const auto& [question, answer] : world.answers) {
            if (!answer) continue;
            World unproven = world, failing = world;
            unproven.answers.at(question)->worth = dns::Worth::indeterminate;
            failing.fail(question.first, question.second);
            const Verdict seen = run(unproven).verdict, wanted = run(failing).verdict;
            EXPECT_EQ(to_string(seen.advice), to_string(wanted.advice)) << row.what << ": " << question.first;
            EXPECT_EQ(seen.on_failures, wanted.on_failures) << row.what << ": " << question.first;
        }
    }
    World world = World::good();
    for (auto& [question, answer] : world.answers) answer->worth = dns::Worth::indeterminate;
    const Verdict verdict = run(world).verdict;
    EXPECT_EQ(verdict.advice, Advice::no_verdict);
    EXPECT_EQ(verdict.why, "MX lookup failed: no validating server answered");
    EXPECT_EQ(verdict.mx_hosts, (std::vector{mx1, mx2})) << "they can be compared with a policy all the same";
    world.mx({{0, ""}});
    world.answers.at({"example.org", Type::mx})->worth = dns::Worth::indeterminate;
    EXPECT_EQ(run(world).verdict.advice, Advice::no_verdict) << "a null MX proves nothing either";
}

TEST(DaneVerdict, AsksNoMoreThanItNeeds) {
    const std::vector<std::string> mx_only{"example.org/15"};
    World w = World::good();
    w.mx({{10, mx1}}, insecure);
    EXPECT_EQ(run(w).asked, mx_only);
    w.mx({{0, ""}});
    EXPECT_EQ(run(w).asked, mx_only);
    // The TLSA of an unsigned host is not asked for, because such questions often fail (RFC 7672 section
    // 2.2.2).
    w.mx({{10, mx1}});
    w.address(mx1, insecure);
    w.fail(tlsa1, Type::tlsa);
    EXPECT_EQ(run(w).asked, (std::vector<std::string>{"example.org/15", mx1 + "/1", mx1 + "/28"}));
    // The expanded name first, the original name only if needed.
    w.address("real.example");
    w.alias(mx1, "real.example");
    w.tlsa("_25._tcp.real.example", {usable});
    EXPECT_EQ(run(w).asked, (std::vector<std::string>{"example.org/15", mx1 + "/1", mx1 + "/28",
                                                      "_25._tcp.real.example/52"}));
    w.none("_25._tcp.real.example", Type::tlsa);
    EXPECT_EQ(run(w).asked.back(), tlsa1 + "/52");
}

TEST(DaneVerdict, OneHostWithoutDaneIsEnough) {
    World w = World::good();
    w.address(mx1, insecure);
    EXPECT_EQ(run(w).asked.size(), 5U) << "TLSA of mx2 no longer matters";
}

TEST(DaneVerdict, ListsTheMxHostsByPreferenceOnce) {
    using Names = std::vector<std::string>;
    World w = World::good();
    w.mx({{20, mx2}, {30, mx1}, {10, mx1}, {20, "a.example"}}, insecure);
    EXPECT_EQ(run(w).verdict.mx_hosts, (Names{mx1, "a.example", mx2}));
    w.none("example.org", Type::mx, insecure);
    EXPECT_EQ(run(w).verdict.mx_hosts, Names{"example.org"});
    w.mx({{0, ""}});
    EXPECT_EQ(run(w).verdict.mx_hosts, Names{});
    w.fail("example.org", Type::mx);
    EXPECT_EQ(run(w).verdict.mx_hosts, Names{});
}

TEST(DaneVerdict, ManyMxHosts) {
    const auto hosts = [](std::size_t n) {
        World w;
        std::vector<dns::Mx> mx;
        for (std::size_t i = 0; i < n; ++i) {
            mx.push_back({10, "mx" + std::to_string(i) + ".example.net"});
            w.address(mx.back().host);
            w.tlsa("_25._tcp." + mx.back().host, {usable});
        }
        w.mx(mx);
        return run(w);
    };
    EXPECT_EQ(hosts(dane::max_mx_hosts).verdict.advice, Advice::dane_only);
    const Course more = hosts(dane::max_mx_hosts + 1);
    EXPECT_EQ(more.verdict.advice, Advice::sts);
    EXPECT_EQ(more.verdict.why, "more than 20 MX hosts");
    EXPECT_EQ(more.verdict.mx_hosts.size(), dane::max_mx_hosts + 1);
    EXPECT_EQ(more.asked.size(), 1U);
}

TEST(DaneVerdict, LivesAsLongAsTheSmallestTtlWithinLimits) {
    const auto ttl = [](const std::function<void(World&)>& change) {
        World w = World::good();
        change(w);
        return run(w).verdict.ttl;
    };
    EXPECT_EQ(ttl([](World&) {}), 600s);
    EXPECT_EQ(ttl([](World& w) { w.data(tlsa2, Type::tlsa, {usable}, true, 200s); }), 200s);
    EXPECT_EQ(ttl([](World& w) { w.data(mx1, Type::a, {"1234"}, true, 201s); }), 201s);
    EXPECT_EQ(ttl([](World& w) { w.data(tlsa2, Type::tlsa, {usable}, true, 0s); }), dane::min_ttl);
    EXPECT_EQ(ttl([](World& w) { w.mx({{10, mx1}}, insecure, 86400s); }), dane::max_ttl);
    EXPECT_EQ(ttl([](World& w) { w.mx({{10, mx1}}, insecure, 100s); }), 100s);
    EXPECT_EQ(ttl([](World& w) { w.mx({{0, ""}}, true, 100s); }), 100s);
    EXPECT_EQ(ttl([](World& w) { w.none(tlsa2, Type::tlsa, true, 150s); }), 150s);
    EXPECT_EQ(ttl([](World& w) { w.none(tlsa2, Type::tlsa, true, std::nullopt); }), dane::min_ttl)
        << "a denial without SOA";
    EXPECT_EQ(ttl([](World& w) { w.none("example.org", Type::mx, insecure, 90s); }), 90s);
    EXPECT_EQ(ttl([](World& w) { w.fail(tlsa2, Type::tlsa); }), dane::min_ttl);
    EXPECT_EQ(ttl([](World& w) { w.fail(mx2, Type::aaaa); }), 600s) << "a failure that changed nothing";
}

TEST(DaneVerdict, ADenialBesideAnAddressDoesNotCountForTheTtl) {
    for (const bool newest_first : {false, true}) {
        World w = World::good();
        w.none(mx2, Type::aaaa, true, 61s);
        EXPECT_EQ(run(w, newest_first).verdict.ttl, 600s);
    }
}

TEST(DaneVerdict, NamesTooLongForTlsaHaveNone) {
    std::string longest(61, 'a');
    for (int i = 0; i < 3; ++i) longest = std::string(63, 'b') + "." + longest;
    ASSERT_EQ(longest.size(), 253U);
    World w = World::good();
    w.mx({{10, longest}});
    w.address(longest);
    const Verdict verdict = run(w).verdict;
    EXPECT_EQ(verdict.advice, Advice::sts);
    EXPECT_EQ(verdict.why.size(), dane::max_why);
    EXPECT_TRUE(verdict.why.ends_with("...")) << verdict.why;
    // If the expanded name is too long, the original name is used.
    w = World::good();
    w.address(longest);
    w.alias(mx2, longest);
    EXPECT_EQ(run(w).verdict.advice, Advice::dane_only);
}

TEST(DaneVerdict, AnswersToNobodyChangeNothing) {
    Inquiry inquiry{*base::Domain::parse("example.org")};
    const World w = World::good();
    Inquiry::Question stray;
    stray.host = 7;
    stray.name = mx1;
    stray.type = Type::a;
    inquiry.take(stray, w.ask(mx1, Type::a));
    EXPECT_FALSE(inquiry.verdict());
    const auto first = inquiry.next();
    ASSERT_EQ(first.size(), 1U);
    inquiry.take(first[0], w.ask("example.org", Type::mx));
    inquiry.take(first[0], w.ask("nothing.example", Type::mx)); // a second answer
    inquiry.take(stray, w.ask(mx1, Type::a));
    for (const Type type : {Type::txt, Type::soa, Type::cname, Type::tlsa}) {
        stray.host = 0;
        stray.type = type;
        inquiry.take(stray, w.ask(mx1, type));
    }
    EXPECT_FALSE(inquiry.verdict());
    EXPECT_EQ(inquiry.next().size(), 4U);
}

} // namespace
