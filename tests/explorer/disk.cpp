#include "explorer/disk.hpp"

#include <utility>

namespace explorer {

void Disk::save(cache::Row row, std::function<void(bool)> done) {
    if (row.domain.name() == subject) return push({std::move(row), std::move(done)});
    if (done) done(true); // it went into a batch of its own, before
}

void Disk::forget(base::Domain domain) {
    if (domain.name() == subject) push({std::nullopt, nullptr});
}

void Disk::push(Op op) {
    ++changes_;
    // What is saved while a commit is under way goes into the next one.
    const bool at_once = queue_.empty() && !failing_;
    const std::uint8_t how = at_once && op.row ? oracle_.pick(Dimension::commit) : std::uint8_t{commit_ok};
    if (how == commit_fail) begin_failing(try_again);
    if (op.row && on_save) on_save(*op.row, failing_);
    if (failing_) {
        const std::function<void(bool)> done = std::exchange(op.done, nullptr);
        kept_ = std::move(op);
        if (done) done(false);
    } else if (at_once && how == commit_ok) {
        apply(op);
        if (op.done) op.done(true);
    } else {
        queue_.push_back(std::move(op));
        if (queue_.size() == 1) hands_.after_outside(slow, [this] { commit_first(); });
    }
}

void Disk::commit_first() {
    ++changes_;
    // The next batch is not slow.
    std::deque<Op> both;
    both.swap(queue_);
    for (const Op& op : both) {
        apply(op);
        if (op.done) op.done(true);
    }
}

void Disk::begin_failing(base::seconds for_now) {
    failing_ = true;
    hands_.after_outside(for_now, [this] {
        if (oracle_.pick(Dimension::commit) == commit_fail) return begin_failing(try_later);
        recover();
    });
}

void Disk::recover() {
    ++changes_;
    failing_ = unreadable_ = false;
    if (kept_) apply(*kept_);
    kept_.reset();
}

std::optional<cache::Row> Disk::read() {
    std::optional<cache::Row> row;
    if (!kept_) row = durable_;
    recover();
    return row;
}

void Disk::apply(const Op& op) {
    if (op.row)
        durable_ = op.row;
    else
        durable_.reset();
}

const cache::Row* Disk::eventual() const {
    const auto left_by = [](const Op& op) { return op.row ? &*op.row : nullptr; };
    if (kept_) return left_by(*kept_);
    if (!queue_.empty()) return left_by(queue_.back());
    return durable_ ? &*durable_ : nullptr;
}

void Disk::kill() {
    queue_.clear();
    kept_.reset();
    failing_ = unreadable_ = false;
}

void Disk::reset() {
    kill();
    durable_.reset();
}

} // namespace explorer
