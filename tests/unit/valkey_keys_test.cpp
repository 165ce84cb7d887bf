#include "cache/valkey/keys.hpp"
#include "support/valkey_sample.hpp"

#include <gtest/gtest.h>

namespace {

using valkey::KeyKind;
using valkey::Naming;
using valkey::read_key;
using valkey::ReadKey;

base::Domain domain(std::string_view name) { return base::Domain::parse(name).value(); }

TEST(ValkeyKeys, AreCalledAsDocumented) {
    EXPECT_EQ(valkey::policy_key("stsmapd", "example.com"), "stsmapd:1:p:{example.com}");
    EXPECT_EQ(valkey::lease_key("stsmapd", "example.com"), "stsmapd:1:l:{example.com}");
    EXPECT_EQ(valkey::refresh_key("stsmapd", "example.com"), "stsmapd:1:r:{example.com}");
    EXPECT_EQ(valkey::hosts_key("a.b-c_D"), "a.b-c_D:1:hosts");
    EXPECT_EQ(valkey::channel("stsmapd"), "stsmapd:1:n");
}

TEST(ValkeyKeys, PrefixesHaveNothingThatAPatternMeans) {
    for (const char* good : {"stsmapd", "a", "A_b.c-9", "12345678901234567890123456789012"})
        EXPECT_TRUE(valkey::is_prefix(good)) << good;
    for (const char* bad : {"", "a b", "a:b", "a*", "a?", "[a]", "{a}", "a\\", "a\n", "\xc3\xa4",
                            "123456789012345678901234567890123"})
        EXPECT_FALSE(valkey::is_prefix(bad)) << bad;
    EXPECT_TRUE(valkey::is_prefix(valkey::default_prefix));
}

TEST(ValkeyKeys, HiddenNamesAreKeyedHashes) {
    const valkey::KeyRing ring =
        test::key_ring(std::string{test::first_key_line} + std::string{test::second_key_line});
    const auto names = names_of(domain("example.com"), ring, Naming::hidden);
    ASSERT_EQ(names.size(), 2U);
    // Computed apart; also in README.md.
    EXPECT_EQ(names[0], "5216ec2d35fc890c5957708d5b0b80d8117447430bad0428f3edd234799edac8");
    EXPECT_NE(names[1], names[0]);
    EXPECT_NE(name_of(domain("example.org"), ring.sealing(), Naming::hidden), names[0]);
    for (const std::string& name : names) EXPECT_TRUE(valkey::is_hidden(name) && valkey::is_name(name));
    EXPECT_EQ(names_of(domain("example.com"), ring, Naming::plain), std::vector<std::string>{"example.com"});
}

TEST(ValkeyKeys, NoDomainLooksHidden) {
    const std::string longest(63, 'a');
    EXPECT_FALSE(valkey::is_hidden(longest)) << "the longest label";
    EXPECT_FALSE(base::Domain::parse(longest + "a")) << "a longer one is no label";
    EXPECT_FALSE(valkey::is_hidden(std::string(62, 'a') + ".a"));
    EXPECT_TRUE(valkey::is_hidden(std::string(64, 'a')));
    EXPECT_FALSE(valkey::is_hidden(std::string(64, 'A'))) << "one spelling";
    EXPECT_FALSE(valkey::is_hidden(std::string(64, 'g')));
}

TEST(ValkeyKeys, ReadsBackWhichIsWhich) {
    const std::string hash(64, 'a');
    for (const std::string_view name :
         {std::string_view{"example.com"}, std::string_view{"xn--bcher-kva.test"}, std::string_view{hash}}) {
        EXPECT_EQ(read_key("p", valkey::policy_key("p", name)), (ReadKey{KeyKind::policy, name}));
        EXPECT_EQ(read_key("p", valkey::lease_key("p", name)), (ReadKey{KeyKind::lease, name}));
        EXPECT_EQ(read_key("p", valkey::refresh_key("p", name)), (ReadKey{KeyKind::refresh, name}));
    }
    EXPECT_EQ(read_key("p", valkey::hosts_key("p")), (ReadKey{KeyKind::hosts, {}}));
    EXPECT_EQ(read_key("p", valkey::channel("p")), (ReadKey{KeyKind::channel, {}}));
}

TEST(ValkeyKeys, ReadsNothingElse) {
    for (const char* key : {"",
                            "p",
                            "p:1:",
                            "p:2:p:{a.example}",
                            "q:1:p:{a.example}",
                            "pp:1:p:{a.example}",
                            "p:1:p:a.example",
                            "p:1:p:{a.example",
                            "p:1:p:{a.example} ",
                            "p:1:p:{}",
                            "p:1:p:{",
                            "p:1:x:{a.example}",
                            "p:1:pp:{a.example}",
                            "p:1:p:{A.example}",
                            "p:1:p:{a.example.}",
                            "p:1:p:{a b}",
                            "p:1:p:{b\xc3\xbc.example}",
                            "p:1:p:{192.0.2.1}",
                            "p:1:p:{{a.example}}",
                            "p:1:hosts:{a.example}",
                            "p:1:n ",
                            "P:1:n"})
        EXPECT_EQ(read_key("p", key), std::nullopt) << key;
    const std::string label(63, 'a');
    const std::string longest = label + "." + label + "." + label + "." + std::string(52, 'a');
    ASSERT_EQ(longest.size(), base::max_policy_domain);
    EXPECT_TRUE(read_key("p", valkey::policy_key("p", longest)));
    EXPECT_FALSE(read_key("p", valkey::policy_key("p", longest + "a"))) << "no policy domain";
}

} // namespace
