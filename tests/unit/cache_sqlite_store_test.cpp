// The store with real files. Tests of damage and disk trouble are in cache_sqlite_store_damage_test.cpp.
#include "cache/disk/sqlite_store.hpp"

#include "cache/disk/sqlite_file.hpp"
#include "cache/disk/stored_row.hpp"
#include "support/memory_log.hpp"
#include "support/store_bench.hpp"

#include <gtest/gtest.h>

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <future>
#include <string>
#include <vector>

namespace {

using cache::Migration;
using cache::Row;
using cache::SqliteFile;
using cache::SqliteStore;
using test::row;
using test::StoreBench;

TEST(CacheStoredRow, OnlySoundRowsComeIn) {
    const Row good = row("example.com");
    ASSERT_TRUE(cache::read_row(cache::raw_row(good)));
    const auto refused = [&](auto change) {
        cache::RawRow raw = cache::raw_row(good);
        change(raw);
        raw.sum = cache::row_sum(raw);
        return !cache::read_row(raw);
    };
    using Raw = cache::RawRow;
    const std::string long_text(65'537, 'x'), limit_text(65'536, 'x');
    EXPECT_FALSE(refused([](Raw&) {}));
    EXPECT_FALSE(refused([&](Raw& r) { r.policy_text = limit_text; })) << "64 KiB is allowed";
    EXPECT_FALSE(refused([](Raw& r) { r.txt_id = ""; })) << "no record id";
    EXPECT_FALSE(refused([](Raw& r) { r.last_asked = 0; })) << "never asked";
    EXPECT_TRUE(refused([](Raw& r) { r.domain = "Example.com"; })) << "not in our spelling";
    EXPECT_TRUE(refused([](Raw& r) { r.domain = "example.com."; }));
    EXPECT_TRUE(refused([](Raw& r) { r.domain = "exa mple.com"; }));
    EXPECT_TRUE(refused([](Raw& r) { r.domain = ""; }));
    EXPECT_TRUE(refused([&](Raw& r) { r.policy_text = long_text; }));
    EXPECT_TRUE(refused([](Raw& r) { r.policy_text = ""; }));
    EXPECT_TRUE(refused([](Raw& r) { r.txt_id = "a b"; }));
    EXPECT_TRUE(refused([](Raw& r) { r.txt_id = "123456789012345678901234567890123"; })) << "33 octets";
    EXPECT_TRUE(refused([](Raw& r) { r.fetched_at = 0; }));
    EXPECT_TRUE(refused([](Raw& r) { r.fetched_at = cache::max_stored_time + 1; }));
    EXPECT_TRUE(refused([](Raw& r) { r.last_asked = -1; }));
    EXPECT_TRUE(refused([](Raw& r) { r.dane_at = -1; }));

    cache::RawRow raw = cache::raw_row(good);
    raw.sum ^= 1;
    EXPECT_FALSE(cache::read_row(raw)) << "the checksum counts";
}

// The checksum is part of the file format: another value would make every existing store unreadable.
TEST(CacheStoredRow, TheChecksumStaysWhatItIs) {
    EXPECT_EQ(cache::row_sum({"example.com", "version: STSv1\n", "1", 1'700'000'000, 1'700'000'060, 0, 0}),
              3368458719926470139);
}

TEST(CacheSqliteStore, BeginsEmptyAndKeepsWhatItWasGiven) {
    StoreBench bench;
    {
        auto store = bench.open();
        EXPECT_TRUE(bench.rows.empty());
        EXPECT_TRUE(bench.save(*store, row("a.example", "1")));
        EXPECT_TRUE(bench.save(*store, row("b.example", "2")));
        EXPECT_TRUE(bench.save(*store, row("a.example", "3")));
        store->forget(row("b.example").domain, std::nullopt);
        EXPECT_TRUE(bench.save(*store, row("c.example", "4")));
    }
    auto store = bench.open();
    ASSERT_EQ(bench.names(), (std::vector<std::string>{"a.example", "c.example"}));
    const Row& a = bench.rows.at("a.example");
    const Row want = row("a.example", "3");
    EXPECT_EQ(a.txt_id, "3");
    EXPECT_EQ(a.policy_text, want.policy_text);
    EXPECT_EQ(a.fetched_at, want.fetched_at);
    EXPECT_EQ(a.last_asked, want.last_asked);
    EXPECT_EQ(a.dane_at, want.dane_at);
    EXPECT_EQ(bench.log.count("error"), 0U);
    EXPECT_EQ(bench.log.count("warning"), 0U);
}

TEST(CacheSqliteStore, AnyOctetsOfATextComeBack) {
    StoreBench bench;
    Row odd = row("a.example");
    odd.policy_text = std::string_view("\0\xff\r\n'\"; DROP TABLE policies", 27);
    {
        auto store = bench.open();
        EXPECT_TRUE(bench.save(*store, odd));
    }
    auto store = bench.open();
    EXPECT_EQ(bench.rows.at("a.example").policy_text, odd.policy_text);
}

TEST(CacheSqliteStore, TheLastOfManySavesOfADomainWins) {
    StoreBench bench;
    {
        auto store = bench.open();
        for (int i = 0; i < 5000; ++i) {
            store->save(row("a.example", std::to_string(i)), nullptr);
            if (i % 3 == 0)
                store->forget(row("b.example").domain, std::nullopt);
            else
                store->save(row("b.example", std::to_string(i)), nullptr);
        }
    }
    auto store = bench.open();
    EXPECT_EQ(bench.rows.at("a.example").txt_id, "4999");
    EXPECT_EQ(bench.rows.at("b.example").txt_id, "4999");
}

TEST(CacheSqliteStore, DoneIsCalledOnceEachAndInOrder) {
    StoreBench bench;
    auto store = bench.open();
    std::vector<int> order; // used only by the store's thread, until the future is ready
    std::promise<void> last;
    for (int i = 0; i < 3000; ++i)
        store->save(row("d" + std::to_string(i) + ".example"), [&, i](bool ok) {
            if (ok) order.push_back(i);
            if (i == 2999) last.set_value();
        });
    ASSERT_TRUE(test::in_time(last.get_future()));
    ASSERT_EQ(order.size(), 3000U);
    EXPECT_TRUE(std::ranges::is_sorted(order));
}

TEST(CacheSqliteStore, SavesUnderLoadShareCommits) {
    StoreBench bench;
    bench.options.max_batch = 100;
    auto store = bench.open();
    for (int i = 0; i < 4999; ++i) store->save(row("d" + std::to_string(i) + ".example"), nullptr);
    EXPECT_TRUE(bench.save(*store, row("last.example")));
    const SqliteStore::Counters counters = store->counters();
    EXPECT_EQ(counters.saved, 5000U);
    EXPECT_GE(counters.commits, 50U) << "no more than max_batch in one";
    EXPECT_LT(counters.commits, 1000U);
    EXPECT_FALSE(counters.failing);
}

TEST(CacheSqliteStore, ARowThatCouldNotBeReadBackIsNotWritten) {
    StoreBench bench;
    auto store = bench.open();
    Row bad = row("a.example");
    bad.policy_text.assign(65'537, 'x');
    EXPECT_FALSE(bench.save(*store, bad));
    EXPECT_EQ(bench.log.count("error store-row-refused domain=a.example"), 1U);
    EXPECT_TRUE(bench.save(*store, row("b.example")));
    EXPECT_EQ(store->counters().failed, 1U);
}

TEST(CacheSqliteStore, StopWritesWhatIsQueuedAndLaterSavesFailAtOnce) {
    StoreBench bench;
    auto store = bench.open();
    std::atomic<int> good{0};
    for (int i = 0; i < 2000; ++i)
        store->save(row("d" + std::to_string(i) + ".example"), [&](bool ok) { good += ok ? 1 : 0; });
    store->stop();
    EXPECT_EQ(good, 2000);
    EXPECT_FALSE(bench.save(*store, row("late.example")));
    store->forget(row("d1.example").domain, std::nullopt);
    store->stop();
    EXPECT_FALSE(std::filesystem::exists(bench.wal())) << "the log was moved into the file";
    store.reset();
    store = bench.open();
    EXPECT_EQ(bench.rows.size(), 2000U);
}

TEST(CacheSqliteStore, AboveMaxWaitingASaveFailsAndTheRefillMakesUpForIt) {
    StoreBench bench;
    std::promise<void> hold, refilled;
    std::shared_future<void> held = hold.get_future().share();
    bench.options.max_waiting = 2;
    bench.options.refill = [&](const SqliteStore::RowSink& sink) {
        EXPECT_TRUE(sink(row("b.example", "1")));
        EXPECT_TRUE(sink(row("d.example", "new", 100)));
        EXPECT_TRUE(sink(row("a.example", "old", -100)));
        refilled.set_value();
    };
    auto store = bench.open();
    std::promise<void> busy;
    store->save(row("a.example", "1"), [&, held](bool) { // keeps the store's thread busy
        busy.set_value();
        held.wait();
    });
    ASSERT_TRUE(test::in_time(busy.get_future()));
    store->save(row("b.example", "1"), nullptr);
    store->save(row("c.example", "1"), nullptr);
    std::promise<bool> dropped;
    store->save(row("d.example", "1"), [&](bool ok) { dropped.set_value(ok); });
    hold.set_value();
    auto result = dropped.get_future();
    ASSERT_TRUE(test::in_time(result));
    EXPECT_FALSE(result.get());
    ASSERT_TRUE(test::in_time(refilled.get_future()));
    store.reset();
    store = bench.open();
    EXPECT_EQ(bench.names(), (std::vector<std::string>{"a.example", "b.example", "c.example", "d.example"}));
    EXPECT_EQ(bench.rows.at("d.example").txt_id, "new");
    EXPECT_EQ(bench.rows.at("a.example").txt_id, "1") << "an older row does not replace a newer one";
}

TEST(CacheSqliteStore, AHundredThousandRowsLoad) {
    StoreBench bench;
    {
        auto store = bench.open();
        for (int i = 0; i < 100'000; ++i) {
            if (i % 20'000 == 19'999)
                EXPECT_TRUE(bench.save(*store, row("d" + std::to_string(i) + ".example")));
            else
                store->save(row("d" + std::to_string(i) + ".example"), nullptr);
        }
    }
    auto store = bench.open();
    EXPECT_EQ(bench.rows.size(), 100'000U);
    EXPECT_EQ(bench.opened_rows, 100'000U);
}

TEST(CacheSqliteStore, FilesHaveMode0640WhateverTheUmask) {
    StoreBench bench;
    const mode_t old = ::umask(0);
    auto store = bench.open();
    EXPECT_TRUE(bench.save(*store, row("a.example")));
    ::umask(old);
    EXPECT_FALSE(std::filesystem::exists(bench.file().string() + "-shm")) << "no file is mapped into memory";
    for (const char* part : {"", "-wal"}) {
        struct stat status {};
        ASSERT_EQ(::stat((bench.file().string() + part).c_str(), &status), 0) << part;
        EXPECT_EQ(status.st_mode & 0777U, 0640U) << part;
    }
}

TEST(CacheSqliteStore, TwoStoresOnOneFileAreRefusedAlsoAcrossProcesses) {
    StoreBench bench;
    auto store = bench.open();
    auto second = bench.try_open();
    ASSERT_FALSE(second);
    EXPECT_NE(second.error().find("in use by another stsmapd"), std::string::npos) << second.error();
    store.reset();

    test::Child child([&](test::Pipe& pipe) {
        StoreBench other{bench.file()};
        auto held = other.open();
        pipe.say("open");
        pipe.wait_for_end();
    });
    ASSERT_EQ(child.pipe().hear(), "open");
    second = bench.try_open();
    ASSERT_FALSE(second);
    EXPECT_NE(second.error().find("in use"), std::string::npos) << second.error();
    child.kill();
    EXPECT_TRUE(bench.try_open()) << "a killed process holds no lock";
}

TEST(CacheSqliteStore, WhatWasCommittedSurvivesKill9) {
    StoreBench bench;
    std::size_t acknowledged = 0;
    for (int round = 0; round < 50; ++round) {
        test::Child child([&](test::Pipe& pipe) {
            StoreBench inner{bench.file()};
            auto store = inner.open();
            for (int i = 0;; ++i) {
                const std::string name = "r" + std::to_string(round) + "i" + std::to_string(i) + ".example";
                store->save(row(name), [&pipe, name](bool ok) {
                    if (ok) pipe.say(name);
                });
                if (i % 5 == 4 && !inner.save(*store, row(name))) return;
            }
        });
        std::vector<std::string> heard;
        for (int i = 0; i < 1 + round % 7; ++i) heard.push_back(child.pipe().hear());
        child.kill();
        for (std::string more = child.pipe().hear(); !more.empty(); more = child.pipe().hear())
            heard.push_back(more);
        auto store = bench.open();
        for (const std::string& name : heard) EXPECT_TRUE(bench.rows.contains(name)) << name;
        acknowledged += heard.size();
    }
    EXPECT_GE(acknowledged, 50U);
    EXPECT_EQ(bench.log.count("error"), 0U);
}

TEST(CacheSqliteStore, TellsWhatAnOperatorMustPutRight) {
    StoreBench bench;
    const auto words = [&](const std::filesystem::path& file) {
        auto opened = bench.try_open(file);
        return opened ? std::string("it opened") : opened.error();
    };
    EXPECT_NE(words(bench.folder() / "missing/s.sqlite").find("does not exist"), std::string::npos);
    std::ofstream(bench.folder() / "plain") << "x";
    EXPECT_NE(words(bench.folder() / "plain/s.sqlite").find("is not a folder"), std::string::npos);
    EXPECT_NE(words("/proc/self/fdinfo/s.sqlite").find("cannot "), std::string::npos);

    // As another user, because permissions do not limit root.
    test::Child child([&](test::Pipe& pipe) {
        std::filesystem::permissions(bench.folder().path(), std::filesystem::perms(0555));
        if (::geteuid() == 0 && (::setegid(65534) != 0 || ::seteuid(65534) != 0)) return;
        pipe.say(words(bench.folder() / "s.sqlite"));
    });
    const std::string heard = child.pipe().hear();
    EXPECT_NE(heard.find("cannot write to the folder"), std::string::npos) << heard;
    child.kill();
    std::filesystem::permissions(bench.folder().path(), std::filesystem::perms(0700));
}

TEST(CacheSqliteSchema, WhatAFileSaysAboutItselfIsNotTrusted) {
    using sqlite::Db;
    StoreBench bench;
    bench.open().reset();
    for (const Db::Use use : {Db::Use::normal, Db::Use::create, Db::Use::salvage, Db::Use::salvage_alone}) {
        auto db = Db::open(bench.file(), use);
        ASSERT_TRUE(db) << db.error().words;
        EXPECT_EQ(db->number("PRAGMA trusted_schema").value(), 0) << "functions in a view or a default";
        EXPECT_EQ(db->number("PRAGMA cell_size_check").value(), 1) << "cells that lie over each other";
    }
}

TEST(CacheSqliteSchema, AnOlderFileIsBroughtUpToDate) {
    StoreBench bench;
    // Schema 0: a new file, marked as ours, still empty.
    bench.sql("PRAGMA application_id = 0x5354534d; PRAGMA user_version = 0; CREATE TABLE left_over(x)");
    {
        auto store = bench.open();
        EXPECT_TRUE(bench.save(*store, row("a.example")));
    }
    EXPECT_EQ(bench.number("PRAGMA user_version"), 2);
    EXPECT_EQ(bench.log.count("error"), 0U);

    // The mechanism, tested with invented steps.
    const std::vector<Migration> steps{cache::migrations()[0],
                                       cache::migrations()[1],
                                       {3, "ALTER TABLE policies ADD COLUMN two INTEGER NOT NULL DEFAULT 2"},
                                       {4, "CREATE TABLE three(x INTEGER) STRICT"}};
    {
        auto file = SqliteFile::open(bench.file(), steps);
        ASSERT_TRUE(file) << file.error().words;
        std::size_t rows = 0;
        EXPECT_TRUE(file->load([&](Row) { ++rows; }));
        EXPECT_EQ(rows, 1U);
    }
    EXPECT_EQ(bench.number("PRAGMA user_version"), 4);
    EXPECT_EQ(bench.number("SELECT two FROM policies"), 2);
    EXPECT_EQ(bench.number("SELECT count(*) FROM three"), 0);
    EXPECT_TRUE(SqliteFile::open(bench.file(), steps)) << "nothing is done twice";
}

TEST(CacheSqliteSchema, AStepThatFailsLeavesTheFileAsItWas) {
    StoreBench bench;
    bench.open().reset();
    const std::vector<Migration> steps{cache::migrations()[0],
                                       cache::migrations()[1],
                                       {3, "CREATE TABLE two(x); INSERT INTO no_such_table VALUES(1)"}};
    EXPECT_FALSE(SqliteFile::open(bench.file(), steps));
    EXPECT_EQ(bench.number("PRAGMA user_version"), 2);
    EXPECT_EQ(bench.number("SELECT count(*) FROM sqlite_schema WHERE name = 'two'"), 0);
}

TEST(CacheSqliteSchema, ANewerFileIsRefusedAndLeftAlone) {
    StoreBench bench;
    {
        auto store = bench.open();
        EXPECT_TRUE(bench.save(*store, row("a.example")));
    }
    bench.sql("PRAGMA user_version = 7");
    auto opened = bench.try_open();
    ASSERT_FALSE(opened);
    EXPECT_NE(opened.error().find(
                  "newer stsmapd (schema 7, this one knows 2): upgrade stsmapd, or move the file away"),
              std::string::npos)
        << opened.error();
    EXPECT_EQ(bench.log.count("store-damaged"), 0U);
    EXPECT_EQ(bench.number("PRAGMA user_version"), 7);
    EXPECT_EQ(bench.number("SELECT count(*) FROM policies"), 1);
}

} // namespace
