#include "tool/setup/read_as.hpp"

#include "base/net/descriptor.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <system_error>

#include <fcntl.h>
#include <grp.h>
#include <linux/openat2.h>
#include <poll.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace setup {
namespace {

using Clock = std::chrono::steady_clock;
using Content = base::Expected<std::optional<std::string>, std::string>;

/// The first octet of a child's output.
enum Told : char { content = 'c', nothing = 'n', trouble = 't' };

/// Does the C library treat this error as a missing file?
bool is_absence(int error) {
    constexpr std::array errors{ENOENT, ENOTDIR, ELOOP, EACCES, EPERM, EISDIR};
    return std::ranges::find(errors, error) != errors.end();
}

/// Reads an open file; false with errno set.
bool read_whole(int fd, std::string& text) {
    struct stat found {};
    if (::fstat(fd, &found) != 0) return false;
    if (!S_ISREG(found.st_mode)) {
        errno = EISDIR;
        return false;
    }
    std::array<char, 4096> some;
    while (text.size() < max_read_as) {
        const ssize_t got = ::read(fd, some.data(), std::min(some.size(), max_read_as - text.size()));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return false;
        if (got == 0) break;
        text.append(some.data(), static_cast<std::size_t>(got));
    }
    return true;
}

/// Opens the file below the root of this process, or below the folder `root`, without leaving it over links.
/// An empty descriptor with errno set on error.
net::Descriptor open_within(const std::string& root, const std::string& file) {
    constexpr int flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK;
    if (root.empty()) return net::Descriptor{::open(file.c_str(), flags)};
    const net::Descriptor folder{::open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)};
    if (!folder) return net::Descriptor{};
    open_how how{};
    how.flags = flags;
    how.resolve = RESOLVE_IN_ROOT;
    return net::Descriptor{
        static_cast<int>(::syscall(SYS_openat2, folder.get(), file.c_str(), &how, sizeof how))};
}

Content read_here(const std::string& root, const std::string& file) {
    const net::Descriptor opened = open_within(root, file);
    std::string text;
    if (opened && read_whole(opened.get(), text)) return text;
    const int error = errno;
    if (is_absence(error) && error != EACCES) return std::nullopt;
    return base::unexpected(root + file + ": " + std::generic_category().message(error));
}

[[noreturn]] void child(const passwd* user, const std::string& root, const std::string& file, int out) {
    std::string told(1, trouble);
    const bool there = (user == nullptr ||
                        (::setgid(user->pw_gid) == 0 && ::initgroups(user->pw_name, user->pw_gid) == 0)) &&
                       (root.empty() || (::chroot(root.c_str()) == 0 && ::chdir("/") == 0)) &&
                       (user == nullptr || ::setuid(user->pw_uid) == 0);
    if (!there) {
        told += std::generic_category().message(errno);
    } else {
        const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        std::string text;
        if (fd >= 0 && read_whole(fd, text))
            told = std::string(1, content) + text;
        else if (is_absence(errno))
            told[0] = nothing;
        else
            told += std::generic_category().message(errno);
    }
    for (std::size_t at = 0; at < told.size();) {
        const ssize_t written = ::write(out, told.data() + at, told.size() - at);
        if (written <= 0) ::_exit(1);
        at += static_cast<std::size_t>(written);
    }
    ::_exit(0);
}

std::string hear(int fd, Clock::time_point end) {
    std::string told;
    for (;;) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now()).count();
        pollfd poll{fd, POLLIN, 0};
        if (left <= 0) return {};
        if (::poll(&poll, 1, static_cast<int>(left)) <= 0) continue;
        std::array<char, 4096> some;
        const ssize_t got = ::read(fd, some.data(), some.size());
        if (got <= 0) return told;
        told.append(some.data(), static_cast<std::size_t>(got));
    }
}

} // namespace

Content read_as(const std::string& user, const std::string& root, const std::string& file,
                std::chrono::milliseconds limit) {
    if (::geteuid() != 0 || (user.empty() && root.empty())) return read_here(root, file);
    const passwd* found = user.empty() ? nullptr : ::getpwnam(user.c_str());
    if (found == nullptr && !user.empty()) return base::unexpected("there is no user " + user);
    // Read it now: inside the chroot the C library may lack the module that reads it.
    const passwd entry = found != nullptr ? *found : passwd{};
    const auto failed = [&file] {
        return base::unexpected(file + ": " + std::generic_category().message(errno));
    };
    std::optional<net::Pipe> pipe = net::make_pipe();
    if (!pipe) return failed();
    const pid_t pid = ::fork();
    if (pid == 0) child(found != nullptr ? &entry : nullptr, root, file, pipe->write.get());
    if (pid < 0) return failed();
    pipe->write.reset();
    const std::string told = hear(pipe->read.get(), Clock::now() + limit);
    pipe->read.reset();
    ::kill(pid, SIGKILL); // its output has been read
    while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
    }
    if (told.starts_with(content)) return told.substr(1);
    if (told.starts_with(nothing)) return std::nullopt;
    return base::unexpected(root + file + ": " +
                            (told.empty() ? "could not be read in time" : told.substr(1)));
}

} // namespace setup
