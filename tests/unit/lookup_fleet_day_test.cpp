// A fleet of eight over simulated days: how often policy hosts and the shared cache are asked.
#include "cache/valkey/notification.hpp"
#include "cache/valkey/resp.hpp"
#include "cache/valkey/value.hpp"
#include "support/fleet_world.hpp"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

namespace {

using namespace std::chrono_literals;
using lookup::Why;
using test::FleetWorld;
using test::policy_text;

constexpr std::size_t hosts = 8, domains = 20;
constexpr int days = 8;

struct Sums {
    double gets = 0, finds = 0, leases = 0, offers = 0; ///< a domain and day, without the first day
    std::size_t first_day = 0;                          ///< GETs
};

/// Each host is asked for each domain every half hour on average, and policy hosts take a second.
Sums live(FleetWorld& world) {
    std::vector<base::Domain> all;
    for (std::size_t i = 0; i < domains; ++i) {
        all.push_back(*base::Domain::parse("d" + std::to_string(i) + ".example"));
        world.publish(all.back(), "1", policy_text("testing", {"mx.example"}, 7 * 86400));
    }
    world.slow_gets(1s);
    Sums sums;
    test::FakeEngine::Counts before;
    std::size_t gets_before = 0;
    for (int minute = 0; minute < days * 24 * 60; ++minute) {
        if (minute == 24 * 60) {
            sums.first_day = gets_before = world.fetcher.gets();
            before = world.engine.counts;
        }
        for (std::size_t host = 0; host < hosts; ++host)
            for (const base::Domain& domain : all)
                if (world.draw() < 1.0 / 30) world.ask(host, domain);
        world.pass(1min);
    }
    const double domain_days = static_cast<double>(domains) * (days - 1);
    const auto daily = [&](std::size_t now, std::size_t then) {
        return static_cast<double>(now - then) / domain_days;
    };
    sums.gets = daily(world.fetcher.gets(), gets_before);
    sums.finds = daily(world.engine.counts.finds, before.finds);
    sums.leases = daily(world.engine.counts.leases, before.leases);
    sums.offers = daily(world.engine.counts.offers, before.offers);
    for (std::size_t host = 0; host < hosts; ++host)
        for (const base::Domain& domain : all) {
            const cache::Knowledge known = world[host].table.find(domain);
            const auto* entry = std::get_if<cache::Entry>(&known);
            EXPECT_TRUE(entry != nullptr && entry->fetched_at >= world.time.now() - 27h)
                << host << " " << domain.name();
        }
    return sums;
}

/// What that is for the engine: a find is an MGET, an offer an MGET, a SET and a PUBLISH, which goes to all hosts.
struct Traffic {
    double commands = 0, in = 0, out = 0; ///< octets, a domain and day
};
Traffic traffic(const Sums& sums) {
    const base::Domain domain = *base::Domain::parse("d10.example");
    const auto ring = valkey::KeyRing::parse("k1 " + std::string(64, '7') + "\n").value();
    const std::string key = valkey::policy_key("stsmapd", domain.name());
    const std::string value = valkey::seal({domain, "1", valkey::Time(1'796'000'000s), "mx1.example.net",
                                            policy_text("testing", {"mx.example"}, 7 * 86400)},
                                           ring.sealing(), valkey::Naming::plain, {});
    const auto size = [](const valkey::Arguments& command) {
        return static_cast<double>(valkey::format(command).value().size());
    };
    const double find = size({"MGET", key}),
                 lease = size({"SET", key, "mx1.example.net", "NX", "PX", "120000"});
    const std::string told = valkey::notification(key, value);
    const double offer =
        size({"SET", key, value, "PXAT", "1796604800000"}) + size({"PUBLISH", "stsmapd:1:n", told});
    const double found = size({value}), message = size({"message", "stsmapd:1:n", told});
    return {.commands = sums.finds + sums.leases + 3 * sums.offers,
            .in = (sums.finds + sums.offers) * find + sums.leases * lease + sums.offers * offer,
            .out = (sums.finds + sums.offers) * found + sums.leases * 5 +
                   sums.offers * (9 + static_cast<double>(hosts) * message)};
}

void print(const char* what, const Sums& sums) {
    std::printf(
        "%s: first day %zu GETs; then a domain and day %.2f GETs, %.2f finds, %.2f leases, %.2f offers\n",
        what, sums.first_day, sums.gets, sums.finds, sums.leases, sums.offers);
    const Traffic all = traffic(sums);
    std::printf("    of the engine: %.2f commands, %.0f octets in, %.0f out; with 200,000 domains %.1f a "
                "second, %.1f "
                "and %.1f kB/s\n",
                all.commands, all.in, all.out, all.commands * 200'000 / 86'400, all.in * 200 / 86'400,
                all.out * 200 / 86'400);
}

TEST(FleetDay, OneGetADomainAndDay) {
    std::printf("%zu hosts, %zu domains, %d days\n", hosts, domains, days);
    FleetWorld world(hosts);
    const Sums sums = live(world);
    print("with a shared cache", sums);
    EXPECT_LE(sums.first_day, 2 * domains);
    EXPECT_GE(sums.gets, 0.95);
    EXPECT_LE(sums.gets, 1.15) << "the earliest of eight jittered times is before a day is over";
    EXPECT_LE(sums.finds, 1.5);
    EXPECT_LE(sums.leases, 1.5);
    EXPECT_EQ(sums.offers, sums.gets);
}

TEST(FleetDay, WithoutNotificationsToo) {
    FleetWorld world(hosts);
    world.engine.news_lost = true;
    const Sums sums = live(world);
    print("with notifications lost", sums);
    EXPECT_LE(sums.gets, 1.3);
    EXPECT_LE(sums.finds, 2.0 * hosts);
}

TEST(FleetDay, WithoutASharedCacheEachFetches) {
    FleetWorld world(hosts, FleetWorld::Sharing::no);
    const Sums sums = live(world);
    print("without", sums);
    EXPECT_GE(sums.gets, 0.95 * hosts);
    EXPECT_LE(sums.gets, 1.05 * hosts);
}

} // namespace
