// The store when the file is damaged or the disk is full. Whatever happens, a row comes back unchanged or not
// at all.
#include "cache/disk/sqlite_store.hpp"

#include "cache/disk/sqlite_file.hpp"
#include "cache/disk/stored_row.hpp"
#include "support/store_bench.hpp"

#include <gtest/gtest.h>

#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <ctime>
#include <fstream>
#include <random>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;
using cache::Row;
using cache::SqliteStore;
using test::row;
using test::StoreBench;

constexpr int many = 3000;
std::string name_of(int i) { return "d" + std::to_string(i) + ".example"; }

/// A store with `many` rows, closed cleanly: without a write-ahead log.
void fill(StoreBench& bench) {
    auto store = bench.open();
    for (int i = 0; i < many; ++i) store->save(row(name_of(i)), nullptr);
}

void overwrite(const fs::path& file, std::uintmax_t at, std::string_view octets) {
    std::fstream out(file, std::ios::in | std::ios::out | std::ios::binary);
    out.seekp(static_cast<std::streamoff>(at));
    out.write(octets.data(), static_cast<std::streamsize>(octets.size()));
    ASSERT_TRUE(out.good());
}

/// Every loaded row is exactly as it was saved.
void expect_sound(const StoreBench& bench) {
    for (const auto& [name, r] : bench.rows) {
        const Row want = row(name, r.txt_id);
        ASSERT_EQ(r.policy_text, want.policy_text);
        ASSERT_EQ(r.txt_id, "1");
        ASSERT_EQ(r.fetched_at, want.fetched_at);
        ASSERT_EQ(r.last_asked, want.last_asked);
    }
}

/// The damaged file was renamed with one error line, and the new one has what was loaded and accepts more.
void expect_renewed(StoreBench& bench) {
    auto store = bench.open();
    expect_sound(bench);
    const std::size_t salvaged = bench.rows.size();
    EXPECT_EQ(bench.opened_rows, salvaged);
    EXPECT_EQ(bench.log.count("error store-damaged"), 1U);
    EXPECT_EQ(bench.log.count("error store-"), 1U);
    EXPECT_EQ(bench.log.count("salvaged=" + std::to_string(salvaged)), 1U);
    ASSERT_EQ(bench.damaged_files().size(), 1U);
    EXPECT_EQ(bench.damaged_files().front().string(), bench.file().string() + ".damaged-20260309T040005Z");
    EXPECT_TRUE(StoreBench::save(*store, row("after.example")));
    store.reset();
    store = bench.open();
    EXPECT_EQ(bench.rows.size(), salvaged + 1);
    EXPECT_TRUE(bench.rows.contains("after.example"));
    EXPECT_EQ(bench.log.count("error store-"), 1U) << "the second open found nothing wrong";
    EXPECT_FALSE(fs::exists(bench.file().string() + ".new"));
}

TEST(CacheSqliteDamage, ATruncatedFile) {
    StoreBench bench;
    fill(bench);
    fs::resize_file(bench.file(), fs::file_size(bench.file()) * 3 / 4);
    expect_renewed(bench);
    EXPECT_GT(bench.rows.size(), 10U) << "some of it could be read";
}

TEST(CacheSqliteDamage, AFileCutToAnOddSize) {
    StoreBench bench;
    fill(bench);
    fs::resize_file(bench.file(), 1000);
    expect_renewed(bench);
    EXPECT_EQ(bench.rows.size(), 1U);
}

TEST(CacheSqliteDamage, AHeaderOfGarbage) {
    StoreBench bench;
    fill(bench);
    overwrite(bench.file(), 0, std::string(200, '#'));
    expect_renewed(bench);
}

