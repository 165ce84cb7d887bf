#include "base/domain.hpp"

#include "base/text.hpp"
#include "support/sanitized.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <ctime>

#include <string>
#include <unordered_set>

namespace {

using base::Domain;
using base::DomainErrc;
using namespace std::string_literals;

std::string label(std::size_t size) { return std::string(size, 'a'); }

/// A name of exactly `size` octets: labels of 61, then a shorter one.
std::string name_of(std::size_t size) {
    std::string out;
    while (size - out.size() > 63) out += label(61) + ".";
    return out + label(size - out.size());
}

void good(std::string_view text, std::string_view want) {
    const auto got = Domain::parse(text);
    ASSERT_TRUE(got) << base::printable(text);
    EXPECT_EQ(got->name(), want);
    EXPECT_EQ(*Domain::parse(got->name()), *got); // a checked name checks to itself
}

void bad(std::string_view text, DomainErrc want) {
    const auto got = Domain::parse(text);
    ASSERT_FALSE(got) << base::printable(text) << " gave " << got->name();
    EXPECT_EQ(got.error(), want) << base::printable(text);
}

TEST(Domain, TakesAsciiNames) {
    good("example.com", "example.com");
    good("EXAMPLE.Com", "example.com");
    good("example.com.", "example.com"); // one final dot
    good("com", "com");                  // single labels: the caller decides
    good("a", "a");
    good("1.example", "1.example"); // digits first: RFC 1123
    good("192.0.2.1.example", "192.0.2.1.example");
    good("192.0.2.a", "192.0.2.a");
    good("1-2.3", "1-2.3");
    good("_mta-sts.example.com", "_mta-sts.example.com");
    good("a_b.example", "a_b.example");
    good("a--b.example", "a--b.example");
    good("xn--bcher-kva.example", "xn--bcher-kva.example");
    good("XN--BCHER-KVA.example", "xn--bcher-kva.example");
}

TEST(Domain, ConvertsULabels) {
    good("BÜCHER.test", "xn--bcher-kva.test");
    good("bücher.test.", "xn--bcher-kva.test");
    good("faß.de", "xn--fa-hia.de");                // non-transitional: not "fass"
    good("ς.gr", "xn--3xa.gr");                     // non-transitional final sigma
    good("mail。example。com", "mail.example.com"); // U+3002 is a dot for UTS 46
    good("bücher.example。", "xn--bcher-kva.example");
    good("ＥＸＡＭＰＬＥ.com", "example.com"); // full width is mapped
    good("ab\xc2\xad"
         "c.com",
         "abc.com"); // soft hyphen is dropped
    good("a_b.é.com", "a_b.xn--9ca.com");
    good("קום.test", "xn--9dbq2a.test");
}

TEST(Domain, RefusesWhatIsNoName) {
    bad("", DomainErrc::empty);
    bad(".", DomainErrc::empty);
    bad("..", DomainErrc::bad_label);
    bad(".example.com", DomainErrc::bad_label);
    bad("example..com", DomainErrc::bad_label);
    bad("example.com..", DomainErrc::bad_label);
    bad("-a.example", DomainErrc::bad_label);
    bad("a-.example", DomainErrc::bad_label);
    bad("a b.example", DomainErrc::bad_label);
    bad(" example.com", DomainErrc::bad_label);
    bad("example.com/x", DomainErrc::bad_label);
    bad("*.example.com", DomainErrc::bad_label);
    bad("a:b.example", DomainErrc::bad_label);
    bad("a,b.example", DomainErrc::bad_label);
    bad("{a}.example", DomainErrc::bad_label);
    bad("example.com\n", DomainErrc::bad_label);
    bad("example\0.com"s, DomainErrc::bad_label); // NUL
    bad("bücher\0.com"s, DomainErrc::bad_label);  // NUL must not end the conversion's input
    bad("bücher.a b", DomainErrc::bad_label);
    bad("é..com", DomainErrc::bad_label);
    bad("é.com..", DomainErrc::bad_label);
    bad("℀.com", DomainErrc::bad_label); // maps to "a/c"
    bad("fd00::2", DomainErrc::bad_label);
}

TEST(Domain, RefusesAddresses) {
    bad("192.0.2.1", DomainErrc::address);
    bad("192.0.2.1.", DomainErrc::address);
    bad("1.2.3", DomainErrc::address);
    bad("12345", DomainErrc::address);
    bad("１９２.0.2.1", DomainErrc::address); // full-width digits
}

TEST(Domain, RefusesWhatIsNotIdna) {
    bad("a\xff.com", DomainErrc::not_idna);     // not UTF-8
    bad("\xc3.com", DomainErrc::not_idna);      // cut
    bad("xn--bücher.de", DomainErrc::not_idna); // U-label that pretends to be an A-label
    bad("ab--é.de", DomainErrc::not_idna);      // hyphens in third and fourth place
    bad("a\xe2\x80\x8d"
        "b.com",
        DomainErrc::not_idna); // joiner without reason
}

TEST(Domain, KeepsLimits) {
    good(label(63) + ".example", label(63) + ".example");
    bad(label(64) + ".example", DomainErrc::too_long);
    good(name_of(253), name_of(253));
    good(name_of(253) + ".", name_of(253));
    bad(name_of(254), DomainErrc::too_long);
    bad(std::string(100000, 'a'), DomainErrc::too_long);
    std::string umlauts; // 40 code points an A-label can hold, 80 it cannot
    for (int i = 0; i < 40; ++i) umlauts += "ü";
    EXPECT_TRUE(Domain::parse(umlauts + ".example"));
    bad(umlauts + umlauts + ".example", DomainErrc::too_long);
    std::string dropped; // characters that UTS 46 drops count, too
    for (int i = 0; i < 600; ++i) dropped += "\xc2\xad";
    bad("a" + dropped + ".example", DomainErrc::too_long);
}

// A key may have as many octets as a request; IDNA sees no more than 1,012 of them.
TEST(Domain, TakesLittleTimeForAnyName) {
    const auto filled = [](const std::string& piece, std::size_t octets) {
        std::string text;
        while (text.size() + piece.size() <= octets) text += piece;
        return text;
    };
    const auto now = [] {
        timespec time{};
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
        return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) / 1e6;
    };
    double dearest = 0;
    // Marks that must be sorted, letters that become many, digits of punycode, very many labels.
    for (const char* piece :
         {"\xcc\x80", "a\xcc\x80", "\xcd\x85\xcc\xb4", "\xef\xb7\xba", "\xea\xb0\x81.", "\xf0\xaf\xa0\x80",
          "\xd8\xa7\xd8\xa8", "\xc3\xa4.", "xn--a-ecp.", "\xe4\xb8\x80\xe9\xbe\xa5", "a.", "-"})
        for (const std::size_t octets : {1000u, 1012u, 10000u, 1000000u}) {
            const std::string text = filled(piece, octets) + "\xc3\xa4";
            double best = 1e9;
            for (int i = 0; i < 3; ++i) {
                const double before = now();
                (void)base::Domain::parse(text);
                best = std::min(best, now() - before);
            }
            dearest = std::max(dearest, best);
            EXPECT_LT(best, 20 * test::slowness)
                << testing::PrintToString(text.substr(0, 20)) << " of " << octets;
        }
    std::printf("dearest name: %.3f ms\n", dearest);
}

