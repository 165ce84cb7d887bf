// The one file that knows spdlog: its loggers filter by level and hand each line to a sink, which is ours and
// puts it in the queue.
#include "app/log.hpp"

#include "app/log_format.hpp"
#include "app/log_output.hpp"
#include "app/log_queue.hpp"

#include <spdlog/logger.h>
#include <spdlog/sinks/sink.h>

#include <atomic>
#include <memory>
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

/// Hands lines to the queue, which any thread may do. They are whole already, so there is no pattern.
class QueueSink final : public spdlog::sinks::sink {
public:
    QueueSink(LogQueue& queue, config::LogTarget target) : queue_(queue), target_(target) {}

    void log(const spdlog::details::log_msg& message) override {
        queue_.put(from_spdlog(message.level), target_, {message.payload.data(), message.payload.size()});
    }
    void flush() override {}
    void set_pattern(const std::string&) override {}
    void set_formatter(std::unique_ptr<spdlog::formatter>) override {}

private:
    LogQueue& queue_;
    config::LogTarget target_;
};

} // namespace

struct LineLog::Impl {
    explicit Impl(LogPlaces p)
        : places(std::move(p)), stream(places.fd), syslog(places.syslog_socket, "stsmapd"),
          queue(places.queue), to_stream(logger(config::LogTarget::standard_error)),
          to_syslog(logger(config::LogTarget::syslog)), writer([this] { write_queued(); }) {}
    ~Impl() {
        stream.close_within(places.last_words);
        syslog.close_within(places.last_words);
        queue.close();
        writer.join();
    }

    std::unique_ptr<spdlog::logger> logger(config::LogTarget to) {
        auto made = std::make_unique<spdlog::logger>("stsmapd", std::make_shared<QueueSink>(queue, to));
        // There is nowhere to complain about a log that cannot be written.
        made->set_error_handler([](const std::string&) {});
        return made;
    }

    /// Appends the line as `to` gets it.
    void line(std::string& out, config::LogTarget to, spdlog::log_clock::time_point now, base::Level at,
              std::string_view event, std::initializer_list<base::Field> fields) const {
        const auto time = std::chrono::floor<std::chrono::milliseconds>(now);
        const bool json = format.load(std::memory_order_relaxed) == config::LogFormat::json;
        if (to == config::LogTarget::standard_error && places.journal)
            out.append("<").append(std::to_string(priority(at))).append(">");
        else if (to == config::LogTarget::standard_error && !json)
            out.append(timestamp(time)).append(" ").append(to_string(at)).append(" ");
        if (json)
            append_json_line(out, time, at, event, fields);
        else
            append_text_line(out, event, fields);
    }

    /// The writer thread.
    void write_queued() {
        std::size_t told = 0;
        for (LogBatch batch; queue.take(batch);)
            for (std::size_t from = 0, to = 0; from < batch.size(); from = to) {
                const config::LogTarget where = batch[from].target;
                while (to < batch.size() && batch[to].target == where) ++to;
                LogOutput& output = where == config::LogTarget::syslog ? static_cast<LogOutput&>(syslog)
                                                                       : static_cast<LogOutput&>(stream);
                if (output.send(batch, from, to) > 0) tell_lost(output, where, told);
            }
    }

    void tell_lost(LogOutput& output, config::LogTarget where, std::size_t& told) const {
        const std::size_t lost = queue.lost();
        if (lost == told) return;
        std::string note;
        line(note, where, spdlog::log_clock::now(), base::Level::warning, "log-overrun",
             {{"lost", static_cast<std::int64_t>(lost - told)}});
        if (output.send(base::Level::warning, note) == Sent::yes) told = lost;
    }

    LogPlaces places;
    StreamOutput stream;
    SyslogOutput syslog;
    LogQueue queue;
    std::unique_ptr<spdlog::logger> to_stream, to_syslog; ///< used by all threads
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
    for (auto* logger : {impl_->to_stream.get(), impl_->to_syslog.get()})
        logger->set_level(to_spdlog(settings.level));
    impl_->format = settings.format;
    impl_->target = settings.target;
}

bool LineLog::enabled(base::Level level) const noexcept {
    return impl_->to_stream->should_log(to_spdlog(level));
}

void LineLog::write(base::Level level, std::string_view event, std::initializer_list<base::Field> fields) {
    if (!enabled(level)) return;
    const auto target = impl_->target.load(std::memory_order_relaxed);
    thread_local std::string line; // its memory serves the next one
    line.clear();
    const auto now = spdlog::log_clock::now();
    impl_->line(line, target, now, level, event, fields);
    const auto& logger = target == config::LogTarget::syslog ? impl_->to_syslog : impl_->to_stream;
    logger->log(now, {}, to_spdlog(level), spdlog::string_view_t{line.data(), line.size()});
}

} // namespace app
