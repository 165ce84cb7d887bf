#include "lookup/recent_answers.hpp"

#include "cache/table.hpp"
#include "support/lookup_world.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace {

using base::Instant;
using base::seconds;
using lookup::MemoryAnswer;
using lookup::RecentAnswers;
using Key = RecentAnswers::Key;

constexpr Instant t0{seconds{1'700'000'000}};

struct RecentAnswersTest : testing::Test {
    std::atomic<std::uint32_t> changes{7};
    RecentAnswers recent;

    void keep(std::string_view request, std::string_view reply, Instant now = t0) {
        recent.keep(Key{request}, now, cache::Version{changes},
                    {reply, "a.example", decision::Kind::secure, base::Reason::none, seconds{5}});
    }
    std::string reply(std::string_view request, Instant now = t0) {
        const auto found = recent.find(Key{request}, now);
        return found ? std::string{found->reply} : "unknown";
    }
};

TEST_F(RecentAnswersTest, KnowsWhatWasKept) {
    EXPECT_EQ(reply("sts a.example"), "unknown");
    keep("sts a.example", "OK x");
    const auto found = recent.find(Key{"sts a.example"}, t0);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->reply, "OK x");
    EXPECT_EQ(found->domain, "a.example");
    EXPECT_EQ(found->kind, decision::Kind::secure);
    EXPECT_EQ(found->age, seconds{5});
    // Any other request is not found, however similar.
    for (const char* other :
         {"sts a.exampl", "sts a.examplea.example", "sts a.example ", "Sts a.example", ""})
        EXPECT_EQ(reply(other), "unknown") << other;
}

TEST_F(RecentAnswersTest, ARequestWithTheSameHashIsAnotherOne) {
    keep("sts a.example", "OK x");
    Key other{"sts b.example"};
    other.hash = Key{"sts a.example"}.hash;
    EXPECT_FALSE(recent.find(other, t0)) << "the request itself is compared";
    recent.keep(other, t0, cache::Version{changes}, {"OK y", "b.example", decision::Kind::secure, {}, {}});
    ASSERT_TRUE(recent.find(other, t0));
    EXPECT_EQ(recent.find(other, t0)->reply, "OK y");
}

TEST_F(RecentAnswersTest, ForgetsWithTheSecond) {
    keep("sts a.example", "OK x");
    EXPECT_EQ(reply("sts a.example", t0 + seconds{1}), "unknown");
    EXPECT_EQ(reply("sts a.example", t0 - seconds{1}), "unknown");
    keep("sts a.example", "OK y", t0 + seconds{1});
    EXPECT_EQ(reply("sts a.example", t0 + seconds{1}), "OK y");
}

TEST_F(RecentAnswersTest, ForgetsWithAChange) {
    keep("sts a.example", "OK x");
    ++changes;
    EXPECT_EQ(reply("sts a.example"), "unknown");
    keep("sts a.example", "OK y");
    EXPECT_EQ(reply("sts a.example"), "OK y");
}

TEST_F(RecentAnswersTest, KeepsNothingThatHadChangedBefore) {
    const cache::Version version{changes};
    ++changes;
    recent.keep(Key{"sts a.example"}, t0, version, {"OK x", "a.example", decision::Kind::secure, {}, {}});
    EXPECT_EQ(reply("sts a.example"), "unknown");
}

TEST_F(RecentAnswersTest, ForgetsWhenTold) {
    keep("sts a.example", "OK x");
    recent.clear();
    EXPECT_EQ(reply("sts a.example"), "unknown");
}

TEST_F(RecentAnswersTest, KeepsNothingLarge) {
    const std::string large(RecentAnswers::max_octets, 'x');
    keep("sts a.example", large);
    EXPECT_EQ(reply("sts a.example"), "unknown");
    const std::string fits(RecentAnswers::max_octets - 13 - 9, 'x');
    keep("sts a.example", fits);
    EXPECT_EQ(reply("sts a.example"), fits);
}

TEST_F(RecentAnswersTest, NeverMixesUpRequests) {
    // More than there is room for, so that every place is used many times. When the room is full it is empty again:
    // how many are known depends on when one looks.
    const auto request = [](int i) { return "sts d" + std::to_string(i) + ".example"; };
    int most = 0;
    for (int kept = 0; kept < 20'000;) {
        for (const int end = kept + 500; kept < end; ++kept) {
            keep(request(kept), "OK " + std::to_string(kept));
            ASSERT_EQ(reply(request(kept)), "OK " + std::to_string(kept));
        }
        int known = 0;
        for (int i = 0; i < kept; ++i) {
            const std::string told = reply(request(i));
            if (told == "unknown") continue;
            ++known;
            ASSERT_EQ(told, "OK " + std::to_string(i));
        }
        most = std::max(most, known);
    }
    EXPECT_GT(most, 2000);
    EXPECT_LT(most, 5000) << "bounded";
}

TEST_F(RecentAnswersTest, SeesARequestComeAgainWithinTheSecond) {
    EXPECT_FALSE(recent.comes_again(Key{"sts a.example"}, t0));
    EXPECT_TRUE(recent.comes_again(Key{"sts a.example"}, t0));
    EXPECT_FALSE(recent.comes_again(Key{"sts b.example"}, t0));
    EXPECT_TRUE(recent.comes_again(Key{"sts a.example"}, t0 + seconds{1})) << "or the next";
    EXPECT_FALSE(recent.comes_again(Key{"sts a.example"}, t0 + seconds{3}));
    EXPECT_FALSE(recent.comes_again(Key{"sts a.example"}, t0)) << "the clock was set back";
}

TEST_F(RecentAnswersTest, StartsAnewWhenFull) {
    const std::string large(900, 'x');
    const std::size_t more = RecentAnswers::room / large.size() + 10;
    for (std::size_t i = 0; i < more; ++i) {
        const std::string request = "sts d" + std::to_string(i) + ".example";
        keep(request, large);
        ASSERT_EQ(reply(request), large);
    }
    EXPECT_EQ(reply("sts d0.example"), "unknown");
}

// ---- in the service

constexpr const char* notfound = "NOTFOUND ";

struct RecentAnswersInService : testing::Test {
    test::LookupWorld world;
    const base::Domain domain = base::Domain::parse("a.example").value();

    void SetUp() override {
        world.at("a.example").record("1");
        world.at("a.example").policy(test::policy_text("enforce", {"mx.a.example"}, 7 * 86400));
        world.ask("a.example");
    }
    /// The answer, after asking often enough for it to be remembered.
    std::string asked(const std::string& key = "a.example") {
        const std::string reply = world.ask(key);
        for (int i = 0; i < 4; ++i) EXPECT_EQ(world.ask(key), reply);
        return reply;
    }
};

TEST_F(RecentAnswersInService, AreLoggedLikeEveryOther) {
    asked();
    EXPECT_EQ(world.log.count("lookup domain=a.example answer=secure source=memory age=0 "), 5u);
    asked("A.EXAMPLE:25");
    EXPECT_EQ(world.log.count("lookup domain=a.example answer=secure source=memory age=0 "), 10u);
}

TEST_F(RecentAnswersInService, EndWithEveryChangeOfTheTable) {
    const std::string secure = asked();
    EXPECT_EQ(secure, "OK secure match=mx.a.example servername=hostname");

    cache::Entry entry = std::get<cache::Entry>(world.table().find(domain));
    entry.policy = world.table().intern(test::policy_text("enforce", {"new.a.example"}, 86400)).value();
    world.table().put(domain, entry, world.time.now());
    EXPECT_EQ(asked(), "OK secure match=new.a.example servername=hostname");

    world.table().update(domain, [&](cache::Entry& e) {
        e.policy = world.table().intern(test::policy_text("testing", {"new.a.example"}, 86400)).value();
    });
    EXPECT_EQ(asked(), notfound);

    world.table().put(domain, entry, world.time.now());
    EXPECT_EQ(asked(), "OK secure match=new.a.example servername=hostname");
    cache::Absence absence;
    absence.reason = base::Reason::no_record;
    absence.until = world.time.now() + seconds{60};
    world.table().erase(domain);
    world.table().put(domain, absence);
    EXPECT_EQ(asked(), notfound);
}

TEST_F(RecentAnswersInService, EndWithAReload) {
    world.at("a.example").policy(test::policy_text("testing", {"mx.a.example"}, 7 * 86400));
    world.at("a.example").record("2");
    world.pass(seconds{61});
    world.ask("a.example");
    EXPECT_EQ(asked(), notfound);
    cache::Tuning tuning;
    tuning.enforce_testing = true;
    world.tune(tuning);
    EXPECT_EQ(asked(), "OK secure match=mx.a.example servername=hostname");
}

TEST_F(RecentAnswersInService, AreKeptApartByDialect) {
    const std::string plain = asked();
    EXPECT_GT(world.ask("a.example", "sts-tlsrpt").size(), plain.size());
    EXPECT_EQ(asked(), plain);
}

TEST_F(RecentAnswersInService, DoNotPutOffACheck) {
    asked();
    EXPECT_EQ(world.txt_questions(), 1u);
    world.pass(seconds{61});
    asked();
    EXPECT_EQ(world.txt_questions(), 2u);
}

} // namespace
