// TLSRPT records beyond the vectors: URIs, and many records.
#include "tlsrpt/record.hpp"

#include <gtest/gtest.h>

namespace {

using base::Reason;
using tlsrpt::kind_of;
using tlsrpt::UriKind;

TEST(TlsrptRecord, KnowsWhatAUriIsWorth) {
    using enum UriKind;
    const std::pair<const char*, UriKind> cases[] = {
        {"mailto:a@example.com", supported},
        {"MAILTO:a@example.com", supported},
        {"mailto:a@example.com?subject=x", supported},
        {"mailto:", invalid},
        {"mailto:a", invalid},
        {"mailto:@example.com", invalid},
        {"mailto:?to=a@example.com", invalid},
        {"https://example.com", supported},
        {"https://example.com:8443/a/b?c=d#e", supported},
        {"https://[2001:db8::1]/", supported},
        {"https:example.com", invalid},
        {"https:///path", invalid},
        {"https://:443/", invalid},
        {"http://example.com/", unsupported},
        {"tel:+1", unsupported},
        {"1a:b", invalid},
        {":b", invalid},
        {"", invalid},
        {"example.com", invalid},
        {"mailto:a@example.com!10m", mark},
        {"mailto:a%21@example.com", supported},
        {"mailto:a%2@example.com", invalid},
        {"mailto:a b@example.com", invalid},
        {"mailto:\xc3\xa4@example.com", invalid},
        {"https://example.com/{x}", invalid},
    };
    for (const auto& [uri, kind] : cases) EXPECT_EQ(kind_of(uri), kind) << uri;
}

TEST(TlsrptRecord, IsTheOneThatBeginsWithTheVersion) {
    const auto of = [](std::vector<std::string> records) { return tlsrpt::find_record(records); };
    EXPECT_EQ(of({"x", "v=TLSRPTv1 ; rua=mailto:a@b"})->rua, std::vector<std::string>{"mailto:a@b"});
    EXPECT_EQ(of({}), base::unexpected(Reason::no_record));
    EXPECT_EQ(of({"v=TLSRPTv1"}), base::unexpected(Reason::no_record));
    EXPECT_EQ(of({"v=TLSRPTv1;"}), base::unexpected(Reason::record_invalid));
    EXPECT_EQ(of({"v=TLSRPTv1;rua=mailto:a@b", "v=TLSRPTv1;x"}), base::unexpected(Reason::record_multiple));
}

} // namespace
