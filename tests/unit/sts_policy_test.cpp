#include "sts/policy.hpp"

#include "base/text.hpp"
#include "sts/lines.hpp"
#include "support/sanitized.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <functional>

#include <string>
#include <vector>

namespace {

using base::Reason;
using sts::Mode;
using namespace std::string_literals;

std::string show(const sts::Policy& policy) {
    std::string out{sts::to_string(policy.mode)};
    out += " " + std::to_string(policy.max_age.count());
    for (const sts::MxPattern& p : policy.mx) out += (p.wildcard ? " *." : " ") + p.name;
    return out;
}

void good(std::string_view text, std::string_view want) {
    const auto got = sts::parse_policy(text);
    ASSERT_TRUE(got) << base::printable(text) << ": " << got.error().problem;
    EXPECT_EQ(show(*got), want) << base::printable(text);
}

void bad(std::string_view text, Reason want, std::size_t line) {
    const auto got = sts::parse_policy(text);
    ASSERT_FALSE(got) << base::printable(text) << " gave " << show(*got);
    EXPECT_EQ(base::to_string(got.error().reason), base::to_string(want)) << base::printable(text);
    EXPECT_EQ(got.error().line, line) << base::printable(text);
    EXPECT_FALSE(got.error().problem.empty());
}

/// A good policy with `more` after it.
std::string with(const std::string& more) {
    return "version: STSv1\nmode: enforce\nmx: a.example\nmax_age: 86400\n" + more;
}
/// The same with another value.
std::string mode(const std::string& v) {
    return "version: STSv1\nmode: " + v + "\nmx: a.example\nmax_age: 86400\n";
}
std::string max_age(const std::string& v) {
    return "version: STSv1\nmode: enforce\nmx: a.example\nmax_age: " + v + "\n";
}
std::string mx(const std::string& v) {
    return "version: STSv1\nmode: enforce\nmax_age: 86400\nmx: " + v + "\n";
}

const std::string usual = "enforce 86400 a.example"; // what with() means

TEST(ParsePolicy, TakesLineEnds) {
    good(with(""), usual);
    good("version: STSv1\r\nmode: enforce\r\nmx: a.example\r\nmax_age: 86400\r\n", usual);
    good("version: STSv1\r\nmode: enforce\nmx: a.example\r\nmax_age: 86400", usual); // mixed, no final end
    good(with("\n"), usual);                                                         // blank lines
    good(with("\r\n\r\n"), usual);
    good(with("  \t\n"), usual);
    good("\n\n" + with(""), usual);
    good("\xef\xbb\xbf" + with(""), usual); // one byte order mark
    bad("\xef\xbb\xbf\xef\xbb\xbfversion: STSv1\nmode: none\nmax_age: 1", Reason::policy_version,
        0);                                                                        // not two
    bad("version: STSv1\rmode: none\rmax_age: 1\r", Reason::policy_syntax, 1);     // CR alone
    bad("version: STSv1\n\rmode: none\n\rmax_age: 1\n", Reason::policy_syntax, 2); // LF CR
    bad(with("x: y\r\r\n"), Reason::policy_syntax, 5);
}

TEST(ParsePolicy, TakesWhiteSpace) {
    good("version:STSv1\nmode:enforce\nmx:a.example\nmax_age:86400", usual);
    good("version:\t STSv1 \nmode: \tenforce\t\nmx:  a.example \nmax_age: 86400 ", usual);
    good(" version: STSv1\n\tmode: enforce\n mx: a.example\n max_age: 86400\n",
         usual); // never lose an mx line
    good("version : STSv1\nmode\t: enforce\nmx : a.example\nmax_age : 86400\n", usual);
    bad(mode("\xc2\xa0"
             "enforce"),
        Reason::policy_mode, 2); // no-break space is none
}

TEST(ParsePolicy, IgnoresUnknownFields) {
    good("foo: bar\n" + with(""), usual);
    good(with("contact: mailto:postmaster@example.com\n"), usual);
    good(with("comment: {café} au  lait\n"), usual);
    good(with("x: 1\nx: 2\n"), usual);
    good(with(std::string(33, 'x') + ": 1\n"), usual);         // a name that is too long
    good(with("_bad: 1\nbad name: 1\ncafé: 1\n"), usual);      // bad names
    good(with("ext:\n"), usual);                               // no value
    good(with("ext: a\tb\n"), usual);                          // HTAB is white space
    good(with("Mode: none\nMAX_AGE: x\nVersion: 2\n"), usual); // keys have case
    good(with("id: 20240101\n"), usual);
}

TEST(ParsePolicy, RefusesDamagedText) {
    bad("", Reason::policy_syntax, 0);
    bad("\n \n\r\n", Reason::policy_syntax, 0);
    bad("\xef\xbb\xbf", Reason::policy_syntax, 0);
    bad("garbage", Reason::policy_syntax, 1);
    bad(with("no colon\n"), Reason::policy_syntax, 5);
    bad(with("# comment\n"), Reason::policy_syntax, 5);
    bad(with(": 8600\n"), Reason::policy_syntax, 5);   // no key
    bad(with("x: a\0b\n"s), Reason::policy_syntax, 5); // NUL, in any field
    bad(with("\0"s), Reason::policy_syntax, 5);
    bad(with("x: a\x7f\n"), Reason::policy_syntax, 5); // DEL
    bad(with("x: a\x1b\n"), Reason::policy_syntax, 5);
    bad(with("x: a\vb\n"), Reason::policy_syntax, 5);  // other white space
    bad(with("x: a\xff\n"), Reason::policy_syntax, 5); // not UTF-8
    bad(with("\xc3: a\n"), Reason::policy_syntax, 5);
    bad("version： STSv1\nmode: none\nmax_age: 1", Reason::policy_syntax, 1); // full-width colon
    bad("\xff\xfev\0e\0"s, Reason::policy_syntax, 1);                         // UTF-16
}

TEST(ParsePolicy, NeedsTheVersion) {
    bad("mode: none\nmax_age: 0", Reason::policy_version, 0);
    bad("version: STSv2\nmode: none\nmax_age: 0", Reason::policy_version, 1);
    bad("version: stsv1\nmode: none\nmax_age: 0", Reason::policy_version, 1);
    bad("version: STSv10\nmode: none\nmax_age: 0", Reason::policy_version, 1);
    bad("version: STSv1;\nmode: none\nmax_age: 0", Reason::policy_version, 1);
    bad("version:\nmode: none\nmax_age: 0", Reason::policy_version, 1);
    good("max_age: 5\nmode: none\nversion: STSv1", "none 5"); // order is free
}

TEST(ParsePolicy, NeedsTheMode) {
    good(mode("testing"), "testing 86400 a.example");
    good(mode("none"), "none 86400 a.example");
    bad("version: STSv1\nmx: a.example\nmax_age: 1", Reason::policy_mode, 0);
    for (const char* v :
         {"", "test", "report", "Enforce", "TESTING", "enforced", "'testing'", "enforce;", "enforce # x"})
        bad(mode(v), Reason::policy_mode, 2);
}

TEST(ParsePolicy, NeedsTheMaxAge) {
    good(max_age("0"), "enforce 0 a.example");
    good(max_age("1"), "enforce 1 a.example");
    good(max_age("0000604800"), "enforce 604800 a.example");
    good(max_age("31557600"), "enforce 31557600 a.example");
    good(max_age("31557601"), "enforce 31557600 a.example"); // one year and six hours at most
    good(max_age("9999999999"), "enforce 31557600 a.example");
    bad("version: STSv1\nmode: enforce\nmx: a.example\n", Reason::policy_max_age, 0);
    for (const char* v :
         {"", "-1", "+1", "1.5", "1e3", "86400s", "604,800", "604 800", "0x10", "1_000", "a", "٦٠",
          "01234567890", "18446744073709551616", "9999999999999999999999999999999999999999"})
        bad(max_age(v), Reason::policy_max_age, 4);
}

TEST(ParsePolicy, TakesMx) {
    good(mx("MAIL.Example.com."), "enforce 86400 mail.example.com");
    good(mx("*.example.com"), "enforce 86400 *.example.com");
    good(mx("b.example\nmx: a.example\nmx: *.a.example"),
         "enforce 86400 b.example a.example *.a.example"); // in order
    good(mx("a.example\nmx: A.example\nmx: a.example.\nmx: *.a.example"),
         "enforce 86400 a.example *.a.example");
    good(mx("a.example\nmx: 192.0.2.1"), "enforce 86400 a.example 192.0.2.1"); // kept, never used
    std::string many, want = "enforce 86400";
    for (int i = 0; i < 1000; ++i) {
        many += (i ? "\nmx: " : "") + ("mx" + std::to_string(i)) + ".example";
        want += " mx" + std::to_string(i) + ".example";
    }
    good(mx(many), want);
}

TEST(ParsePolicy, RefusesBadMx) {
    bad("version: STSv1\nmode: enforce\nmax_age: 1", Reason::policy_mx_missing, 0);
    bad("version: STSv1\nmode: testing\nmax_age: 1", Reason::policy_mx_missing, 0);
    bad("version: STSv1\nmode: enforce\nMX: a.example\nmax_age: 1", Reason::policy_mx_missing, 0);
    for (const char* v :
         {"", "*", "*.*.example", ".example.com", "a.example, b.example", "a.example:25", "[192.0.2.1]",
          "2001:db8::1", "*.1.2.3.4", "mail_1.example", "bücher.example", "a.example ciphers=null"})
        bad(mx(v), Reason::policy_mx_invalid, 4);
    bad(mx("a.example\nmx: *\nmx: b.example"), Reason::policy_mx_invalid, 5); // one bad line among good ones
    bad(mx("127.0.0.1"), Reason::policy_mx_invalid, 4);                       // no MX host can match
    bad(mx("127.0.0.1\nmx: 192.0.2.1"), Reason::policy_mx_invalid, 4);
}

TEST(ParsePolicy, ModeNoneIsNotRefusedForItsMx) {
    const std::string none = "version: STSv1\nmode: none\nmax_age: 86400\n";
    good(none, "none 86400");
    good(none + "mx: a.example", "none 86400 a.example");
    good(none + "mx: *", "none 86400");
    good(none + "mx: *\nmx: a.example\nmx:\n", "none 86400 a.example");
    bad("version: STSv1\nmode: none", Reason::policy_max_age, 0);
}

TEST(ParsePolicy, FirstFieldWins) {
    good(with("mode: none\nmax_age: 1\nversion: STSv2\n"), usual);
    good(with("mode: bogus\nmax_age: x\nversion:\n"), usual); // later ones are not even read
    bad("version: STSv2\n" + with(""), Reason::policy_version, 1);
    bad("mode: bogus\n" + with(""), Reason::policy_mode, 1);
    bad("max_age: x\n" + with(""), Reason::policy_max_age, 1);
}

double cpu_ms(const std::string& body) {
    const auto now = [] {
        timespec time{};
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
        return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) / 1e6;
    };
    double best = 1e9;
    for (int i = 0; i < 3; ++i) {
        const double before = now();
        (void)sts::parse_policy(body);
        best = std::min(best, now() - before);
    }
    return best;
}

