// cache/disk/write_queue.hpp - what waits for the store's thread: filled by any thread, emptied by that one.
//
// Bounded in rows and octets: a row above the bounds is dropped, its `done` gets false, and take() says that
// rows were dropped, so that the owner is asked for everything. Removals have twice the room in rows, because
// nothing repeats a dropped one.
#pragma once

#include "base/clock.hpp"
#include "cache/disk/write_op.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <vector>

namespace cache {

class WriteQueue {
public:
    using Time = std::chrono::steady_clock::time_point;

    WriteQueue(std::size_t max_rows, std::size_t max_octets) : max_rows_(max_rows), max_octets_(max_octets) {}

    // Any thread.
    /// After stop() its done is called at once, with false.
    void push(WriteOp op);
    /// The running time to note with the next write; the last call counts. Does nothing after stop().
    void note_running(base::seconds total);
    /// Accepts nothing from now on; the queued operations have time until `deadline`.
    void stop(Time deadline);
    [[nodiscard]] std::uint64_t octets() const noexcept { return waiting_; }

    // The store's thread. None of it needs memory, if `batch` has room for `max_batch`.
    /// Moves up to `max_batch` operations, of about `max_octets`, into `batch`. If there is nothing to do it
    /// waits until `until`; min(): not at all, max(): without limit. True when rows were dropped since the
    /// last call.
    [[nodiscard]] bool take(std::vector<WriteOp>& batch, std::size_t max_batch, std::size_t max_octets,
                            Time until);
    [[nodiscard]] std::optional<base::seconds> take_running();
    /// stop() was called, and no running time is left to note.
    [[nodiscard]] bool ended();
    [[nodiscard]] bool out_of_time();

private:
    const std::size_t max_rows_, max_octets_;
    std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<WriteOp> queue_;
    std::size_t octets_ = 0;
    std::optional<base::seconds> running_;
    bool stopping_ = false;
    bool dropped_ = false;
    Time deadline_{};
    std::atomic<std::uint64_t> waiting_{0}; ///< octets_, for any thread
};

} // namespace cache
