// resolv.conf as glibc reads it, and name servers as administrators write them.
#include "dns/resolv_conf.hpp"

#include "support/temp_folder.hpp"

#include <gtest/gtest.h>

#include <net/if.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

namespace {

using base::Steady;
using namespace std::chrono_literals;

std::string servers(const dns::ResolvConf& conf) {
    std::string out;
    for (const dns::Server& server : conf.servers) out += (out.empty() ? "" : " ") + dns::to_string(server);
    return out;
}

TEST(DnsParseServer, Good) {
    const unsigned lo = if_nametoindex("lo");
    ASSERT_NE(lo, 0U);
    const std::string scoped = "[fe80::1%" + std::to_string(lo) + "]";
    const std::pair<const char*, std::string> rows[] = {
        {"127.0.0.1", "127.0.0.1:53"},
        {"127.0.0.1:5300", "127.0.0.1:5300"},
        {"192.0.2.1:65535", "192.0.2.1:65535"},
        {"::1", "[::1]:53"},
        {"[::1]", "[::1]:53"},
        {"[::1]:53", "[::1]:53"},
        {"[2001:DB8::1]:1", "[2001:db8::1]:1"},
        {"fe80::1%lo", scoped + ":53"},
        {"[fe80::1%lo]:5300", scoped + ":5300"},
        {"fe80::1%7", "[fe80::1%7]:53"},
    };
    for (const auto& [text, shown] : rows) {
        const auto server = dns::parse_server(text);
        ASSERT_TRUE(server) << text;
        EXPECT_EQ(dns::to_string(*server), shown);
        EXPECT_EQ(dns::parse_server(shown), server); // and back
    }
}

TEST(DnsParseServer, Bad) {
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
        const auto server = dns::parse_server(text);
        ASSERT_FALSE(server) << text;
        EXPECT_FALSE(server.error().empty());
    }
    using namespace std::string_view_literals;
    EXPECT_FALSE(dns::parse_server("127.0.0.1\0"sv));
}

TEST(DnsParseServer, Loopback) {
    EXPECT_TRUE(dns::is_loopback(*dns::parse_server("127.8.9.10")));
    EXPECT_TRUE(dns::is_loopback(*dns::parse_server("127.0.0.53")));
    EXPECT_TRUE(dns::is_loopback(*dns::parse_server("::1")));
    EXPECT_FALSE(dns::is_loopback(*dns::parse_server("::")));
    EXPECT_FALSE(dns::is_loopback(*dns::parse_server("126.0.0.1")));
    EXPECT_FALSE(dns::is_loopback(*dns::parse_server("7f00::1")));
}

TEST(DnsResolvConf, NameServers) {
    const std::pair<const char*, const char*> rows[] = {
        {"", "127.0.0.1:53"},
        {"search example.com\n", "127.0.0.1:53"},
        {"nameserver 192.0.2.1\nnameserver 2001:db8::1\n", "192.0.2.1:53 [2001:db8::1]:53"},
        {"nameserver\t192.0.2.1  \nnameserver 192.0.2.2", "192.0.2.1:53 192.0.2.2:53"}, // no final newline
        {"nameserver nonsense\nnameserver 192.0.2.1\n", "192.0.2.1:53"},
        {"nameserver 192.0.2.1:53\nnameserver 192.0.2.2\n", "192.0.2.2:53"}, // a port is not of the format
        {"nameserver 192.0.2.1 # comment\nnameserver 192.0.2.2;x\n", "192.0.2.1:53 192.0.2.2:53"},
        {"#nameserver 192.0.2.1\n;nameserver 192.0.2.2\n nameserver 192.0.2.3\n", "127.0.0.1:53"},
        {"nameserver192.0.2.1\nNameserver 192.0.2.2\n", "127.0.0.1:53"},
        {"nameserver 192.0.2.1\nnameserver 192.0.2.2\nnameserver 192.0.2.3\nnameserver 192.0.2.4\n",
         "192.0.2.1:53 192.0.2.2:53 192.0.2.3:53"},
        {"nameserver fe80::1%7\nnameserver fe80::1%nosuchif0\n", "[fe80::1%7]:53"},
    };
    for (const auto& [text, shown] : rows) EXPECT_EQ(servers(dns::parse_resolv_conf(text)), shown) << text;
}

TEST(DnsResolvConf, Options) {
    const auto none = dns::parse_resolv_conf("options ndots:3 inet6 timeout attempts: timeout:x\n");
    EXPECT_EQ(none, dns::parse_resolv_conf(""));
    const auto all =
        dns::parse_resolv_conf("options timeout:7 edns0 attempts:3 trust-ad\noptions\tuse-vc rotate\n");
    EXPECT_EQ(all.timeout, 7s);
    EXPECT_EQ(all.attempts, 3U);
    EXPECT_TRUE(all.trust_ad && all.use_tcp && all.rotate);
    const auto capped = dns::parse_resolv_conf("options timeout:31 attempts:99999999999\n");
    EXPECT_EQ(capped.timeout, 30s);
    EXPECT_EQ(capped.attempts, 5U);
    const auto least = dns::parse_resolv_conf("options timeout:0 attempts:0\n");
    EXPECT_EQ(least.timeout, 1s);
    EXPECT_EQ(least.attempts, 1U);
}

class DnsResolvConfFile : public testing::Test {
protected:
    void write(std::string_view text) const { std::ofstream{path} << text; }
    /// As programs that take care do it: another file takes its place.
    void replace(std::string_view text) const {
        const std::filesystem::path other = folder / "new";
        std::ofstream{other} << text;
        std::filesystem::rename(other, path);
    }
    test::TempFolder folder;
    const std::filesystem::path path = folder / "resolv.conf";
};

TEST_F(DnsResolvConfFile, IsReadAgainWhenItChangedAtMostOnceASecond) {
    write("nameserver 192.0.2.1\n");
    dns::ResolvConfFile file{path};
    EXPECT_EQ(servers(file.current(Steady{0s})), "192.0.2.1:53");
    replace("nameserver 192.0.2.2\n");
    EXPECT_EQ(servers(file.current(Steady{999ms})), "192.0.2.1:53");
    EXPECT_EQ(servers(file.current(Steady{1s})), "192.0.2.2:53");
    write("nameserver 192.0.2.3\nnameserver 192.0.2.4\n");
    EXPECT_EQ(servers(file.current(Steady{2s})), "192.0.2.3:53 192.0.2.4:53");
}

TEST_F(DnsResolvConfFile, AnUnreadableFileLeavesWhatWasRead) {
    dns::ResolvConfFile file{path};
    EXPECT_EQ(servers(file.current(Steady{0s})), "127.0.0.1:53");
    write("nameserver 192.0.2.1\n");
    EXPECT_EQ(servers(file.current(Steady{1s})), "192.0.2.1:53");
    std::filesystem::remove(path);
    EXPECT_EQ(servers(file.current(Steady{2s})), "192.0.2.1:53");
    ASSERT_EQ(mkfifo(path.c_str(), 0600), 0); // must not be waited for
    EXPECT_EQ(servers(file.current(Steady{3s})), "192.0.2.1:53");
}

TEST_F(DnsResolvConfFile, AHugeFileIsReadInPart) {
    write("nameserver 192.0.2.1\n" + std::string(100000, '#') + "\nnameserver 192.0.2.2\n");
    dns::ResolvConfFile file{path};
    EXPECT_EQ(servers(file.current(Steady{0s})), "192.0.2.1:53");
}

} // namespace
