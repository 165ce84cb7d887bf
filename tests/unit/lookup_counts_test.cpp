// What is counted of answers and searches, with the real cache and store: each request is counted once, whatever becomes
// of it.
#include "lookup/counts.hpp"

#include "support/lookup_world.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <numeric>

namespace {

using namespace std::chrono_literals;
using base::Reason;
using decision::Kind;
using lookup::AnswerCounts;
using lookup::Source;
using test::LookupWorld;
using test::policy_text;

void serve(LookupWorld& world, const std::string& mode = "enforce") {
    world.at("a.example").record("1");
    world.at("a.example").policy(policy_text(mode, {"mx.a.example"}, 7 * 86400));
}

std::uint64_t of(const AnswerCounts& counts, Source source, Kind kind) {
    return counts.queries[static_cast<std::size_t>(source)].of(kind).value();
}

std::uint64_t queries(const AnswerCounts& counts) {
    std::uint64_t sum = 0;
    for (const auto& source : counts.queries)
        for (std::size_t kind = 0; kind < decision::kinds; ++kind)
            sum += source.of(static_cast<Kind>(kind)).value();
    return sum;
}

std::uint64_t durations(const AnswerCounts& counts, Source source) {
    base::Histogram<base::answer_bounds>::Counts took;
    counts.took[static_cast<std::size_t>(source)].add_to(took);
    return std::accumulate(took.buckets.begin(), took.buckets.end(), std::uint64_t{0});
}

void add_up(const AnswerCounts& counts) {
    EXPECT_EQ(counts.requests.value(), queries(counts) + counts.status.value() + counts.malformed.value() +
                                           counts.unanswered.value() + counts.waiting.value());
}

TEST(LookupCounts, EachRequestIsCountedOnce) {
    LookupWorld world;
    serve(world);
    const AnswerCounts& counts = world.answer_counts();
    EXPECT_EQ(world.ask("a.example").substr(0, 9), "OK secure");
    for (int i = 0; i < 9; ++i) (void)world.ask("a.example"); // some of them known of this very second
    (void)world.ask("b.example");
    (void)world.ask("b.example");
    (void)world.ask(".example");
    (void)world.ask("[192.0.2.1]");
    (void)world.ask("localhost");
    (void)world.ask("version", "stsmapd.status");
    EXPECT_EQ(of(counts, Source::network, Kind::secure), 1u);
    EXPECT_EQ(of(counts, Source::memory, Kind::secure), 9u);
    EXPECT_EQ(of(counts, Source::network, Kind::notfound), 1u);
    EXPECT_EQ(of(counts, Source::memory, Kind::notfound), 1u);
    EXPECT_EQ(of(counts, Source::key, Kind::notfound), 3u);
    EXPECT_EQ(counts.keys_rejected.of(Reason::key_parent_domain).value(), 1u);
    EXPECT_EQ(counts.keys_rejected.of(Reason::key_address_literal).value(), 1u);
    EXPECT_EQ(counts.keys_rejected.of(Reason::key_single_label).value(), 1u);
    EXPECT_EQ(counts.status.value(), 1u);
    EXPECT_EQ(counts.requests.value(), 16u);
    EXPECT_EQ(counts.waiting.value(), 0u);
    add_up(counts);
    EXPECT_EQ(durations(counts, Source::network), 2u);
    EXPECT_EQ(world.search_counts().fetches.of(Reason::none).value(), 1u);
}

TEST(LookupCounts, WhoWaitsAndWhoIsAnsweredAtTheDeadline) {
    LookupWorld world;
    serve(world);
    world.at("a.example").https_delay = 30s;
    const AnswerCounts& counts = world.answer_counts();
    std::string reply;
    world.ask_later("a.example", [&](std::string text) { reply = std::move(text); });
    EXPECT_EQ(counts.waiting.value(), 1u);
    add_up(counts);
    world.pass(11s);
    EXPECT_EQ(reply, "NOTFOUND ");
    EXPECT_EQ(counts.waiting.value(), 0u);
    EXPECT_EQ(counts.deadlines.value(), 1u);
    EXPECT_EQ(of(counts, Source::network, Kind::notfound), 1u);
    base::Histogram<base::answer_bounds>::Counts took;
    counts.took[static_cast<std::size_t>(Source::network)].add_to(took);
    EXPECT_EQ(took.sum_us, 10'000'000u) << "exactly the deadline";
    add_up(counts);
    world.pass(60s);
    const lookup::SearchCounts& searches = world.search_counts();
    base::Histogram<base::network_bounds>::Counts fetches;
    searches.fetch_took.add_to(fetches);
    EXPECT_EQ(fetches.sum_us, 30'000'000u);
}

TEST(LookupCounts, FetchesByWhatBecameOfThem) {
    LookupWorld world;
    world.at("a.example").record("1");
    world.at("a.example").https_fails(Reason::cert_expired);
    world.at("b.example").record("1");
    world.at("b.example").policy("version: STSv1\nmode: weak\nmax_age: 86400\n");
    (void)world.ask("a.example");
    (void)world.ask("b.example");
    const auto& fetches = world.search_counts().fetches;
    EXPECT_EQ(fetches.of(Reason::cert_expired).value(), 1u);
    EXPECT_EQ(fetches.of(Reason::policy_mode).value(), 1u);
    EXPECT_EQ(fetches.of(Reason::none).value(), 0u);
}

TEST(LookupCounts, OverridesAndWhatIsOnlyObserved) {
    LookupWorld world;
    serve(world);
    decision::Override may;
    may.domain = "a.example";
    may.action = decision::Action::may;
    may.reason = "a test";
    may.weakens = true;
    const AnswerCounts& counts = world.answer_counts();
    world.set_overrides({may});
    for (int i = 0; i < 5; ++i) EXPECT_EQ(world.ask("a.example"), "OK may");
    EXPECT_EQ(counts.override_hits.of(decision::Action::may).value(), 5u);
    EXPECT_EQ(of(counts, Source::memory, Kind::may) + of(counts, Source::network, Kind::may), 5u);
    world.set_overrides({}, true);
    for (int i = 0; i < 4; ++i) EXPECT_EQ(world.ask("a.example"), "NOTFOUND ");
    EXPECT_EQ(counts.observed.of(Kind::secure).value(), 4u);
    EXPECT_EQ(counts.override_hits.of(decision::Action::may).value(), 5u);
    world.set_overrides({may}, true); // observing an override
    (void)world.ask("a.example");
    EXPECT_EQ(counts.observed.of(Kind::may).value(), 1u);
    add_up(counts);
}

TEST(LookupCounts, AnOverrideIsAHitWhateverItHides) {
    LookupWorld world;
    decision::Override off;
    off.domain = "a.example";
    off.action = decision::Action::off;
    off.reason = "a test";
    world.set_overrides({off});
    for (int i = 0; i < 5; ++i) EXPECT_EQ(world.ask("a.example"), "NOTFOUND ");
    EXPECT_EQ(world.answer_counts().override_hits.of(decision::Action::off).value(), 5u);
}

TEST(LookupRecordVanished, OnceUntilItIsSeenAgain) {
    LookupWorld world;
    serve(world);
    (void)world.ask("a.example");
    const auto vanished = [&] { return world.log.count("policy-record-vanished domain=a.example"); };
    const auto look = [&] {
        world.pass(2 * 3600s);
        (void)world.ask("a.example"); // the check goes on behind the answer
        world.pass(1s);
    };
    look();
    EXPECT_EQ(vanished(), 0u);
    world.at("a.example").dns_fails(Reason::dns_servfail);
    look();
    EXPECT_EQ(vanished(), 0u) << "nobody knows";
    world.at("a.example").no_record();
    look();
    look();
    world.pass(2 * 86400s); // daily fetches, which need no record
    look();
    EXPECT_EQ(vanished(), 1u);
    EXPECT_EQ(world.log.count("policy-record-vanished domain=a.example mode=enforce reason=no-record id=1"),
              1u);
    serve(world);
    look();
    world.at("a.example").no_record();
    look();
    EXPECT_EQ(vanished(), 2u);
    (void)world.ask("never.example");
    EXPECT_EQ(world.log.count("policy-record-vanished"), 2u) << "one that never had a policy";
}

} // namespace
