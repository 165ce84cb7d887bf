#include "cache/valkey/sentinel.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace {

using valkey::Address;
using valkey::Answer;
using valkey::Arguments;
using valkey::Failure;
using valkey::Reply;
using valkey::Sentinels;
using valkey::Trouble;

Reply string(std::string text) {
    Reply reply;
    reply.kind = Reply::Kind::string;
    reply.text = std::move(text);
    return reply;
}
Reply array(std::vector<Reply> elements) {
    Reply reply;
    reply.kind = Reply::Kind::array;
    reply.elements = std::move(elements);
    return reply;
}

TEST(ValkeySentinel, TheOneThatAnsweredIsAskedFirst) {
    const Address a{"", "a.test", 1}, b{"", "b.test", 2}, c{"", "c.test", 3};
    Sentinels sentinels({a, b, c}, "main");
    EXPECT_EQ(sentinels.order(), (std::vector{a, b, c}));
    sentinels.answered(c);
    EXPECT_EQ(sentinels.order(), (std::vector{c, a, b}));
    sentinels.answered(c);
    sentinels.answered(Address{"", "other.test", 1});
    EXPECT_EQ(sentinels.order(), (std::vector{c, a, b}));
    EXPECT_EQ(sentinels.ask_primary(), (Arguments{"SENTINEL", "GET-MASTER-ADDR-BY-NAME", "main"}));
    EXPECT_EQ(sentinels.ask_replicas(), (Arguments{"SENTINEL", "REPLICAS", "main"}));
    EXPECT_EQ(Sentinels(std::vector(100, a), "main").order().size(), valkey::max_sentinels);
}

TEST(ValkeySentinel, ReadsThePrimarysAddress) {
    struct Row {
        const char* name;
        Answer answer;
        std::string shown;
    };
    const std::vector<Row> rows{
        {"IPv4", array({string("192.0.2.1"), string("6379")}), "192.0.2.1:6379"},
        {"IPv6", array({string("2001:db8::1"), string("6379")}), "[2001:db8::1]:6379"},
        {"name", array({string("redis.example"), string("1")}), "redis.example:1"},
        {"unknown name", Reply{}, "down"},
        {"port 0", array({string("192.0.2.1"), string("0")}), "protocol"},
        {"no port", array({string("192.0.2.1"), string("")}), "protocol"},
        {"port too high", array({string("192.0.2.1"), string("65536")}), "protocol"},
        {"no number", array({string("192.0.2.1"), string("6379x")}), "protocol"},
        {"no host", array({string(""), string("6379")}), "protocol"},
        {"a path", array({string("/run/x"), string("6379")}), "protocol"},
        {"line end", array({string("a\nb"), string("6379")}), "protocol"},
        {"too long", array({string(std::string(256, 'a')), string("6379")}), "protocol"},
        {"three parts", array({string("a"), string("1"), string("x")}), "protocol"},
        {"text", string("192.0.2.1:6379"), "protocol"},
        {"failure", base::unexpected(Failure{Trouble::noperm, "no"}), "noperm"},
    };
    for (const Row& row : rows) {
        const auto found = valkey::primary_in(row.answer);
        EXPECT_EQ(found ? to_string(*found) : std::string(to_string(found.error().trouble)), row.shown)
            << row.name;
    }
}

Reply replica(const char* ip, const char* flags, const char* link) {
    return array({string("name"), string("x"), string("ip"), string(ip), string("port"), string("6380"),
                  string("flags"), string(flags), string("master-link-status"), string(link)});
}

TEST(ValkeySentinel, TakesReplicasThatMayBeRead) {
    const Reply reply = array({
        replica("192.0.2.1", "slave", "ok"),
        replica("192.0.2.2", "s_down,slave", "ok"),
        replica("192.0.2.3", "slave,o_down", "ok"),
        replica("192.0.2.4", "slave,disconnected", "ok"),
        replica("192.0.2.5", "slave", "err"),
        replica("not an address", "slave", "ok"),
        replica("192.0.2.6", "slave", "ok"),
        array({string("ip")}),
        string("192.0.2.7"),
    });
    EXPECT_EQ(valkey::replicas_in(reply),
              (std::vector{Address{"", "192.0.2.1", 6380}, Address{"", "192.0.2.6", 6380}}));
    EXPECT_TRUE(valkey::replicas_in(Reply{}).empty());
    EXPECT_TRUE(valkey::replicas_in(base::unexpected(Failure{})).empty());
    EXPECT_EQ(valkey::replicas_in(array(std::vector(500, replica("192.0.2.1", "slave", "ok")))).size(),
              valkey::max_replicas);
}

TEST(ValkeySentinel, AddressesAreShownSafely) {
    EXPECT_EQ(to_string(Address{"/run/redis.sock", "", 0}), "unix:/run/redis.sock");
    EXPECT_EQ(to_string(Address{"", "a\nb", 1}), "a\\x0ab:1");
}

} // namespace
