// events/tap.hpp - events as they happen, for those who watch: each has a bounded queue, and what does not fit into it is
// counted.
//
// Any thread may note events. Without readers that costs one relaxed load of watched(), which the caller looks at
// first. Nobody who notes an event waits for a reader.
#pragma once

#include "base/clock.hpp"
#include "base/log_port.hpp"
#include "events/event.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace events {

/// A copy of an event's line: texts are cut and printable.
struct Happened {
    using Value = std::variant<std::string, std::int64_t, double>;
    base::Instant at{};
    base::Level level{};
    std::string_view name;
    std::vector<std::pair<std::string_view, Value>> fields;
};

class Tap {
public:
    static constexpr std::size_t max_readers = 16;
    static constexpr std::size_t max_queued = 256;          ///< events of a reader
    static constexpr std::size_t max_octets = 256UL * 1024; ///< of them
    static constexpr std::size_t max_value = 200;           ///< octets of a text, as in the log

    class Reader {
    public:
        ~Reader();
        Reader(const Reader&) = delete;
        Reader& operator=(const Reader&) = delete;

        struct Taken {
            std::deque<Happened> events; ///< in order
            std::uint64_t lost = 0;      ///< events after these that were not kept
        };
        /// What has come since the last call; the queue is empty then.
        [[nodiscard]] Taken take();

    private:
        friend class Tap;
        Reader(Tap& tap, std::string domain, std::function<void()> wake);

        Tap& tap_;
        std::string domain_;
        std::function<void()> wake_;
        Taken queue_; ///< under the tap's mutex, as the next one
        std::size_t octets_ = 0;
    };

    Tap() = default;
    Tap(const Tap&) = delete;
    Tap& operator=(const Tap&) = delete;

    /// Begins to watch: all events, or those about a domain. `wake` is called, on the thread that noted it, for the
    /// first event or loss after each take(); it must not call back, nor throw anything but std::bad_alloc. Null:
    /// max_readers watch already. The tap outlives its readers.
    [[nodiscard]] std::unique_ptr<Reader> watch(std::string domain, std::function<void()> wake);

    [[nodiscard]] bool watched() const noexcept { return watched_.load(std::memory_order_relaxed); }
    void note(const Event& event, base::Instant now) noexcept;

private:
    static void add(Reader& reader, const Happened& happened) noexcept;
    static void wake(const Reader& reader) noexcept;

    std::atomic<bool> watched_{false};
    std::mutex mutex_;
    std::vector<Reader*> readers_; ///< under the mutex
};

} // namespace events
