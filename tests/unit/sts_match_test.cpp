#include "sts/match.hpp"

#include "base/text.hpp"

#include <gtest/gtest.h>

#include <string>

namespace {

using namespace std::string_literals;

void good(std::string_view text, std::string_view name, bool wildcard) {
    const auto got = sts::parse_mx(text);
    ASSERT_TRUE(got) << text;
    EXPECT_EQ(got->name, name);
    EXPECT_EQ(got->wildcard, wildcard) << text;
}

void bad(std::string_view text) { EXPECT_FALSE(sts::parse_mx(text)) << base::printable(text); }

TEST(ParseMx, TakesPatterns) {
    good("mail.example.com", "mail.example.com", false);
    good("MAIL.Example.COM", "mail.example.com", false);
    good("mail.example.com.", "mail.example.com", false); // one final dot
    good("*.example.com", "example.com", true);
    good("*.Example.com.", "example.com", true);
    good("*.com", "com", true);
    good("mailhost", "mailhost", false); // single label
    good("hostname", "hostname", false); // only Postfix gives it a meaning
    good("1.2.example", "1.2.example", false);
    good("*.xn--bcher-kva.example", "xn--bcher-kva.example", true);
    good("192.0.2.1", "192.0.2.1", false); // stays in the policy; see is_address
    good("192.0.2.1.", "192.0.2.1", false);
    good(std::string(63, 'a') + ".example", std::string(63, 'a') + ".example", false);
}

TEST(ParseMx, RefusesEverythingElse) {
    bad("");
    bad(".");
    bad("*");
    bad("*.");
    bad("*..");
    bad("**.example.com");
    bad("*.*.example.com");
    bad("a.*.example.com");
    bad("mail*.example.com");
    bad("*mail.example.com");
    bad("mail.example.*");
    bad(".example.com"); // drafts 07 to 17
    bad("mail.example.com..");
    bad("mail..example.com");
    bad("-a.example.com");
    bad("a-.example.com");
    bad("mail_1.example.com"); // RFC 5321 sub-domain
    bad("bücher.example");     // section 3.2: MUST be A-labels
    bad("mail。example.com");
    bad("a.example.com, b.example.com");
    bad("a.example.com b.example.com");
    bad(" a.example.com");
    bad("mail.example.com:25"); // would split a match= list
    bad("<mail.example.com>");
    bad("\"mail.example.com\"");
    bad("[192.0.2.1]");
    bad("2001:db8::1");
    bad("*.1.2.3.4");
    bad("?.example.com");
    bad("a\0b.example.com"s);
    bad("mail.example.com } { policy_failure = validation-failure");
    bad(std::string(64, 'a') + ".example");
    bad(std::string(300, 'a'));
}

void matches(std::string_view pattern, std::string_view host, bool want) {
    const auto mx = sts::parse_mx(pattern);
    ASSERT_TRUE(mx) << pattern;
    EXPECT_EQ(sts::matches(*mx, host), want) << pattern << " and " << base::printable(host);
    EXPECT_EQ(sts::admits({sts::Mode::enforce, {}, {*sts::parse_mx("other.test"), *mx}}, host), want);
}

TEST(Matches, ComparesWholeNames) {
    matches("mail.example.com", "mail.example.com", true);
    matches("mail.example.com", "Mail.EXAMPLE.com.", true); // case and the final dot do not count
    matches("mail.example.com", "mail.example.org", false);
    matches("mail.example.com", "ail.example.com", false);
    matches("mail.example.com", "mail.example.comm", false);
    matches("mail.example.com", "a.mail.example.com", false);
    matches("example.com", "mail.example.com", false);
    matches("mailhost", "mailhost", true);
    matches("xn--bcher-kva.example", "bücher.example", true); // Postfix sends either form
    matches("xn--bcher-kva.example", "xn--bcher-kva.example", true);
}

TEST(Matches, WildcardIsOneLabel) {
    matches("*.example.com", "mail.example.com", true);
    matches("*.Example.com", "MX1.eXaMpLe.CoM.", true);
    matches("*.example.com", "example.com", false);
    matches("*.example.com", "a.b.example.com", false);
    matches("*.example.com", "mail.example.com.evil.net", false);
    matches("*.example.com", "mailexample.com", false);
    matches("*.com", "example.com", true);
    matches("*.com", "com", false);
    matches("*.com", "mail.example.com", false);
    matches("*.example.com", "xn--mx-lka.example.com", true); // '*' stands for any whole label
    matches("*.example.com", "_mx.example.com", true);        // MX names with '_' exist
}

TEST(Matches, WhatIsNoHostNameMatchesNothing) {
    matches("*.example.com", "", false);
    matches("*.example.com", ".", false);            // null MX, RFC 7505
    matches("*.example.com", ".example.com", false); // empty label
    matches("*.example.com", "..example.com", false);
    matches("*.example.com", "*.example.com", false); // '*' is no host name
    matches("*.example.com", " mail.example.com", false);
    matches("mail.example.com", "mail.example.com:25", false);
    matches("mail.example.com", "mail.example.com..", false);
    matches("*.example.com", "mail。example.com", false); // U+3002 separates no labels in DNS
    matches("*.example.com", "a\0.example.com"s, false);
    matches("192.0.2.1", "192.0.2.1", false); // an address is no MX name
    EXPECT_FALSE(sts::matches({"", false}, ""));
    EXPECT_FALSE(sts::matches({"", true}, "a."));
}

TEST(IsAddress, MeansDigitsOnly) {
    EXPECT_TRUE(sts::is_address({"192.0.2.1", false}));
    EXPECT_FALSE(sts::is_address({"1.2.example", false}));
}

TEST(Admits, NeedsOnePattern) {
    const sts::Policy policy{sts::Mode::enforce, {}, {{"a.example", false}, {"b.example", true}}};
    EXPECT_TRUE(sts::admits(policy, "a.example"));
    EXPECT_TRUE(sts::admits(policy, "mx.b.example"));
    EXPECT_FALSE(sts::admits(policy, "b.example"));
    EXPECT_FALSE(sts::admits({}, "a.example"));
}

} // namespace