TEST(Domain, NamesItsHosts) {
    const Domain domain = *Domain::parse("Sub.Example.COM");
    EXPECT_EQ(domain.labels(), 3u);
    EXPECT_EQ(Domain::parse("com")->labels(), 1u);
    EXPECT_EQ(domain.record_name(), "_mta-sts.sub.example.com");
    EXPECT_EQ(domain.policy_host(), "mta-sts.sub.example.com");
    EXPECT_EQ(Domain::parse(name_of(base::max_policy_domain))->record_name().size(), 253u);
    const std::unordered_set<Domain> set{domain, *Domain::parse("sub.example.com."),
                                         *Domain::parse("b.example")};
    EXPECT_EQ(set.size(), 2u);
    EXPECT_LT(*Domain::parse("a.example"), *Domain::parse("b.example"));
}

TEST(Domain, NobodyCanAimNamesAtOneBucket) {
    // Names that std::hash puts into one bucket.
    constexpr std::size_t buckets = 1031, names = 1000;
    std::unordered_set<std::string> plain(buckets);
    std::unordered_set<base::Domain> keyed(buckets);
    ASSERT_EQ(plain.bucket_count(), buckets);
    const std::hash<std::string> hash;
    for (std::size_t i = 0; plain.size() < names; ++i)
        if (std::string name = "n" + std::to_string(i) + ".example"; hash(name) % buckets == 0) {
            keyed.insert(base::Domain::parse(name).value());
            plain.insert(std::move(name));
        }
    ASSERT_EQ(plain.bucket_size(0), names);
    std::size_t fullest = 0;
    for (std::size_t b = 0; b < keyed.bucket_count(); ++b) fullest = std::max(fullest, keyed.bucket_size(b));
    EXPECT_LE(fullest, 20U);
}

} // namespace