// 3,000 names that std::hash puts into one bucket: they took 20 times as long as others when duplicates were
// searched in such a table.
TEST(ParsePolicy, TakesTimeInProportionToTheOctets) {
    const std::string start = "version: STSv1\nmode: enforce\nmax_age: 604800\n";
    constexpr std::size_t patterns = 3000, buckets = 5087; // as libstdc++ has them for so many
    std::string chosen = start, others = start;
    std::size_t found = 0;
    char name[] = "aaaaaa.a";
    for (std::size_t tries = 0; found < patterns; ++tries) {
        const std::string_view text(name, 8);
        const bool hit = std::hash<std::string_view>{}(text) % buckets == 0;
        if (hit || tries < patterns) (hit ? chosen : others).append("mx:").append(text).append("\n");
        found += hit;
        for (int i = 0; i < 6 && ++name[i] > 'z'; ++i) name[i] = 'a';
    }
    const auto parsed = sts::parse_policy(chosen);
    ASSERT_TRUE(parsed);
    ASSERT_EQ(parsed->mx.size(), patterns);
    const double honest = cpu_ms(others), hostile = cpu_ms(chosen);
    std::printf("%zu mx names: %.2f ms, chosen ones %.2f ms\n", patterns, honest, hostile);
    EXPECT_LT(hostile, 2 * honest);

    // 64 KiB in every form.
    const auto filled = [&](const std::string& piece) {
        std::string text = start + "mx:a.b\n";
        while (text.size() + piece.size() <= sts::max_policy_size) text += piece;
        return text;
    };
    for (const std::string piece :
         {"mx:a\n", "mx:a\nmx:b\n", "a:\n", "\n", "mx: *.\n", "mx:\xc3\xa4\n", ":\n", "x"}) {
        const double ms = cpu_ms(filled(piece));
        // Ten times the most expensive without optimisation.
        EXPECT_LT(ms, 200 * test::slowness) << testing::PrintToString(piece);
    }
}

