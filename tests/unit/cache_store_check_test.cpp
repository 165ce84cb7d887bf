// Checks of a store's file that do not change it.
#include "cache/disk/store_check.hpp"

#include "cache/disk/sqlite_file.hpp"
#include "support/temp_folder.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>

#include <unistd.h>

namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using cache::check_store;
using State = cache::StoreCheck::State;

std::string content(const fs::path& file) {
    std::ifstream stream(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
}

std::set<std::string> names(const fs::path& folder) {
    std::set<std::string> found;
    for (const auto& entry : fs::directory_iterator(folder)) found.insert(entry.path().filename().string());
    return found;
}

/// A store with some rows, closed cleanly.
void make_store(const fs::path& file, int rows = 300) {
    ASSERT_TRUE(cache::create_file(file));
    auto store = cache::SqliteFile::open(file);
    ASSERT_TRUE(store);
    ASSERT_TRUE(store->begin());
    for (int i = 0; i < rows; ++i) {
        cache::Row row{*base::Domain::parse("d" + std::to_string(i) + ".example"), {}, {}, {}, {}, {}};
        row.policy_text =
            "version: STSv1\r\nmode: enforce\r\nmx: mx.example\r\nmax_age: 86400\r\n" + std::string(200, 'x');
        row.txt_id = "1";
        ASSERT_TRUE(store->put(row));
    }
    ASSERT_TRUE(store->commit());
}

TEST(CheckStore, FindsAGoodOneGood) {
    const test::TempFolder folder;
    const fs::path file = folder / "stsmapd.sqlite";
    EXPECT_EQ(check_store(file, 5s).state, State::none);
    std::ofstream(file).close();
    EXPECT_EQ(check_store(file, 5s).state, State::none);
    make_store(file);
    const auto before = names(folder.path());
    const std::string octets = content(file);
    const auto check = check_store(file, 5s);
    EXPECT_EQ(check.state, State::good) << check.words;
    EXPECT_EQ(check.octets, octets.size());
    EXPECT_EQ(names(folder.path()), before) << "not even SQLite's index of the log";
    EXPECT_EQ(content(file), octets);
}

TEST(CheckStore, LeavesOneThatIsInUseToItsDaemon) {
    const test::TempFolder folder;
    const fs::path file = folder / "odd name?#%.sqlite";
    make_store(file);
    {
        auto daemon = cache::SqliteFile::open(file);
        ASSERT_TRUE(daemon);
        ASSERT_TRUE(daemon->begin());
        ASSERT_TRUE(daemon->remove("d1.example"));
        EXPECT_EQ(check_store(file, 1s).state, State::in_use);
        ASSERT_TRUE(daemon->commit());
        EXPECT_EQ(check_store(file, 1s).state, State::in_use);
    }
    EXPECT_EQ(check_store(file, 1s).state, State::good);
}

TEST(CheckStore, FindsDamage) {
    const test::TempFolder folder;
    const fs::path file = folder / "stsmapd.sqlite";
    std::ofstream(file) << std::string(8192, 'x');
    EXPECT_EQ(check_store(file, 5s).state, State::damaged);
    fs::remove(file);
    make_store(file);
    std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
    stream.seekp(4096);
    stream << std::string(static_cast<std::size_t>(fs::file_size(file)) - 4096, '\xff');
    stream.close();
    const auto check = check_store(file, 5s);
    EXPECT_EQ(check.state, State::damaged);
    EXPECT_NE(check.words, "");
}

TEST(CheckStore, FindsAnotherProgramsAndANewerOne) {
    const test::TempFolder folder;
    const fs::path file = folder / "stsmapd.sqlite";
    make_store(file);
    {
        auto db = sqlite::Db::open(file, sqlite::Db::Use::normal);
        ASSERT_TRUE(db);
        ASSERT_TRUE(db->exec("PRAGMA user_version = 99"));
    }
    EXPECT_EQ(check_store(file, 5s).state, State::newer);
    {
        auto db = sqlite::Db::open(file, sqlite::Db::Use::normal);
        ASSERT_TRUE(db->exec("PRAGMA application_id = 1; PRAGMA user_version = 1"));
    }
    EXPECT_EQ(check_store(file, 5s).state, State::damaged);
}

TEST(CheckStore, KeepsToItsLimit) {
    const test::TempFolder folder;
    const fs::path file = folder / "stsmapd.sqlite";
    make_store(file, 20'000);
    const auto check = check_store(file, 0ms);
    EXPECT_EQ(check.state, State::unfinished) << check.words;
}

TEST(CheckStore, SaysThatItMayNotLook) {
    if (::geteuid() == 0) GTEST_SKIP() << "root may read everything";
    const test::TempFolder folder;
    const fs::path file = folder / "stsmapd.sqlite";
    make_store(file);
    fs::permissions(file, fs::perms::none);
    EXPECT_EQ(check_store(file, 5s).state, State::unreadable);
}

} // namespace
