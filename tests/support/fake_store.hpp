// tests/support/fake_store.hpp - a Store in memory whose commits the test times. Not for several threads at
// once.
//
// Unless held, each save and forget is committed within the call. After hold() they wait for release() or
// release_one(), in order; `done` is called there. What was committed is in rows(), which can start the next
// fake: that is a restart. Whatever was not committed is lost with the fake, and its `done` is never called,
// as with kill -9.
#pragma once

#include "cache/store.hpp"

#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace test {

class FakeStore final : public cache::Store {
public:
    using Rows = std::map<std::string, cache::Row>;

    FakeStore() = default;
    explicit FakeStore(Rows rows) : rows_(std::move(rows)) {}

    void save(cache::Row row, std::function<void(bool)> done) override {
        operations_.push_back("save " + row.domain.name());
        const std::string name = row.domain.name();
        waiting_.push_back({name, std::move(row), std::move(done), {}});
        if (!held_) release_one();
    }
    void forget(base::Domain domain, std::optional<base::Instant> fetched_at) override {
        operations_.push_back("forget " + domain.name());
        waiting_.push_back({domain.name(), std::nullopt, nullptr, fetched_at});
        if (!held_) release_one();
    }

    /// From now on nothing is committed.
    void hold() { held_ = true; }
    /// Commits what waits, also what is saved meanwhile, and ends the hold.
    void release() {
        held_ = false;
        while (release_one()) {
        }
    }
    /// Commits the first that waits; false when none did. The hold stays.
    bool release_one() {
        if (waiting_.empty()) return false;
        Waiting first = std::move(waiting_.front());
        waiting_.pop_front();
        bool ok = true;
        if (first.row && failures_ > 0) {
            --failures_;
            ok = false;
        } else if (first.row) {
            rows_.insert_or_assign(first.name, std::move(*first.row));
        } else if (const auto row = rows_.find(first.name); row != rows_.end()) {
            if (!first.fetched_at || row->second.fetched_at == *first.fetched_at) rows_.erase(row);
        }
        if (first.done) first.done(ok);
        return true;
    }
    /// The next `n` saves fail when their turn comes.
    void fail_next(std::size_t n = 1) { failures_ = n; }

    /// What is committed, by domain.
    [[nodiscard]] const Rows& rows() const { return rows_; }
    [[nodiscard]] std::size_t waiting() const { return waiting_.size(); }
    /// "save example.com", "forget example.com", in the order of the calls.
    [[nodiscard]] const std::vector<std::string>& operations() const { return operations_; }

private:
    struct Waiting {
        std::string name;
        std::optional<cache::Row> row; ///< none: forget
        std::function<void(bool)> done;
        std::optional<base::Instant> fetched_at{}; ///< of the row to forget; none: any
    };
    Rows rows_;
    std::deque<Waiting> waiting_;
    std::vector<std::string> operations_;
    std::size_t failures_ = 0;
    bool held_ = false;
};

} // namespace test
