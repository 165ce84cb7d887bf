// Which servers are used and trusted, and how often the log reports their trouble.
#include "dns/server_list.hpp"

#include "support/memory_log.hpp"

#include <gtest/gtest.h>

namespace {

using base::Steady;
using dns::Note;
using dns::Purpose;
using dns::TrustAd;
using dns::Validates;
using namespace std::chrono_literals;

std::vector<net::Endpoint> servers(std::initializer_list<const char*> names) {
    std::vector<net::Endpoint> out;
    for (const char* name : names) out.push_back(*net::parse_endpoint(name, 53));
    return out;
}

TEST(DnsPlanServers, WhoseAdBitIsTrusted) {
    const auto configured = servers({"127.0.0.1", "192.0.2.1", "::1"});
    const auto plain = dns::parse_resolv_conf("nameserver 127.0.0.1\nnameserver 192.0.2.1\nnameserver ::1\n");
    auto trusting = plain;
    trusting.trust_ad = true;
    using Trust = std::vector<bool>;
    const std::tuple<TrustAd, const dns::ResolvConf*, Trust> rows[] = {
        {TrustAd::automatic, nullptr, {true, false, true}},
        {TrustAd::yes, nullptr, {true, true, true}},
        {TrustAd::no, nullptr, {false, false, false}},
        {TrustAd::automatic, &plain, {true, false, true}},
        {TrustAd::automatic, &trusting, {true, true, true}},
        {TrustAd::yes, &plain, {true, true, true}},
        {TrustAd::no, &trusting, {false, false, false}},
    };
    for (const auto& [how, conf, trusted] : rows)
        EXPECT_EQ(dns::plan_servers(configured, conf, how, 2s).trust_ad, trusted);
}

TEST(DnsPlanServers, LocalServersThatOnlyHandOn) {
    // The resolvers of Docker, whose resolv.conf has the host's options, and of systemd.
    const std::string lines = "nameserver 127.0.0.11\nnameserver 127.0.0.53\nnameserver 127.0.0.54\n";
    const auto plain = dns::parse_resolv_conf(lines),
               trusting = dns::parse_resolv_conf(lines + "options trust-ad\n");
    const auto configured = servers({"127.0.0.11:5300", "127.0.0.53", "127.0.0.54"});
    using Trust = std::vector<bool>;
    const std::tuple<TrustAd, const dns::ResolvConf*, Trust> rows[] = {
        {TrustAd::automatic, &plain, {false, false, false}},
        {TrustAd::automatic, &trusting, {false, true, true}},
        {TrustAd::automatic, nullptr, {false, false, false}},
        {TrustAd::yes, &plain, {true, true, true}},
        {TrustAd::yes, nullptr, {true, true, true}},
        {TrustAd::no, &trusting, {false, false, false}},
    };
    for (const auto& [how, conf, trusted] : rows)
        EXPECT_EQ(dns::plan_servers(configured, conf, how, 2s).trust_ad, trusted);
}

TEST(DnsPlanServers, OptionsOfResolvConf) {
    const auto conf =
        dns::parse_resolv_conf("nameserver 192.0.2.9\noptions timeout:1 attempts:3 use-vc rotate\n");
    const auto plan = dns::plan_servers(servers({"127.0.0.1"}), &conf, TrustAd::automatic, 2s);
    EXPECT_EQ(plan.servers, servers({"192.0.2.9"}));
    EXPECT_EQ(plan.try_for, 1s);
    EXPECT_EQ(plan.tries_per_server, 3U);
    EXPECT_TRUE(plan.tcp_only && plan.rotate);
    // One try would leave none for the other form of the question.
    const auto once = dns::parse_resolv_conf("options attempts:1\n");
    EXPECT_EQ(dns::plan_servers({}, &once, TrustAd::automatic, 2s).tries_per_server, 2U);
    // A longer time than ours does not count, nor does a missing one.
    const auto slow = dns::parse_resolv_conf("options timeout:30\n");
    EXPECT_EQ(dns::plan_servers({}, &slow, TrustAd::automatic, 2s).try_for, 2s);
    EXPECT_EQ(dns::plan_servers({}, &slow, TrustAd::automatic, 2s).tries_per_server, 4U);
    const auto own = dns::plan_servers(servers({"127.0.0.1"}), nullptr, TrustAd::automatic, 3s);
    EXPECT_EQ(own.servers, servers({"127.0.0.1"}));
    EXPECT_EQ(own.try_for, 3s);
    EXPECT_FALSE(own.tcp_only || own.rotate);
}

class DnsServerList : public testing::Test {
protected:
    dns::ServerList make(bool rotate = false) {
        auto plan = dns::plan_servers(servers({"127.0.0.1", "192.0.2.1"}), nullptr, TrustAd::automatic, 2s);
        plan.rotate = rotate;
        return {std::move(plan), log};
    }
    static Note note(Note::What what, base::Reason reason, Steady now) {
        Note n;
        n.what = what;
        n.reason = reason;
        n.started = now - 2s;
        return n;
    }
    static Note answer(std::size_t server, bool edns, Steady now, base::milliseconds took = 5ms) {
        Note n;
        n.what = Note::What::replied;
        n.answer = true;
        n.server = server;
        n.form.edns = edns;
        n.high_failed = !edns;
        n.started = now - took;
        return n;
    }
    /// b: trusted, l: begun in the low form.
    static std::string order(dns::ServerList& list, Steady now, Purpose purpose = Purpose::policy) {
        std::string out;
        for (const dns::Candidate& c : list.candidates(now, purpose))
            out += std::to_string(c.server) + (c.believed ? "b" : "") + (c.low ? "l" : "");
        return out;
    }
    test::MemoryLog log;
    const Steady start{1000s};
};

TEST_F(DnsServerList, Rotates) {
    auto list = make(true);
    EXPECT_EQ(order(list, start), "01");
    EXPECT_EQ(order(list, start), "10");
    EXPECT_EQ(order(list, start), "01");
}

TEST_F(DnsServerList, SilenceIsToldOnceAMinute) {
    auto list = make();
    Steady now = start;
    for (int outage = 0; outage < 4; ++outage, now += 20s) { // at 0, 20, 40 and 60 s
        list.learn(note(Note::What::failed, base::Reason::dns_timeout, now), "a.example", now);
        EXPECT_EQ(order(list, now), "10");
        list.learn(note(Note::What::replied, base::Reason::none, now + 3s), "a.example", now + 3s);
        EXPECT_EQ(order(list, now + 3s), "01");
    }
    EXPECT_EQ(log.count("debug dns-try-failed"), 4U);
    EXPECT_EQ(log.count("warning dns-server-silent"), 2U);
    EXPECT_EQ(log.count("info dns-server-back"), 2U);
}

TEST_F(DnsServerList, OnlySilenceIsThePenalty) {
    auto list = make();
    for (const base::Reason reason :
         {base::Reason::dns_servfail, base::Reason::dns_refused, base::Reason::dns_malformed})
        list.learn(note(Note::What::failed, reason, start), "a.example", start);
    Note ours = note(Note::What::failed, base::Reason::dns_network, start);
    ours.servers_fault = false;
    list.learn(ours, "a.example", start);
    EXPECT_EQ(order(list, start), "01");
    EXPECT_EQ(log.count("warning"), 0U);
    list.learn(note(Note::What::failed, base::Reason::dns_network, start), "a.example", start);
    EXPECT_EQ(order(list, start), "10");
}

TEST_F(DnsServerList, BelievedIsWhoIsTrustedAndHasShownThatItValidates) {
    auto list = make();
    EXPECT_EQ(order(list, start, Purpose::dane), "01") << "nobody yet: all are asked";
    list.judged(0, Validates::yes, "why", start);
    list.judged(1, Validates::yes, "why", start); // not on this host: not trusted
    EXPECT_EQ(order(list, start, Purpose::dane), "0b");
    EXPECT_EQ(order(list, start, Purpose::policy), "0b1") << "a TXT record needs nobody who validates";
    list.judged(0, Validates::unknown, "why", start);
    EXPECT_EQ(order(list, start, Purpose::dane), "01");
    list.judged(0, Validates::no, "why", start);
    EXPECT_EQ(order(list, start, Purpose::dane), "01");
    EXPECT_EQ(log.count("info dns-server-judged server=127.0.0.1:53 validates=yes detail=why"), 1U);
    EXPECT_EQ(log.count("info dns-server-judged"), 4U);
    list.judged(0, Validates::no, "still", start);
    EXPECT_EQ(log.count("info dns-server-judged"), 4U) << "no news";
    const auto probe = list.only(1, start);
    ASSERT_EQ(probe.size(), 1U);
    EXPECT_TRUE(probe[0].believed) << "a probe takes it at its word";
}

TEST_F(DnsServerList, WhatIsKnownOfAServerOutlivesTheList) {
    auto list = make();
    list.judged(0, Validates::yes, "why", start);
    auto plan = dns::plan_servers(servers({"192.0.2.7", "127.0.0.1"}), nullptr, TrustAd::automatic, 2s);
    dns::ServerList next{plan, log, &list};
    EXPECT_EQ(order(next, start, Purpose::dane), "1b");
    plan = dns::plan_servers(servers({"127.0.0.2"}), nullptr, TrustAd::automatic, 2s);
    dns::ServerList other{plan, log, &next};
    EXPECT_EQ(order(other, start, Purpose::dane), "0");
    plan = dns::plan_servers(servers({"127.0.0.1"}), nullptr, TrustAd::no, 2s);
    dns::ServerList untrusted{plan, log, &next};
    EXPECT_EQ(order(untrusted, start, Purpose::dane), "0");
}

TEST_F(DnsServerList, InDoubtIsWhoNoLongerFits) {
    auto list = make();
    EXPECT_FALSE(list.doubt(0, start)) << "nothing is known, and it is being asked";
    list.judged(0, Validates::yes, "why", start);
    EXPECT_TRUE(list.doubt(0, start));
    EXPECT_TRUE(list.in_doubt(0));
    EXPECT_FALSE(list.doubt(0, start)) << "it is being asked";
    list.judged(0, Validates::yes, "why", start);
    EXPECT_FALSE(list.in_doubt(0));
    list.judged(1, Validates::yes, "why", start);
    EXPECT_FALSE(list.doubt(1, start + 60s)) << "it is not trusted anyway";
    // AD from a server that does not validate.
    list.judged(0, Validates::no, "why", start);
    Note ad = answer(0, true, start + 1s);
    ad.ad = true;
    EXPECT_FALSE(list.learn(ad, "a.example", start + 1s)) << "so soon it is not asked again";
    EXPECT_TRUE(list.learn(ad, "a.example", start + 10s));
    EXPECT_FALSE(list.learn(ad, "a.example", start + 11s));
    // The server falls silent, and answers again.
    list.judged(0, Validates::yes, "why", start + 20s);
    EXPECT_TRUE(list.learn(note(Note::What::failed, base::Reason::dns_timeout, start + 30s), "a.example",
                           start + 30s));
    list.judged(0, Validates::unknown, "silent", start + 38s);
    EXPECT_TRUE(list.learn(answer(0, true, start + 60s), "a.example", start + 60s));
}

TEST_F(DnsServerList, ALowerFormIsKeptAfterTwoFailuresAndForTenMinutes) {
    auto list = make();
    Steady now = start;
    EXPECT_FALSE(list.learn(answer(0, false, now), "a.example", now));
    EXPECT_EQ(order(list, now), "01");
    list.learn(answer(0, true, now), "a.example", now); // the high form works: start again
    list.learn(answer(0, false, now), "a.example", now);
    EXPECT_EQ(order(list, now), "01");
    list.learn(answer(0, false, now, 1500ms), "a.example", now); // not at once: the server is slow
    EXPECT_EQ(order(list, now), "01");
    list.learn(answer(0, false, now), "a.example", now);
    EXPECT_EQ(order(list, now), "0l1");
    EXPECT_EQ(log.count("info dns-server-form server=127.0.0.1:53 without=edns"), 1U);
    now += 599s;
    EXPECT_EQ(order(list, now), "0l1");
    now += 1s;
    EXPECT_EQ(order(list, now), "01") << "one question finds out";
    EXPECT_EQ(order(list, now), "0l1") << "and the others go on as before";
    list.learn(answer(0, false, now), "a.example", now);
    EXPECT_EQ(order(list, now + 599s), "0l1") << "it still does not work";
    EXPECT_EQ(order(list, now + 600s), "01");
    list.learn(answer(0, true, now + 600s), "a.example", now + 600s);
    EXPECT_EQ(order(list, now + 600s), "01") << "it works again";
    EXPECT_TRUE(list.candidates(now + 600s, Purpose::policy)[0].proven);
    EXPECT_FALSE(list.candidates(now + 1200s, Purpose::policy)[0].proven);
}

TEST_F(DnsServerList, TheFormForDaneIsAMatterOfItsOwn) {
    auto list = make();
    list.judged(0, Validates::yes, "why", start);
    for (int i = 0; i < 2; ++i) {
        Note low = answer(0, false, start);
        low.form.ad = true;
        list.learn(low, "a.example", start);
    }
    EXPECT_EQ(order(list, start, Purpose::dane), "0bl");
    EXPECT_EQ(order(list, start), "0b1");
    EXPECT_EQ(log.count("info dns-server-form server=127.0.0.1:53 without=dnssec,edns"), 1U);
}

TEST_F(DnsServerList, NoSocketIsToldOnceAMinute) {
    auto list = make();
    for (auto at : {0s, 1s, 59s, 60s}) list.no_socket("Too many open files", start + at);
    EXPECT_EQ(log.count("error dns-no-socket error=Too many open files"), 2U);
}

} // namespace
