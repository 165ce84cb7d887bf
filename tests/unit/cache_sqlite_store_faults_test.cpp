// The store while each of its system calls fails in turn. In every case it continues, reports the fault once,
// confirms only rows that are on the disk, and works again, with all rows, when the fault is over.
#include "cache/disk/sqlite_store.hpp"

#include "support/failing_disk.hpp"
#include "support/failing_memory.hpp"
#include "support/store_bench.hpp"

#include <gtest/gtest.h>

#include <poll.h>

#include <future>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>

namespace {

namespace fs = std::filesystem;
using cache::Row;
using cache::SqliteStore;
using test::FailingDisk;
using test::Fault;
using test::row;
using test::StoreBench;

constexpr int in_file = 30, in_log = 10;
std::string old_name(int i) { return "old" + std::to_string(i) + ".example"; }

/// A store as kill -9 leaves it, with rows in the file and rows in the log; copied for each round.
class Original {
public:
    Original() {
        StoreBench bench;
        auto store = bench.open();
        for (int i = 0; i < in_file; ++i) (void)StoreBench::save(*store, row(old_name(i)));
        store = nullptr;
        store = bench.open();
        for (int i = in_file; i < in_file + in_log; ++i) (void)StoreBench::save(*store, row(old_name(i)));
        for (const char* part : {"", "-wal"})
            fs::copy_file(bench.file().string() + part, folder_ / ("stsmapd.sqlite" + std::string(part)));
    }
    void lay_out(const StoreBench& bench) const {
        for (const auto& file : fs::directory_iterator(folder_.path()))
            fs::copy_file(file.path(), bench.folder().path() / file.path().filename());
    }

private:
    test::TempFolder folder_;
};

/// The store with an owner like the daemon: it keeps all rows in memory during the store's trouble, and notes
/// which rows the store confirmed.
class Owner {
public:
    explicit Owner(StoreBench& bench) : bench_(bench) {
        bench.options.retry_first = std::chrono::milliseconds(1);
        bench.options.retry_max = std::chrono::milliseconds(8);
        bench.options.unreadable_for = std::chrono::milliseconds(100);
        bench.options.refill = [this](const SqliteStore::RowSink& sink) {
            for (const auto& [name, r] : memory())
                if (!sink(r)) return;
        };
        bench.options.late = [this](Row r) {
            const std::lock_guard lock{mutex_};
            std::string name = r.domain.name();
            if (!forgotten_.contains(name)) memory_.emplace(std::move(name), std::move(r));
        };
    }

    void open() {
        auto opened = bench_.try_open();
        ASSERT_TRUE(opened) << "the daemon would not have started: " << opened.error();
        store_ = std::move(opened->store);
        const std::lock_guard lock{mutex_};
        for (const auto& [name, r] : bench_.rows) memory_.insert_or_assign(name, r);
    }
    /// The higher the id, the later it was fetched.
    bool save(const std::string& name, const std::string& id) {
        const Row fetched = row(name, id, std::stoi(id));
        {
            const std::lock_guard lock{mutex_};
            memory_.insert_or_assign(name, fetched);
        }
        const bool ok = StoreBench::save(*store_, fetched);
        if (ok) promised_[name] = id;
        return ok;
    }
    void forget(const std::string& name) {
        {
            const std::lock_guard lock{mutex_};
            memory_.erase(name);
            forgotten_.insert(name);
        }
        store_->forget(row(name).domain, std::nullopt);
    }
    /// Saves until a row is confirmed again and the owner has nothing left to repeat.
    [[nodiscard]] bool recovers() {
        const auto end = std::chrono::steady_clock::now() + test::patience;
        for (int i = 0; std::chrono::steady_clock::now() < end; ++i) {
            if (save("probe.example", std::to_string(i)) && store_->counters().kept == 0) return true;
            ::poll(nullptr, 0, 1);
        }
        return false;
    }
    void stop() { store_.reset(); }

