#include "cache/disk/write_queue.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace cache {

void WriteQueue::push(WriteOp op) {
    {
        const std::lock_guard guard{mutex_};
        if (!stopping_) {
            const bool full = op.removes()
                                  ? queue_.size() >= 2 * max_rows_
                                  : queue_.size() >= max_rows_ || octets_ + op.octets() > max_octets_;
            if (!op.refused() && full) {
                op.what = Refused{};
                dropped_ = true;
            }
            if (!op.refused() || op.done) {
                octets_ += op.octets();
                waiting_ = octets_;
                queue_.push_back(std::move(op));
            }
            wake_.notify_one();
            return;
        }
    }
    if (op.done) op.done(false);
}

void WriteQueue::note_running(base::seconds total) {
    {
        const std::lock_guard guard{mutex_};
        if (stopping_) return;
        running_ = total;
    }
    wake_.notify_one();
}

void WriteQueue::stop(Time deadline) {
    {
        const std::lock_guard guard{mutex_};
        stopping_ = true;
        deadline_ = deadline;
    }
    wake_.notify_one();
}

bool WriteQueue::take(std::vector<WriteOp>& batch, std::size_t max_batch, std::size_t max_octets,
                      Time until) {
    batch.clear();
    std::unique_lock guard{mutex_};
    const auto something = [this] { return stopping_ || !queue_.empty() || running_; };
    if (until == Time::max())
        wake_.wait(guard, something);
    else if (until != Time::min())
        wake_.wait_until(guard, until, something);
    std::size_t n = 0;
    for (std::size_t octets = 0; n < std::min(queue_.size(), max_batch) && octets < max_octets; ++n) {
        octets += queue_[n].octets();
        octets_ -= queue_[n].octets();
    }
    waiting_ = octets_;
    const auto end = queue_.begin() + static_cast<std::ptrdiff_t>(n);
    batch.assign(std::make_move_iterator(queue_.begin()), std::make_move_iterator(end));
    queue_.erase(queue_.begin(), end);
    return std::exchange(dropped_, false);
}

std::optional<base::seconds> WriteQueue::take_running() {
    const std::lock_guard guard{mutex_};
    return std::exchange(running_, std::nullopt);
}

bool WriteQueue::ended() {
    const std::lock_guard guard{mutex_};
    return stopping_ && !running_;
}

bool WriteQueue::out_of_time() {
    const std::lock_guard guard{mutex_};
    return stopping_ && std::chrono::steady_clock::now() >= deadline_;
}

} // namespace cache
