// Where the addresses of an engine's host come from: /etc/hosts, then DNS.
#include "wiring/host_addresses.hpp"

#include "support/address_resolver.hpp"
#include "support/temp_folder.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <optional>

namespace {

using namespace std::chrono_literals;
using Texts = std::vector<std::string>;

Texts texts(const std::vector<net::IpAddress>& addresses) {
    Texts made;
    for (const net::IpAddress& address : addresses) made.push_back(to_string(address));
    return made;
}

TEST(HostAddresses, OfAHostsFile) {
    constexpr std::string_view file = "127.0.0.1\tlocalhost\n"
                                      "::1 localhost ip6-localhost\r\n"
                                      "# 192.0.2.9 engine\n"
                                      "\n"
                                      "192.0.2.1  Engine.example engine # engine2\n"
                                      "not-an-address engine\n"
                                      "2001:db8::1 other engine other\n"
                                      "192.0.2.3";
    EXPECT_EQ(texts(app::addresses_in(file, "localhost")), (Texts{"127.0.0.1", "::1"}));
    EXPECT_EQ(texts(app::addresses_in(file, "engine")), (Texts{"192.0.2.1", "2001:db8::1"}));
    EXPECT_EQ(texts(app::addresses_in(file, "engine.example")), Texts{"192.0.2.1"});
    for (const char* none : {"engine2", "eng", "", "192.0.2.3", "not-an-address"})
        EXPECT_EQ(texts(app::addresses_in(file, none)), Texts{}) << none;
    std::string many;
    for (int i = 0; i < 100; ++i) many += "192.0.2." + std::to_string(i) + " engine\n";
    EXPECT_EQ(app::addresses_in(many, "engine").size(), app::max_host_addresses);
}

struct World {
    boost::asio::io_context loop;
    test::AddressResolver resolver;
    test::TempFolder folder;

    std::optional<Texts> ask(const std::string& host, const std::string& file) {
        std::optional<Texts> found;
        boost::asio::co_spawn(loop, app::host_addresses(resolver, file)(host),
                              [&](std::exception_ptr error, std::vector<net::IpAddress> addresses) {
                                  EXPECT_FALSE(error);
                                  found = texts(addresses);
                              });
        const auto end = std::chrono::steady_clock::now() + 10s;
        while (!found && std::chrono::steady_clock::now() < end) {
            loop.restart();
            loop.run_one_for(10ms);
        }
        return found;
    }
};

TEST(HostAddresses, TheFileComesFirst) {
    World world;
    world.resolver.set("engine.example", {"192.0.2.1", "2001:db8::1"});
    const std::string file = world.folder / "hosts";
    std::ofstream{file} << "192.0.2.7 engine.example\n";
    EXPECT_EQ(world.ask("engine.example", file), Texts{"192.0.2.7"});
    EXPECT_TRUE(world.resolver.asked().empty());
    std::ofstream{file} << "192.0.2.8 engine.example\n"; // read again each time
    EXPECT_EQ(world.ask("engine.example", file), Texts{"192.0.2.8"});
}

TEST(HostAddresses, ThenBothFamiliesAreAskedFor) {
    World world;
    world.resolver.set("engine.example", {"192.0.2.1", "192.0.2.2", "2001:db8::1"});
    auto found = world.ask("engine.example", "/no/such");
    ASSERT_TRUE(found);
    std::ranges::sort(*found);
    EXPECT_EQ(*found, (Texts{"192.0.2.1", "192.0.2.2", "2001:db8::1"}));
    EXPECT_EQ(world.ask("none.example", "/no/such"), Texts{});
    found = world.ask("Engine.EXAMPLE.", "/no/such");
    ASSERT_TRUE(found);
    EXPECT_EQ(found->size(), 3u);
    const std::size_t asked = world.resolver.asked().size();
    for (const char* root : {"", "."}) EXPECT_EQ(world.ask(root, "/no/such"), Texts{});
    EXPECT_EQ(world.resolver.asked().size(), asked);
    world.resolver.fail("engine.example", dns::Type::aaaa, base::Reason::dns_timeout);
    EXPECT_EQ(world.ask("engine.example", "/no/such"), (Texts{"192.0.2.1", "192.0.2.2"}));
}

TEST(HostAddresses, AFamilyThatIsNotAnsweredIsNotWaitedFor) {
    World world;
    world.resolver.set("engine.example", {"192.0.2.1", "2001:db8::1"});
    world.resolver.slow("engine.example", dns::Type::aaaa, test::AddressResolver::never);
    EXPECT_EQ(world.ask("engine.example", "/no/such"), Texts{"192.0.2.1"});
}

} // namespace
