// Texts of the configuration, one row per case.
#include "config/values.hpp"

#include <gtest/gtest.h>

#include <array>
#include <tuple>
#include <utility>

namespace {

using namespace config;
using namespace std::chrono_literals;

TEST(Duration, IsReadWithEveryUnit) {
    const std::pair<const char*, seconds> good[] = {
        {"0", 0s},    {"90", 90s},   {"90s", 90s}, {"5m", 300s},
        {"12h", 12h}, {"30d", 720h}, {"007s", 7s}, {"100000d", seconds{8'640'000'000}},
    };
    for (const auto& [text, want] : good) {
        const auto time = parse_duration(text);
        ASSERT_TRUE(time) << text << ": " << time.error();
        EXPECT_EQ(*time, want) << text;
    }
}

TEST(Duration, RefusesEverythingElse) {
    for (const char* text : {"", "s", "1 s", " 1s", "1s ", "-1s", "+1s", "1.5s", "1S", "1w", "1m30s", "0x10",
                             "ten", "100001d", "99999999999999999999s", "9223372036854775807d"})
        EXPECT_FALSE(parse_duration(text)) << text;
    EXPECT_FALSE(parse_duration(std::string_view{"1\0s", 3})) << "NUL";
}

TEST(Duration, NamesTheUnitsWhenOneIsWrong) {
    for (const char* text : {"5min", "90sec", "1S", "500ms", "2weeks", "1w"}) {
        const auto time = parse_duration(text);
        ASSERT_FALSE(time) << text;
        const std::string unit = std::string{text}.substr(std::string{text}.find_first_not_of("0123456789"));
        EXPECT_TRUE(time.error().ends_with("there is no unit \"" + unit + "\", the units are s, m, h and d"))
            << time.error();
    }
    for (const char* text : {"", "s", "ten", "1 s", "1.5h", "1h30m", "-1s"}) {
        const auto time = parse_duration(text);
        ASSERT_FALSE(time) << text;
        EXPECT_TRUE(time.error().ends_with("one number, and a unit right behind it, which is s, m, h or d"))
            << time.error();
    }
}

TEST(Duration, IsWrittenAsItIsRead) {
    const std::pair<seconds, const char*> rows[] = {
        {0s, "0s"},       {59s, "59s"}, {60s, "60s"},   {100s, "100s"}, {119s, "119s"}, {120s, "2m"},
        {3599s, "3599s"}, {1h, "1h"},   {90min, "90m"}, {24h, "1d"},    {36h, "36h"},   {720h, "30d"},
    };
    for (const auto& [time, want] : rows) {
        EXPECT_EQ(format_duration(time), want);
        EXPECT_EQ(parse_duration(want).value(), time);
    }
}

TEST(ShortDuration, HasMilliseconds) {
    const std::pair<const char*, milliseconds> good[] = {
        {"0", 0ms},     {"0ms", 0ms}, {"50ms", 50ms}, {"1500ms", 1500ms},
        {"1000ms", 1s}, {"1", 1s},    {"1s", 1s},     {"2m", 2min},
    };
    for (const auto& [text, want] : good) {
        const auto time = parse_short_duration(text);
        ASSERT_TRUE(time) << text << ": " << time.error();
        EXPECT_EQ(*time, want) << text;
        EXPECT_EQ(parse_short_duration(format_short_duration(*time)).value(), want) << text;
    }
    EXPECT_EQ(format_short_duration(50ms), "50ms");
    EXPECT_EQ(format_short_duration(1s), "1s");
    EXPECT_EQ(format_short_duration(1001ms), "1001ms");
    for (const char* text :
         {"", "ms", " 5ms", "5 ms", "-5ms", "1.5ms", "5MS", "5us", "99999999999999999999ms"})
        EXPECT_FALSE(parse_short_duration(text)) << text;
    EXPECT_TRUE(parse_short_duration("5us").error().ends_with("the units are ms, s, m, h and d"));
}

TEST(Engine, IsASocketOrAHostWithAnOptionalPort) {
    const std::pair<const char*, const char*> good[] = {
        {"", ""},
        {"unix:/run/redis/redis-server.sock", "unix:/run/redis/redis-server.sock"},
        {"tcp:Valkey.Example.", "tcp:valkey.example:6379"},
        {"tcp:localhost:6380", "tcp:localhost:6380"},
        {"tls:192.0.2.1", "tls:192.0.2.1:6379"},
        {"tls:[2001:DB8:0::1]:1", "tls:[2001:db8::1]:1"},
        {"tcp:::1", "tcp:[::1]:6379"},
    };
    for (const auto& [text, shown] : good) {
        const auto engine = parse_engine(text);
        ASSERT_TRUE(engine) << text << ": " << engine.error();
        EXPECT_EQ(to_string(*engine), shown) << text;
        EXPECT_EQ(parse_engine(shown).value(), *engine) << shown;
        EXPECT_EQ(static_cast<bool>(*engine), *text != '\0');
    }
    for (const char* text : {"unix:", "unix:run/x", "unix:/run/", "tcp:", "tcp::6379",
                             "tcp:host:", "tcp:host:0", "tcp:host:65536", "tcp:a b", "tcp:[host]",
                             "tls:/path", "redis://host", "host", "host:6379", "tcp:u@host", "tcp:a..b"})
        EXPECT_FALSE(parse_engine(text)) << text;
    EXPECT_EQ(to_string(parse_sentinel("tcp:s1").value()), "tcp:s1:26379");
    EXPECT_EQ(to_string(parse_sentinel("tls:s1:5").value()), "tls:s1:5");
    for (const char* text : {"", "unix:/run/x", "s1", "tcp:s1:0"}) EXPECT_FALSE(parse_sentinel(text)) << text;
}

TEST(Server, IsAnAddressWithAnOptionalPort) {
    const std::tuple<const char*, const char*, std::uint16_t, const char*> good[] = {
        {"127.0.0.1", "127.0.0.1", 53, "127.0.0.1"},
        {"127.0.0.1:5300", "127.0.0.1", 5300, "127.0.0.1:5300"},
        {"::1", "::1", 53, "::1"},
        {"[::1]", "::1", 53, "::1"},
        {"[::1]:5300", "::1", 5300, "[::1]:5300"},
        {"[0:0::1]:53", "::1", 53, "::1"},
        {"2001:DB8::A", "2001:db8::a", 53, "2001:db8::a"},
    };
    for (const auto& [text, address, port, shown] : good) {
        const auto server = parse_server(text);
        ASSERT_TRUE(server) << text << ": " << server.error();
        EXPECT_EQ(to_string(server->address), address) << text;
        EXPECT_EQ(server->port, port) << text;
        EXPECT_EQ(format_server(*server), shown);
        EXPECT_EQ(parse_server(shown).value(), *server) << shown;
    }
    for (const char* text :
         {"", ":53", "localhost", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:x", "127.0.0.1:65536",
          "[127.0.0.1]:53", "[::1", "[::1]x", "[]:53", "::1]:53", "fe80::1%lo", "[fe80::1%lo]:53", "127.1"})
        EXPECT_FALSE(parse_server(text)) << text;
}

TEST(Proxy, IsAPlainHttpAddress) {
    const std::pair<const char*, net::Proxy> good[] = {
        {"", {}},
        {"http://proxy.example:3128", {"proxy.example", {}, 3128}},
        {"http://Proxy.Example.net:3128", {"proxy.example.net", {}, 3128}},
        {"http://proxy:3128/", {"proxy", {}, 3128}},
        {"http://proxy.:1", {"proxy", {}, 1}},
        {"http://my_proxy.example.:1", {"my_proxy.example", {}, 1}},
        {"http://127.0.0.1.:80", {"", net::parse_ip("127.0.0.1"), 80}},
        {"http://127.0.0.1:80/", {"", net::parse_ip("127.0.0.1"), 80}},
        {"http://[::1]:80", {"", net::parse_ip("::1"), 80}},
        {"http://[2001:db8::1]:3128", {"", net::parse_ip("2001:db8::1"), 3128}},
    };
    for (const auto& [text, want] : good) {
        const auto proxy = parse_proxy(text);
        ASSERT_TRUE(proxy) << text << ": " << proxy.error();
        EXPECT_EQ(*proxy, want) << text;
        EXPECT_EQ(parse_proxy(format_proxy(*proxy)).value(), want) << format_proxy(*proxy);
    }
    EXPECT_FALSE(parse_proxy("").value());
    for (const char* text : {"proxy:3128",
                             "https://proxy:3128",
                             "HTTP://proxy:3128",
                             "http://proxy",
                             "http://:3128",
                             "http://proxy:0",
                             "http://a@proxy:1",
                             "http://pro xy:1",
                             "http://proxy:1/x",
                             "http://.:1",
                             "http://proxy\r\nHost: x:1",
                             "http://",
                             "http://[::1",
                             "https://p:1",
                             "http://p:",
                             "http://p:65536",
                             "http://p:80x",
                             "http://u:w@p:80",
                             "http://[::1:80",
                             "http://[x]:80",
                             "http://[::1.]:80",
                             "http://proxy..:1",
                             "http://a..b:1",
                             "http://.a:1"})
        EXPECT_FALSE(parse_proxy(text)) << text;
    const std::string label(63, 'a');
    EXPECT_TRUE(parse_proxy("http://" + label + ".b:1"));
    EXPECT_FALSE(parse_proxy("http://" + label + "a.b:1"));
}

TEST(FileMode, IsOctal) {
    const std::pair<const char*, unsigned> good[] = {{"0660", 0660}, {"660", 0660}, {"0", 0}, {"0777", 0777}};
    for (const auto& [text, want] : good) {
        ASSERT_TRUE(parse_file_mode(text)) << text;
        EXPECT_EQ(parse_file_mode(text)->bits, want) << text;
    }
    EXPECT_EQ(to_string(FileMode{0660}), "0660");
    EXPECT_EQ(to_string(FileMode{0}), "0000");
    for (const char* text : {"", "8", "0x1", "1777", "00660", "-1", "+1", "66 0", "rw-"})
        EXPECT_FALSE(parse_file_mode(text)) << text;
}

} // namespace
