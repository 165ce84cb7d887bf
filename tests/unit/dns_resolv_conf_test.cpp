// resolv.conf as glibc reads it.
#include "dns/resolv_conf.hpp"

#include "support/temp_folder.hpp"

#include <gtest/gtest.h>

#include <sys/stat.h>

#include <filesystem>
#include <fstream>

namespace {

using base::Steady;
using namespace std::chrono_literals;

std::string servers(const dns::ResolvConf& conf) {
    std::string out;
    for (const net::Endpoint& server : conf.servers) out += (out.empty() ? "" : " ") + to_string(server);
    return out;
}

TEST(DnsResolvConf, NameServers) {
    const std::pair<const char*, const char*> rows[] = {
        {"", "127.0.0.1:53"},
        {"search example.com\n", "127.0.0.1:53"},
        {"nameserver 192.0.2.1\nnameserver 2001:db8::1\n", "192.0.2.1:53 [2001:db8::1]:53"},
        {"nameserver\t192.0.2.1  \nnameserver 192.0.2.2", "192.0.2.1:53 192.0.2.2:53"}, // no final newline
        {"nameserver nonsense\nnameserver 192.0.2.1\n", "192.0.2.1:53"},
        {"nameserver 192.0.2.1:53\nnameserver 192.0.2.2\n", "192.0.2.2:53"}, // the format has no port
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
    /// Replaces the file by another one, as careful programs do.
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
