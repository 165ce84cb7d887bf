// log/log.hpp - the daemon's log: an event becomes a line, which the log's own thread writes.
//
// The line of a lookup is made by that thread too, from a copy of the event (log/log_slot.hpp), so that an
// answer costs its thread no more than the copy; the lines of other events are made by their own threads.
// The queue between them is bounded; when its reader stalls, the oldest lines are dropped and counted, and no
// caller ever waits. A line "log-overrun: lost=N" reports the dropped lines as soon as the reader accepts
// lines again. The destructor writes what is queued, within a second. All members are safe from any thread.
//
// spdlog is used where it is meant to be extended: QueueLogger (log.cpp) is a spdlog::logger whose sink_it_()
// hands a line to our queue, as spdlog's own asynchronous logger does. Queue, line form and outputs are ours.
#pragma once

#include "base/log_port.hpp"
#include "config/config.hpp"
#include "events/sink.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace app {

/// The log's surroundings, which tests replace.
struct LogPlaces {
    int fd = 2;           ///< standard error; stays the caller's
    bool journal = false; ///< a priority "<N>" goes before each line instead of time and level
    std::string syslog_socket = "/dev/log";
    std::size_t queue = 8192;                   ///< lines
    std::chrono::milliseconds last_words{1000}; ///< how long the destructor may take
};

/// Standard error, treated as the journal if it is the journal.
[[nodiscard]] LogPlaces usual_log_places();

class LineLog final : public events::Sink {
public:
    explicit LineLog(const config::Log& settings, LogPlaces places = usual_log_places());
    ~LineLog() override;
    LineLog(const LineLog&) = delete;
    LineLog& operator=(const LineLog&) = delete;

    /// Takes effect with the next line.
    void configure(const config::Log& settings);

    void emit(const events::Event& event) override;
    [[nodiscard]] bool wants(base::Level level) const noexcept override;
    void count(events::Id) noexcept override {} ///< the level for other events
    /// Lines made since the start.
    [[nodiscard]] std::uint64_t lines(base::Level level) const noexcept;
    /// Lines that were dropped, because their reader did not take them or memory ran out.
    [[nodiscard]] std::uint64_t lost() const;
    /// Writes one line for any event.
    void write(base::Level level, std::string_view event, std::initializer_list<base::Field> fields);

private:
    struct Impl;
    void write(base::Level level, std::string_view event, std::span<const base::Field> fields);
    std::atomic<base::Level> least_{base::Level::info}; ///< the loggers' level, where it is looked at quickly
    std::unique_ptr<Impl> impl_;
};

} // namespace app
