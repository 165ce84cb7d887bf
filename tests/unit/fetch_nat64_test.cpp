#include "fetch/nat64.hpp"

#include "support/fetch_world.hpp"

#include <gtest/gtest.h>

namespace {

using boost::asio::ip::make_address;
using fetch::discovered_prefixes;
using std::chrono::seconds;

std::string rdata(const std::string& text) {
    const auto octets = make_address(text).to_v6().to_bytes();
    return {octets.begin(), octets.end()};
}

std::string shown(const std::vector<std::string>& addresses) {
    std::vector<std::string> records;
    for (const std::string& address : addresses) records.push_back(rdata(address));
    std::string text;
    for (const base::Nat64Prefix& prefix : discovered_prefixes(records)) text += to_string(prefix) + " ";
    return text;
}

TEST(Nat64Discovery, FindsPrefixesOfEveryLength) {
    EXPECT_EQ(shown({"64:ff9b::192.0.0.170", "64:ff9b::192.0.0.171"}), "64:ff9b::/96 ");
    EXPECT_EQ(shown({"2a00:64:c000:aa::"}), "2a00:64::/32 ");
    EXPECT_EQ(shown({"2a00:64:1c0:0:ab::"}), "2a00:64:100::/40 ");
    EXPECT_EQ(shown({"2a00:64:1:c000:0:aa00::"}), "2a00:64:1::/48 ");
    EXPECT_EQ(shown({"2a00:64:1:2c0:0:ab::"}), "2a00:64:1:200::/56 ");
    EXPECT_EQ(shown({"2a00:64:1:2:c0:0:ab00::"}), "2a00:64:1:2::/64 ");
    EXPECT_EQ(shown({"2a00:64:1:2::192.0.0.170", "fd64::192.0.0.171"}), "2a00:64:1:2::/96 fd64::/96 ");
    EXPECT_EQ(shown({"64:ff9b:1:ffff::192.0.0.170"}), "64:ff9b:1:ffff::/96 ");
}

TEST(Nat64Discovery, TakesNoPrefixFromAnythingElse) {
    EXPECT_EQ(shown({}), "");
    EXPECT_EQ(shown({"2a00:64::192.0.0.172", "2a00:64::8.8.8.8", "::1"}), "");
    EXPECT_EQ(shown({"2a00:64::100:0:c000:aa"}), "") << "octet 8";
    EXPECT_EQ(shown({"2a00:64:c000:aa::192.0.0.170"}), "") << "at two places";
    EXPECT_EQ(shown({"fe80::192.0.0.170", "::192.0.0.170", "::ffff:192.0.0.170", "ff02::192.0.0.170"}), "");
    EXPECT_TRUE(discovered_prefixes({"", "abcd", std::string(17, 'x')}).empty());
    std::vector<std::string> many;
    for (int i = 1; i < 1000; ++i) many.push_back(rdata("fd00:" + std::to_string(i) + "::192.0.0.170"));
    EXPECT_EQ(discovered_prefixes(many).size(), fetch::max_nat64_prefixes);
}

TEST(Nat64Discovery, HoldsAsLongAsItsTtlWithinBounds) {
    dns::Answer answer;
    const auto holds = [&](std::optional<seconds> ttl) {
        answer.ttl = ttl;
        return fetch::discovery_holds(answer);
    };
    EXPECT_EQ(holds(seconds{300}), seconds{300});
    EXPECT_EQ(holds(seconds{0}), seconds{60});
    EXPECT_EQ(holds(seconds{0x7fffffff}), seconds{3600});
    EXPECT_EQ(holds(std::nullopt), seconds{60});
    EXPECT_EQ(fetch::discovery_holds(dns::failed(base::Reason::dns_timeout)), seconds{60});
}

/// A fetcher that refuses addresses that are not public, and what it knows of its network. The address that
/// it may connect to is here a unique local one that nobody has, so that no packet is sent. Other verdicts
/// come from Nat64 itself.
class Nat64Fetch : public test::FetchTest {
protected:
    Nat64Fetch() {
        options.allow_private_addresses = false;
        options.timeout = std::chrono::milliseconds{300};
        options.port = 1;
    }
    std::string outcome(const std::string& address) {
        resolver.set(test::policy_host, {address});
        return test::show(get());
    }
    std::size_t asked() const {
        return static_cast<std::size_t>(std::ranges::count(resolver.asked(), "ipv4only.arpa"));
    }
    /// The verdict, after a question to the resolver if needed.
    std::string_view verdict(const std::string& text) {
        const std::vector<fetch::Address> addresses{make_address(text)};
        if (nat64->must_ask(addresses)) {
            bool answered = false;
            nat64->ask([&] { answered = true; });
            EXPECT_TRUE(run_until([&] { return answered; }));
            EXPECT_FALSE(nat64->must_ask(addresses));
        }
        return nat64->not_public(addresses.front());
    }

