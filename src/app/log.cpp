// The one file that knows spdlog: its loggers filter by level and hand each line on to our queue.
#include "app/log.hpp"

#include "app/log_buffer.hpp"
#include "app/log_format.hpp"
#include "app/log_output.hpp"
#include "app/log_queue.hpp"

#include <spdlog/logger.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <new>
#include <thread>

namespace app {

namespace {

spdlog::level::level_enum to_spdlog(base::Level level) noexcept {
    switch (level) {
    case base::Level::debug: return spdlog::level::debug;
    case base::Level::info: return spdlog::level::info;
    case base::Level::warning: return spdlog::level::warn;
    case base::Level::error: return spdlog::level::err;
    }
    return spdlog::level::err;
}

base::Level from_spdlog(spdlog::level::level_enum level) noexcept {
    if (level <= spdlog::level::debug) return base::Level::debug;
    if (level == spdlog::level::info) return base::Level::info;
    return level == spdlog::level::warn ? base::Level::warning : base::Level::error;
}

LogTime now() noexcept {
    return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

/// "<6>", as systemd's journal takes it before a line (sd-daemon(3)).
char* put_priority(char* at, base::Level level) noexcept {
    *at++ = '<';
    *at++ = static_cast<char>('0' + priority(level));
    *at++ = '>';
    return at;
}

/// Hands lines to the queue, which any thread may do, in the place where spdlog's own asynchronous logger
/// does so. They are whole already: no sink is to give them a form.
class QueueLogger final : public spdlog::logger {
public:
    QueueLogger(LogQueue& queue, config::LogTarget target)
        : spdlog::logger("stsmapd"), queue_(queue), target_(target) {}

    /// As log() does, for a line of a level that is enabled: it needs no time, thread or name any more.
    void log_whole(spdlog::level::level_enum level, std::string_view line) {
        spdlog::details::log_msg message;
        message.level = level;
        message.payload = {line.data(), line.size()};
        sink_it_(message);
    }

protected:
    void sink_it_(const spdlog::details::log_msg& message) override {
        queue_.put(from_spdlog(message.level), target_, {message.payload.data(), message.payload.size()});
    }
    void flush_() override {}

private:
    LogQueue& queue_;
    config::LogTarget target_;
};

} // namespace

struct LineLog::Impl {
    explicit Impl(LogPlaces p)
        : places(std::move(p)), stream(places.fd), syslog(places.syslog_socket, "stsmapd"),
          queue(places.queue), writer([this] { write_queued(); }) {}
    ~Impl() {
        stream.close_within(places.last_words);
        syslog.close_within(places.last_words);
        queue.close();
        writer.join();
    }

    /// Appends the line as `to` gets it.
    void line(LogBuffer& out, config::LogTarget to, base::Level at, std::string_view event,
              std::initializer_list<base::Field> fields) const {
        const bool json = format.load(std::memory_order_relaxed) == config::LogFormat::json;
        const bool to_stderr = to == config::LogTarget::standard_error;
        if (to_stderr && places.journal) out.end_at(put_priority(out.room(8), at));
        if (json) {
            append_json_line(out, now(), at, event, fields);
            return;
        }
        if (to_stderr && !places.journal) append_text_head(out, now(), at);
        append_text_line(out, event, fields);
    }

    /// The writer thread.
    void write_queued() {
        std::size_t told = 0;
        for (LogBatch batch; queue.take(batch);)
            for (std::size_t from = 0, to = 0; from < batch.size(); from = to) {
                const config::LogTarget where = batch[from].target;
                to = batch.end_of_run(from);
                LogOutput& output = where == config::LogTarget::syslog ? static_cast<LogOutput&>(syslog)
                                                                       : static_cast<LogOutput&>(stream);
                try {
                    if (output.send(batch, from, to) > 0) tell_lost(output, where, told);
                } catch (const std::bad_alloc&) {
                    continue; // there is nowhere to complain about a log that cannot be written
                }
            }
    }

    void tell_lost(LogOutput& output, config::LogTarget where, std::size_t& told) const {
        const std::size_t lost = queue.lost();
        if (lost == told) return;
        LogBuffer note;
        line(note, where, base::Level::warning, "log-overrun",
             {{"lost", static_cast<std::int64_t>(lost - told)}});
        if (output.send(base::Level::warning, note.text()) == Sent::yes) told = lost;
    }

    LogPlaces places;
    StreamOutput stream;
    SyslogOutput syslog;
    LogQueue queue;
    QueueLogger to_stream{queue, config::LogTarget::standard_error}; ///< used by all threads, as the next
    QueueLogger to_syslog{queue, config::LogTarget::syslog};
    std::atomic<config::LogFormat> format{config::LogFormat::text};
    std::atomic<config::LogTarget> target{config::LogTarget::standard_error};
    std::thread writer; ///< last: it uses the others
};

LogPlaces usual_log_places() {
    LogPlaces places;
    places.journal = is_journal(places.fd);
    return places;
}

LineLog::LineLog(const config::Log& settings, LogPlaces places)
    : impl_(std::make_unique<Impl>(std::move(places))) {
    configure(settings);
}

LineLog::~LineLog() = default;

void LineLog::configure(const config::Log& settings) {
    for (spdlog::logger* logger : {&impl_->to_stream, &impl_->to_syslog})
        logger->set_level(to_spdlog(settings.level));
    impl_->format = settings.format;
    impl_->target = settings.target;
}

bool LineLog::enabled(base::Level level) const noexcept {
    return impl_->to_stream.should_log(to_spdlog(level));
}

void LineLog::write(base::Level level, std::string_view event, std::initializer_list<base::Field> fields) {
    if (!enabled(level)) return;
    const auto target = impl_->target.load(std::memory_order_relaxed);
    thread_local LogBuffer line; // its memory serves the next one
    line.clear();
    impl_->line(line, target, level, event, fields);
    QueueLogger& logger = target == config::LogTarget::syslog ? impl_->to_syslog : impl_->to_stream;
    logger.log_whole(to_spdlog(level), line.text());
}

} // namespace app
