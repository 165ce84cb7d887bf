// log/log_queue.hpp - the queue of lines, and of lookups that become lines, to the thread that writes them.
//
// Bounded: when the reader stalls, the oldest lines that wait are dropped and counted, and put() never waits.
// A line that comes while the reader sleeps wakes it. A reader that has just written waits a moment for more
// lines before it takes the next ones: so a busy server needs no wake-up and no system call per line. When no
// line came, it sleeps without a limit.
#pragma once

#include "base/log_port.hpp"
#include "config/config.hpp"
#include "events/event.hpp"
#include "log/log_buffer.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string_view>
#include <vector>

namespace app {

/// The form of a line's octets.
enum class LogForm : std::uint8_t {
    line,   ///< ready to be written
    lookup, ///< a slot (log/log_slot.hpp)
};

/// Lines in order, one after the other with their newlines, so that several lines are one piece of text.
class LogBatch {
public:
    struct Line {
        base::Level level{};
        config::LogTarget target{};
        std::string_view text; ///< without newline
        LogForm form{};
    };

    /// Adds the whole line or, if it throws, nothing.
    void add(base::Level level, config::LogTarget target, std::string_view text);
    /// Adds the slot of a lookup, which will become a line of this form.
    void add(base::Level level, config::LogTarget target, const events::Lookup& event, bool json);
    void drop_first();
    void clear();
    [[nodiscard]] std::size_t size() const noexcept { return heads_.size() - first_; }
    [[nodiscard]] Line operator[](std::size_t i) const;
    /// The end of the lines from `from` on that go where that one goes.
    [[nodiscard]] std::size_t end_of_run(std::size_t from) const noexcept;
    /// The end of the lines from `from` on, before `to`, that have at most `octets` octets together; one at
    /// least.
    [[nodiscard]] std::size_t end_of_piece(std::size_t from, std::size_t to,
                                           std::size_t octets) const noexcept;
    /// Lines `from` to `to` - 1, each with its newline.
    [[nodiscard]] std::string_view lines(std::size_t from, std::size_t to) const noexcept;

private:
    struct Head {
        base::Level level{};
        config::LogTarget target{};
        LogForm form{};
        std::size_t end = 0; ///< after the newline
    };
    void end(base::Level level, config::LogTarget target, LogForm form, const char* at);
    [[nodiscard]] std::size_t begin_of(std::size_t head) const noexcept {
        return head == 0 ? 0 : heads_[head - 1].end;
    }

    std::vector<Head> heads_;
    std::size_t first_ = 0; ///< heads before it are dropped
    LogBuffer octets_;
};

class LogQueue {
public:
    /// At most `most` lines wait, 1 or more.
    explicit LogQueue(std::size_t most) : most_(most) {}

    /// From any thread. Without memory for it, a line is lost.
    void put(base::Level level, config::LogTarget target, std::string_view text) noexcept;
    void put(base::Level level, config::LogTarget target, const events::Lookup& event, bool json) noexcept;
    /// For the one reader: waits for lines and moves them into `batch`; false when closed and empty.
    [[nodiscard]] bool take(LogBatch& batch);
    /// Accepts no more lines; the reader takes the remaining ones.
    void close();
    /// Counts a line that was taken but could not be made.
    void lose_one() noexcept;
    /// Lines dropped so far. Waits for nobody.
    [[nodiscard]] std::size_t lost() const noexcept;

private:
    enum class Reader { busy, gathering, asleep };
    template <class Add>
    void put_one(const Add& add) noexcept;

    const std::size_t most_;
    std::mutex mutex_;
    std::condition_variable wake_;
    LogBatch waiting_;
    std::atomic<std::size_t> lost_{0};
    Reader reader_ = Reader::busy;
    bool taken_ = false; ///< the reader's last take() had lines
    bool closed_ = false;
};

} // namespace app
