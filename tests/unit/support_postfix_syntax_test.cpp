// The checker that judges our answers must find the faults that Postfix would find.
#include "support/postfix_syntax.hpp"

#include <gtest/gtest.h>

#include <string>

namespace {

using test::Postfix;

const std::string base_part = "OK secure match=a.example:.b.example servername=hostname";
const std::string sts_part = base_part +
                             " policy_type=sts policy_domain=example.com mx_host_pattern=a.example "
                             "mx_host_pattern=*.b.example { policy_string = version: STSv1 }";

void good(const std::string& payload, Postfix version = Postfix::v3_10) {
    const auto got = test::read_reply(payload, version);
    EXPECT_TRUE(got) << got.error() << " in " << payload;
}

void bad(const std::string& payload, Postfix version = Postfix::v3_10) {
    EXPECT_FALSE(test::read_reply(payload, version)) << payload.substr(0, 300);
}

std::string but(std::string text, const std::string& from, const std::string& to) {
    const auto at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

TEST(PostfixSyntax, TakesWhatPostfixTakes) {
    good(base_part);
    good(base_part, Postfix::v3_4);
    good(sts_part);
    good(sts_part + " { policy_string = x: {a} , = ; b }"); // balanced braces inside
    good("OK dane-only", Postfix::v3_4);
    good("NOTFOUND ");
    good("TEMP words");
    good("PERM words");
}

TEST(PostfixSyntax, FindsFaults) {
    bad("");
    bad("NOTFOUND"); // without the space
    bad("NOTFOUND x");
    bad("OK");
    bad("OK ");
    bad("ok secure");
    bad("TEMP ");
    bad("TEMP " + std::string(201, 'x'));
    bad("OK dane-only match=a.example");
    bad("OK may"); // may be weaker than in main.cf
    bad("OK secure servername=hostname");
    bad("OK secure match=a.example");
    bad("OK secured match=a.example servername=hostname");
    bad(sts_part, Postfix::v3_4); // unknown attributes there
    bad(but(base_part, "match=", "match=:"));
    bad(but(base_part, "a.example", ""));
    bad(but(base_part, "a.example", "a.example."));
    bad(but(base_part, "a.example", "*.example"));
    bad(but(base_part, "a.example", "192.0.2.1"));
    bad(but(base_part, "a.example", "Hostname"));
    bad(but(base_part, "a.example", "A.example"));
    bad(but(base_part, "a.example", "nexthop"));
    bad(but(base_part, "a.example", "a.example:a.example"));
    bad(but(base_part, "a.example", "a.example ciphers=null"));
    bad(but(base_part, "servername=hostname", "servername=HOSTNAME"));
    bad(base_part + " servername=hostname");
    bad(base_part + " policy_domain=example.com");
    bad(base_part + " x");
    bad(base_part + "\n");
    bad(base_part + " policy_failure=validation-failure");
    bad(but(sts_part, "policy_type=sts ", ""));
    bad(but(sts_part, "policy_type=sts", "policy_type=tlsa"));
    bad(but(sts_part, "policy_domain=example.com ", ""));
    bad(but(sts_part, "=example.com",
            "=b\xc3\xbc"
            "cher.example"));
    bad(but(sts_part, "=example.com", "=example.com."));
    bad(but(sts_part, " { policy_string = version: STSv1 }", ""));
    bad(but(sts_part, "mx_host_pattern=a.example ", ""));
    bad(but(sts_part, "mx_host_pattern=*.", "mx_host_pattern=."));
    bad(sts_part + " { policy_string = a } }");
    bad(sts_part + " { policy_string = { }");
    bad(sts_part + " { policy_string = }");
    bad(sts_part + " { policy_string = a }b");
    bad(sts_part + " # comment");
    bad(sts_part + " { policy_string = \xff }");
    bad(sts_part + " { policy_string = " + std::string(100000, 'x') + " }");
}

TEST(PostfixSyntax, ReadsNetstrings) {
    EXPECT_EQ(test::read_netstring("0:,"), "");
    EXPECT_EQ(test::read_netstring("9:NOTFOUND ,"), "NOTFOUND ");
    EXPECT_EQ(test::read_netstring("100000:" + std::string(100000, 'x') + ","), std::string(100000, 'x'));
    std::string_view two = "1:a,2:b,,";
    EXPECT_EQ(test::take_netstring(two), "a");
    EXPECT_EQ(test::take_netstring(two), "b,");
    EXPECT_TRUE(two.empty());
    for (const char* wire : {"", ":,", "1", "1:", "1:a", "1:a;", "2:a,", "0:a,", "01:a,", "00:,", "-1:a,",
                             "+1:a,", " 1:a,", "1 :a,", "1:a,,", "1:a,2:b", "99999999999999999999999999:a,"})
        EXPECT_FALSE(test::read_netstring(wire)) << wire;
    EXPECT_FALSE(test::read_netstring("100001:" + std::string(100001, 'x') + ","));
}

} // namespace
