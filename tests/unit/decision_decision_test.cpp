#include "decision/decision.hpp"

#include <gtest/gtest.h>

namespace {

using decision::Enforce;
using decision::NoOpinion;

decision::PolicyPtr policy_of(sts::Mode mode) {
    auto out = std::make_shared<decision::PolicyText>();
    out->policy.mode = mode;
    return out;
}

TEST(Decide, FollowsTheMode) {
    const base::Domain domain = *base::Domain::parse("example.com");
    const auto enforces = [&](sts::Mode mode, bool enforce_testing, bool want) {
        const auto policy = policy_of(mode);
        const auto got = decision::decide(domain, policy, enforce_testing, false);
        const auto* enforce = std::get_if<Enforce>(&got);
        ASSERT_EQ(enforce != nullptr, want) << sts::to_string(mode) << " " << enforce_testing;
        if (enforce) {
            EXPECT_EQ(enforce->domain, domain);
            EXPECT_EQ(enforce->policy, policy); // shared, not copied
        } else {
            EXPECT_EQ(std::get<NoOpinion>(got).reason, base::Reason::none);
        }
    };
    enforces(sts::Mode::enforce, false, true);
    enforces(sts::Mode::enforce, true, true);
    enforces(sts::Mode::testing, false, false); // RFC 8461 section 5: deliver regardless
    enforces(sts::Mode::testing, true, true);
    enforces(sts::Mode::none, false, false);
    enforces(sts::Mode::none, true, false); // a withdrawn policy is never enforced
}

TEST(Decide, LeavesDaneAlone) {
    const base::Domain domain = *base::Domain::parse("example.com");
    const auto uses_dane = [&](sts::Mode mode, bool enforce_testing) {
        return std::holds_alternative<decision::UseDane>(
            decision::decide(domain, policy_of(mode), enforce_testing, true));
    };
    EXPECT_TRUE(uses_dane(sts::Mode::enforce, false)) << "RFC 8461 section 2";
    EXPECT_FALSE(uses_dane(sts::Mode::testing, false)) << "no opinion: Postfix's own level rules";
    EXPECT_TRUE(uses_dane(sts::Mode::testing, true));
    EXPECT_FALSE(uses_dane(sts::Mode::none, true));
}

} // namespace
