// The overrides in use: what changes the set, when they end, and which events say so; and what the events of policies
// say about a domain's protection.
#include "state/book.hpp"

#include "state/protection.hpp"
#include "support/manual_time.hpp"
#include "support/memory_log.hpp"
#include "support/temp_folder.hpp"

#include <gtest/gtest.h>

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>

namespace {

using namespace std::chrono_literals;
using decision::Override;
using state::Book;
using state::Keeper;

/// Runs the keeper's callbacks on the test's thread.
class BackThread {
public:
    void post(std::function<void()> call) {
        const std::lock_guard guard{mutex_};
        calls_.push_back(std::move(call));
        came_.notify_one();
    }
    void run_one() {
        std::unique_lock guard{mutex_};
        ASSERT_TRUE(came_.wait_for(guard, 60s, [this] { return !calls_.empty(); }));
        const auto call = std::move(calls_.front());
        calls_.pop_front();
        guard.unlock();
        call();
    }

private:
    std::mutex mutex_;
    std::condition_variable came_;
    std::deque<std::function<void()>> calls_;
};

struct StateBook : testing::Test {
    StateBook() {
        Keeper::Options options;
        options.post = [this](std::function<void()> call) { back.post(std::move(call)); };
        keeper =
            std::move(Keeper::open(folder / "state.db", std::move(options), keeper_log, time).value().keeper);
        book.emplace(Book::Parts{*keeper, log, time, time, [this] { ++changes; }}, std::vector<Override>{});
    }
    [[nodiscard]] Override entry(std::string_view domain, std::string_view until = "1h",
                                 bool weakens = false) const {
        decision::OverrideWords words{.domain = domain, .action = "off", .reason = "a test"};
        words.until = until;
        words.weakens = weakens;
        auto made = decision::parse_override(words, time.now()).value();
        made.added_by = "uid 0";
        return made;
    }
    [[nodiscard]] static Override configured(Override one) {
        one.configured = true;
        return one;
    }
    std::string add(const Override& one) {
        std::string words = "not called";
        book->add(one, "secure",
                  [&](const base::Expected<void, std::string>& done) { words = done ? "" : done.error(); });
        if (words == "not called") back.run_one();
        return words;
    }
    [[nodiscard]] const Override* find(std::string_view domain) const {
        return book->current() ? book->current()->find(domain, time.now()) : nullptr;
    }
    void pass(base::seconds duration) {
        const auto end = time.passed() + duration;
        while (time.next_call() && *time.next_call() <= end) time.make_next_call();
        time.move_to(end);
    }

