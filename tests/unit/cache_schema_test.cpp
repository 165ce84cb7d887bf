// Every released schema, as a file of that release: when today's code opens it, every row stays. A change of
// the schema needs a migration, and a fixture of its own here.
#include "cache/disk/sqlite_file.hpp"
#include "support/failing_disk.hpp"
#include "support/store_bench.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

namespace {

using cache::Migration;
using cache::Row;
using cache::SqliteFile;
using test::StoreBench;

constexpr const char* create_1 = "CREATE TABLE policies( domain TEXT PRIMARY KEY NOT NULL, policy_text BLOB "
                                 "NOT NULL, txt_id TEXT NOT NULL,"
                                 " fetched_at INTEGER NOT NULL, last_asked INTEGER NOT NULL, dane_at INTEGER "
                                 "NOT NULL, sum INTEGER NOT NULL)"
                                 " STRICT, WITHOUT ROWID";

constexpr const char* create_2 =
    "CREATE TABLE policies( domain TEXT PRIMARY KEY NOT NULL, policy_text BLOB "
    "NOT NULL, txt_id TEXT NOT NULL,"
    " fetched_at INTEGER NOT NULL, last_asked INTEGER NOT NULL, dane_at INTEGER "
    "NOT NULL, sum INTEGER NOT NULL, dane_failed_at INTEGER NOT NULL DEFAULT 0, ahead_since INTEGER NOT NULL "
    "DEFAULT 0, over_since INTEGER NOT NULL DEFAULT 0) STRICT, WITHOUT ROWID;"
    "CREATE TABLE counters(name TEXT PRIMARY KEY NOT NULL, value INTEGER NOT NULL) STRICT, WITHOUT ROWID";

std::string fixture(const std::string& name) {
    std::ifstream in(STSMAPD_SOURCE_DIR "/tests/support/" + name);
    return {std::istreambuf_iterator<char>(in), {}};
}

std::string word(const StoreBench& bench, const std::string& query) {
    auto db = sqlite::Db::open(bench.file(), sqlite::Db::Use::normal);
    return db.value().word(query).value();
}

base::Instant at(std::int64_t t) { return base::Instant{base::seconds{t}}; }

TEST(CacheSchema, OfTodayIsWhatTheNewestFixtureHas) {
    StoreBench bench;
    bench.open().reset();
    EXPECT_EQ(cache::migrations().back().version, 2) << "a new version needs a fixture schema_N.sql";
    EXPECT_EQ(word(bench, "SELECT group_concat(sql, ';') FROM sqlite_schema WHERE sql IS NOT NULL"),
              create_2);
    EXPECT_EQ(bench.number("PRAGMA user_version"), 2);
    EXPECT_EQ(bench.number("PRAGMA application_id"), 0x5354534d);
    EXPECT_EQ(bench.number("SELECT count(*) FROM sqlite_schema"), 2);
}

TEST(CacheSchema, AStoreOfSchema1KeepsEveryRow) {
    StoreBench bench;
    bench.sql(fixture("schema_1.sql"));
    ASSERT_EQ(word(bench, "SELECT sql FROM sqlite_schema"), create_1) << "the fixture is not to be changed";
    auto store = bench.open();
    EXPECT_EQ(bench.log.count("error"), 0U);
    EXPECT_EQ(bench.skipped, 0U);
    ASSERT_EQ(bench.names(), (std::vector<std::string>{"dane.example", "never-asked.example", "plain.example",
                                                       "xn--bcher-kva.example"}));
    const Row& plain = bench.rows.at("plain.example");
    EXPECT_EQ(plain.policy_text, "version: STSv1\r\nmode: enforce\r\nmx: mx1.plain.example\r\nmx: "
                                 "*.mail.example\r\nmax_age: 604800\r\n");
    EXPECT_EQ(plain.txt_id, "20260101T000000");
    EXPECT_EQ(plain.fetched_at, at(1'767'225'600));
    EXPECT_EQ(plain.last_asked, at(1'767'225'660));
    EXPECT_EQ(plain.dane_at, base::Instant{});
    EXPECT_EQ(bench.rows.at("dane.example").dane_at, at(1'767'225'900));
    EXPECT_EQ(bench.rows.at("never-asked.example").last_asked, base::Instant{});
    EXPECT_EQ(
        bench.rows.at("xn--bcher-kva.example").policy_text,
        "version: STSv1\nmode: testing\nmx: mx.example\nmax_age: 86400\nnote: gr\xc3\xbc\xc3\x9f\x65\n");
    EXPECT_TRUE(StoreBench::save(*store, test::row("new.example")));
    store = nullptr;
    bench.open().reset();
    EXPECT_EQ(bench.rows.size(), 5U);
}

TEST(CacheSchema, AStoreOfSchema1CanBeReadBeforeItIsBroughtUpToDate) {
    StoreBench bench;
    bench.sql(fixture("schema_1.sql"));
    auto file = SqliteFile::open_to_read(bench.file());
    ASSERT_TRUE(file) << file.error().words;
    std::size_t rows = 0;
    auto loaded = file->load([&](const Row& row) {
        ++rows;
        EXPECT_EQ(row.over_since, base::seconds{0});
    });
    ASSERT_TRUE(loaded) << "as on a disk without room";
    EXPECT_EQ(loaded->skipped, 0U);
    EXPECT_EQ(rows, 4U);
    EXPECT_EQ(file->salvage([](const Row&) {}).rows, 4U);
}

TEST(CacheSchema, AStoreOfSchema2KeepsEveryRow) {
    StoreBench bench;
    bench.sql(fixture("schema_2.sql"));
    ASSERT_EQ(word(bench, "SELECT group_concat(sql, ';') FROM sqlite_schema WHERE sql IS NOT NULL"), create_2)
        << "the fixture is not to be changed";
    auto store = bench.open();
    EXPECT_EQ(bench.log.count("error"), 0U);
    EXPECT_EQ(bench.skipped, 0U);
    ASSERT_EQ(bench.names(),
              (std::vector<std::string>{"ahead.example", "dane.example", "over.example", "plain.example"}));
    EXPECT_EQ(bench.rows.at("dane.example").dane_failed_at, at(1'767'229'500));
    EXPECT_EQ(bench.rows.at("ahead.example").ahead_since, at(1'767'225'600));
    EXPECT_EQ(bench.rows.at("over.example").over_since, base::seconds{86'400});
    EXPECT_EQ(bench.rows.at("plain.example").dane_failed_at, base::Instant{});
    store->note_running(base::seconds{90'060});
    store = nullptr;
    EXPECT_EQ(bench.number("SELECT value FROM counters"), 90'060);
    // A change of any new column is noticed.
    for (const char* column : {"dane_failed_at", "ahead_since", "over_since"})
        bench.sql("UPDATE policies SET " + std::string(column) + " = 1 - min(" + column +
                  ", 1) WHERE domain <> 'plain.example'");
    bench.open().reset();
    EXPECT_EQ(bench.names(), (std::vector<std::string>{"plain.example"}));
}

// Invented steps stand for future ones. Whenever the power fails, between two steps or within one, the next
// start finds a sound file of one of the versions, and does all remaining steps.
TEST(CacheSchema, AMigrationCutShortGoesOnAtTheNextStart) {
    const std::vector<Migration> steps{cache::migrations()[0],
                                       cache::migrations()[1],
                                       {3, "ALTER TABLE policies ADD COLUMN two INTEGER NOT NULL DEFAULT 2"},
                                       {4, "CREATE TABLE three(x INTEGER) STRICT;"
                                           "INSERT INTO three SELECT fetched_at FROM policies"}};
    std::mt19937 random{3};
    bool came = true;
    for (std::uint64_t n = 1; came; ++n) {
        SCOPED_TRACE("call " + std::to_string(n));
        StoreBench bench;
        bench.sql(fixture("schema_1.sql"));
        const std::filesystem::path left = bench.folder() / "left";
        {
            test::FailingDisk disk(bench.folder().path());
            disk.fail(test::Fault::io_error, n);
            const bool opened = SqliteFile::open(bench.file(), steps).has_value();
            came = disk.failed() > 0;
            EXPECT_TRUE(came || opened);
            disk.heal();
            disk.lose_power(left, random);
        }
        for (const std::filesystem::path& path : {bench.file(), left / "stsmapd.sqlite"}) {
            auto file = SqliteFile::open(path, steps);
            ASSERT_TRUE(file) << file.error().words;
            std::size_t rows = 0;
            auto loaded = file->load([&](const Row&) { ++rows; });
            ASSERT_TRUE(loaded);
            EXPECT_EQ(rows, 4U);
            EXPECT_EQ(loaded->skipped, 0U);
            file = base::unexpected(cache::Trouble{});
            StoreBench after{path};
            EXPECT_EQ(after.number("PRAGMA user_version"), 4);
            EXPECT_EQ(after.number("SELECT count(*) FROM three"), 4) << "once, not twice";
            EXPECT_EQ(after.number("SELECT sum(two) FROM policies"), 8);
        }
    }
}

} // namespace
