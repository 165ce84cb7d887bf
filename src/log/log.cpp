// The only file that knows spdlog: its loggers filter by level and pass each line to our queue.
#include "log/log.hpp"

#include "base/counter.hpp"
#include "events/render.hpp"
#include "log/log_buffer.hpp"
#include "log/log_format.hpp"
#include "log/log_output.hpp"
#include "log/log_queue.hpp"
#include "log/log_slot.hpp"

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

/// "<6>", which systemd's journal accepts before a line (sd-daemon(3)).
char* put_priority(char* at, base::Level level) noexcept {
    *at++ = '<';
    *at++ = static_cast<char>('0' + priority(level));
    *at++ = '>';
    return at;
}

/// Passes lines to the queue, from any thread, in the same place as spdlog's own asynchronous logger. The
/// lines are complete: no sink must format them.
class QueueLogger final : public spdlog::logger {
public:
    QueueLogger(LogQueue& queue, config::LogTarget target)
        : spdlog::logger("stsmapd"), queue_(queue), target_(target) {}

    /// Like log(), for a line of an enabled level: it no longer needs a time, thread or name.
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

    [[nodiscard]] bool json() const noexcept {
        return format.load(std::memory_order_relaxed) == config::LogFormat::json;
    }

    /// Appends the line in the form for `to`. `when` is called for the time, if the form has one.
    template <class When>
    void line(LogBuffer& out, bool as_json, config::LogTarget to, base::Level at, std::string_view event,
              std::span<const base::Field> fields, const When& when) const {
        const bool to_stderr = to == config::LogTarget::standard_error;
        if (to_stderr && places.journal) out.end_at(put_priority(out.room(8), at));
        if (as_json) {
            append_json_line(out, when(), at, event, fields);
            return;
        }
        if (to_stderr && !places.journal) append_text_head(out, when(), at);
        append_text_line(out, event, fields);
    }

    /// The line of a queued lookup. Its time is that of the answer.
    void line_of_slot(LogBuffer& out, const LogBatch::Line& waited,
                      std::chrono::system_clock::duration ahead) const {
        const Unpacked slot = unpack(waited.text);
        const events::Line rendered = events::render(slot.event);
        const auto when = [&] {
            return std::chrono::floor<std::chrono::milliseconds>(
                std::chrono::system_clock::time_point{slot.event.ended.time_since_epoch() + ahead});
        };
        line(out, slot.json, waited.target, waited.level, rendered.name, rendered.fields(), when);
    }

    /// The writer thread.
    void write_queued() {
        std::size_t told = 0;
        LogBatch lines;
        for (LogBatch batch; queue.take(batch);) {
            finish(batch, lines);
            write(lines, told);
        }
    }

    /// Makes the lines of everything that waited. Without memory for a line, the line is lost.
    void finish(const LogBatch& batch, LogBatch& lines) {
        // How far the wall clock is ahead of the steady one; answers have times of the steady one.
        const auto ahead = std::chrono::system_clock::now().time_since_epoch() -
                           std::chrono::duration_cast<std::chrono::system_clock::duration>(
                               std::chrono::steady_clock::now().time_since_epoch());
        lines.clear();
        for (std::size_t i = 0; i < batch.size(); ++i) {
            const LogBatch::Line waited = batch[i];
            try {
                std::string_view text = waited.text;
                if (waited.form == LogForm::lookup) {
                    made.clear();
                    line_of_slot(made, waited, ahead);
                    text = made.text();
                }
                lines.add(waited.level, waited.target, text);
                counts.of(waited.level).add();
            } catch (const std::bad_alloc&) {
                queue.lose_one();
            }
        }
    }

    void write(const LogBatch& lines, std::size_t& told) {
        for (std::size_t from = 0, to = 0; from < lines.size(); from = to) {
            const config::LogTarget where = lines[from].target;
            to = lines.end_of_run(from);
            LogOutput& output = where == config::LogTarget::syslog ? static_cast<LogOutput&>(syslog)
                                                                   : static_cast<LogOutput&>(stream);
            try {
                if (output.send(lines, from, to) > 0) tell_lost(output, where, told);
            } catch (const std::bad_alloc&) {
                continue; // a log that cannot be written cannot be reported anywhere
            }
        }
    }

    void tell_lost(LogOutput& output, config::LogTarget where, std::size_t& told) const {
        const std::size_t lost = queue.lost();
        if (lost == told) return;
        LogBuffer note;
        const events::Event event = events::LogOverrun{lost - told};
        const events::Line rendered = events::render(event);
        line(note, json(), where, rendered.level, rendered.name, rendered.fields(), now);
        if (output.send(rendered.level, note.text()) == Sent::yes) told = lost;
    }

    LogPlaces places;
    StreamOutput stream;
    SyslogOutput syslog;
    LogQueue queue;
    LogBuffer made; ///< used by the writer
    base::CountersOf<base::Level, 4> counts; ///< lines made; the writer counts
    QueueLogger to_stream{queue,
                          config::LogTarget::standard_error}; ///< used by all threads, like the next one
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
    least_.store(settings.level, std::memory_order_relaxed);
    impl_->format = settings.format;
    impl_->target = settings.target;
}

bool LineLog::wants(base::Level level) const noexcept {
    return level >= least_.load(std::memory_order_relaxed);
}

std::uint64_t LineLog::lines(base::Level level) const noexcept { return impl_->counts.of(level).value(); }

std::uint64_t LineLog::lost() const { return impl_->queue.lost(); }

void LineLog::emit(const events::Event& event) {
    if (const auto* lookup = std::get_if<events::Lookup>(&event)) {
        const base::Level level = events::level(*lookup);
        if (!wants(level)) return;
        impl_->queue.put(level, impl_->target.load(std::memory_order_relaxed), *lookup, impl_->json());
        return;
    }
    if (!wants(events::level(event))) return;
    const events::Line line = events::render(event);
    write(line.level, line.name, line.fields());
}

void LineLog::write(base::Level level, std::string_view event, std::initializer_list<base::Field> fields) {
    write(level, event, std::span{fields.begin(), fields.size()});
}

void LineLog::write(base::Level level, std::string_view event, std::span<const base::Field> fields) {
    if (!wants(level)) return;
    const auto target = impl_->target.load(std::memory_order_relaxed);
    thread_local LogBuffer line; // its memory is used again for the next one
    line.clear();
    impl_->line(line, impl_->json(), target, level, event, fields, now);
    QueueLogger& logger = target == config::LogTarget::syslog ? impl_->to_syslog : impl_->to_stream;
    logger.log_whole(to_spdlog(level), line.text());
}

} // namespace app
