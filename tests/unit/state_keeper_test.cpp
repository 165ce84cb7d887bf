// state.db: what it keeps across restarts, damage, a full disk, a file taken away, and a newer version's.
#include "state/keeper.hpp"

#include "sqlite/files.hpp"
#include "sqlite/sqlite.hpp"
#include "state/file.hpp"
#include "support/failing_disk.hpp"
#include "support/store_bench.hpp"

#include <gtest/gtest.h>

#include <sys/stat.h>

#include <condition_variable>
#include <deque>
#include <fstream>
#include <mutex>

namespace {

using namespace std::chrono_literals;
using state::Keeper;
using state::Observed;
namespace fs = std::filesystem;

class Bench {
public:
    Bench() : file(folder / "state.db") {
        options.post = [](const std::function<void()>& call) { call(); };
        options.retry_first = 1ms;
        options.retry_max = 10ms;
    }

    base::Expected<Keeper::Opened, std::string> try_open() { return Keeper::open(file, options, log, clock); }
    std::unique_ptr<Keeper> open() {
        auto opened = try_open();
        if (!opened) throw std::runtime_error(opened.error());
        overrides = std::move(opened->overrides);
        return std::move(opened->keeper);
    }
    [[nodiscard]] base::Instant now() const { return clock.now(); }
    [[nodiscard]] decision::Override entry(std::string_view domain, std::string_view action = "off") const {
        decision::OverrideWords words{.domain = domain, .action = action, .reason = "a test"};
        words.until = "14d";
        return decision::parse_override(words, now()).value();
    }
    /// "" or why nothing was changed.
    static std::string save(Keeper& keeper, const decision::Override& entry) {
        return wait([&](const Keeper::Done& done) { keeper.save(entry, done); });
    }
    static std::string remove(Keeper& keeper, const std::string& domain) {
        return wait([&](const Keeper::Done& done) { keeper.remove(domain, done); });
    }
    static std::optional<base::Instant> since(Keeper& keeper, const std::string& domain) {
        auto told = std::make_shared<std::promise<std::optional<base::Instant>>>();
        auto future = told->get_future();
        keeper.protected_since(domain, [told](std::optional<base::Instant> at) { told->set_value(at); });
        if (!test::in_time(future)) throw std::runtime_error("no answer");
        return future.get();
    }
    static base::Expected<state::Summary, std::string> observed(Keeper& keeper) {
        auto told = std::make_shared<std::promise<base::Expected<state::Summary, std::string>>>();
        auto future = told->get_future();
        keeper.observed(
            [told](base::Expected<state::Summary, std::string> sum) { told->set_value(std::move(sum)); });
        if (!test::in_time(future)) throw std::runtime_error("no answer");
        return future.get();
    }
    [[nodiscard]] std::vector<std::string> domains() const {
        std::vector<std::string> all;
        for (const auto& one : overrides) all.push_back(one.domain);
        return all;
    }
    [[nodiscard]] std::size_t set_aside() const {
        std::size_t count = 0;
        for (const auto& one : fs::directory_iterator(folder.path())) {
            const std::string name = one.path().filename().string();
            count +=
                name.find(".damaged-") != name.npos && !name.ends_with("-wal") && !name.ends_with("-shm");
        }
        return count;
    }

