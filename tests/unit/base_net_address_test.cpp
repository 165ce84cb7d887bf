// Addresses: their texts, and their form in system calls.
#include "base/net/address.hpp"

#include "base/net/asio_address.hpp"
#include "base/net/socket_address.hpp"

#include <gtest/gtest.h>

#include <net/if.h>
#include <netinet/in.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <string>
#include <string_view>
#include <utility>

namespace {

TEST(NetEndpoint, IsReadAndWrittenBack) {
    const std::pair<const char*, std::string> rows[] = {
        {"127.0.0.1", "127.0.0.1:53"},
        {"127.0.0.1:5300", "127.0.0.1:5300"},
        {"192.0.2.1:65535", "192.0.2.1:65535"},
        {"::1", "[::1]:53"},
        {"[::1]", "[::1]:53"},
        {"[::1]:53", "[::1]:53"},
        {"[2001:DB8::1]:1", "[2001:db8::1]:1"},
    };
    for (const auto& [text, shown] : rows) {
        const auto server = net::parse_endpoint(text, 53);
        ASSERT_TRUE(server) << text;
        EXPECT_EQ(to_string(*server), shown);
        EXPECT_EQ(net::parse_endpoint(shown, 53), server); // and back
    }
}

TEST(NetEndpoint, IsNothingElse) {
    for (std::string_view text : {"",
                                  "localhost",
                                  "127.0.0.1:",
                                  "127.0.0.1:0",
                                  "127.0.0.1:65536",
                                  "127.0.0.1:53x",
                                  "127.0.0.1:-1",
                                  "127.1",
                                  "256.0.0.1",
                                  "::1:53:",
                                  "[::1",
                                  "[::1]53",
                                  "[::1]:",
                                  "[::1]:0",
                                  "[127.0.0.1]:53",
                                  "::1]",
                                  ":53",
                                  "fe80::1%",
                                  "fe80::1%nosuchif0",
                                  "fe80::1%0",
                                  "127.0.0.1%lo",
                                  " 127.0.0.1",
                                  "127.0.0.1 "}) {
        const auto server = net::parse_endpoint(text, 53);
        ASSERT_FALSE(server) << text;
        EXPECT_FALSE(server.error().empty());
    }
    using namespace std::string_view_literals;
    EXPECT_FALSE(net::parse_endpoint("127.0.0.1\0"sv, 53));
}

TEST(NetAddress, MayNameItsInterface) {
    const std::string lo = std::to_string(if_nametoindex("lo"));
    ASSERT_NE(lo, "0");
    const std::pair<const char*, std::string> rows[] = {
        {"127.0.0.1", "127.0.0.1"},
        {"2001:DB8::1", "2001:db8::1"},
        {"fe80::1%lo", "fe80::1%" + lo},
        {"fe80::1%7", "fe80::1%7"},
    };
    for (const auto& [text, shown] : rows) {
        const auto address = net::parse_scoped_ip(text);
        ASSERT_TRUE(address) << text;
        EXPECT_EQ(to_string(*address), shown);
        EXPECT_EQ(net::parse_scoped_ip(shown), address);
        EXPECT_EQ(to_string(net::Endpoint{*address, 53}), address->v6 ? "[" + shown + "]:53" : shown + ":53");
    }
    using namespace std::string_view_literals;
    for (std::string_view text : {"fe80::1%"sv, "fe80::1%nosuchif0"sv, "fe80::1%0"sv, "127.0.0.1%lo"sv,
                                  "%lo"sv, "fe80::1%lo\0"sv, "fe80::1\0%lo"sv, "fe80::1%%7"sv})
        EXPECT_FALSE(net::parse_scoped_ip(text)) << text;
    EXPECT_FALSE(net::parse_ip("fe80::1%7"));
    EXPECT_FALSE(net::parse_endpoint("[fe80::1%7]:53", 53));
}

TEST(NetAddress, KnowsLoopback) {
    EXPECT_TRUE(net::is_loopback(*net::parse_ip("127.8.9.10")));
    EXPECT_TRUE(net::is_loopback(*net::parse_ip("127.0.0.53")));
    EXPECT_TRUE(net::is_loopback(*net::parse_ip("::1")));
    EXPECT_FALSE(net::is_loopback(*net::parse_ip("::")));
    EXPECT_FALSE(net::is_loopback(*net::parse_ip("126.0.0.1")));
    EXPECT_FALSE(net::is_loopback(*net::parse_ip("7f00::1")));
}

TEST(NetSocketAddress, IsWhatTheSystemCallsTakeAndGive) {
    for (const char* text : {"127.0.0.1:53", "192.0.2.255:65535", "[::1]:1", "[2001:db8::1]:5300"}) {
        const net::Endpoint endpoint = net::parse_endpoint(text, 0).value();
        const net::SocketAddress address{endpoint};
        EXPECT_EQ(address.family(), text[0] == '[' ? AF_INET6 : AF_INET);
        sockaddr_storage storage{};
        std::memcpy(&storage, address.get(), address.size());
        EXPECT_EQ(net::endpoint_of(storage), endpoint);
        EXPECT_EQ(to_string(endpoint), text);
        EXPECT_EQ(net::to_asio(endpoint.address).to_string(), to_string(endpoint.address));
    }
    const net::SocketAddress scoped{net::Endpoint{net::parse_scoped_ip("fe80::1%7").value(), 53}};
    sockaddr_in6 in;
    ASSERT_EQ(scoped.size(), sizeof in);
    std::memcpy(&in, scoped.get(), sizeof in);
    EXPECT_EQ(in.sin6_scope_id, 7U);
    EXPECT_EQ(net::to_asio(net::parse_scoped_ip("fe80::1%7").value()).to_v6().scope_id(), 7U);
    sockaddr_storage local{};
    local.ss_family = AF_UNIX;
    EXPECT_FALSE(net::endpoint_of(local));
}

TEST(NetBoundAddress, NamesUnixSocketsToo) {
    const int abstract = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    EXPECT_EQ(to_string(net::bound_address(abstract).value()), "unix:");
    // Only the family: the kernel chooses five digits in the abstract namespace (unix(7)).
    ASSERT_EQ(::bind(abstract, reinterpret_cast<const sockaddr*>(&address), sizeof(sa_family_t)), 0);
    const std::string name = to_string(net::bound_address(abstract).value());
    EXPECT_TRUE(name.starts_with("unix:@")) << name;
    EXPECT_EQ(name.size(), std::string_view("unix:@").size() + 5) << name;
    ::close(abstract);
}

} // namespace
