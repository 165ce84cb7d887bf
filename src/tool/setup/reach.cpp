#include "tool/setup/reach.hpp"

#include "base/net/descriptor.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <system_error>
#include <vector>

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace setup {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
using Kind = Reached::Kind;

/// The child's limit is shorter by this, so that it ends by itself.
constexpr std::chrono::milliseconds reserve{500};
constexpr std::size_t max_words = 2000;

std::string system_words() { return std::generic_category().message(errno); }

Reached not_seen(std::string words) { return {Kind::not_seen, std::move(words), {}, {}}; }

/// Takes the identity of smtp(8): Postfix's groups, the chroot, then the user. A message when it cannot.
std::string become(const Way& way, const passwd* user) {
    if (user != nullptr && (::setgid(user->pw_gid) != 0 || ::initgroups(user->pw_name, user->pw_gid) != 0))
        return "cannot take the groups of " + way.user + ": " + system_words();
    if (!way.chroot.empty() && (::chroot(way.chroot.c_str()) != 0 || ::chdir("/") != 0))
        return "cannot enter " + way.chroot + ": " + system_words();
    if (user != nullptr && ::setuid(user->pw_uid) != 0)
        return "cannot become " + way.user + ": " + system_words();
    return {};
}

/// The first folder on the path to the file that denies us access; "" when none does.
std::string closed_folder(const std::string& file) {
    std::vector<fs::path> folders;
    for (fs::path folder = fs::path(file).parent_path(); folder != folder.root_path();
         folder = folder.parent_path())
        folders.push_back(folder);
    for (auto folder = folders.rbegin(); folder != folders.rend(); ++folder)
        if (::access(folder->c_str(), X_OK) != 0) return errno == EACCES ? folder->string() : std::string{};
    return {};
}

/// Asks as the user that we are now.
Reached ask_here(const Ask& ask, const std::string& address, const std::string& key,
                 std::chrono::milliseconds limit) {
    Reached reached = judge_reply(ask(address, key, limit), key);
    if (reached.kind == Kind::no_permission && address.starts_with("unix:"))
        reached.closed = closed_folder(address.substr(5));
    return reached;
}

/// The child process. Its output: a letter for the kind, the closed folder, a NUL, and the words.
[[noreturn]] void child(const Ask& ask, const std::string& address, const Way& way, const passwd* user,
                        const std::string& key, std::chrono::milliseconds limit, int out) {
    const std::string trouble = become(way, user);
    const Reached reached =
        trouble.empty() ? ask_here(ask, address, key, limit - reserve) : not_seen(trouble);
    std::string line(1, static_cast<char>('a' + static_cast<int>(reached.kind)));
    line.append(reached.closed).append(1, '\0').append(reached.words);
    line.resize(std::min(line.size(), max_words)); // small enough for a pipe: the write does not wait
    const bool told = ::write(out, line.data(), line.size()) == static_cast<ssize_t>(line.size());
    ::_exit(told ? 0 : 1);
}

/// Reads until the child closes its end, or the limit.
std::string read_all(int fd, Clock::time_point end) {
    std::string text;
    for (;;) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now()).count();
        pollfd poll{fd, POLLIN, 0};
        if (left <= 0) return {};
        const int ready = ::poll(&poll, 1, static_cast<int>(left));
        if (ready <= 0) continue;
        std::array<char, 512> bytes;
        const ssize_t got = ::read(fd, bytes.data(), bytes.size());
        if (got <= 0) return text;
        text.append(bytes.data(), static_cast<std::size_t>(got));
    }
}

Reached from_line(const std::string& line, std::chrono::milliseconds limit) {
    const std::size_t end = line.find('\0');
    if (end == std::string::npos || end == 0)
        return {Kind::silent, "no answer within " + std::to_string(limit.count()) + " ms", {}, {}};
    return {static_cast<Kind>(line[0] - 'a'), line.substr(end + 1), line.substr(1, end - 1), {}};
}

