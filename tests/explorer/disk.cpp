#include "explorer/disk.hpp"

#include <utility>

namespace explorer {

void Disk::save(cache::Row row, std::function<void(bool)> done) {
    if (row.domain.name() == subject) return push({std::move(row), std::move(done)});
    if (done) done(true); // it was in an earlier batch
}

void Disk::forget(base::Domain domain, std::optional<base::Instant> fetched_at) {
    if (domain.name() == subject) push({cache::Removal{std::move(domain), fetched_at}, nullptr});
}

void Disk::push(cache::WriteOp op) {
    ++changes_;
    // What is saved during a commit goes into the next one.
    const bool at_once = queue_.empty() && !failing_;
    const std::uint8_t how =
        at_once && !op.removes() ? oracle_.pick(Dimension::commit) : std::uint8_t{commit_ok};
    if (how == commit_fail) begin_failing(try_again);
    if (const auto* row = std::get_if<cache::Row>(&op.what)) on_save(*row, failing_);
    if (failing_) {
        const std::function<void(bool)> done = std::exchange(op.done, nullptr);
        if (!kept_)
            kept_ = std::move(op);
        else if (cache::merge(*kept_, std::move(op)))
            refill_needed_ = true;
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
    std::deque<cache::WriteOp> both;
    both.swap(queue_);
    for (const cache::WriteOp& op : both) {
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
    if (!std::exchange(refill_needed_, false)) return;
    const std::optional<cache::Row> row = refill();
    if (row && (!durable_ || row->fetched_at > durable_->fetched_at)) durable_ = row;
}

std::optional<cache::Row> Disk::read() {
    std::optional<cache::Row> row;
    if (!kept_) row = durable_;
    recover();
    return row;
}

namespace {

bool meant_by(const cache::Removal& removal, const cache::Row& row) {
    return !removal.fetched_at || *removal.fetched_at == row.fetched_at;
}

} // namespace

void Disk::apply(const cache::WriteOp& op) {
    if (const auto* row = std::get_if<cache::Row>(&op.what))
        durable_ = *row;
    else if (durable_ && meant_by(std::get<cache::Removal>(op.what), *durable_))
        durable_.reset();
}

const cache::Row* Disk::eventual() const {
    const cache::Row* left = durable_ ? &*durable_ : nullptr;
    const auto then = [&left](const cache::WriteOp& op) {
        if (const auto* row = std::get_if<cache::Row>(&op.what))
            left = row;
        else if (left && meant_by(std::get<cache::Removal>(op.what), *left))
            left = nullptr;
    };
    for (const cache::WriteOp& op : queue_) then(op);
    if (kept_) then(*kept_);
    return left;
}

void Disk::kill() {
    queue_.clear();
    kept_.reset();
    failing_ = unreadable_ = refill_needed_ = false;
}

void Disk::reset() {
    running_ = {};
    kill();
    durable_.reset();
}

} // namespace explorer
