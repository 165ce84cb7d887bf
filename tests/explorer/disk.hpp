// tests/explorer/disk.hpp - the store port over a disk made of variables, with the contract of
// cache/disk/sqlite_store: writes in order; after done(true) a row is there for good; done(false) when the disk
// takes nothing, and then the newest write of each domain is kept and tried again.
#pragma once

#include "cache/disk/write_op.hpp"
#include "cache/store.hpp"
#include "explorer/hands.hpp"
#include "explorer/oracle.hpp"

#include <deque>
#include <functional>
#include <optional>
#include <string>

namespace explorer {

/// The domain under test. Another one exists to take its place in memory.
inline constexpr const char* subject = "a.example";
inline constexpr const char* other = "b.example";

class Disk final : public cache::Store {
public:
    static constexpr base::seconds slow{5}, try_again{60}, try_later{3600};

    Disk(Hands& hands, Oracle& oracle) : hands_(hands), oracle_(oracle) {}

    void save(cache::Row row, std::function<void(bool)> done) override;
    void forget(base::Domain domain, std::optional<base::Instant> fetched_at) override;
    void note_running(base::seconds total) override { running_ = total; }
    [[nodiscard]] base::seconds running() const { return running_; }
    /// Asks the owner for its current row, after the kept operations could not be combined into one.
    std::function<std::optional<cache::Row>()> refill;

    /// Called for each save; says whether it was refused.
    std::function<void(const cache::Row&, bool refused)> on_save;

    /// kill -9: what is not durable is lost.
    void kill();
    /// From now on it neither gives nor takes anything, until read(): that gives the row, unless a newer
    /// write has been kept meanwhile, and takes what was kept.
    void be_unreadable() { failing_ = unreadable_ = true; }
    [[nodiscard]] std::optional<cache::Row> read();
    [[nodiscard]] bool unreadable() const { return unreadable_; }
    void reset();

    // Only for the domain under test: the rows of others do not matter.
    [[nodiscard]] const std::optional<cache::Row>& durable() const { return durable_; }
    /// The row after everything that waits is written; null: none.
    [[nodiscard]] const cache::Row* eventual() const;

    [[nodiscard]] const std::deque<cache::WriteOp>& queue() const { return queue_; }
    [[nodiscard]] const std::optional<cache::WriteOp>& kept() const { return kept_; }
    [[nodiscard]] bool refill_needed() const { return refill_needed_; }
    [[nodiscard]] bool failing() const { return failing_; }
    /// Nothing is being written or waits to be tried again.
    [[nodiscard]] bool idle() const { return queue_.empty() && !failing_; }
    /// Goes up with every change.
    [[nodiscard]] std::size_t changes() const { return changes_; }

private:
    void push(cache::WriteOp op);
    void apply(const cache::WriteOp& op);
    void commit_first();
    void begin_failing(base::seconds for_now);
    void recover();

    Hands& hands_;
    Oracle& oracle_;
    std::optional<cache::Row> durable_;
    std::deque<cache::WriteOp> queue_; ///< the first is being committed, slowly; the rest is the next batch
    std::optional<cache::WriteOp> kept_;
    bool failing_ = false, unreadable_ = false, refill_needed_ = false;
    base::seconds running_{0};
    std::size_t changes_ = 0;
};

} // namespace explorer