    std::shared_ptr<fetch::Nat64> nat64 = std::make_shared<fetch::Nat64>(io.get_executor(), resolver);
};

bool refused(const std::string& outcome) { return outcome.starts_with("host-refused-address"); }
bool tried(const std::string& outcome) { return outcome.starts_with("connect-"); }

TEST_F(Nat64Fetch, AsksTheResolverOnlyWhenItCouldMatter) {
    resolver.set("ipv4only.arpa", {"fd64::192.0.0.170", "fd64::192.0.0.171", "192.0.0.170"});
    EXPECT_TRUE(refused(outcome("10.0.0.1")));
    EXPECT_TRUE(refused(outcome("fe80::1")));
    EXPECT_TRUE(refused(outcome("64:ff9b::10.0.0.1")));
    EXPECT_EQ(verdict("2a00:1450:4001:80b::200e"), "");
    EXPECT_EQ(asked(), 0u);
    EXPECT_TRUE(tried(outcome("fd64::8.8.8.8"))) << outcome("fd64::8.8.8.8");
    EXPECT_EQ(asked(), 1u);
    EXPECT_EQ(outcome("fd64::10.0.0.1"), "host-refused-address: fd64::a00:1 is private");
    EXPECT_TRUE(refused(outcome("fd65::8.8.8.8")));
    EXPECT_EQ(asked(), 1u) << "an answer holds";
}

TEST_F(Nat64Fetch, APrefixThatIsGlobalLeadsToNoPrivateHost) {
    resolver.set("ipv4only.arpa", {"2a00:64::192.0.0.170"});
    EXPECT_EQ(outcome("2a00:64::10.0.0.1"), "host-refused-address: 2a00:64::a00:1 is private");
    EXPECT_EQ(outcome("2a00:64::127.0.0.1"), "host-refused-address: 2a00:64::7f00:1 is loopback");
    EXPECT_EQ(asked(), 1u);
    EXPECT_EQ(verdict("2a00:64::10.0.0.1"), "private");
    EXPECT_EQ(verdict("2a00:64::8.8.8.8"), "");
    EXPECT_EQ(verdict("2a00:65::10.0.0.1"), "");
}

TEST_F(Nat64Fetch, ConfiguredPrefixesAreAllThereIs) {
    resolver.set("ipv4only.arpa", {"fd64::192.0.0.170"});
    options.nat64_prefixes = {base::parse_nat64_prefix("fd65::/96").value()};
    EXPECT_TRUE(tried(outcome("fd65::8.8.8.8")));
    EXPECT_TRUE(refused(outcome("fd65::10.0.0.1")));
    EXPECT_TRUE(refused(outcome("fd64::8.8.8.8")));
    EXPECT_EQ(asked(), 0u);
    options.nat64_prefixes.clear();
    ASSERT_TRUE(fetcher().configure(options));
    EXPECT_TRUE(refused(outcome("fd65::8.8.8.8")));
    EXPECT_TRUE(tried(outcome("fd64::8.8.8.8")));
    EXPECT_EQ(asked(), 1u);
}

TEST_F(Nat64Fetch, AResolverThatDoesNotSayChangesNothing) {
    resolver.fail("ipv4only.arpa", dns::Type::aaaa, base::Reason::dns_timeout);
    EXPECT_TRUE(refused(outcome("fd64::8.8.8.8")));
    EXPECT_TRUE(refused(outcome("fd64::8.8.4.4")));
    EXPECT_EQ(asked(), 1u) << "not again within the minute";
    EXPECT_EQ(verdict("fd64::8.8.8.8"), "private");
    EXPECT_EQ(verdict("2a00:64::10.0.0.1"), "");
    EXPECT_EQ(asked(), 2u);
}

TEST_F(Nat64Fetch, NobodyElseWaitsForTheAnswer) {
    resolver.slow("ipv4only.arpa", dns::Type::aaaa, test::AddressResolver::never);
    resolver.set("mta-sts.nat64.example", {"fd64::8.8.8.8"});
    const auto waiting = begin("mta-sts.nat64.example");
    ASSERT_TRUE(run_until([&] { return asked() == 1; }));
    EXPECT_TRUE(refused(outcome("10.0.0.1")));
    EXPECT_TRUE(refused(outcome("::1")));
    EXPECT_FALSE(waiting->has_value());
    // Its own time limit ends the waiting one.
    ASSERT_TRUE(run_until([&] { return waiting->has_value(); }));
    EXPECT_EQ(test::reason(*waiting), "fetch-timeout");
}

TEST_F(Nat64Fetch, OneQuestionServesAllWhoWait) {
    resolver.set("ipv4only.arpa", {"fd64::192.0.0.170"});
    resolver.slow("ipv4only.arpa", dns::Type::aaaa, std::chrono::milliseconds{50});
    std::vector<std::shared_ptr<std::optional<test::Fetched>>> all;
    for (int i = 0; i < 20; ++i) {
        const std::string name = "mta-sts.d" + std::to_string(i) + ".example";
        resolver.set(name, {i % 2 ? "fd64::10.0.0.1" : "fd64::8.8.8.8"});
        all.push_back(begin(name));
    }
    ASSERT_TRUE(
        run_until([&] { return std::ranges::all_of(all, [](const auto& r) { return r->has_value(); }); }));
    EXPECT_EQ(asked(), 1u);
    for (std::size_t i = 0; i < all.size(); ++i)
        EXPECT_EQ(refused(test::show(*all[i])), i % 2 == 1) << test::show(*all[i]);
}

} // namespace
