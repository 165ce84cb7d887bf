#include "base/reason.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

namespace {

using base::Reason;

constexpr auto last = Reason::key_not_a_domain;

std::vector<Reason> all() {
    std::vector<Reason> out;
    for (unsigned i = 0; i <= static_cast<unsigned>(last); ++i) out.push_back(static_cast<Reason>(i));
    return out;
}

TEST(Reason, HasOneNameEach) {
    std::set<std::string_view> names;
    for (Reason reason : all()) {
        const std::string_view name = base::to_string(reason);
        EXPECT_NE(name, "unknown") << static_cast<unsigned>(reason);
        EXPECT_TRUE(names.insert(name).second) << name;
        EXPECT_TRUE(std::ranges::all_of(name, [](char c) { return (c >= 'a' && c <= 'z') || c == '-'; }))
            << name;
    }
    // The next value has no name, so `last` above is really the last.
    EXPECT_EQ(base::to_string(static_cast<Reason>(static_cast<unsigned>(last) + 1)), "unknown");
}

TEST(Reason, MapsToTlsrpt) {
    const auto maps = [](Reason reason, std::string_view want) {
        EXPECT_EQ(base::tlsrpt_result(reason), want) << base::to_string(reason);
    };
    // RFC 8460 section 4.3.2.2
    maps(Reason::http_status, "sts-policy-fetch-error");
    maps(Reason::fetch_timeout, "sts-policy-fetch-error");
    maps(Reason::cert_untrusted, "sts-webpki-invalid");
    maps(Reason::cert_name_mismatch, "sts-webpki-invalid");
    maps(Reason::cert_expired, "sts-webpki-invalid");
    maps(Reason::policy_mx_invalid, "sts-policy-invalid");
    maps(Reason::none, "");
    maps(Reason::no_record, "");
    static const std::set<std::string_view> words = {"", "sts-policy-fetch-error", "sts-policy-invalid",
                                                     "sts-webpki-invalid"};
    for (Reason reason : all()) {
        const std::string_view name = base::to_string(reason), result = base::tlsrpt_result(reason);
        EXPECT_TRUE(words.contains(result)) << name;
        // Names with the same first word are of one class.
        EXPECT_EQ(name.starts_with("policy-"), result == "sts-policy-invalid") << name;
        EXPECT_EQ(name.starts_with("cert-"), result == "sts-webpki-invalid") << name;
        EXPECT_TRUE(!name.starts_with("http-") || result == "sts-policy-fetch-error") << name;
        EXPECT_TRUE(!name.starts_with("key-") || result.empty()) << name;
    }
}

TEST(Reason, KnowsDnsFailures) {
    for (Reason reason : all())
        EXPECT_EQ(base::is_dns_failure(reason), base::to_string(reason).starts_with("dns-"))
            << base::to_string(reason);
}

} // namespace
