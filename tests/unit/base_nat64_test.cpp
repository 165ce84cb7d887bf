#include "base/nat64.hpp"

#include <gtest/gtest.h>

#include <arpa/inet.h>

#include <string>

namespace {

base::Octets6 octets(const std::string& text) {
    base::Octets6 made{};
    EXPECT_EQ(::inet_pton(AF_INET6, text.c_str(), made.data()), 1) << text;
    return made;
}

// RFC 6052 section 2.4, table 2.
TEST(Nat64, PutsAnIPv4AddressWhereTheRfcDoes) {
    const std::pair<const char*, const char*> rows[] = {
        {"2001:db8::/32", "2001:db8:c000:221::"},
        {"2001:db8:100::/40", "2001:db8:1c0:2:21::"},
        {"2001:db8:122::/48", "2001:db8:122:c000:2:2100::"},
        {"2001:db8:122:300::/56", "2001:db8:122:3c0:0:221::"},
        {"2001:db8:122:344::/64", "2001:db8:122:344:c0:2:2100::"},
        {"2001:db8:122:344::/96", "2001:db8:122:344::192.0.2.33"},
    };
    for (const auto& [text, address] : rows) {
        SCOPED_TRACE(text);
        const auto prefix = base::parse_nat64_prefix(text);
        ASSERT_TRUE(prefix) << prefix.error();
        EXPECT_EQ(base::to_string(*prefix), text);
        EXPECT_EQ(base::embedded_ipv4(octets(address), prefix->length), 0xc0000221u);
        EXPECT_EQ(base::nat64_prefix_of(octets(address), prefix->length), *prefix);
        EXPECT_TRUE(base::same_prefix(octets(address), prefix->network, prefix->length));
        EXPECT_FALSE(base::same_prefix(octets("2001:db9:122:344::"), prefix->network, prefix->length));
        base::Octets6 odd = octets(address);
        odd[8] = 1;
        EXPECT_FALSE(base::embedded_ipv4(odd, prefix->length));
    }
    EXPECT_TRUE(base::same_prefix(octets("2a00::"), octets("2bff::"), 7));
    EXPECT_FALSE(base::same_prefix(octets("2a00::"), octets("2bff::"), 8));
    EXPECT_TRUE(base::same_prefix(octets("::1"), octets("::1"), 128));
    EXPECT_FALSE(base::same_prefix(octets("::1"), octets("::"), 128));
    EXPECT_TRUE(base::same_prefix(octets("::1"), octets("ff::"), 0));
}

TEST(Nat64, TakesPrefixesThatANetworkCanHave) {
    for (const char* text : {"64:ff9b::/96", "64:ff9b:1::/48", "64:ff9b:1:ff00::/56", "64:ff9b:1::/96",
                             "fd00:64::/96", "2a00:64::/32", "2001:67c:2b0:db32:0:1::/96"})
        EXPECT_TRUE(base::parse_nat64_prefix(text)) << text;
    const std::pair<std::string, const char*> rows[] = {
        {"", "IPv6 prefix"},
        {"64:ff9b::", "IPv6 prefix"},
        {"/96", "IPv6 prefix"},
        {"10.0.0.0/96", "IPv6 prefix"},
        {" 64:ff9b::/96", "IPv6 prefix"},
        {std::string("64:ff9b::\0/96", 13), "IPv6 prefix"},
        {"64:ff9b::%1/96", "IPv6 prefix"},
        {"64:ff9b:1::/33", "the length must be 32, 40, 48, 56, 64 or 96"},
        {"64:ff9b:1::/128", "the length"},
        {"64:ff9b:1::/", "the length"},
        {"64:ff9b:1::/-32", "the length"},
        {"64:ff9b:1::/+96", "the length"},
        {"64:ff9b:1::/96 ", "the length"},
        {"64:ff9b:1::/99999999999", "the length"},
        {"64:ff9b:1::1/96", "behind the first 96"},
        {"2a00:64:1::/32", "behind the first 32"},
        {"2a00:64::ff00:0:0:0/96", "bits 64 to 71"},
        {"fe80::/64", "no prefix"},
        {"ff00::/32", "no prefix"},
        {"::/96", "no prefix"},
        {"::ffff:0:0/96", "no prefix"},
        {"::/32", "no prefix"},
        {"64:ff9b::/64", "no prefix"},
        {"64:ff9b::/32", "no prefix"},
        {"64:ff9b:2::/48", "no prefix"},
    };
    for (const auto& [text, words] : rows) {
        const auto prefix = base::parse_nat64_prefix(text);
        ASSERT_FALSE(prefix) << text;
        EXPECT_NE(prefix.error().find(words), std::string::npos) << text << ": " << prefix.error();
    }
}

} // namespace
