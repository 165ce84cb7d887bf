#include "cache/valkey/hosts.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace {

using namespace std::chrono_literals;
using valkey::Heartbeat;
using valkey::Host;
using valkey::Presence;
using valkey::read_heartbeat;

constexpr base::Instant t0{1'796'000'000s};

TEST(ValkeyHosts, ReadsWhatItWrites) {
    const Heartbeat beat{"1.4.0", t0, 12'345, {{"rejected-bad-seal", 1}, {"taken", ~std::uint64_t{0}}}};
    const std::string record = write_heartbeat(beat);
    EXPECT_EQ(record, R"({"schema":1,"version":"1.4.0","at":1796000000,"entries":12345,)"
                      R"("counters":{"rejected-bad-seal":1,"taken":18446744073709551615}})");
    EXPECT_EQ(read_heartbeat(record), beat);
    EXPECT_EQ(read_heartbeat(valkey::write_heartbeat({})), Heartbeat{});
}

TEST(ValkeyHosts, LeavesOutWhatItDoesNotKnow) {
    EXPECT_EQ(read_heartbeat(R"({"schema":1,"version":"2","at":7,"entries":1})"),
              (Heartbeat{"2", base::Instant{7s}, 1, {}}));
    EXPECT_EQ(
        read_heartbeat(
            R"({"new":[],"schema":1,"version":"2","at":7,"entries":1,"counters":{"a":"x","b":-1,"c":1.5,"d":2}})"),
        (Heartbeat{"2", base::Instant{7s}, 1, {{"d", 2}}}));
}

TEST(ValkeyHosts, RefusesWhatIsNoHeartbeat) {
    for (const char* record :
         {"", "x", "{}", "[]", "null", "7", R"({"schema":2,"version":"2","at":7,"entries":1})",
          R"({"schema":1,"at":7,"entries":1})", R"({"schema":1,"version":2,"at":7,"entries":1})",
          R"({"schema":1,"version":"2","entries":1})", R"({"schema":1,"version":"2","at":-7,"entries":1})",
          R"({"schema":1,"version":"2","at":"7","entries":1})",
          R"({"schema":1,"version":"2","at":253402300800,"entries":1})",
          R"({"schema":1,"version":"2","at":1e99,"entries":1})", R"({"schema":1,"version":"2","at":7})",
          R"({"schema":1,"version":"2","at":7,"entries":1.5})",
          R"({"schema":1,"version":"2","at":7,"entries":1,"counters":[]})",
          R"({"schema":1,"version":"2","at":7,"entries":1}x)",
          "{\"schema\":1,\"version\":\"\xff\",\"at\":7,\"entries\":1}"})
        EXPECT_EQ(read_heartbeat(record), std::nullopt) << record;
    const std::string good = R"({"schema":1,"version":"2","at":7,"entries":1})";
    EXPECT_TRUE(read_heartbeat(good + std::string(valkey::max_heartbeat - good.size(), ' ')));
    EXPECT_FALSE(read_heartbeat(good + std::string(valkey::max_heartbeat - good.size() + 1, ' ')));
}

TEST(ValkeyHosts, HasLimits) {
    Heartbeat beat{std::string(100, '"'), t0, ~std::uint64_t{0}, {}};
    for (int i = 0; i < 50; ++i)
        beat.counters[std::to_string(100 + i) + std::string(100, '\\')] = ~std::uint64_t{0};
    const std::string record = write_heartbeat(beat);
    EXPECT_LE(record.size(), valkey::max_heartbeat);
    const auto read = read_heartbeat(record);
    ASSERT_TRUE(read);
    EXPECT_EQ(read->counters.size(), valkey::max_heartbeat_counters);
    EXPECT_LE(read->version.size(), valkey::max_heartbeat_word);

    std::string many = R"({"schema":1,"version":"2","at":7,"entries":1,"counters":{"a":0)";
    for (int i = 0; i < 300; ++i) many += ",\"" + std::to_string(i) + "\":1";
    const auto some = read_heartbeat(many + "}}");
    ASSERT_TRUE(some);
    EXPECT_EQ(some->counters.size(), valkey::max_heartbeat_counters);
    EXPECT_FALSE(read_heartbeat(std::string(valkey::max_heartbeat, '['))) << "deep";
}

TEST(ValkeyHosts, TextsOfOthersAreMadePrintable) {
    const std::vector<std::pair<std::string, std::string>> fields{
        {"b\x1b[2J\n", R"({"schema":1,"version":"\u001b[31m","at":7,"entries":1,"counters":{"\n":1}})"},
        {"a", "\x1b"},
        {std::string(1000, 'z'), ""},
    };
    const auto hosts = valkey::read_hosts(fields);
    ASSERT_EQ(hosts.size(), 3U);
    EXPECT_EQ(hosts[0], (Host{"a", std::nullopt}));
    EXPECT_EQ(hosts[1].name, "b\\x1b[2J\\x0a");
    EXPECT_EQ(hosts[1].beat->version, "\\x1b[31m");
    EXPECT_TRUE(hosts[1].beat->counters.contains("\\x0a"));
    EXPECT_EQ(hosts[2].name.size(), valkey::max_host_name);
}

TEST(ValkeyHosts, OfTooManyTheFirst) {
    std::vector<std::pair<std::string, std::string>> fields;
    for (std::size_t i = 0; i <= valkey::max_hosts; ++i) fields.emplace_back(std::to_string(i), "");
    EXPECT_EQ(valkey::read_hosts(fields).size(), valkey::max_hosts);
}

TEST(ValkeyHosts, NamesOfHosts) {
    EXPECT_TRUE(valkey::is_host_name("mail1.example.net"));
    EXPECT_TRUE(valkey::is_host_name("Mail_1"));
    for (const char* bad : {"", "a b", "a\n", "a/b", "\xc3\xa4"})
        EXPECT_FALSE(valkey::is_host_name(bad)) << bad;
    EXPECT_FALSE(valkey::is_host_name(std::string(254, 'a')));
    for (const std::string& name :
         {std::string{}, std::string{"a b\n"}, std::string(300, '/'), std::string{"mail1"}})
        EXPECT_TRUE(valkey::is_host_name(valkey::host_name_of(name))) << name;
    EXPECT_EQ(valkey::host_name_of("mail1"), "mail1");
    EXPECT_EQ(valkey::host_name_of("a b"), "a-b");
    EXPECT_EQ(valkey::host_name_of(""), "unnamed");
}

TEST(ValkeyHosts, PresenceByTheTime) {
    const Heartbeat beat{"1", t0, 0, {}};
    const auto at = [&](base::seconds later) { return std::string{to_string(presence(beat, t0 + later))}; };
    EXPECT_EQ(at(0s), "here");
    EXPECT_EQ(at(90s), "here");
    EXPECT_EQ(at(91s), "silent");
    EXPECT_EQ(at(7 * 24h), "silent");
    EXPECT_EQ(at(7 * 24h + 1s), "gone");
    EXPECT_EQ(at(-5min), "here");
    EXPECT_EQ(at(-5min - 1s), "other-clock");
    EXPECT_EQ(valkey::presence({}, base::Instant{}), Presence::here);
}

} // namespace
