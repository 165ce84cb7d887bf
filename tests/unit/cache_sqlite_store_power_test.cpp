// The power fails at any moment: every row that was confirmed before is on the disk, and the database is
// sound. Also when an fsync(2) failed before.
#include "cache/disk/sqlite_store.hpp"

#include "support/failing_disk.hpp"
#include "support/store_bench.hpp"

#include <gtest/gtest.h>

#include <poll.h>

#include <cstdlib>
#include <map>
#include <mutex>
#include <random>
#include <string>

namespace {

namespace fs = std::filesystem;
using cache::Row;
using cache::SqliteStore;
using test::FailingDisk;
using test::Fault;
using test::StoreBench;

constexpr int domains = 60;

/// A row whose size does not depend on the domain; the record id counts the saves.
Row numbered(const std::string& name, int number) {
    Row r = test::row(name, std::to_string(number));
    const auto seed = static_cast<std::size_t>(number) * 7919 % 97;
    if (seed < 12) r.policy_text += std::string(seed * 5000, 'x');
    return r;
}

class PowerLoss {
public:
    explicit PowerLoss(unsigned seed) : random_(seed), disk_(bench_.folder().path()) {
        bench_.options.retry_first = std::chrono::milliseconds(1);
        bench_.options.retry_max = std::chrono::milliseconds(4);
        bench_.options.refill = [this](const SqliteStore::RowSink& sink) {
            std::map<std::string, int> saved;
            {
                const std::lock_guard lock{mutex_};
                saved = saved_;
            }
            for (const auto& [name, number] : saved)
                if (!sink(numbered(name, number))) return;
        };
        store_ = bench_.open();
    }

    void work() {
        switch (random_() % 12) {
        case 0: // a restart in good order, which moves the log into the file
            store_.reset();
            store_ = bench_.open();
            break;
        case 1:
            store_->forget(test::row("gone" + std::to_string(random_() % 5) + ".example").domain,
                           std::nullopt);
            break;
        case 2: store_->save(test::row("gone" + std::to_string(random_() % 5) + ".example"), nullptr); break;
        case 3: disk_.fail(Fault::sync_failure, 1 + random_() % 4, 1 + random_() % 2); break;
        default:
            for (auto i = 1 + random_() % 15; i > 0; --i) save();
        }
        if (random_() % 3 == 0) ::poll(nullptr, 0, static_cast<int>(random_() % 3));
    }

    /// A power failure on a copy of the disk; checks what is left.
    void lose_power() {
        std::map<std::string, int> promised, saved;
        {
            const std::lock_guard lock{mutex_};
            promised = promised_;
        }
        const fs::path left = bench_.folder() / ("left" + std::to_string(++losses_));
        disk_.lose_power(left, random_);
        {
            const std::lock_guard lock{mutex_};
            saved = saved_;
        }
        StoreBench after{left / "stsmapd.sqlite"};
        after.open().reset();
        for (const auto& [name, number] : promised) {
            ASSERT_TRUE(after.rows.contains(name)) << name << " was promised";
            ASSERT_GE(std::stoi(after.rows.at(name).txt_id), number) << name;
        }
        for (const auto& [name, r] : after.rows) {
            if (!saved.contains(name)) continue;
            ASSERT_LE(std::stoi(r.txt_id), saved.at(name)) << name;
            ASSERT_EQ(r.policy_text, numbered(name, std::stoi(r.txt_id)).policy_text);
        }
        EXPECT_EQ(after.log.count("error"), 0U);
        auto db = sqlite::Db::open(after.file(), sqlite::Db::Use::normal);
        EXPECT_EQ(db->word("PRAGMA quick_check").value(), "ok");
        promises_ += promised.size();
        if (testing::Test::HasFailure())
            for (const std::string& line : after.log.lines()) ADD_FAILURE() << line;
        fs::remove_all(left);
    }

    [[nodiscard]] std::size_t promises() const { return promises_; }
    [[nodiscard]] std::size_t failures() const { return bench_.log.count("error store-failed"); }

private:
    void save() {
        const std::string name = "d" + std::to_string(random_() % domains) + ".example";
        const int number = ++number_;
        {
            const std::lock_guard lock{mutex_};
            saved_[name] = number;
        }
        store_->save(numbered(name, number), [this, name, number](bool ok) {
            const std::lock_guard lock{mutex_};
            if (ok) promised_[name] = number;
        });
    }

    std::mt19937 random_;
    std::mutex mutex_;
    std::map<std::string, int> saved_, promised_;
    int number_ = 0, losses_ = 0;
    std::size_t promises_ = 0;
    StoreBench bench_;
    FailingDisk disk_;
    std::unique_ptr<SqliteStore> store_;
};

TEST(CacheSqlitePower, WhatWasPromisedSurvivesItsLossAtAnyMoment) {
    constexpr unsigned lives = 12, losses = 40;
    const char* const given = std::getenv("STSMAPD_TEST_SEED");
    const unsigned first = given != nullptr ? static_cast<unsigned>(std::atoi(given)) : 1;
    std::size_t promises = 0, failures = 0;
    for (unsigned seed = first; seed < first + lives; ++seed) {
        SCOPED_TRACE("STSMAPD_TEST_SEED=" + std::to_string(seed));
        PowerLoss life(seed);
        for (unsigned i = 0; i < losses; ++i) {
            for (int n = 0; n < 4; ++n) life.work();
            life.lose_power();
            if (HasFailure()) return;
        }
        promises += life.promises();
        failures += life.failures();
    }
    std::printf("    %u losses of power, %zu promises looked at, %zu failed syncs on the way\n",
                lives * losses, promises, failures);
    EXPECT_GT(promises, 1000U);
    EXPECT_GT(failures, 10U);
}

} // namespace
