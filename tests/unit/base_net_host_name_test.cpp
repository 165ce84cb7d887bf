// The host of an authority, as a value to compare.
#include "base/net/host_name.hpp"

#include <gtest/gtest.h>

#include <string>

namespace {

TEST(HostName, IsTakenFromAnAuthority) {
    struct Row {
        std::string text, host;
        bool has_port;
    };
    const Row rows[] = {
        {"localhost", "localhost", false},
        {"LocalHost:9461", "localhost", true},
        {"localhost:", "localhost", true},
        {"127.0.0.1:9461", "127.0.0.1", true},
        {"127.0.0.1:65535", "127.0.0.1", true},
        {"[::1]", "[::1]", false},
        {"[0:0::0:1]:9461", "[::1]", true},
        {"[2001:DB8::1]", "[2001:db8::1]", false},
        {"mx_1.example-a.com", "mx_1.example-a.com", false},
        {"127.1", "127.1", false}, // a name, that no list has
        {"0x7f000001", "0x7f000001", false},
        {std::string(net::max_host_name, 'a'), std::string(net::max_host_name, 'a'), false},
    };
    for (const Row& row : rows)
        EXPECT_EQ(net::parse_authority(row.text), (net::Authority{row.host, row.has_port})) << row.text;
}

TEST(HostName, IsRefused) {
    for (const std::string& text :
         {std::string(), std::string(":9461"), std::string("::1"), std::string("[::1"), std::string("[::1]x"),
          std::string("[::1]:x"), std::string("[127.0.0.1]"), std::string("[fe80::1%1]"), std::string("[]"),
          std::string("localhost."), std::string(".localhost"), std::string("local host"),
          std::string("localhost:9461:1"), std::string("localhost:x"), std::string("localhost:-1"),
          std::string("localhost:65536"), std::string("localhost:000080"), std::string("user@localhost"),
          std::string("localhost/"), std::string("localhost#"), std::string("localhost,evil"),
          std::string("b\xC3\xBC"
                      "cher.example"),
          std::string("localhost\0evil", 14), std::string(net::max_host_name + 1, 'a')})
        EXPECT_FALSE(net::parse_authority(text).has_value()) << text;
}

} // namespace
