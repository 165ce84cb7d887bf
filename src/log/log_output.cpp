#include "log/log_output.hpp"

#include "log/log_format.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syslog.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <ctime>

namespace app {

namespace {

std::int64_t steady_milliseconds() noexcept {
    return std::chrono::duration_cast<std::chrono::milliseconds>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

/// How often a wait checks whether the program is ending.
constexpr std::int64_t look_every_ms = 50;

/// Octets of one write to outputs that accept more at once than a pipe: about a hundred lines.
constexpr std::size_t large_piece = 32 * 1024;

} // namespace

void LogOutput::close_within(std::chrono::milliseconds left) noexcept {
    closes_at_.store(steady_milliseconds() + left.count());
}

bool LogOutput::wait_writable(int fd) const noexcept {
    for (;;) {
        std::int64_t wait = look_every_ms;
        if (const std::int64_t end = closes_at_.load(); end != 0)
            wait = std::min(wait, end - steady_milliseconds());
        pollfd waited{fd, POLLOUT, 0};
        const int ready = poll(&waited, 1, static_cast<int>(std::max<std::int64_t>(wait, 0)));
        // A pipe without a reader may be writable, too: for EPIPE and its signal.
        if (ready > 0) return (waited.revents & POLLOUT) != 0 && (waited.revents & (POLLERR | POLLNVAL)) == 0;
        if (ready < 0 && errno != EINTR) return false;
        if (wait <= 0) return false;
    }
}

std::size_t LogOutput::send(const LogBatch& batch, std::size_t from, std::size_t to) {
    std::size_t sent = 0;
    for (; from < to; ++from) {
        const LogBatch::Line line = batch[from];
        sent += send(line.level, line.text) == Sent::yes;
    }
    return sent;
}

StreamOutput::StreamOutput(int fd) : fd_(fd), most_(PIPE_BUF) {
    // A pipe that polls as writable accepts PIPE_BUF octets without blocking (pipe(7)), and we must not
    // change its flags; other outputs accept as much as they have room for.
    struct stat status {};
    if (fstat(fd, &status) != 0) return;
    socket_ = S_ISSOCK(status.st_mode);
    if (socket_ || S_ISREG(status.st_mode)) most_ = large_piece;
}

Sent StreamOutput::send(base::Level, std::string_view line) {
    return write_all(std::string{line}.append(1, '\n'));
}

std::size_t StreamOutput::send(const LogBatch& batch, std::size_t from, std::size_t to) {
    std::size_t sent = 0;
    for (std::size_t end = from; from < to; from = end) {
        // The lines of one write are not mixed with those of other writers.
        end = batch.end_of_piece(from, to, most_);
        if (write_all(batch.lines(from, end)) == Sent::yes) sent += end - from;
    }
    return sent;
}

Sent StreamOutput::write_all(std::string_view octets) const {
    for (std::string_view rest = octets; !rest.empty();) {
        if (!wait_writable(fd_)) return Sent::no;
        const std::size_t size = std::min(rest.size(), most_);
        const ssize_t written = socket_ ? ::send(fd_, rest.data(), size, MSG_DONTWAIT | MSG_NOSIGNAL)
                                        : write(fd_, rest.data(), size);
        if (written > 0)
            rest.remove_prefix(static_cast<std::size_t>(written));
        else if (errno != EINTR && errno != EAGAIN)
            return Sent::no;
    }
    return Sent::yes;
}

SyslogOutput::SyslogOutput(std::string socket_path, std::string ident)
    : path_(std::move(socket_path)), ident_(std::move(ident)) {
    ident_.append("[").append(std::to_string(getpid())).append("]");
}

bool SyslogOutput::connect() {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path_.size() >= sizeof address.sun_path) return false;
    std::memcpy(address.sun_path, path_.c_str(), path_.size() + 1);
    net::Descriptor made{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    if (!made || ::connect(made.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        return false;
    fd_ = std::move(made);
    return true;
}

Sent SyslogOutput::send(base::Level level, std::string_view line) {
    const std::time_t now = std::time(nullptr);
    std::tm local{};
    localtime_r(&now, &local);
    std::array<char, 32> date{};
    const std::size_t length = std::strftime(date.data(), date.size(), "%b %e %H:%M:%S", &local);
    std::string datagram;
    datagram.append("<").append(std::to_string(LOG_MAIL | priority(level))).append(">");
    datagram.append(date.data(), length).append(" ").append(ident_).append(": ").append(line);

    bool fresh = false; // if a new connection fails, there is no further try
    for (;;) {
        if (!fd_) {
            if (fresh || !connect()) return Sent::no;
            fresh = true;
        }
        if (::send(fd_.get(), datagram.data(), datagram.size(), MSG_NOSIGNAL) >= 0) return Sent::yes;
        if (errno == EINTR) continue;
        const bool full = errno == EAGAIN || errno == ENOBUFS;
        if (full && wait_writable(fd_.get())) continue;
        fd_.reset();
        if (full) return Sent::no;
    }
}

bool is_journal(int fd) noexcept {
    const char* stream = std::getenv("JOURNAL_STREAM");
    struct stat status {};
    if (stream == nullptr || fstat(fd, &status) != 0) return false;
    return std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino) == stream;
}

} // namespace app