Reached ask_in_child(const Ask& ask, const std::string& address, const Way& way, const std::string& key,
                     std::chrono::milliseconds limit) {
    if (::geteuid() != 0) return not_seen("only root can ask " + to_string(way));
    const passwd* user = way.user.empty() ? nullptr : ::getpwnam(way.user.c_str());
    if (user == nullptr && !way.user.empty()) return not_seen("there is no user " + way.user);
    // Read it now: inside the chroot the C library may lack the module that reads it.
    const passwd entry = user != nullptr ? *user : passwd{};
    std::optional<net::Pipe> pipe = net::make_pipe();
    if (!pipe) return not_seen(system_words());
    const pid_t pid = ::fork();
    if (pid == 0) child(ask, address, way, user != nullptr ? &entry : nullptr, key, limit, pipe->write.get());
    if (pid < 0) return not_seen(system_words());
    pipe->write.reset();
    const std::string line = read_all(pipe->read.get(), Clock::now() + limit);
    pipe->read.reset();
    ::kill(pid, SIGKILL); // its output has been read
    while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
    }
    return from_line(line, limit);
}

std::string name_of_user(uid_t id) {
    const passwd* entry = ::getpwuid(id);
    return entry ? entry->pw_name : std::to_string(id);
}

std::string name_of_group(gid_t id) {
    const group* entry = ::getgrgid(id);
    return entry ? entry->gr_name : std::to_string(id);
}

} // namespace

std::string to_string(const Way& way) {
    std::string words = way.user.empty() ? "" : "as user " + way.user;
    if (!way.chroot.empty())
        words.append(words.empty() ? "" : ", ").append("chrooted to ").append(way.chroot);
    return words;
}

Reached judge_reply(const base::Expected<std::string, NoReply>& reply, const std::string& key) {
    if (reply) {
        // An stsmapd that is too old for the question for its version answers NOTFOUND; every one knows the
        // question for DANE.
        const bool ours = reply->starts_with("OK ") && (key != "dane" || reply->starts_with("OK active") ||
                                                        reply->starts_with("OK inactive"));
        const bool older = key == "version" && reply->starts_with("NOTFOUND");
        return {ours || older ? Kind::answers : Kind::stranger,
                ours || older ? *reply : "the answer is not stsmapd's",
                {},
                {}};
    }
    switch (reply.error().error) {
    case ENOENT:
    case ENOTDIR:
    case ECONNREFUSED: return {Kind::absent, reply.error().words, {}, {}};
    case EACCES:
    case EPERM: return {Kind::no_permission, reply.error().words, {}, {}};
    case ETIMEDOUT: return {Kind::silent, reply.error().words, {}, {}};
    default: return {Kind::absent, reply.error().words, {}, {}};
    }
}

Reached reach(const Ask& ask, const std::string& address, const Way& way, const std::string& key,
              std::chrono::milliseconds limit) {
    Reached reached =
        way == Way{} ? ask_here(ask, address, key, limit) : ask_in_child(ask, address, way, key, limit);
    if (reached.kind != Kind::no_permission) return reached;
    if (way == Way{} && ::geteuid() != 0)
        reached.kind = Kind::not_seen; // that it is closed to us says nothing about Postfix
    if (!reached.closed.empty()) {
        reached.closed =
            (way.chroot.empty() ? "" : fs::path(way.chroot).lexically_normal().string()) + reached.closed;
        reached.mode = mode_of(reached.closed);
        reached.words = "no permission: the folder " + reached.closed + " (" + reached.mode +
                        ") is closed to " + (way.user.empty() ? "this user" : "user " + way.user);
    } else if (address.starts_with("unix:")) {
        reached.mode = mode_of((way.chroot.empty() ? "" : way.chroot) + address.substr(5));
    }
    return reached;
}

std::string mode_of(const std::string& file) {
    struct stat found {};
    if (::stat(file.c_str(), &found) != 0) return {};
    std::array<char, 8> octal{};
    std::snprintf(octal.data(), octal.size(), "%04o", static_cast<unsigned>(found.st_mode & 07777));
    return name_of_user(found.st_uid) + ':' + name_of_group(found.st_gid) + ' ' + octal.data();
}

} // namespace setup
