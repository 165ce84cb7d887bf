#include "tool/setup/way.hpp"

#include "base/net/descriptor.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <optional>
#include <system_error>

#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

namespace setup {
namespace {

using Clock = std::chrono::steady_clock;

/// What a child says in its first octet.
constexpr char there = 'y', closed = 'n';

std::string system_words() { return std::generic_category().message(errno); }

/// Becomes what smtp(8) is: Postfix's groups, the chroot, then the user. Words when it cannot.
std::string become(const Way& way, const passwd* user) {
    if (user != nullptr && (::setgid(user->pw_gid) != 0 || ::initgroups(user->pw_name, user->pw_gid) != 0))
        return "cannot take the groups of " + way.user + ": " + system_words();
    if (!way.chroot.empty() && (::chroot(way.chroot.c_str()) != 0 || ::chdir("/") != 0))
        return "cannot enter " + way.chroot + ": " + system_words();
    if (user != nullptr && ::setuid(user->pw_uid) != 0)
        return "cannot become " + way.user + ": " + system_words();
    return {};
}

[[noreturn]] void child(const Way& way, const passwd* user, const std::function<std::string()>& work,
                        int out) {
    const std::string trouble = become(way, user);
    const std::string said = trouble.empty() ? there + work() : closed + trouble;
    for (std::size_t at = 0; at < said.size();) {
        const ssize_t written = ::write(out, said.data() + at, said.size() - at);
        if (written <= 0) ::_exit(1);
        at += static_cast<std::size_t>(written);
    }
    ::_exit(0);
}

/// Reads until the child closes its end; "" after the limit.
std::string read_all(int fd, Clock::time_point end) {
    std::string text;
    for (;;) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now()).count();
        pollfd poll{fd, POLLIN, 0};
        if (left <= 0) return {};
        if (::poll(&poll, 1, static_cast<int>(left)) <= 0) continue;
        std::array<char, 4096> some;
        const ssize_t got = ::read(fd, some.data(), some.size());
        if (got <= 0) return text;
        text.append(some.data(), static_cast<std::size_t>(got));
    }
}

} // namespace

std::string to_string(const Way& way) {
    std::string words = way.user.empty() ? "" : "as user " + way.user;
    if (!way.chroot.empty())
        words.append(words.empty() ? "" : ", ").append("chrooted to ").append(way.chroot);
    return words;
}

ChildResult run_as(const Way& way, const std::function<std::string()>& work,
                   std::chrono::milliseconds limit) {
    const passwd* user = way.user.empty() ? nullptr : ::getpwnam(way.user.c_str());
    if (user == nullptr && !way.user.empty())
        return {ChildResult::How::failed, "there is no user " + way.user};
    // Read now: within the chroot there may be no C library module to read it with.
    const passwd entry = user != nullptr ? *user : passwd{};
    std::optional<net::Pipe> pipe = net::make_pipe();
    if (!pipe) return {ChildResult::How::failed, system_words()};
    const pid_t pid = ::fork();
    if (pid == 0) child(way, user != nullptr ? &entry : nullptr, work, pipe->write.get());
    if (pid < 0) return {ChildResult::How::failed, system_words()};
    pipe->write.reset();
    std::string said = read_all(pipe->read.get(), Clock::now() + limit);
    pipe->read.reset();
    ::kill(pid, SIGKILL); // it has said all it will
    while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
    }
    if (said.empty()) return {ChildResult::How::late, {}};
    const auto how = said[0] == there ? ChildResult::How::done : ChildResult::How::failed;
    return {how, said.erase(0, 1)};
}

} // namespace setup