TEST(CacheSqliteDamage, AFileOfSomethingElse) {
    StoreBench bench;
    std::ofstream(bench.file()) << std::string(100'000, 'x');
    expect_renewed(bench);
}

TEST(CacheSqliteDamage, ADatabaseOfAnotherProgram) {
    StoreBench bench;
    bench.sql("CREATE TABLE theirs(x); INSERT INTO theirs VALUES(1)");
    expect_renewed(bench);
    EXPECT_EQ(bench.log.count("not a store of stsmapd"), 1U);
}

TEST(CacheSqliteDamage, AStoreWithoutItsTable) {
    StoreBench bench;
    fill(bench);
    bench.sql("DROP TABLE policies");
    expect_renewed(bench);
}

TEST(CacheSqliteDamage, AWrongApplicationIdStillGivesItsRows) {
    StoreBench bench;
    fill(bench);
    bench.sql("PRAGMA application_id = 5");
    expect_renewed(bench);
    EXPECT_EQ(bench.rows.size(), static_cast<std::size_t>(many) + 1);
}

TEST(CacheSqliteDamage, AFolderInItsPlace) {
    StoreBench bench;
    fs::create_directories(bench.file() / "inner");
    expect_renewed(bench);
    EXPECT_TRUE(fs::exists(bench.damaged_files().front() / "inner"));
}

TEST(CacheSqliteDamage, AnEmptyFileIsBegunAnewWithAWarning) {
    StoreBench bench;
    std::ofstream(bench.file()).close();
    auto store = bench.open();
    EXPECT_EQ(bench.log.count("warning store-empty"), 1U);
    EXPECT_TRUE(StoreBench::save(*store, row("a.example")));
    store.reset();
    store = bench.open();
    EXPECT_EQ(bench.rows.size(), 1U);
    EXPECT_EQ(bench.log.count("store-empty"), 1U);
}

/// A store as kill -9 leaves it: the rows are only in the write-ahead log.
void fill_and_kill(StoreBench& bench) {
    test::Child child([&](test::Pipe& pipe) {
        StoreBench inner{bench.file()};
        auto store = inner.open();
        for (int i = 0; i < 20; ++i) (void)StoreBench::save(*store, row(name_of(i)));
        pipe.say("saved");
        pipe.wait_for_end();
    });
    ASSERT_EQ(child.pipe().hear(), "saved");
    child.kill();
    ASSERT_GT(fs::file_size(bench.wal()), 1000U);
}

TEST(CacheSqliteDamage, ALogOfGarbageCostsOnlyWhatWasInIt) {
    StoreBench bench;
    fill(bench);
    {
        std::ofstream(bench.wal()) << std::string(50'000, 'x');
        auto store = bench.open();
        expect_sound(bench);
        EXPECT_EQ(bench.rows.size(), static_cast<std::size_t>(many));
        EXPECT_TRUE(StoreBench::save(*store, row("after.example")));
    }
    auto store = bench.open();
    EXPECT_EQ(bench.rows.size(), static_cast<std::size_t>(many) + 1);
}

TEST(CacheSqliteDamage, ALogWithoutItsFileIsSetAside) {
    for (const bool empty : {false, true}) {
        StoreBench bench;
        fill_and_kill(bench);
        const auto size = fs::file_size(bench.wal());
        fs::remove(bench.file());
        if (empty) std::ofstream(bench.file()).close();
        auto store = bench.open();
        EXPECT_EQ(bench.log.count("its log is not"), 1U);
        const std::string aside = bench.file().string() + ".damaged-20260309T040005Z";
        EXPECT_EQ(fs::file_size(aside + "-wal"), size) << "untouched";
        EXPECT_TRUE(StoreBench::save(*store, row("after.example")));
    }
}

TEST(CacheSqliteDamage, ALogWithFlippedOctetsNeverAltersARow) {
    std::mt19937 random{11};
    for (int round = 0; round < 10; ++round) {
        StoreBench bench;
        fill_and_kill(bench);
        const auto size = fs::file_size(bench.wal());
        for (int i = 0; i < 5; ++i)
            overwrite(bench.wal(), random() % size, std::string(1, static_cast<char>(random())));
        auto store = bench.open();
        expect_sound(bench);
        EXPECT_TRUE(StoreBench::save(*store, row("after.example")));
    }
}

// Damaged octets anywhere in the file: structure, keys, texts, checksums. Every row that comes back is
// unchanged, most rows do come back (unless an inner page is hit), and the store continues.
TEST(CacheSqliteDamage, FlippedOctetsNeverAlterARow) {
    StoreBench original;
    fill(original);
    const auto size = fs::file_size(original.file());
    std::mt19937 random{5};
    std::size_t renewed = 0, skipped = 0, loaded = 0;
    for (int round = 0; round < 30; ++round) {
        StoreBench bench;
        fs::copy_file(original.file(), bench.file());
        const int flips = 1 << (round % 6);
        for (int i = 0; i < flips; ++i)
            overwrite(bench.file(), 100 + random() % (size - 100),
                      std::string(1, static_cast<char>(random())));
        auto store = bench.open();
        expect_sound(bench);
        loaded += bench.rows.size();
        renewed += bench.log.count("store-damaged");
        skipped += bench.skipped;
        EXPECT_EQ(bench.damaged_files().empty(), bench.log.count("store-damaged") == 0);
        EXPECT_TRUE(StoreBench::save(*store, row("after.example")));
    }
    EXPECT_GT(renewed, 0U);
    EXPECT_GT(skipped, 0U);
    EXPECT_GT(loaded, 30U * many * 8 / 10);
}

TEST(CacheSqliteDamage, APageOfGarbageCostsLittleMoreThanItsRows) {
    StoreBench bench;
    fill(bench);
    const auto pages = fs::file_size(bench.file()) / 4096;
    ASSERT_GT(pages, 50U);
    overwrite(bench.file(), 4096 * (pages - 2), std::string(4096, '\xa5'));
    expect_renewed(bench);
    EXPECT_GT(bench.rows.size(), static_cast<std::size_t>(many - 200));
}

TEST(CacheSqliteDamage, BadRowsAreSkippedCountedAndRemovedWithTheNextWrite) {
    StoreBench bench;
    fill(bench);
    bench.sql("UPDATE policies SET policy_text = CAST('version: STSv1' AS BLOB) WHERE domain = 'd1.example';"
              "UPDATE policies SET fetched_at = fetched_at + 1 WHERE domain = 'd2.example';"
              "UPDATE policies SET domain = 'D3.example' WHERE domain = 'd3.example'");
    auto store = bench.open();
    expect_sound(bench);
    EXPECT_EQ(bench.rows.size(), static_cast<std::size_t>(many) - 3);
    EXPECT_EQ(bench.skipped, 3U);
    EXPECT_EQ(bench.log.count("store-rows-skipped"), 1U);
    EXPECT_EQ(bench.log.count("rows=3"), 1U);
    store.reset();
    EXPECT_EQ(bench.number("SELECT count(*) FROM policies"), many);
    store = bench.open();
    EXPECT_TRUE(StoreBench::save(*store, row("d1.example")));
    store.reset();
    EXPECT_EQ(bench.number("SELECT count(*) FROM policies"), many - 2);
    store = bench.open();
    EXPECT_EQ(bench.skipped, 0U);
    EXPECT_TRUE(bench.rows.contains("d1.example"));
}

/// The rows read from an endless file are sound, the file was renamed, and it did not take long.
void expect_an_end(StoreBench& bench) {
    const std::clock_t begun = std::clock();
    auto store = bench.open();
    EXPECT_LT((std::clock() - begun) / CLOCKS_PER_SEC, 30);
    expect_sound(bench);
    EXPECT_EQ(bench.log.count("error store-damaged"), 1U);
    EXPECT_TRUE(StoreBench::save(*store, row("after.example")));
}

TEST(CacheSqliteDamage, ATableOfRowsWithoutEndHasOne) {
    StoreBench bench;
    fill(bench);
    bench.sql("ALTER TABLE policies RENAME TO real;"
              "CREATE VIEW policies AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
              " SELECT real.* FROM n, real");
    expect_an_end(bench);
}

TEST(CacheSqliteDamage, ASchemaOfStepsWithoutEndHasOne) {
    StoreBench bench;
    fill(bench);
    bench.sql("ALTER TABLE policies RENAME TO real;"
              "CREATE VIEW policies AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
              " SELECT real.* FROM n, real WHERE i < 0");
    expect_an_end(bench);
}

void put_u32(std::string& in, std::size_t at, std::uint32_t number) {
    for (int shift = 24; shift >= 0; shift -= 8) in[at++] = static_cast<char>(number >> shift);
}

std::uint32_t get_u32(std::string_view in, std::size_t at) {
    std::uint32_t number = 0;
    for (int i = 0; i < 4; ++i) number = number << 8 | static_cast<unsigned char>(in[at++]);
    return number;
}

TEST(CacheSqliteDamage, ATreeWithMoreWaysThanCanBeGoneHasAnEnd) {
    StoreBench bench;
    fill(bench);
    const auto root =
        static_cast<std::size_t>(bench.number("SELECT rootpage FROM sqlite_schema WHERE name = 'policies'"));
    constexpr std::size_t size = 4096;
    std::string octets;
    {
        std::ifstream in(bench.file(), std::ios::binary);
        octets.assign(std::istreambuf_iterator<char>(in), {});
    }
    const auto page = [&](std::size_t number) { return octets.substr((number - 1) * size, size); };
    constexpr char interior = 2;
    std::size_t leaf = root;
    while (page(leaf)[0] == interior) leaf = get_u32(page(leaf), 8);
    ASSERT_NE(leaf, root);
    // Copies of the root on as many levels as SQLite follows; all children of a page are the next page.
    std::string all_lead_to = page(root);
    const auto lead_to = [&](std::size_t child) {
        const auto cells = static_cast<std::size_t>(static_cast<unsigned char>(all_lead_to[3]) << 8 |
                                                    static_cast<unsigned char>(all_lead_to[4]));
        put_u32(all_lead_to, 8, static_cast<std::uint32_t>(child));
        for (std::size_t i = 0; i < cells; ++i)
            put_u32(all_lead_to, get_u32(all_lead_to, 10 + 2 * i) & 0xffff,
                    static_cast<std::uint32_t>(child));
        return all_lead_to;
    };
    constexpr std::size_t levels = 18;
    const std::size_t first = octets.size() / size + 1;
    octets.replace((root - 1) * size, size, lead_to(first));
    for (std::size_t level = 1; level <= levels; ++level)
        octets += lead_to(level < levels ? first + level : leaf);
    put_u32(octets, 28, static_cast<std::uint32_t>(octets.size() / size));
    overwrite(bench.file(), 0, octets);
    expect_an_end(bench);
}

TEST(CacheSqliteDamage, LongKeysOfBadRowsDoNotFillTheMemory) {
    StoreBench bench;
    fill(bench);
    bench.sql("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100)"
              " INSERT INTO policies(domain, policy_text, txt_id, fetched_at, last_asked, dane_at, sum)"
              " SELECT printf('%.*c', 100000, 'x') || i, x'00', '', 0, 0, 0, 0 FROM n");
    auto file = cache::SqliteFile::open(bench.file());
    ASSERT_TRUE(file);
    const auto loaded = file->load([](const Row&) {});
    ASSERT_TRUE(loaded) << loaded.error().words;
    EXPECT_EQ(loaded->rows, static_cast<std::size_t>(many));
    EXPECT_EQ(loaded->skipped, 100U);
    std::size_t octets = 0;
    for (const std::string& key : loaded->bad_keys) octets += key.size();
    EXPECT_GT(octets, 1U << 20);
    EXPECT_LE(octets, cache::SqliteFile::max_bad_octets);
}

TEST(CacheSqliteDamage, TwoDamagesInOneSecondGetTwoNames) {
    StoreBench bench;
    for (int i = 0; i < 3; ++i) {
        std::ofstream(bench.file()) << std::string(10'000, 'x');
        bench.open().reset();
    }
    const auto files = bench.damaged_files();
    ASSERT_EQ(files.size(), 3U);
    EXPECT_TRUE(files[1].string().ends_with("Z-1"));
    EXPECT_TRUE(files[2].string().ends_with("Z-2"));
}

TEST(CacheSqliteDamage, ADiskThatDamagesEveryFileIsNotFilledWithThem) {
    StoreBench bench;
    for (std::size_t i = 0; i < sqlite::max_set_aside + 3; ++i) {
        std::ofstream(bench.file()) << std::string(10'000, 'x');
        bench.open().reset();
    }
    EXPECT_EQ(bench.damaged_files().size(), sqlite::max_set_aside);
    EXPECT_EQ(bench.log.count("moved_to=removed: 10 damaged files lie here already"), 3U);
}

TEST(CacheSqliteDamage, KilledBetweenTheTwoRenamesTheSalvagedFileIsTaken) {
    StoreBench bench;
    fill(bench);
    fs::rename(bench.file(), bench.file().string() + ".new");
    auto store = bench.open();
    EXPECT_EQ(bench.rows.size(), static_cast<std::size_t>(many));
    // A left-over next to a good file is not used, but removed.
    store.reset();
    std::ofstream(bench.file().string() + ".new") << "half written";
    store = bench.open();
    EXPECT_EQ(bench.rows.size(), static_cast<std::size_t>(many));
    EXPECT_FALSE(fs::exists(bench.file().string() + ".new"));
}

/// The owner's part of a refill: it gives everything it has.
void give_back(StoreBench& bench, int rows) {
    bench.options.refill = [rows](const SqliteStore::RowSink& sink) {
        for (int i = 0; i < rows; ++i)
            if (!sink(row(name_of(i)))) return;
    };
}

TEST(CacheSqliteDamage, FoundWhileWritingTheFileIsRenewedAndRefilled) {
    StoreBench bench;
    constexpr int rows = 20'000; // more than SQLite keeps in memory
    give_back(bench, rows);
    bench.open()->stop();
    {
        auto store = bench.open();
        for (int i = 0; i < rows; ++i) store->save(row(name_of(i)), nullptr);
    }
    auto store = bench.open();
    // Damages every page except the first, under the running store.
    const auto size = fs::file_size(bench.file());
    overwrite(bench.file(), 4096, std::string(size - 4096, '\xa5'));
    for (int i = 0; bench.log.count("store-damaged") == 0 && i < 1000; ++i)
        (void)StoreBench::save(*store, row(name_of(i), "2", 100));
    EXPECT_EQ(bench.log.count("error store-damaged"), 1U);
    EXPECT_TRUE(bench.logged("info store-refilled"));
    EXPECT_TRUE(StoreBench::save(*store, row("after.example")));
    EXPECT_FALSE(store->counters().failing);
    EXPECT_EQ(bench.damaged_files().size(), 1U);
    store.reset();
    store = bench.open();
    EXPECT_EQ(bench.log.count("error store-"), 1U);
    EXPECT_EQ(bench.rows.size(), static_cast<std::size_t>(rows) + 1);
}

TEST(CacheSqliteDamage, AFileCutShortUnderTheRunningStoreIsBegunAnew) {
    StoreBench bench;
    give_back(bench, 1000);
    for (const std::uintmax_t left : {std::uintmax_t{0}, std::uintmax_t{5000}}) {
        auto store = bench.open();
        for (int i = 0; i < 1000; ++i) store->save(row(name_of(i)), nullptr);
        store.reset();
        store = bench.open();
        EXPECT_TRUE(StoreBench::save(*store, row("a.example")));
        fs::resize_file(bench.file(), left);
        EXPECT_TRUE(StoreBench::save(*store, row("b.example")));
        EXPECT_TRUE(bench.logged("info store-refilled"));
        EXPECT_EQ(bench.log.count("error store-damaged"), 1U);
        EXPECT_EQ(bench.log.count("cut short while in use"), 1U);
        store.reset();
        store = bench.open();
        EXPECT_EQ(bench.rows.size(), 1001U) << "what the owner gave, and b.example";
        store.reset();
        bench.log.clear();
    }
}

TEST(CacheSqliteDamage, AFileRemovedUnderTheRunningStoreIsBegunAnew) {
    StoreBench bench;
    give_back(bench, 10);
    auto store = bench.open();
    EXPECT_TRUE(StoreBench::save(*store, row("a.example")));
    fs::remove(bench.file());
    EXPECT_TRUE(StoreBench::save(*store, row("b.example")));
    EXPECT_EQ(bench.log.count("error store-moved"), 1U);
    EXPECT_TRUE(bench.logged("info store-refilled"));
    store.reset();
    store = bench.open();
    EXPECT_EQ(bench.rows.size(), 11U) << "what the owner gave, and b.example";
    EXPECT_TRUE(bench.rows.contains("b.example"));
}

TEST(CacheSqliteDamage, AFolderRemovedUnderTheRunningStoreIsWaitedFor) {
    StoreBench bench;
    bench.options.retry_first = bench.options.retry_max = std::chrono::milliseconds(5);
    give_back(bench, 10);
    auto store = bench.open();
    EXPECT_TRUE(StoreBench::save(*store, row("a.example")));
    const fs::path aside = bench.folder().path().string() + ".away";
    fs::rename(bench.folder().path(), aside);
    for (int i = 0; i < 5; ++i) EXPECT_FALSE(StoreBench::save(*store, row("b.example")));
    EXPECT_EQ(bench.log.count("error store-"), 1U);
    EXPECT_EQ(bench.log.count(" is gone"), 1U);
    fs::create_directory(bench.folder().path());
    EXPECT_TRUE(bench.logged("info store-refilled"));
    EXPECT_TRUE(StoreBench::save(*store, row("c.example")));
    EXPECT_TRUE(fs::exists(bench.file().string() + ".lock")) << "a second daemon is still refused";
    EXPECT_FALSE(StoreBench{bench.file()}.try_open());
    store.reset();
    store = bench.open();
    EXPECT_EQ(bench.rows.size(), 12U) << "what the owner gave, and those saved since";
    EXPECT_EQ(bench.log.count("error store-"), 1U);
    fs::remove_all(aside);
}

/// A store of ten rows in the file and one in the log, in use, and its owner.
struct InUse {
    InUse() {
        give_back(bench, 10);
        auto first = bench.open();
        for (int i = 0; i < 10; ++i) EXPECT_TRUE(StoreBench::save(*first, row(name_of(i))));
        first.reset();
        store = bench.open();
        EXPECT_TRUE(StoreBench::save(*store, row("a.example")));
    }
    void overwrite(const std::string& octets) const {
        std::fstream file(bench.file(), std::ios::in | std::ios::out | std::ios::binary);
        file.write(octets.data(), static_cast<std::streamsize>(octets.size()));
    }
    void expect_all_after_restart(std::size_t rows) {
        store.reset();
        bench.log.clear();
        store = bench.open();
        EXPECT_EQ(bench.rows.size(), rows);
        EXPECT_EQ(bench.log.count("error "), 0U);
        store.reset();
    }
    StoreBench bench;
    std::unique_ptr<SqliteStore> store;
};

TEST(CacheSqliteDamage, AFileOverwrittenUnderTheRunningStoreIsBegunAnew) {
    InUse in_use;
    in_use.overwrite(std::string(fs::file_size(in_use.bench.file()), 'x'));
    EXPECT_TRUE(StoreBench::save(*in_use.store, row("b.example")));
    EXPECT_TRUE(in_use.bench.logged("info store-refilled"));
    EXPECT_EQ(in_use.bench.log.count("error store-"), 1U);
    EXPECT_EQ(in_use.bench.log.count("error store-damaged"), 1U);
    EXPECT_EQ(in_use.bench.log.count("written to by another process while in use"), 1U);
    EXPECT_EQ(in_use.bench.damaged_files().size(), 1U);
    in_use.expect_all_after_restart(11);
}

TEST(CacheSqliteDamage, TroubleWithTheFileIsSeenAtTheEnd) {
    for (const bool removed : {false, true}) {
        InUse in_use;
        if (removed)
            fs::remove(in_use.bench.file());
        else
            in_use.overwrite(std::string(fs::file_size(in_use.bench.file()), 'x'));
        in_use.expect_all_after_restart(10);
    }
}

TEST(CacheSqliteDamage, ALogRemovedOrOverwrittenUnderTheRunningStoreCostsNothing) {
    for (const bool removed : {true, false}) {
        InUse in_use;
        in_use.bench.options.refill = nullptr;
        if (removed)
            fs::remove(in_use.bench.wal());
        else
            std::fstream(in_use.bench.wal(), std::ios::in | std::ios::out) << std::string(2000, 'x');
        EXPECT_TRUE(StoreBench::save(*in_use.store, row("b.example")));
        EXPECT_TRUE(in_use.bench.logged("info store-refilled"));
        EXPECT_EQ(in_use.bench.log.count("warning store-changed"), 1U);
        EXPECT_EQ(in_use.bench.log.count("error store-"), 0U);
        in_use.expect_all_after_restart(removed ? 12U : 11U);
    }
}

TEST(CacheSqliteDamage, AFileThatWasOnlyTouchedIsKept) {
    InUse in_use;
    for (int i = 1; i < 20; ++i) {
        fs::last_write_time(in_use.bench.file(), fs::file_time_type::clock::now() + std::chrono::hours{i});
        EXPECT_TRUE(StoreBench::save(*in_use.store, row("b.example", std::to_string(i))));
    }
    EXPECT_EQ(in_use.bench.log.count("warning store-changed"), 1U) << "once a minute at most";
    EXPECT_TRUE(in_use.bench.damaged_files().empty());
    in_use.expect_all_after_restart(12);
}

/// Files of this process may not grow beyond `octets`; a write then fails as on a full disk.
void limit_files(rlim_t octets) {
    ::signal(SIGXFSZ, SIG_IGN);
    rlimit limit{};
    ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = std::min(octets, limit.rlim_max);
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
}

TEST(CacheSqliteTrouble, AFullDiskFailsSavesAndRecoveryCatchesUp) {
    StoreBench bench;
    test::Child child([&](test::Pipe&) {
        StoreBench inner{bench.file()};
        inner.options.retry_first = std::chrono::milliseconds(20);
        inner.options.retry_max = std::chrono::milliseconds(50);
        auto store = inner.open();
        constexpr int first_bad = 5;
        for (int i = 0; i < first_bad; ++i) EXPECT_TRUE(StoreBench::save(*store, row(name_of(i))));
        limit_files(10);
        EXPECT_FALSE(StoreBench::save(*store, row(name_of(first_bad))));
        EXPECT_TRUE(store->counters().failing);
        for (int i = first_bad + 1; i < first_bad + 10; ++i)
            EXPECT_FALSE(StoreBench::save(*store, row(name_of(i)))) << "at once, without a try each";
        store->save(row(name_of(first_bad), "newer"), nullptr);
        store->forget(row(name_of(first_bad + 1)).domain, std::nullopt);
        EXPECT_FALSE(StoreBench::save(*store, row("last.example")));
        EXPECT_EQ(inner.log.count("error store-failed"), 1U) << "said once";
        EXPECT_EQ(store->counters().kept, 11U) << "the newest of each domain";
        EXPECT_TRUE(inner.logged("debug store-still-failing"));

        limit_files(RLIM_INFINITY);
        EXPECT_TRUE(inner.logged("info store-recovered"));
        EXPECT_EQ(inner.log.count("caught_up=11"), 1U);
        EXPECT_EQ(inner.log.count("error store-"), 1U);
        EXPECT_TRUE(StoreBench::save(*store, row("after.example")));
        EXPECT_FALSE(store->counters().failing);
        EXPECT_EQ(store->counters().kept, 0U);
        store.reset();
        store = inner.open();
        EXPECT_EQ(inner.rows.size(), static_cast<std::size_t>(first_bad) + 11);
        EXPECT_EQ(inner.rows.at(name_of(first_bad)).txt_id, "newer");
        EXPECT_FALSE(inner.rows.contains(name_of(first_bad + 1)));
        EXPECT_TRUE(inner.rows.contains("last.example"));
    });
    EXPECT_EQ(child.wait(), 0);
}

TEST(CacheSqliteTrouble, MoreThanCanBeKeptIsMadeUpForByTheRefill) {
    StoreBench bench;
    test::Child child([&](test::Pipe&) {
        StoreBench inner{bench.file()};
        inner.options.retry_first = inner.options.retry_max = std::chrono::milliseconds(20);
        inner.options.max_kept = 5;
        give_back(inner, many);
        auto store = inner.open();
        limit_files(4'096); // no frame of the write-ahead log fits, however many rows are in one commit
        for (int i = 0; i < many; ++i) store->save(row(name_of(i)), nullptr);
        EXPECT_FALSE(StoreBench::save(*store, row("a.example")));
        EXPECT_LE(store->counters().kept, 5U);
        limit_files(RLIM_INFINITY);
        EXPECT_TRUE(inner.logged("info store-refilled"));
        store.reset();
        store = inner.open();
        for (int i = 0; i < many; ++i) ASSERT_TRUE(inner.rows.contains(name_of(i)));
    });
    EXPECT_EQ(child.wait(), 0);
}

TEST(CacheSqliteTrouble, ADiskFullAtTheStartStillLoadsAndRecovers) {
    for (const bool killed : {false, true}) { // with and without rows in the log
        StoreBench bench;
        if (killed)
            fill_and_kill(bench);
        else
            fill(bench);
        test::Child child([&](test::Pipe&) {
            StoreBench inner{bench.file()};
            inner.options.retry_first = inner.options.retry_max = std::chrono::milliseconds(20);
            limit_files(10);
            auto store = inner.open();
            EXPECT_EQ(inner.rows.size(), killed ? 20U : static_cast<std::size_t>(many));
            EXPECT_FALSE(StoreBench::save(*store, row("after.example")));
            EXPECT_EQ(inner.log.count("error store-failed"), 1U);
            EXPECT_EQ(inner.log.count("error store-"), 1U);
            limit_files(RLIM_INFINITY);
            EXPECT_TRUE(inner.logged("info store-recovered"));
            const std::size_t had = inner.rows.size();
            store.reset();
            store = inner.open();
            EXPECT_EQ(inner.rows.size(), had + 1);
        });
        EXPECT_EQ(child.wait(), 0);
    }
}

TEST(CacheSqliteTrouble, ADiskFullAtTheVeryFirstStartIsNotFatal) {
    StoreBench bench;
    test::Child child([&](test::Pipe&) {
        StoreBench inner{bench.file()};
        inner.options.retry_first = inner.options.retry_max = std::chrono::milliseconds(20);
        limit_files(10);
        auto store = inner.open();
        EXPECT_FALSE(StoreBench::save(*store, row("a.example")));
        limit_files(RLIM_INFINITY);
        EXPECT_TRUE(inner.logged("info store-recovered"));
        store.reset();
        store = inner.open();
        EXPECT_EQ(inner.rows.size(), 1U);
    });
    EXPECT_EQ(child.wait(), 0);
}

TEST(CacheSqliteTrouble, DamageOnAFullDiskLoadsWhatCanBeReadAndKeepsTheEvidence) {
    StoreBench bench;
    fill(bench);
    const auto size = fs::file_size(bench.file());
    overwrite(bench.file(), 4096 * (size / 4096 - 2), std::string(4096, '\xa5'));
    test::Child child([&](test::Pipe&) {
        StoreBench inner{bench.file()};
        inner.options.retry_first = inner.options.retry_max = std::chrono::milliseconds(20);
        give_back(inner, many);
        limit_files(40'000);
        auto store = inner.open();
        expect_sound(inner);
        EXPECT_GT(inner.rows.size(), static_cast<std::size_t>(many - 200));
        EXPECT_EQ(inner.log.count("error store-damaged"), 1U);
        limit_files(RLIM_INFINITY);
        EXPECT_TRUE(inner.logged("info store-refilled"));
        store.reset();
        EXPECT_EQ(fs::file_size(inner.damaged_files().front()), size);
        store = inner.open();
        EXPECT_EQ(inner.rows.size(), static_cast<std::size_t>(many));
    });
    EXPECT_EQ(child.wait(), 0);
}

TEST(CacheSqliteTrouble, StoppingWhileTheDiskIsFullEndsInTimeAndSaysWhatIsLost) {
    StoreBench bench;
    test::Child child([&](test::Pipe&) {
        StoreBench inner{bench.file()};
        auto store = inner.open();
        limit_files(10);
        EXPECT_FALSE(StoreBench::save(*store, row("a.example")));
        store->stop();
        EXPECT_EQ(inner.log.count("warning store-incomplete"), 1U);
        EXPECT_EQ(inner.log.count("unwritten=1"), 1U);
    });
    EXPECT_EQ(child.wait(), 0);
}

} // namespace
