// The next step for a domain: what was served and what there is now -> a proposal, or a refusal with its reasons.
#include "tool/publish/history.hpp"
#include "tool/publish/next.hpp"
#include "tool/publish/print.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <sstream>

namespace {

using namespace publish;
using namespace std::chrono_literals;
using State = Host::State;
using sts::Mode;

constexpr base::Instant now{std::chrono::seconds{1795898120}};

std::string text(Mode mode, std::vector<sts::MxPattern> mx = {{"mx.example.com", false}},
                 std::chrono::seconds max_age = default_max_age) {
    return policy_text({mode, max_age, std::move(mx)});
}

/// A domain with one MX host that passes, and what is served.
Situation situation(const std::string& served, const std::string& id = "1") {
    Situation made;
    made.domain = "example.com";
    made.mx_known = true;
    made.hosts = {{"mx.example.com", State::good, ""}};
    made.id = id;
    if (!served.empty()) made.text = served;
    if (const auto policy = sts::parse_policy(served)) made.policy = *policy;
    return made;
}

std::vector<std::string> ids(const Next& next) {
    std::vector<std::string> all;
    for (const findings::Finding& one : next.findings) all.emplace_back(one.row->id);
    return all;
}
using Ids = std::vector<std::string>;

History history(std::vector<Served> served) { return {"example.com", std::move(served)}; }

Next step(const Situation& situation, const History& before = {}, NextWish wish = {}) {
    return next_step(situation, before, wish, now);
}

TEST(PublishNext, BeginsInModeTesting) {
    Situation fresh = situation("", "");
    fresh.hosts.push_back({"mx2.example.com", State::fails, "the certificate has expired"});
    const Next next = step(fresh);
    EXPECT_EQ(next.step, "start");
    ASSERT_TRUE(next.plan);
    EXPECT_EQ(next.plan->policy.mode, Mode::testing);
    EXPECT_EQ(next.plan->policy.mx.size(), 2u);
    EXPECT_EQ(next.plan->steps.front().what, Do::prepare_host);
    EXPECT_EQ(ids(next), (Ids{"publish-mx-fails", "publish-no-reports"}))
        << "said, and no reason not to begin";
}

TEST(PublishNext, GoesFromTestingToEnforce) {
    const Next next = step(situation(text(Mode::testing)));
    EXPECT_EQ(next.step, "enforce");
    ASSERT_TRUE(next.plan);
    EXPECT_EQ(next.plan->policy.mode, Mode::enforce);
    EXPECT_NE(next.plan->id, "1");
    EXPECT_EQ(next.plan->steps.front().what, Do::serve_policy) << "the host is there";
    EXPECT_EQ(ids(next), Ids{});
    const Next longer = step(situation(text(Mode::testing, {{"mx.example.com", false}}, 60s)));
    EXPECT_EQ(longer.plan->policy.max_age, default_max_age);
}

TEST(PublishNext, RefusesEnforceWhileAHostWouldFail) {
    for (const State state : {State::fails, State::unknown}) {
        Situation bad = situation(text(Mode::testing));
        bad.hosts[0].state = state;
        bad.hosts[0].words = "it offers no STARTTLS";
        const Next next = step(bad);
        EXPECT_EQ(next.step, "refused");
        EXPECT_FALSE(next.plan);
        EXPECT_EQ(ids(next), Ids{state == State::fails ? "publish-mx-fails" : "publish-mx-not-seen"});
        EXPECT_EQ(next.findings[0].words, "it offers no STARTTLS");
    }
}

TEST(PublishNext, CoversANewHostFirst) {
    for (const Mode mode : {Mode::testing, Mode::enforce}) {
        Situation moved = situation(text(mode));
        moved.hosts.push_back({"mx2.example.com", State::good, ""});
        const Next next = step(moved);
        EXPECT_EQ(next.step, "repair");
        EXPECT_EQ(ids(next), Ids{"publish-mx-uncovered"});
        ASSERT_TRUE(next.plan);
        EXPECT_EQ(next.plan->policy.mode, mode) << "one step at a time";
        EXPECT_EQ(next.plan->policy.mx,
                  (std::vector<sts::MxPattern>{{"mx.example.com", false}, {"mx2.example.com", false}}));
    }
    Situation odd = situation(text(Mode::testing));
    odd.hosts.push_back({"a_b.example.com", State::good, ""});
    const Next refused = step(odd);
    EXPECT_EQ(refused.step, "refused");
    EXPECT_EQ(ids(refused), (Ids{"publish-mx-uncovered", "publish-mx-name"}));
}

TEST(PublishNext, LeavesWhatIsWell) {
    const Next next = step(situation(text(Mode::enforce)));
    EXPECT_EQ(next.step, "keep");
    EXPECT_FALSE(next.plan);
    EXPECT_EQ(ids(next), Ids{"publish-no-reports"});
    NextWish wish;
    wish.max_age = 30 * 86400s;
    const Next longer = step(situation(text(Mode::enforce)), {}, wish);
    ASSERT_TRUE(longer.plan);
    EXPECT_EQ(longer.plan->policy.max_age, 30 * 86400s);
}

TEST(PublishNext, AsksForANewIdWhenOnlyTheTextChanged) {
    const std::string before = text(Mode::testing), after = text(Mode::enforce);
    const History forgotten = history({{before, "1", now - 10h, now - 2h}, {after, "1", now, now}});
    const Next next = step(situation(after), forgotten);
    EXPECT_EQ(next.step, "repair");
    EXPECT_EQ(ids(next), Ids{"publish-id-unchanged"});
    ASSERT_TRUE(next.plan);
    EXPECT_EQ(next.plan->text, "") << "it stays";
    EXPECT_EQ(next.plan->steps.front().what, Do::publish_txt);
    const History well = history({{before, "1", now - 10h, now - 2h}, {after, "2", now, now}});
    EXPECT_EQ(step(situation(after, "2"), well).step, "keep");
    const History same = history({{after, "1", now - 10h, now - 2h}, {after, "2", now, now}});
    EXPECT_EQ(ids(step(situation(after, "2"), same)), (Ids{"publish-text-unchanged", "publish-no-reports"}));
    const History repaired = history(
        {{before, "1", now - 10h, now - 5h}, {after, "1", now - 4h, now - 2h}, {after, "2", now, now}});
    EXPECT_EQ(last_change(repaired), Change::both) << "what was proposed is no fault";
    EXPECT_EQ(ids(step(situation(after, "2"), repaired)), Ids{"publish-no-reports"});
    const History twice = history(
        {{before, "1", now - 10h, now - 5h}, {after, "2", now - 4h, now - 2h}, {after, "3", now, now}});
    EXPECT_EQ(last_change(twice), Change::id_only);
}

TEST(PublishNext, WaitsForTheRecordBeforeAsLongAsItsTtl) {
    Situation now_served = situation(text(Mode::testing));
    const auto wait = [&] {
        const Next next = step(now_served);
        const auto txt = std::ranges::find(next.plan->steps, Do::publish_txt, &Step::what);
        return txt->wait;
    };
    EXPECT_EQ(wait(), record_ttl);
    now_served.txt_ttl = 60s;
    EXPECT_EQ(wait(), record_ttl);
    now_served.txt_ttl = 86400s;
    EXPECT_EQ(wait(), 86400s);
}

TEST(PublishNext, RepairsWhatSendersCannotUse) {
    const Next broken = step(situation("version: STSv1\nmode: test\n"));
    EXPECT_EQ(broken.step, "repair");
    EXPECT_EQ(ids(broken), (Ids{"publish-unusable", "publish-no-reports"}));
    ASSERT_TRUE(broken.plan);
    EXPECT_EQ(broken.plan->policy.mode, Mode::testing);
    const Next silent = step(situation(text(Mode::enforce), ""));
    EXPECT_EQ(silent.step, "repair");
    ASSERT_TRUE(silent.plan);
    EXPECT_EQ(silent.plan->text, "");
    EXPECT_EQ(silent.plan->steps.front().what, Do::publish_txt);
}

TEST(PublishNext, RefusesWithoutMail) {
    Situation none = situation("", "");
    none.no_mail = true;
    EXPECT_EQ(ids(step(none)), Ids{"publish-no-mail"});
    EXPECT_EQ(step(none).step, "refused");
    Situation dark = situation("", "");
    dark.mx_known = false;
    EXPECT_EQ(ids(step(dark)), Ids{"publish-mx-unknown"});
    EXPECT_EQ(ids(first(dark, {}, Mode::testing, now)), Ids{"publish-mx-unknown"});
}

TEST(PublishNext, EnforcesAtOnceOnlyWhatWasLookedAt) {
    Situation fresh = situation("", "");
    EXPECT_EQ(first(fresh, {}, Mode::enforce, now).plan->policy.mode, Mode::enforce);
    fresh.hosts[0].state = State::unknown;
    EXPECT_EQ(first(fresh, {}, Mode::enforce, now).step, "refused");
    EXPECT_EQ(first(fresh, {}, Mode::testing, now).step, "start");
    const Next again = first(situation(text(Mode::enforce)), {}, Mode::testing, now);
    EXPECT_EQ(ids(again), (Ids{"publish-already", "publish-no-reports"}));
}

TEST(PublishNext, WithdrawsInTheRightOrder) {
    NextWish wish;
    wish.withdraw = true;
    const Next begin =
        step(situation(text(Mode::enforce, {{"mx.example.com", false}}, 30 * 86400s)), {}, wish);
    EXPECT_EQ(begin.step, "withdraw");
    ASSERT_TRUE(begin.plan);
    EXPECT_EQ(begin.plan->text, "version: STSv1\nmode: none\nmax_age: 86400\n");
    std::vector<Do> order;
    for (const Step& one : begin.plan->steps) order.push_back(one.what);
    EXPECT_EQ(order, (std::vector{Do::serve_policy, Do::publish_txt, Do::remove_txt, Do::remove_host}));
    EXPECT_EQ(begin.plan->steps[1].wait, 30 * 86400s) << "the max_age of the policy before";

    const std::string none = text(Mode::none, {}, 86400s);
    const std::string before = text(Mode::enforce);
    const Next early =
        step(situation(none, "2"),
             history({{before, "1", now - 20 * 24h, now - 2 * 24h}, {none, "2", now - 24h, now}}), wish);
    EXPECT_EQ(early.step, "withdrawn");
    EXPECT_FALSE(early.plan);
    EXPECT_NE(early.words.find("until 2026-12-04T20:35:20Z"), std::string::npos) << early.words;
    const Next late = step(
        situation(none, "2"),
        history({{before, "1", now - 90 * 24h, now - 60 * 24h}, {none, "2", now - 59 * 24h, now}}), wish);
    ASSERT_TRUE(late.plan);
    EXPECT_EQ(late.plan->steps[0].what, Do::remove_txt);
    EXPECT_EQ(ids(late), Ids{});
    EXPECT_EQ(ids(step(situation(none, "2"), {}, wish)), Ids{"publish-before-unknown"});
    EXPECT_EQ(step(situation("", ""), {}, wish).step, "nothing");
}

TEST(PublishHistory, RemembersWhatWasServed) {
    History made = with(history({}), "a", "1", now);
    made = with(made, "a", "1", now + 1h);
    made = with(made, "b", "1", now + 2h);
    EXPECT_EQ(made, history({{"a", "1", now, now + 1h}, {"b", "1", now + 2h, now + 2h}}));
    EXPECT_EQ(last_change(made), Change::text_only);
    EXPECT_EQ(last_change(history({})), Change::unknown);
    EXPECT_EQ(last_change(with(with(history({}), "a", "1", now), "a", "1", now + 1h)), Change::none);
    EXPECT_EQ(last_change(with(with(history({}), "a", "1", now), "b", "2", now + 1h)), Change::both);
    for (std::size_t i = 0; i < 2 * max_history; ++i)
        made = with(std::move(made), std::to_string(i), "1", now);
    EXPECT_EQ(made.served.size(), max_history);
}

TEST(PublishHistory, KnowsWhatSendersMayHold) {
    const std::string old = text(Mode::enforce),
                      fresh = text(Mode::testing, {{"mx.example.com", false}}, 3600s);
    const auto all = held(history({{text(Mode::none, {}, 60s), "0", now - 90h, now - 80h},
                                   {old, "1", now - 70h, now - 50h},
                                   {fresh, "2", now - 40h, now}}),
                          now);
    ASSERT_EQ(all.size(), 2u) << "what has ended is left out";
    EXPECT_TRUE(all[0].current);
    EXPECT_EQ(all[0].until, now + 1h);
    EXPECT_EQ(all[1].until, now - 40h + default_max_age)
        << "it may have been served until the next one was seen";
    std::ostringstream out;
    print_held(
        all, now, [](base::Instant) { return 0s; }, out);
    EXPECT_NE(out.str().find("Senders may still hold:\n  mode testing, id 2: until 2026-11-28 21:35"),
              std::string::npos)
        << out.str();
}

TEST(PublishHistory, IsReadAsItWasWritten) {
    const History made = history({{"a\n", "1", now - 3h, now - 2h}, {"b", "", now - 1h, now}});
    const auto again = read_history(write_history(made));
    ASSERT_TRUE(again) << again.error();
    EXPECT_EQ(*again, made);
    for (const char* bad :
         {"", "{}", "[]", "{\"schema\":2,\"domain\":\"a\",\"served\":[]}", "{\"schema\":1,\"domain\":\"a\"}",
          "{\"schema\":1,\"domain\":\"a\",\"served\":[1]}",
          "{\"schema\":1,\"domain\":\"a\",\"served\":[{\"text\":\"a\",\"id\":\"1\"}]}"})
        EXPECT_FALSE(read_history(bad)) << bad;
    EXPECT_FALSE(read_history(std::string(max_history_file + 1, ' ')));
}

TEST(PublishPrint, SaysWhatToDoInItsOrder) {
    NextWish wish;
    wish.rua = {"mailto:a@example.com"};
    std::ostringstream out;
    print_next("example.com", first(situation("", ""), wish, Mode::testing, now), out);
    const std::string page = out.str();
    std::size_t at = 0;
    for (const char* part :
         {"example.com: a policy of mode testing for 1 name\n", "    mx: mx.example.com\n",
          "1. Give mta-sts.example.com an A or AAAA record",
          "2. Serve the policy at https://mta-sts.example.com/.well-known/mta-sts.txt with\n",
          "3. Publish the TXT record", "_mta-sts.example.com. 3600 IN TXT \"v=STSv1; id=20261128T203520Z;\"",
          "Then wait 60 min", "4. Publish the TLSRPT record", "Then wait 14 days", "5. Look at the result.",
          "stsmap publish --verify example.com\n"}) {
        const std::size_t found = page.find(part, at);
        EXPECT_NE(found, std::string::npos) << part << "\n" << page;
        if (found != std::string::npos) at = found;
    }
    std::istringstream lines(page);
    for (std::string line; std::getline(lines, line);)
        EXPECT_TRUE(line.size() <= 80 || line.find(" IN TXT ") != std::string::npos) << line;
}

} // namespace
