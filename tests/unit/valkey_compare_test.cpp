// What follows from this host's policy and from what the engine has, and what waits for the engine.
#include "cache/valkey/compare.hpp"
#include "cache/valkey/offers.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace std::chrono_literals;
using valkey::compare;
using valkey::Lies;
using valkey::Offer;
using valkey::Offers;
using valkey::Opened;
using valkey::Refusal;
using valkey::Value;
using valkey::Verdict;

constexpr valkey::Time noon{1'796'000'000s};

Value value(std::chrono::seconds after, std::string_view domain = "a.example") {
    return {base::Domain::parse(domain).value(), "1", noon + after, "host", "text"};
}
Lies lies(std::chrono::seconds after) { return Opened{value(after), {}}; }
Lies refused(Refusal why) { return base::unexpected(why); }
const Lies nothing;

TEST(ValkeyCompare, WhatIsMissingIsPushedAndNobodyTold) {
    EXPECT_EQ(compare(value(0s), std::vector{nothing}), (Verdict{{}, true, false}));
}

TEST(ValkeyCompare, AnOlderOneIsReplacedAndOthersTold) {
    EXPECT_EQ(compare(value(1s), std::vector{lies(0s)}), (Verdict{{}, true, true}));
}

TEST(ValkeyCompare, TheSameIsLeft) { EXPECT_EQ(compare(value(0s), std::vector{lies(0s)}), Verdict{}); }

TEST(ValkeyCompare, ANewerOneIsTaken) {
    EXPECT_EQ(compare(value(0s), std::vector{lies(1s)}), (Verdict{0, false, false}));
}

TEST(ValkeyCompare, WhatIsRefusedIsReplacedUnlessOthersMayReadIt) {
    for (std::size_t i = 0; i < valkey::refusals; ++i) {
        const auto why = static_cast<Refusal>(i);
        const bool kept = why == Refusal::unknown_key || why == Refusal::unknown_version;
        EXPECT_EQ(compare(value(0s), std::vector{refused(why)}), (Verdict{{}, !kept, false}))
            << to_string(why);
    }
}

TEST(ValkeyCompare, UnderSeveralNamesTheNewestCountsAndTheFirstIsWritten) {
    // The key has changed: the same value, under the name of the old one.
    EXPECT_EQ(compare(value(0s), std::vector{nothing, lies(0s)}), (Verdict{{}, true, false}));
    EXPECT_EQ(compare(value(1s), std::vector{nothing, lies(0s)}), (Verdict{{}, true, true}));
    EXPECT_EQ(compare(value(0s), std::vector{lies(0s), lies(2s)}), (Verdict{1, false, false}));
    EXPECT_EQ(compare(value(0s), std::vector{lies(3s), lies(2s)}), (Verdict{0, false, false}));
    // A newer one is taken, wherever it lies, and whatever lies under the first name.
    EXPECT_EQ(compare(value(0s), std::vector{refused(Refusal::unknown_key), lies(2s)}),
              (Verdict{1, false, false}));
    EXPECT_EQ(compare(value(1s), std::vector{refused(Refusal::unknown_key), lies(0s)}), Verdict{});
}

Offer offer(std::string_view domain, std::chrono::seconds after = 0s, bool tell = false) {
    return {value(after, domain), noon + 86400s, tell};
}

TEST(ValkeyOffers, TheOldestGoesFirst) {
    Offers offers;
    EXPECT_EQ(offers.push(offer("a.example")), 0U);
    EXPECT_EQ(offers.push(offer("b.example")), 0U);
    EXPECT_EQ(offers.size(), 2U);
    EXPECT_EQ(offers.pop().value.domain.name(), "a.example");
    EXPECT_EQ(offers.pop().value.domain.name(), "b.example");
    EXPECT_TRUE(offers.empty());
    EXPECT_EQ(offers.octets(), 0U);
}

TEST(ValkeyOffers, OneADomainTheNewer) {
    Offers offers;
    (void)offers.push(offer("a.example", 1s, true));
    (void)offers.push(offer("b.example"));
    (void)offers.push(offer("a.example", 0s)); // an older one changes nothing
    (void)offers.push(offer("b.example", 2s));
    ASSERT_EQ(offers.size(), 2U);
    EXPECT_EQ(offers.pop().value.fetched, noon + 1s);
    EXPECT_EQ(offers.pop().value.fetched, noon + 2s);
    (void)offers.push(offer("a.example", 1s, true));
    (void)offers.push(offer("a.example", 2s, false));
    EXPECT_TRUE(offers.pop().tell) << "what others have to hear is not forgotten";
}

TEST(ValkeyOffers, BoundedInNumberAndOctets) {
    Offers few(2);
    (void)few.push(offer("a.example"));
    (void)few.push(offer("b.example"));
    EXPECT_EQ(few.push(offer("c.example")), 1U);
    EXPECT_EQ(few.pop().value.domain.name(), "b.example");

    Offers small(100, 100'000);
    Offer large = offer("a.example");
    large.value.text.assign(60'000, 'x');
    EXPECT_EQ(small.push(large), 0U);
    large.value.domain = base::Domain::parse("b.example").value();
    EXPECT_EQ(small.push(large), 1U);
    EXPECT_EQ(small.size(), 1U);
    large.value.text.assign(200'000, 'x');
    EXPECT_EQ(small.push(large), 1U) << "alone too large";
    EXPECT_TRUE(small.empty());
    EXPECT_EQ(small.octets(), 0U);
}

TEST(ValkeyOffers, WhatComesBackGoesFirstUnlessThereIsANewerOrNoRoom) {
    Offers offers(2);
    (void)offers.push(offer("a.example"));
    (void)offers.push(offer("b.example"));
    Offer taken = offers.pop();
    EXPECT_TRUE(offers.put_back(taken));
    EXPECT_EQ(offers.pop().value.domain.name(), "a.example");
    (void)offers.push(offer("a.example", 5s));
    EXPECT_TRUE(offers.put_back(taken));
    EXPECT_EQ(offers.size(), 2U);
    (void)offers.pop();
    EXPECT_EQ(offers.pop().value.fetched, noon + 5s);
    (void)offers.push(offer("c.example"));
    (void)offers.push(offer("d.example"));
    EXPECT_FALSE(offers.put_back(taken));
    offers.forget(base::Domain::parse("c.example").value());
    EXPECT_EQ(offers.size(), 1U);
    EXPECT_EQ(offers.pop().value.domain.name(), "d.example");
    EXPECT_EQ(offers.octets(), 0U);
}

} // namespace
