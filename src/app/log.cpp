// The one file that knows spdlog: its queue, its thread, and what it does when the queue is full.
#include "app/log.hpp"

#include "app/log_format.hpp"
#include "app/log_output.hpp"

#include <spdlog/async_logger.h>
#include <spdlog/details/null_mutex.h>
#include <spdlog/details/thread_pool.h>
#include <spdlog/sinks/base_sink.h>

#include <atomic>
#include <functional>

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

/// Hands finished lines to an output. Called by the pool's one thread alone, hence no mutex.
class OutputSink final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
public:
    /// `lost` counts all lines dropped so far; `note` makes the line that tells how many.
    OutputSink(LogOutput& output, std::function<std::size_t()> lost,
               std::function<std::string(std::size_t)> note)
        : output_(output), lost_(std::move(lost)), note_(std::move(note)) {}

protected:
    void sink_it_(const spdlog::details::log_msg& message) override {
        const auto sent =
            output_.send(from_spdlog(message.level), {message.payload.data(), message.payload.size()});
        if (sent == Sent::no) return;
        const std::size_t lost = lost_();
        if (lost == told_) return;
        if (output_.send(base::Level::warning, note_(lost - told_)) == Sent::yes) told_ = lost;
    }
    void flush_() override {}

private:
    LogOutput& output_;
    std::function<std::size_t()> lost_;
    std::function<std::string(std::size_t)> note_;
    std::size_t told_ = 0;
};

LogTime now() {
    return std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

} // namespace

struct LineLog::Impl {
    explicit Impl(LogPlaces p)
        : places(std::move(p)), stream(places.fd), syslog(places.syslog_socket, "stsmapd"),
          pool(std::make_shared<spdlog::details::thread_pool>(places.queue, 1)) {
        to_stream = logger(stream, config::LogTarget::standard_error);
        to_syslog = logger(syslog, config::LogTarget::syslog);
    }

    std::shared_ptr<spdlog::async_logger> logger(LogOutput& output, config::LogTarget to) {
        auto lost = [pool_ = pool.get()] { return pool_->overrun_counter(); };
        auto note = [this, to](std::size_t lines) {
            return line(to, base::Level::warning, "log-overrun",
                        {{"lost", static_cast<std::int64_t>(lines)}});
        };
        auto sink = std::make_shared<OutputSink>(output, std::move(lost), std::move(note));
        auto made = std::make_shared<spdlog::async_logger>("stsmapd", std::move(sink), pool,
                                                           spdlog::async_overflow_policy::overrun_oldest);
        made->set_level(spdlog::level::trace);
        // There is nowhere to complain about a log that cannot be written.
        made->set_error_handler([](const std::string&) {});
        return made;
    }

    [[nodiscard]] std::string line(config::LogTarget to, base::Level at, std::string_view event,
                                   std::initializer_list<base::Field> fields) const {
        const bool json = format.load(std::memory_order_relaxed) == config::LogFormat::json;
        std::string made = json ? json_line(now(), at, event, fields) : text_line(event, fields);
        if (to == config::LogTarget::syslog) return made;
        if (places.journal) return "<" + std::to_string(priority(at)) + ">" + made;
        if (json) return made;
        return timestamp(now()) + " " + std::string{to_string(at)} + " " + made;
    }

    LogPlaces places;
    StreamOutput stream;
    SyslogOutput syslog;
    std::shared_ptr<spdlog::details::thread_pool> pool;
    std::shared_ptr<spdlog::async_logger> to_stream, to_syslog;
    std::atomic<base::Level> level{base::Level::info};
    std::atomic<config::LogFormat> format{config::LogFormat::text};
    std::atomic<config::LogTarget> target{config::LogTarget::standard_error};
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

LineLog::~LineLog() {
    impl_->stream.close_within(impl_->places.last_words);
    impl_->syslog.close_within(impl_->places.last_words);
    // The loggers hold the pool as weak pointers; the pool's end waits for its queue to be written.
    impl_->pool.reset();
}

void LineLog::configure(const config::Log& settings) {
    impl_->level = settings.level;
    impl_->format = settings.format;
    impl_->target = settings.target;
}

bool LineLog::enabled(base::Level level) const noexcept {
    return level >= impl_->level.load(std::memory_order_relaxed);
}

void LineLog::write(base::Level level, std::string_view event, std::initializer_list<base::Field> fields) {
    if (!enabled(level)) return;
    const auto target = impl_->target.load(std::memory_order_relaxed);
    const std::string line = impl_->line(target, level, event, fields);
    auto& logger = target == config::LogTarget::syslog ? impl_->to_syslog : impl_->to_stream;
    logger->log(to_spdlog(level), spdlog::string_view_t{line.data(), line.size()});
}

} // namespace app
