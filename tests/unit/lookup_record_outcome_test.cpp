#include "lookup/record_outcome.hpp"

#include <gtest/gtest.h>

namespace {

using base::Reason;
using Kind = dns::Answer::Kind;
using Asked = dns::Result;

Asked answer(Kind kind, std::vector<std::string> records) {
    dns::Answer out;
    out.kind = kind;
    out.records = std::move(records);
    return out;
}

TEST(RecordOutcome, JoinsDnsAndRecord) {
    const auto fails = [](const Asked& asked, Reason want) {
        const auto got = lookup::record_outcome(asked);
        ASSERT_FALSE(got);
        EXPECT_EQ(base::to_string(got.error()), base::to_string(want));
    };
    EXPECT_EQ(*lookup::record_outcome(answer(Kind::data, {"v=spf1 -all", "v=STSv1; id=1"})), "1");
    fails(answer(Kind::nxdomain, {}), Reason::no_record);
    fails(answer(Kind::nodata, {}), Reason::no_record);
    fails(answer(Kind::data, {"v=spf1 -all"}), Reason::no_record);
    fails(answer(Kind::data, {"v=STSv1; id=1", "v=STSv1; id=2"}), Reason::record_multiple);
    fails(answer(Kind::data, {"v=STSv1;"}), Reason::record_invalid);
    fails(base::unexpected(Reason::dns_servfail), Reason::dns_servfail);
    fails(base::unexpected(Reason::overloaded), Reason::overloaded);
}

} // namespace
