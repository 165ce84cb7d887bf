// OpenSSL itself, with the flags that Postfix sets, is the judge of each comparison.
#include "postfix/peer_names.hpp"

#include "support/test_ca.hpp"

#include <gtest/gtest.h>
#include <openssl/x509v3.h>

#include <random>

namespace {

using postfix::matching_peer_name;
using postfix::peer_name_matches;

/// A certificate as it came out of DER, with these names.
test::Cert certificate(const std::vector<std::string>& dns, const std::string& common_name) {
    test::Cert cert{X509_new()};
    X509_NAME* subject = X509_get_subject_name(cert.get());
    if (!common_name.empty())
        X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
                                   reinterpret_cast<const unsigned char*>(common_name.data()),
                                   static_cast<int>(common_name.size()), -1, 0);
    GENERAL_NAMES* names = sk_GENERAL_NAME_new_null();
    for (const std::string& name : dns) {
        GENERAL_NAME* one = GENERAL_NAME_new();
        ASN1_IA5STRING* text = ASN1_IA5STRING_new();
        ASN1_STRING_set(text, name.data(), static_cast<int>(name.size()));
        GENERAL_NAME_set0_value(one, GEN_DNS, text);
        sk_GENERAL_NAME_push(names, one);
    }
    if (!dns.empty()) X509_add1_ext_i2d(cert.get(), NID_subject_alt_name, names, 0, 0);
    GENERAL_NAMES_free(names);
    return cert;
}

bool openssl_says(const std::vector<std::string>& dns, const std::string& common_name,
                  const std::string& wanted) {
    const test::Cert cert = certificate(dns, common_name);
    return X509_check_host(cert.get(), wanted.data(), wanted.size(), X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS,
                           nullptr) == 1;
}

struct Row {
    std::string in_certificate, wanted;
    bool matches;
};
const std::vector<Row> rows{
    {"mx1.d.test", "mx1.d.test", true},
    {"MX1.d.Test", "mx1.D.test", true},
    {"mx1.d.test", "mx2.d.test", false},
    {"*.d.test", "mx1.d.test", true},
    {"*.d.test", "a.b.d.test", false},
    {"*.d.test", "d.test", false},
    {"*.d.test", ".d.test", true},
    {"*.a.d.test", ".d.test", true},
    {"a.b.d.test", ".d.test", true},
    {"d.test", ".d.test", false},
    {".d.test", ".d.test", true},
    {"xd.test", ".d.test", false},
    {"*.d.test", "*.d.test", true}, // a literal one
    {"a.d.test", "*.d.test", false},
    {"mx*.d.test", "mx1.d.test", false}, // partial
    {"*mx.d.test", "1mx.d.test", false},
    {"mx*.d.test", "mx*.d.test", true},
    {"*.test", "d.test", false}, // too short
    {"*.test", "*.test", true},
    {"*.*.test", "a.b.test", false},
    {"a.*.test", "a.b.test", false},
    {"*.d.test", "xn--a.d.test", true},
    {"*.-d.test", "a.-d.test", false},
    {"*.d_e.test", "a.d_e.test", false}, // not a name with a wildcard
    {"mx1.d.test", "mx1.d.test.", false},
    {"mx1.d.test.", "mx1.d.test", false},
    {"mx1.d.test.", "mx1.d.test.", true},
    {"*.d.test.", "mx1.d.test.", false},
    {"*.d.test", ".mx1.d.test", false},
    {"*.d.test", "a_b.d.test", false},
    {std::string("mx1.d.test\0", 11), "mx1.d.test", false},
    {std::string("mx1.d.test\0.evil.test", 21), "mx1.d.test", false},
    {std::string("evil\0.d.test", 12), ".d.test", false},
    {"", "mx1.d.test", false},
    {"mx1.d.test", ".", false},
};

TEST(PeerNames, AreComparedAsOpensslComparesThem) {
    for (const Row& row : rows) {
        SCOPED_TRACE(row.in_certificate + " for " + row.wanted);
        EXPECT_EQ(peer_name_matches(row.in_certificate, row.wanted), row.matches);
        EXPECT_EQ(openssl_says({row.in_certificate}, "", row.wanted), row.matches);
        if (row.in_certificate.find('\0') == std::string::npos) {
            EXPECT_EQ(matching_peer_name({}, row.in_certificate, std::vector{row.wanted}).has_value(),
                      row.matches);
            EXPECT_EQ(openssl_says({}, row.in_certificate, row.wanted), row.matches);
        }
    }
}

TEST(PeerNames, OfTheSubjectCountOnlyWithoutDnsNames) {
    const std::vector<std::string> other{"other.test"}, wanted{"mx.test"};
    EXPECT_EQ(matching_peer_name({}, "mx.test", wanted), "mx.test");
    EXPECT_FALSE(matching_peer_name(other, "mx.test", wanted));
    EXPECT_FALSE(openssl_says(other, "mx.test", "mx.test"));
    EXPECT_TRUE(openssl_says({}, "mx.test", "mx.test"));
}

TEST(PeerNames, OneOfManyIsEnough) {
    const std::vector<std::string> has{"a.test", "*.mx.test"}, wanted{"b.test", "one.mx.test"};
    EXPECT_EQ(matching_peer_name(has, "", wanted), "*.mx.test");
    EXPECT_FALSE(matching_peer_name(has, "", {}));
}

TEST(PeerNames, WordsOfMatchStandForNames) {
    const std::vector<std::string> match{"hostname", "nexthop", "Dot-Nexthop", ".d.test", ".", "mx.test", ""};
    EXPECT_EQ(postfix::expand_match(match, "mx1.d.test", "d.test"),
              (std::vector<std::string>{"mx1.d.test", "d.test", ".d.test", ".d.test", "mx.test"}));
}

/// Short names over a small alphabet: half of them match something or nearly.
TEST(PeerNames, AgreeWithOpensslOnAnyName) {
    std::mt19937 random{20261128}; // NOLINT: the same names in each run
    const std::vector<std::string> parts{"*",    "a",       "b",  ".",  ".", "-", "xn--",
                                         "test", ".d.test", "*.", "a.", "_", "A"};
    const auto name = [&] {
        std::string made;
        for (std::size_t count = 1 + random() % 6; count > 0; --count) made += parts[random() % parts.size()];
        return made;
    };
    std::size_t matches = 0;
    for (int i = 0; i < 20000; ++i) {
        const std::string has = name();
        const std::string wanted = i % 4 == 0   ? has
                                   : i % 4 == 1 ? "a" + has.substr(1)
                                   : i % 4 == 2 ? "." + name()
                                                : name();
        const bool ours = peer_name_matches(has, wanted);
        matches += ours ? 1 : 0;
        ASSERT_EQ(ours, openssl_says({has}, "", wanted)) << has << " for " << wanted;
    }
    EXPECT_GT(matches, 2000U);
}

} // namespace