    test::TempFolder folder;
    fs::path file;
    test::MemoryLog log;
    test::StandingClock clock;
    Keeper::Options options;
    std::vector<decision::Override> overrides; ///< what the last open() loaded

private:
    template <class Ask>
    static std::string wait(const Ask& ask) {
        auto told = std::make_shared<std::promise<std::string>>();
        auto future = told->get_future();
        ask([told](const base::Expected<void, std::string>& done) {
            told->set_value(done ? "" : done.error());
        });
        if (!test::in_time(future)) throw std::runtime_error("no answer");
        return future.get();
    }
};

using Domains = std::vector<std::string>;

TEST(StateKeeper, WhatWasAddedIsThereAfterARestart) {
    Bench bench;
    auto keeper = bench.open();
    EXPECT_TRUE(bench.overrides.empty());
    const decision::Override kept = bench.entry(".b.example", "observe");
    EXPECT_EQ(bench.save(*keeper, bench.entry("a.example")), "");
    EXPECT_EQ(bench.save(*keeper, kept), "");
    EXPECT_EQ(bench.save(*keeper, bench.entry("c.example")), "");
    EXPECT_EQ(bench.save(*keeper, bench.entry("c.example", "may")), "");
    EXPECT_EQ(bench.remove(*keeper, "a.example"), "");
    keeper.reset();
    keeper = bench.open();
    ASSERT_EQ(bench.domains(), (Domains{".b.example", "c.example"}));
    EXPECT_EQ(bench.overrides[0], kept);
    EXPECT_EQ(bench.overrides[1].action, decision::Action::may);
}

TEST(StateKeeper, AnAddedOverrideSurvivesAKill) {
    Bench bench;
    auto keeper = bench.open();
    ASSERT_EQ(bench.save(*keeper, bench.entry("a.example")), "");
    test::TempFolder copy; // as a kill would leave it
    for (const char* part : {"", "-wal"})
        fs::copy_file(bench.file.string() + part, copy / (std::string{"state.db"} + part));
    auto killed = Keeper::open(copy / "state.db", bench.options, bench.log, bench.clock);
    ASSERT_TRUE(killed);
    ASSERT_EQ(killed->overrides.size(), 1u);
}

TEST(StateKeeper, TheFileIsNotForOthersWhateverTheUmask) {
    Bench bench;
    const mode_t before = ::umask(0);
    bench.open().reset();
    (void)::umask(before);
    for (const char* part : {"", ".lock"}) {
        struct stat status {};
        ASSERT_EQ(::stat((bench.file.string() + part).c_str(), &status), 0);
        EXPECT_EQ(status.st_mode & 07, 0u) << part;
    }
    struct stat status {};
    ASSERT_EQ(::stat(bench.file.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0640u);
}

TEST(StateKeeper, ASecondDaemonIsRefused) {
    Bench bench;
    auto keeper = bench.open();
    const auto second = bench.try_open();
    ASSERT_FALSE(second);
    EXPECT_NE(second.error().find("in use by another stsmapd"), std::string::npos) << second.error();
}

TEST(StateKeeper, AFileOfANewerVersionIsRefusedAndNotChanged) {
    Bench bench;
    bench.open().reset();
    {
        auto db = sqlite::Db::open(bench.file, sqlite::Db::Use::normal);
        ASSERT_TRUE(db->exec("PRAGMA user_version = 3; PRAGMA journal_mode = DELETE"));
    }
    std::ifstream before{bench.file, std::ios::binary};
    const std::string octets{std::istreambuf_iterator<char>{before}, {}};
    const auto refused = bench.try_open();
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().find("written by a newer stsmapd"), std::string::npos) << refused.error();
    std::ifstream after{bench.file, std::ios::binary};
    EXPECT_EQ((std::string{std::istreambuf_iterator<char>{after}, {}}), octets);
    EXPECT_EQ(bench.set_aside(), 0u);
}

TEST(StateKeeper, ADamagedFileIsSetAsideAndItsReadableRowsAreKept) {
    Bench bench;
    auto keeper = bench.open();
    for (int i = 0; i < 400; ++i)
        ASSERT_EQ(bench.save(*keeper, bench.entry("d" + std::to_string(i) + ".example")), "");
    keeper->began("p.example", bench.now(), bench.now() + 1h);
    keeper.reset();
    {
        std::fstream file{bench.file, std::ios::in | std::ios::out | std::ios::binary};
        file.seekp(9 * 4096); // some page of the overrides
        file << std::string(4096, 'x');
    }
    keeper = bench.open();
    EXPECT_EQ(bench.set_aside(), 1u);
    EXPECT_GT(bench.overrides.size(), 100u);
    EXPECT_LT(bench.overrides.size(), 400u);
    EXPECT_EQ(bench.log.count("store-damaged"), 1u);
    EXPECT_EQ(bench.since(*keeper, "p.example"), bench.now());
    EXPECT_EQ(bench.save(*keeper, bench.entry("new.example")), "");
    const std::size_t known = bench.overrides.size() + 1;
    keeper.reset();
    keeper = bench.open();
    EXPECT_EQ(bench.overrides.size(), known);
    EXPECT_EQ(bench.set_aside(), 1u);
}

TEST(StateKeeper, AnythingElseInItsPlaceIsSetAside) {
    for (const int what : {0, 1, 2}) {
        Bench bench;
        if (what == 0) std::ofstream{bench.file} << "no database";
        if (what == 1) fs::create_directory(bench.file);
        if (what == 2) {
            auto db = sqlite::Db::open(bench.file, sqlite::Db::Use::create);
            ASSERT_TRUE(db->exec("CREATE TABLE t(a); PRAGMA application_id = 7"));
        }
        auto keeper = bench.open();
        EXPECT_EQ(bench.set_aside(), 1u) << what;
        EXPECT_EQ(bench.save(*keeper, bench.entry("a.example")), "") << what;
    }
}

TEST(StateKeeper, AFileTakenAwayWhileInUseIsWrittenAnew) {
    Bench bench;
    auto keeper = bench.open();
    ASSERT_EQ(bench.save(*keeper, bench.entry("a.example")), "");
    keeper->add({{"o.example", "secure", 3, bench.now(), bench.now()}}, 0);
    ASSERT_TRUE(bench.observed(*keeper));
    fs::remove(bench.file);
    ASSERT_EQ(bench.save(*keeper, bench.entry("b.example")), "");
    EXPECT_EQ(bench.observed(*keeper)->would.at("secure").lookups, 3u);
    keeper.reset();
    keeper = bench.open();
    EXPECT_EQ(bench.domains(), (Domains{"a.example", "b.example"}));
}

TEST(StateKeeper, OnAFullDiskNothingIsChangedAndItIsSaid) {
    Bench bench;
    test::FailingDisk disk{bench.folder.path()};
    auto keeper = bench.open();
    ASSERT_EQ(bench.save(*keeper, bench.entry("a.example")), "");
    disk.fail(test::Fault::full, 1);
    const std::string words = bench.save(*keeper, bench.entry("b.example"));
    EXPECT_TRUE(words.starts_with("nothing was changed: ")) << words;
    EXPECT_NE(bench.remove(*keeper, "a.example"), "");
    EXPECT_EQ(bench.log.count("store-failed"), 1u);
    keeper->began("p.example", bench.now(), bench.now() + 1h);
    disk.heal();
    EXPECT_EQ(bench.save(*keeper, bench.entry("c.example")), "");
    EXPECT_EQ(bench.log.count("store-recovered"), 1u);
    EXPECT_EQ(bench.since(*keeper, "p.example"), bench.now());
    keeper.reset();
    keeper = bench.open();
    EXPECT_EQ(bench.domains(), (Domains{"a.example", "c.example"}));
    EXPECT_EQ(bench.since(*keeper, "p.example"), bench.now());
}

TEST(StateKeeper, EachFaultOfTheDiskLosesNothingThatWasPromised) {
    using test::Fault;
    std::uint64_t failed = 0;
    for (const Fault fault :
         {Fault::io_error, Fault::full, Fault::short_write, Fault::sync_failure, Fault::busy})
        for (std::uint64_t first = 1; first <= 12; ++first) {
            Bench bench;
            test::FailingDisk disk{bench.folder.path()};
            auto keeper = bench.open();
            ASSERT_EQ(bench.save(*keeper, bench.entry("a.example")), "");
            disk.fail(fault, first, 3);
            const bool taken = bench.save(*keeper, bench.entry("b.example")).empty();
            failed += disk.failed();
            disk.heal();
            EXPECT_EQ(bench.save(*keeper, bench.entry("c.example")), "") << to_string(fault) << first;
            keeper.reset();
            keeper = bench.open();
            const Domains all = bench.domains();
            for (const char* name : {"a.example", "c.example"})
                EXPECT_NE(std::ranges::find(all, name), all.end()) << to_string(fault) << first << name;
            EXPECT_EQ(std::ranges::find(all, "b.example") != all.end(), taken) << to_string(fault) << first;
        }
    EXPECT_GT(failed, 20u);
}

TEST(StateKeeper, AStartWithoutTheDiskUsesWhatCanBeReadAndTakesTheRestLater) {
    Bench bench;
    ASSERT_EQ(bench.save(*bench.open(), bench.entry("a.example")), "");
    std::mutex mutex;
    std::optional<std::size_t> late;
    bench.options.late = [&](const std::vector<decision::Override>& all) {
        const std::lock_guard guard{mutex};
        late = all.size();
    };
    test::FailingDisk disk{bench.folder.path()};
    disk.fail(test::Fault::read_only, 1);
    auto keeper = bench.open();
    EXPECT_EQ(bench.domains(), Domains{"a.example"});
    EXPECT_NE(bench.save(*keeper, bench.entry("b.example")), "");
    disk.heal();
    EXPECT_EQ(bench.save(*keeper, bench.entry("c.example")), "");
    const std::lock_guard guard{mutex};
    EXPECT_EQ(late, 1u);
}

TEST(StateKeeper, SinceStaysUntilItEnds) {
    Bench bench;
    const base::Instant now = bench.now();
    auto keeper = bench.open();
    keeper->began("a.example", now - 10s, now + 10s);
    keeper->began("a.example", now, now + 20s);
    EXPECT_EQ(bench.since(*keeper, "a.example"), now - 10s);
    keeper.reset();
    keeper = bench.open();
    keeper->began("a.example", now, now + 20s);
    EXPECT_EQ(bench.since(*keeper, "a.example"), now - 10s);
    keeper->ended("a.example");
    EXPECT_EQ(bench.since(*keeper, "a.example"), std::nullopt);
    keeper->began("a.example", now, now + 20s);
    EXPECT_EQ(bench.since(*keeper, "a.example"), now);
}

TEST(StateKeeper, SinceBeginsAnewWhenThePolicyHadExpired) {
    Bench bench;
    const base::Instant now = bench.now();
    auto keeper = bench.open();
    for (const char* domain : {"gap.example", "kept.example"}) keeper->began(domain, now - 60s, now - 30s);
    keeper->began("kept.example", now - 31s, now - 1s);
    keeper.reset(); // nobody saw the end
    keeper = bench.open();
    for (const char* domain : {"gap.example", "kept.example"}) keeper->began(domain, now - 5s, now);
    EXPECT_EQ(bench.since(*keeper, "gap.example"), now - 5s);
    EXPECT_EQ(bench.since(*keeper, "kept.example"), now - 60s);
}

TEST(StateKeeper, AFileOfSchema1KeepsSince) {
    Bench bench;
    const base::Instant now = bench.now();
    {
        ASSERT_TRUE(sqlite::create_file(bench.file));
        ASSERT_TRUE(state::File::open(bench.file, state::migrations().first(1)));
        auto db = sqlite::Db::open(bench.file, sqlite::Db::Use::normal);
        const state::RawProtected row{"a.example", (now - 60s).time_since_epoch().count()};
        const std::string sql = "INSERT INTO protected VALUES('a.example', " + std::to_string(row.since) +
                                ", " + std::to_string(state::sum_of(row)) + ")";
        ASSERT_TRUE(db->exec(sql.c_str()));
    }
    auto keeper = bench.open();
    EXPECT_EQ(bench.since(*keeper, "a.example"), now - 60s);
    keeper->began("a.example", now, now + 20s);
    EXPECT_EQ(bench.since(*keeper, "a.example"), now - 60s);
    EXPECT_EQ(bench.set_aside(), 0u);
}

TEST(StateFile, CountsTheRowsThatThereAre) {
    Bench bench;
    ASSERT_TRUE(sqlite::create_file(bench.file));
    auto file = state::File::open(bench.file);
    ASSERT_TRUE(file);
    const auto put = [&](const char* domain) {
        ASSERT_TRUE(file->put(state::Protected{domain, bench.now(), bench.now() + 1h}));
    };
    ASSERT_TRUE(file->begin());
    put("a.example");
    put("b.example");
    put("b.example");
    EXPECT_EQ(file->protected_rows(), 2U);
    ASSERT_TRUE(file->remove_protected("a.example"));
    ASSERT_TRUE(file->remove_protected("a.example"));
    EXPECT_EQ(file->protected_rows(), 1U);
    ASSERT_TRUE(file->commit());
    ASSERT_TRUE(file->begin());
    put("c.example");
    ASSERT_TRUE(file->remove_protected("b.example"));
    put("d.example");
    EXPECT_EQ(file->protected_rows(), 2U);
    file->rollback();
    EXPECT_EQ(file->protected_rows(), 1U);
}

TEST(StateKeeper, SumsAreAddedAndSummarised) {
    Bench bench;
    auto keeper = bench.open();
    const base::Instant now = bench.now();
    EXPECT_FALSE(bench.observed(*keeper)->since);
    keeper->add(
        {{"a.example", "secure", 2, now - 50s, now - 40s}, {"b.example", "dane-only", 5, now - 9s, now}}, 0);
    keeper->add({{"a.example", "secure", 1, now - 3s, now - 2s}}, 4);
    const auto sum = bench.observed(*keeper);
    ASSERT_TRUE(sum);
    EXPECT_EQ(sum->since, now - 50s);
    EXPECT_EQ(sum->forgotten, 4u);
    EXPECT_EQ(sum->would.at("secure"), (state::Summary::Sum{1, 3}));
    EXPECT_EQ(sum->would.at("dane-only"), (state::Summary::Sum{1, 5}));
    ASSERT_EQ(sum->top.size(), 2u);
    EXPECT_EQ(sum->top[0].domain, "b.example");
    EXPECT_EQ(sum->top[1], (Observed{"a.example", "secure", 3, now - 50s, now - 2s}));
}

TEST(StateKeeper, SumsThatNobodyAddedToAreForgottenInTime) {
    Bench bench;
    bench.options.keep_observed = 1h;
    auto keeper = bench.open();
    const base::Instant now = bench.now();
    keeper->add({{"old.example", "secure", 2, now - 3h, now - 2h}, {"new.example", "secure", 1, now, now}},
                0);
    EXPECT_EQ(bench.observed(*keeper)->top.size(), 1u);
    EXPECT_EQ(bench.observed(*keeper)->since, now) << "of what is left";
    keeper->set_keep_observed(0s);
    keeper->add({{"x.example", "secure", 2, now - 3h, now - 2h}}, 0);
    EXPECT_EQ(bench.observed(*keeper)->top.size(), 1u); // asked for in this second
}

TEST(StateKeeper, TheOneAskedForLongestAgoMakesRoom) {
    Bench bench;
    auto keeper = bench.open();
    const base::Instant now = bench.now();
    std::vector<Observed> many;
    for (std::size_t i = 0; i < state::max_observed; ++i)
        many.push_back({"d" + std::to_string(i) + ".example", "secure", 1, now - 60s, now - 60s});
    many[7].last = now - 90s;
    keeper->add(std::move(many), 0);
    ASSERT_EQ(bench.observed(*keeper)->would.at("secure").domains, state::max_observed);
    keeper->add({{"new.example", "dane-only", 1, now, now}}, 0);
    const auto sum = bench.observed(*keeper);
    EXPECT_EQ(sum->would.at("secure").domains, state::max_observed - 1);
    EXPECT_EQ(sum->would.at("dane-only").domains, 1u);
    EXPECT_EQ(sum->forgotten, 1u);
}

TEST(StateKeeper, EndedOverridesLeaveTheFile) {
    Bench bench;
    auto keeper = bench.open();
    decision::Override over = bench.entry("a.example");
    over.added_at = bench.now() - 20s;
    over.until = bench.now();
    ASSERT_EQ(bench.save(*keeper, over), "");
    ASSERT_EQ(bench.save(*keeper, bench.entry("b.example")), "");
    keeper->remove_ended();
    keeper.reset();
    keeper = bench.open();
    EXPECT_EQ(bench.domains(), Domains{"b.example"});
}

} // namespace