    [[nodiscard]] std::map<std::string, Row> memory() const {
        const std::lock_guard lock{mutex_};
        return memory_;
    }
    /// Checks that the rows are what was confirmed, or came into memory later, unchanged; nothing else is
    /// there.
    void expect_in(const std::map<std::string, Row>& rows, bool all_of_memory, bool promises) const {
        for (const auto& [name, id] : promised_) {
            if (forgotten_.contains(name) || !promises) continue;
            EXPECT_TRUE(rows.contains(name)) << name << " was promised and is gone";
        }
        const std::map<std::string, Row> known = memory();
        for (const auto& [name, r] : rows) {
            EXPECT_EQ(r.policy_text, row(name).policy_text) << name;
            if (all_of_memory && !forgotten_.contains(name)) {
                EXPECT_TRUE(known.contains(name)) << name;
            }
        }
        for (const auto& [name, r] : known) {
            if (!rows.contains(name)) {
                EXPECT_FALSE(all_of_memory) << name << " is in memory only";
                continue;
            }
            if (all_of_memory) {
                EXPECT_EQ(rows.at(name).txt_id, r.txt_id) << name;
            }
        }
    }

private:
    StoreBench& bench_;
    std::unique_ptr<SqliteStore> store_;
    mutable std::mutex mutex_;
    std::map<std::string, Row> memory_;
    std::set<std::string> forgotten_;
    std::map<std::string, std::string> promised_;
};

enum class Length {
    once,       ///< one call fails
    while_,     ///< all fail from that call on until the trouble is over, while the daemon runs
    to_the_end, ///< all fail from that call on, until the daemon has stopped
};

/// One life of the store with a fault at the n-th possible call. Returns whether there were that many.
bool round(const Original& original, Fault fault, std::uint64_t n, Length length) {
    StoreBench bench;
    original.lay_out(bench);
    Owner owner(bench);
    std::uint64_t failed = 0;
    {
        FailingDisk disk(bench.folder().path());
        disk.fail(fault, n, length == Length::once ? 1 : FailingDisk::for_ever);
        owner.open();
        if (testing::Test::HasFatalFailure()) return false;
        for (int i = 0; i < 3; ++i) owner.save("new" + std::to_string(i) + ".example", "1");
        owner.save(old_name(0), "2");
        owner.forget(old_name(1));
        owner.save(old_name(in_file), "2");
        if (length == Length::while_) {
            failed = disk.failed();
            disk.heal();
        }
        if (length != Length::to_the_end) {
            EXPECT_TRUE(owner.recovers());
        }
        if (length == Length::once) failed = disk.failed();
        owner.stop();
        if (length == Length::to_the_end) failed = disk.failed();
    }
    const bool rubbish = fault == Fault::garbage;
    if (!rubbish && length != Length::to_the_end) {
        // All rows of the file are known to the owner, even when the start could not read them.
        for (int i = 2; i < in_file + in_log; ++i) {
            EXPECT_TRUE(owner.memory().contains(old_name(i))) << old_name(i);
        }
    }
    EXPECT_LE(bench.log.count("error store-"), rubbish ? 4U : 1U);
    EXPECT_LE(bench.log.count("warning store-"), length == Length::to_the_end ? 2U : 1U);
    if (length != Length::to_the_end) {
        EXPECT_EQ(bench.log.count("error store-failed"), bench.log.count("info store-recovered"));
        EXPECT_EQ(bench.log.count("store-incomplete"), 0U);
    }
    StoreBench again{bench.file()};
    again.open().reset();
    // If a disk returns other octets than were written, only the rows' checksums help.
    owner.expect_in(again.rows, !rubbish && length != Length::to_the_end, !rubbish);
    EXPECT_LE(again.log.count("error store-"), rubbish ? 1U : 0U) << "the file was left in good order";
    if (testing::Test::HasFailure()) {
        for (const std::string& line : bench.log.lines()) ADD_FAILURE() << line;
        for (const std::string& line : again.log.lines()) ADD_FAILURE() << "again: " << line;
    }
    return failed > 0;
}

void every_call(Fault fault, Length length) {
    static const Original original;
    std::uint64_t n = 1;
    for (;; ++n) {
        SCOPED_TRACE(std::string(test::to_string(fault)) + " at call " + std::to_string(n));
        const bool came = round(original, fault, n, length);
        if (testing::Test::HasFailure() || !came) break;
    }
    testing::Test::RecordProperty("calls", std::to_string(n - 1));
    std::printf("    %s: %d calls failed in turn\n", std::string(test::to_string(fault)).c_str(),
                static_cast<int>(n - 1));
    EXPECT_GT(n, 1U) << "no call was there to fail";
}

class StoreFaults : public testing::TestWithParam<Fault> {};

TEST_P(StoreFaults, OneCallFails) { every_call(GetParam(), Length::once); }
TEST_P(StoreFaults, AllCallsFailUntilTheTroubleIsOver) { every_call(GetParam(), Length::while_); }
TEST_P(StoreFaults, AllCallsFailUntilTheDaemonHasStopped) { every_call(GetParam(), Length::to_the_end); }

INSTANTIATE_TEST_SUITE_P(Every, StoreFaults,
                         testing::Values(Fault::io_error, Fault::full, Fault::short_write,
                                         Fault::sync_failure, Fault::busy, Fault::garbage, Fault::read_only,
                                         Fault::no_descriptors),
                         [](const auto& fault) { return std::string(test::to_string(fault.param)); });

/// One life of the store whose n-th allocation fails. Returns whether there were that many.
bool round_without_memory(const Original& original, std::uint64_t n, Length length) {
    StoreBench bench;
    original.lay_out(bench);
    Owner owner(bench);
    owner.open();
    std::uint64_t failed = 0;
    {
        test::FailingMemory memory;
        memory.fail(n, length == Length::once ? 1 : test::FailingMemory::for_ever);
        for (int i = 0; i < 3; ++i) owner.save("new" + std::to_string(i) + ".example", "1");
        owner.save(old_name(0), "2");
        owner.forget(old_name(1));
        owner.save(old_name(in_file), "2");
        if (length == Length::to_the_end) owner.stop();
        failed = memory.failed();
        memory.heal();
        if (length != Length::to_the_end) {
            EXPECT_TRUE(owner.recovers());
        }
    }
    owner.stop();
    EXPECT_LE(bench.log.count("error store-"), 1U);
    if (length == Length::while_ && failed > 0) {
        EXPECT_EQ(bench.log.count("info store-recovered"), 1U);
    }
    StoreBench again{bench.file()};
    again.open().reset();
    owner.expect_in(again.rows, length != Length::to_the_end, true);
    EXPECT_EQ(again.log.count("error store-"), 0U) << "the file was left in good order";
    if (testing::Test::HasFailure())
        for (const std::string& line : bench.log.lines()) ADD_FAILURE() << line;
    return failed > 0;
}

void every_allocation(Length length) {
    static const Original original;
    std::uint64_t n = 1;
    for (;; ++n) {
        SCOPED_TRACE("allocation " + std::to_string(n));
        const bool came = round_without_memory(original, n, length);
        if (testing::Test::HasFailure() || !came) break;
    }
    std::printf("    %d allocations failed in turn\n", static_cast<int>(n - 1));
    EXPECT_GT(n, 5U) << "none was there to fail";
}

TEST(StoreDisk, AWriteThatDoesNotEndCountsAsFailing) {
    StoreBench bench;
    bench.options.stuck_after = std::chrono::milliseconds(20);
    FailingDisk disk(bench.folder().path());
    auto store = bench.open();
    disk.hang();
    std::promise<bool> written;
    std::future<bool> answer = written.get_future();
    store->save(row("a.example"), [&written](bool ok) { written.set_value(ok); });
    const auto end = std::chrono::steady_clock::now() + test::patience;
    while (!store->counters().failing && std::chrono::steady_clock::now() < end) ::poll(nullptr, 0, 1);
    EXPECT_TRUE(store->counters().failing);
    EXPECT_EQ(answer.wait_for(std::chrono::seconds(0)), std::future_status::timeout);
    disk.heal();
    EXPECT_TRUE(test::in_time(answer) && answer.get());
    EXPECT_FALSE(store->counters().failing);
    EXPECT_EQ(bench.log.count("error store-"), 0U);
    store.reset();
}

TEST(StoreMemory, OneAllocationFails) { every_allocation(Length::once); }
TEST(StoreMemory, AllAllocationsFailUntilThereIsMemoryAgain) { every_allocation(Length::while_); }
TEST(StoreMemory, AllAllocationsFailUntilTheDaemonHasStopped) { every_allocation(Length::to_the_end); }

TEST(StoreMemory, NoneForWhoWaitsIsNoEnd) {
    StoreBench bench;
    bench.options.retry_first = std::chrono::milliseconds(1);
    auto store = bench.open();
    store->save(row("a.example"), [](bool) { throw std::bad_alloc{}; });
    EXPECT_TRUE(bench.logged("info store-recovered"));
    EXPECT_TRUE(StoreBench::save(*store, row("b.example")));
    EXPECT_EQ(bench.log.count("error store-failed"), 1U);
    store.reset();
    bench.open().reset();
    EXPECT_EQ(bench.names(), (std::vector<std::string>{"a.example", "b.example"}));
}

} // namespace
