#include "tool/setup/reach.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <vector>

#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

namespace setup {
namespace {

namespace fs = std::filesystem;
using Kind = Reached::Kind;

/// The child's limit is shorter by this, so that it ends by itself.
constexpr std::chrono::milliseconds reserve{500};
constexpr std::size_t max_words = 2000;

Reached not_seen(std::string words) { return {Kind::not_seen, std::move(words), {}, {}}; }

/// The first folder on the way to the file that does not let us through; "" when all do.
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

/// For from_line(): a letter for the kind, the closed folder, a NUL, and the words.
std::string to_line(const Reached& reached) {
    std::string line(1, static_cast<char>('a' + static_cast<int>(reached.kind)));
    line.append(reached.closed).append(1, '\0').append(reached.words);
    line.resize(std::min(line.size(), max_words));
    return line;
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
    const ChildResult result = run_as(
        way, [&] { return to_line(ask_here(ask, address, key, limit - reserve)); }, limit);
    return result.how == ChildResult::How::failed ? not_seen(result.words) : from_line(result.words, limit);
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
