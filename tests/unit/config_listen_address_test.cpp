// Entries of `listen`, one row per case.
#include "config/listen_address.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace {

using config::ListenAddress;
using config::parse_listen_address;
using enum ListenAddress::Kind;

TEST(ListenAddress, IsReadAndWrittenBack) {
    const std::pair<std::string, ListenAddress> rows[] = {
        {"unix:/run/stsmapd/socketmap", {unix_socket, "/run/stsmapd/socketmap", {}, 0}},
        {"unix:/a b:c", {unix_socket, "/a b:c", {}, 0}},
        {"tcp:127.0.0.1:8461", {tcp, "", net::parse_ip("127.0.0.1"), 8461}},
        {"tcp:[::1]:8461", {tcp, "", net::parse_ip("::1"), 8461}},
        {"tcp:[::]:8461", {tcp, "", net::parse_ip("::"), 8461}},
        {"tcp::8461", {tcp, "", {}, 8461}},
        {"tcp:127.0.0.1:0", {tcp, "", net::parse_ip("127.0.0.1"), 0}},
        {"unix:/" + std::string(106, 'x'), {unix_socket, "/" + std::string(106, 'x'), {}, 0}},
    };
    for (const auto& [text, want] : rows) {
        const auto address = parse_listen_address(text);
        ASSERT_TRUE(address) << text << ": " << address.error();
        EXPECT_EQ(*address, want) << text;
        EXPECT_EQ(to_string(*address), text);
    }
}

TEST(ListenAddress, EqualAddressesCompareEqual) {
    EXPECT_EQ(parse_listen_address("tcp:[0:0:0:0:0:0:0:1]:8461").value(),
              parse_listen_address("tcp:[::1]:8461").value());
    EXPECT_EQ(parse_listen_address("tcp:[2001:DB8::A]:1").value(),
              parse_listen_address("tcp:[2001:db8::a]:1").value());
}

TEST(ListenAddress, SaysWhatIsWrong) {
    const std::pair<std::string, const char*> rows[] = {
        {"", "must be"},
        {"/run/x", "must be"},
        {"inet:127.0.0.1:8461", "must be"},
        {"UNIX:/run/x", "must be"},
        {"unix:", "path must follow"},
        {"unix:run/x", "absolute"},
        {"unix:./x", "absolute"},
        {"unix:/run/", "must not end"},
        {"unix:/" + std::string(107, 'x'), "at most 107"},
        {"tcp:", "port must follow"},
        {"tcp:8461", "port must follow"},
        {"tcp:127.0.0.1", "port must follow"},
        {"tcp:127.0.0.1:", "must be a number"},
        {"tcp:127.0.0.1:65536", "must be a number"},
        {"tcp:127.0.0.1:-1", "must be a number"},
        {"tcp:127.0.0.1:smtp", "must be a number"},
        {"tcp:localhost:8461", "IPv4 address or an IPv6"},
        {"tcp:127.0.0.1.:8461", "IPv4 address or an IPv6"},
        {"tcp:*:8461", "IPv4 address or an IPv6"},
        {"tcp:::1:8461", "needs brackets"},
        {"tcp:1::zz:8461", "needs brackets"},
        {"tcp:[127.0.0.1]:8461", "only an IPv6"},
        {"tcp:[::1:8461", "closing bracket"},
        {"tcp:[::1]8461", "closing bracket"},
        {"tcp:[::1]", "port must follow"},
        {"tcp:[fe80::1%lo]:8461", "only an IPv6"},
    };
    for (const auto& [text, words] : rows) {
        const auto address = parse_listen_address(text);
        ASSERT_FALSE(address) << text;
        EXPECT_NE(address.error().find(words), std::string::npos) << text << ": " << address.error();
    }
}

} // namespace
