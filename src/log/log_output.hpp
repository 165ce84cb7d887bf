// log/log_output.hpp - where log lines go: a stream (standard error) or the syslog socket.
//
// send() may wait while the reader is slow, so only the log's own thread calls it. It never waits past
// close_by(), so that a reader that does not read cannot block the end of the program.
#pragma once

#include "base/log_port.hpp"
#include "base/net/descriptor.hpp"
#include "log/log_queue.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace app {

/// Whether a line was passed on completely.
enum class Sent { yes, no };

/// The common part: waiting for a descriptor, but not past the program's end.
class LogOutput {
public:
    virtual ~LogOutput() = default;
    LogOutput() = default;
    LogOutput(const LogOutput&) = delete;
    LogOutput& operator=(const LogOutput&) = delete;

    /// `line` has no newline and no NUL.
    virtual Sent send(base::Level level, std::string_view line) = 0;
    /// Sends lines `from` to `to` - 1 of the batch, in as few system calls as the output allows; returns how
    /// many of them were passed on. The others are dropped.
    virtual std::size_t send(const LogBatch& batch, std::size_t from, std::size_t to);

    /// From now on all waits together take at most `left`. Safe from any thread.
    void close_within(std::chrono::milliseconds left) noexcept;

protected:
    /// Waits until `fd` accepts bytes; false when the time is over or nobody reads any more.
    [[nodiscard]] bool wait_writable(int fd) const noexcept;

private:
    /// Steady time in milliseconds when waiting ends; 0: not closing.
    std::atomic<std::int64_t> closes_at_{0};
};

/// Lines to a descriptor, which still belongs to the caller. The program should ignore SIGPIPE.
class StreamOutput final : public LogOutput {
public:
    explicit StreamOutput(int fd);
    Sent send(base::Level level, std::string_view line) override;
    /// Whole lines in one write, as many as the output accepts without blocking.
    std::size_t send(const LogBatch& batch, std::size_t from, std::size_t to) override;

private:
    [[nodiscard]] Sent write_all(std::string_view octets) const;

    int fd_;
    bool socket_ = false;
    std::size_t most_; ///< octets of one write
};

/// Lines as datagrams to the socket of the syslog daemon, facility LOG_MAIL (RFC 3164 section 4.1 as
/// syslog(3) writes it). Connects when needed, and again after the syslog daemon was restarted.
class SyslogOutput final : public LogOutput {
public:
    SyslogOutput(std::string socket_path, std::string ident);
    using LogOutput::send;
    Sent send(base::Level level, std::string_view line) override;

private:
    [[nodiscard]] bool connect();

    std::string path_;
    std::string ident_; ///< "stsmapd[123]"
    net::Descriptor fd_;
};

/// True when `fd` is the journal: systemd names its stream in JOURNAL_STREAM (systemd.exec(5)).
[[nodiscard]] bool is_journal(int fd) noexcept;

} // namespace app