    test::TempFolder folder;
    test::ManualTime time;
    test::MemoryLog log, keeper_log;
    BackThread back;
    std::unique_ptr<Keeper> keeper;
    std::optional<Book> book;
    int changes = 0;
};

TEST_F(StateBook, IsEmptyAtFirst) {
    EXPECT_EQ(book->current(), nullptr);
    book->report();
    EXPECT_TRUE(log.lines().empty());
}

TEST_F(StateBook, AnOverrideIsInUseWhenItIsOnTheDisk) {
    bool done = false;
    book->add(entry("a.example", "1h", true), "secure", [&](const auto&) { done = true; });
    EXPECT_EQ(find("a.example"), nullptr);
    back.run_one();
    EXPECT_TRUE(done);
    ASSERT_NE(find("a.example"), nullptr);
    EXPECT_EQ(changes, 1);
    EXPECT_EQ(
        log.count("warning override-added domain=a.example action=off weakens=yes until=2023-11-14T23:13:20Z "
                  "by=uid 0 hides=secure note=a test"),
        1u);
    book->remove("a.example", "uid 7", [](const auto&) {});
    back.run_one();
    EXPECT_EQ(find("a.example"), nullptr);
    EXPECT_EQ(log.count("warning override-removed domain=a.example action=off weakens=yes by=uid 7"), 1u);
}

TEST_F(StateBook, EachEndsAtItsTime) {
    EXPECT_EQ(add(entry("a.example", "1h")), "");
    EXPECT_EQ(add(entry("b.example", "2d")), "");
    book->set_configured({configured(entry("c.example", "1h"))});
    pass(3599s);
    EXPECT_EQ(log.count("override-expired"), 0u);
    pass(1s);
    EXPECT_EQ(
        log.count("info override-expired domain=a.example action=off weakens=no source=run-time note=a test"),
        1u);
    EXPECT_EQ(log.count("override-expired domain=c.example action=off weakens=no source=configuration"), 1u);
    EXPECT_EQ(book->find("a.example"), nullptr);
    EXPECT_EQ(book->current()->all().size(), 2u) << "one of the configuration stays, and applies to nothing";
    pass(47h);
    EXPECT_EQ(log.count("override-expired domain=b.example"), 1u);
    EXPECT_EQ(log.count("override-expired"), 3u);
}

TEST_F(StateBook, AtTheStartThoseThatEndedAreGone) {
    Override over = entry("a.example", "1h");
    over.until = time.now();
    book.emplace(Book::Parts{*keeper, log, time, time, [this] { ++changes; }},
                 std::vector<Override>{over, entry("b.example")});
    EXPECT_EQ(log.count("override-expired domain=a.example"), 1u);
    EXPECT_EQ(book->run_time(), 1u);
    EXPECT_EQ(changes, 0) << "nobody has the set yet";
}

TEST_F(StateBook, ThereIsABoundForAllTogether) {
    std::vector<Override> many;
    for (std::size_t i = 0; i + 1 < decision::max_overrides; ++i)
        many.push_back(configured(entry("d" + std::to_string(i) + ".example")));
    EXPECT_TRUE(book->check(many));
    book->set_configured(many);
    EXPECT_EQ(add(entry("a.example")), "");
    EXPECT_NE(add(entry("b.example")), "");
    EXPECT_EQ(add(entry("a.example", "2h")), "") << "in place of another";
    many.push_back(configured(entry("x.example")));
    EXPECT_FALSE(book->check(many));
    EXPECT_EQ(find("b.example"), nullptr);
}

TEST_F(StateBook, ThoseThatAreStillBeingWrittenCountForTheBound) {
    std::vector<Override> many;
    for (std::size_t i = 0; i + 1 < decision::max_overrides; ++i)
        many.push_back(configured(entry("d" + std::to_string(i) + ".example")));
    book->set_configured(many);
    std::vector<std::string> said;
    const auto note = [&](const base::Expected<void, std::string>& done) {
        said.push_back(done ? "" : done.error());
    };
    book->add(entry("a.example"), "", note);
    book->add(entry("b.example"), "", note); // at once: the first is not on the disk yet
    back.run_one();
    ASSERT_EQ(said.size(), 2U);
    EXPECT_EQ(said[0], "there are 10000 overrides already");
    EXPECT_EQ(said[1], "");
    ASSERT_TRUE(book->current()) << "all of them stay in use";
    EXPECT_EQ(book->current()->all().size(), decision::max_overrides);
}

TEST_F(StateBook, ManyAreTakenIntoUseTogether) {
    std::size_t written = 0;
    const auto note = [&](const base::Expected<void, std::string>& done) { written += done ? 1 : 0; };
    for (const char* domain : {"a.example", "b.example", "c.example"})
        book->add(entry(domain), "", note, Book::Use::later);
    while (written < 3) back.run_one();
    EXPECT_EQ(changes, 0);
    EXPECT_EQ(find("a.example"), nullptr);
    book->use_added();
    EXPECT_EQ(changes, 1);
    for (const char* domain : {"a.example", "b.example", "c.example"}) EXPECT_NE(find(domain), nullptr);
    book->use_added();
    EXPECT_EQ(changes, 1) << "nothing was added since";
}

TEST_F(StateBook, SaysHowManyMayWeaken) {
    std::vector<Override> some{configured(entry("a.example"))};
    book->set_configured(some);
    book->report();
    EXPECT_EQ(log.lines().back(), "info overrides configured=1 run_time=0 weakening=0");
    for (int i = 0; i < 7; ++i)
        some.push_back(configured(entry("w" + std::to_string(i) + ".example", "1h", true)));
    book->set_configured(some);
    book->report();
    EXPECT_EQ(log.lines().back(),
              "warning overrides configured=8 run_time=0 weakening=7 "
              "domains=w0.example,w1.example,w2.example,w3.example,w4.example,and 2 more");
}

TEST(StateProtection, FollowsTheEventsOfPolicies) {
    using Change = state::Protection::Change;
    const auto change = [](const events::Event& event, bool strict = false) {
        return state::protection_of(event, strict).change;
    };
    events::PolicyLearnt learnt{
        .domain = "a.example", .mode = sts::Mode::enforce, .mx = 1, .max_age = 86400s, .id = "1"};
    EXPECT_EQ(change(learnt), Change::began);
    EXPECT_EQ(state::protection_of(learnt, false).domain, "a.example");
    learnt.mode = sts::Mode::testing;
    EXPECT_EQ(change(learnt), Change::ended);
    EXPECT_EQ(change(learnt, true), Change::began);
    events::PolicyRefreshed refreshed{
        .domain = "a.example", .mode = sts::Mode::enforce, .max_age = 86400s, .id = "1"};
    EXPECT_EQ(change(refreshed), Change::began);
    events::PolicyChanged changed;
    changed.mode = sts::Mode::enforce;
    changed.max_age = 0s; // withdrawn
    EXPECT_EQ(change(changed), Change::ended);
    changed.max_age = 1s;
    EXPECT_EQ(change(changed), Change::began);
    EXPECT_EQ(change(events::PolicyExpired{}), Change::ended);
    EXPECT_EQ(change(events::PolicyEvicted{}), Change::ended);
    EXPECT_EQ(change(events::PolicyForgotten{}), Change::ended);
    EXPECT_EQ(change(events::PolicyFailed{}), Change::none);
    EXPECT_EQ(change(events::Lookup{}), Change::none);
}

} // namespace