TEST(ParsePolicy, KeepsTheOrderOfTheFirstOfEachMx) {
    std::string body = "version: STSv1\nmode: enforce\nmax_age: 604800\n";
    std::vector<sts::MxPattern> want;
    for (int i = 1999; i >= 0; --i) {
        const std::string name = "mx" + std::to_string(i * 7919 % 2000) + ".example.com";
        want.push_back({name, false});
        want.push_back({name, true});
        body += "mx: " + name + "\nmx: *." + name + "\nmx: " + name + ".\n";
    }
    body += "mx: *.MX0.Example.com\nmx: mx1.example.com\n";
    const auto parsed = sts::parse_policy(body);
    ASSERT_TRUE(parsed);
    EXPECT_TRUE(parsed->mx == want);
}

TEST(Lines, SplitsAndCounts) {
    sts::Lines lines{"\xef\xbb\xbf a \r\n\n\tb\r\rc"};
    EXPECT_EQ(lines.number(), 0u);
    EXPECT_EQ(lines.next(), "a");
    EXPECT_EQ(lines.number(), 1u);
    EXPECT_EQ(lines.next(), "");
    EXPECT_EQ(lines.next(), "b\r\rc");
    EXPECT_EQ(lines.number(), 3u);
    EXPECT_EQ(lines.next(), std::nullopt);
    EXPECT_EQ(lines.number(), 3u);
    EXPECT_EQ(sts::Lines{""}.next(), std::nullopt);
    EXPECT_EQ(sts::Lines{"a\r"}.next(), "a\r"); // no line end, so CR is part of the line
}

} // namespace
