// cache/valkey/write_queue.hpp - commands that wait until an engine takes them. Pure.
//
// Bounded in number and octets: a new one pushes out the oldest, which are handed back. Not safe from several threads.
#pragma once

#include "cache/valkey/trouble.hpp"

#include <cstddef>
#include <deque>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace valkey {

inline constexpr std::size_t max_waiting = 4096;
inline constexpr std::size_t max_waiting_octets = 16 * 1024 * 1024;

class WriteQueue {
public:
    struct Write {
        std::string octets; ///< as sent
        std::function<void(Answer)> done;
    };

    explicit WriteQueue(std::size_t most = max_waiting, std::size_t most_octets = max_waiting_octets)
        : most_(most), most_octets_(most_octets) {}

    /// Those that had to go; the new one itself if it is too large alone.
    [[nodiscard]] std::vector<Write> push(Write write) {
        octets_ += write.octets.size();
        queue_.push_back(std::move(write));
        std::vector<Write> dropped;
        while (queue_.size() > most_ || octets_ > most_octets_) dropped.push_back(pop());
        return dropped;
    }
    /// The oldest. Requires that there is one.
    [[nodiscard]] Write pop() {
        Write write = std::move(queue_.front());
        queue_.pop_front();
        octets_ -= write.octets.size();
        return write;
    }
    void drop() { (void)pop(); }
    [[nodiscard]] bool empty() const noexcept { return queue_.empty(); }
    [[nodiscard]] std::size_t size() const noexcept { return queue_.size(); }
    [[nodiscard]] std::size_t octets() const noexcept { return octets_; }
    [[nodiscard]] const Write& front() const noexcept { return queue_.front(); }

private:
    std::size_t most_, most_octets_;
    std::deque<Write> queue_;
    std::size_t octets_ = 0;
};

} // namespace valkey
