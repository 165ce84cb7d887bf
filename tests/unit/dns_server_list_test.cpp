// Which servers are used and trusted, and how often the log hears of their trouble.
#include "dns/server_list.hpp"

#include "support/memory_log.hpp"

#include <gtest/gtest.h>

namespace {

using base::Steady;
using dns::Note;
using dns::TrustAd;
using namespace std::chrono_literals;

std::vector<dns::Server> servers(std::initializer_list<const char*> names) {
    std::vector<dns::Server> out;
    for (const char* name : names) out.push_back(*dns::parse_server(name));
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

TEST(DnsPlanServers, OptionsOfResolvConf) {
    const auto conf =
        dns::parse_resolv_conf("nameserver 192.0.2.9\noptions timeout:1 attempts:3 use-vc rotate\n");
    const auto plan = dns::plan_servers(servers({"127.0.0.1"}), &conf, TrustAd::automatic, 2s);
    EXPECT_EQ(plan.servers, servers({"192.0.2.9"}));
    EXPECT_EQ(plan.try_for, 1s);
    EXPECT_EQ(plan.tries_per_server, 3U);
    EXPECT_TRUE(plan.tcp_only && plan.rotate);
    // A longer time than ours does not count, nor does what is not said.
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
    static std::string order(dns::ServerList& list, Steady now) {
        std::string out;
        for (const dns::Candidate& c : list.candidates(now))
            out += std::to_string(c.server) + (c.trust_ad ? "t" : "");
        return out;
    }
    test::MemoryLog log;
    const Steady start{1000s};
};

TEST_F(DnsServerList, Rotates) {
    auto list = make(true);
    EXPECT_EQ(order(list, start), "0t1");
    EXPECT_EQ(order(list, start), "10t");
    EXPECT_EQ(order(list, start), "0t1");
}

TEST_F(DnsServerList, SilenceIsToldOnceAMinute) {
    auto list = make();
    Steady now = start;
    for (int outage = 0; outage < 4; ++outage, now += 20s) { // at 0, 20, 40 and 60 s
        list.learn(note(Note::What::failed, base::Reason::dns_timeout, now), "a.example", now);
        EXPECT_EQ(order(list, now), "10t");
        list.learn(note(Note::What::replied, base::Reason::none, now + 3s), "a.example", now + 3s);
        EXPECT_EQ(order(list, now + 3s), "0t1");
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
    EXPECT_EQ(order(list, start), "0t1");
    EXPECT_EQ(log.count("warning"), 0U);
    list.learn(note(Note::What::failed, base::Reason::dns_network, start), "a.example", start);
    EXPECT_EQ(order(list, start), "10t");
}

TEST_F(DnsServerList, NoSocketIsToldOnceAMinute) {
    auto list = make();
    for (auto at : {0s, 1s, 59s, 60s}) list.no_socket("Too many open files", start + at);
    EXPECT_EQ(log.count("error dns-no-socket error=Too many open files"), 2U);
}

} // namespace
