#include "diagnose/probes.hpp"

#include "control/socketmap_client.hpp"
#include "postfix/request.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <system_error>

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace diagnose {
namespace {

using Clock = std::chrono::steady_clock;
using Reply = base::Expected<std::string, std::string>;

/// What the child may take of the limit, so that it ends by itself.
constexpr std::chrono::milliseconds reserve{500};
constexpr std::size_t max_words = 2000;

std::string system_words() { return std::generic_category().message(errno); }

/// Becomes what smtp(8) is: Postfix's groups, the chroot, then the user. Words when it cannot.
std::string become(const Approach& approach, const passwd& user) {
    if (::setgid(user.pw_gid) != 0 || ::initgroups(approach.user.c_str(), user.pw_gid) != 0)
        return "cannot take the groups of " + approach.user + ": " + system_words();
    if (!approach.chroot.empty() && (::chroot(approach.chroot.c_str()) != 0 || ::chdir("/") != 0))
        return "cannot enter " + approach.chroot + ": " + system_words();
    if (::setuid(user.pw_uid) != 0) return "cannot become " + approach.user + ": " + system_words();
    return {};
}

/// The child: one line, "+reply" or "-words".
[[noreturn]] void child(const Approach& approach, const passwd& user, const std::string& key,
                        std::chrono::milliseconds limit, int out) {
    std::string line = become(approach, user);
    if (line.empty()) {
        const Reply reply = ask_status(approach.address, key, limit - reserve);
        line = reply ? '+' + *reply : '-' + reply.error();
    } else {
        line.insert(0, 1, '-');
    }
    line.resize(std::min(line.size(), max_words)); // fits into a pipe: the write does not wait
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

std::string name_of_user(uid_t id) {
    const passwd* entry = ::getpwuid(id);
    return entry ? entry->pw_name : std::to_string(id);
}

std::string name_of_group(gid_t id) {
    const group* entry = ::getgrgid(id);
    return entry ? entry->gr_name : std::to_string(id);
}

std::string mode_of(const std::string& file) {
    struct stat found {};
    if (::stat(file.c_str(), &found) != 0) return {};
    std::array<char, 8> octal{};
    std::snprintf(octal.data(), octal.size(), "%04o", static_cast<unsigned>(found.st_mode & 07777));
    return name_of_user(found.st_uid) + ':' + name_of_group(found.st_gid) + ' ' + octal.data();
}

} // namespace

Reply ask_status(const std::string& address, const std::string& key, std::chrono::milliseconds limit) {
    auto client = control::SocketmapClient::connect(address, limit / 2);
    if (!client) return base::unexpected(client.error().words);
    auto reply = client->ask(postfix::status_map, key, limit / 2);
    if (!reply) return base::unexpected(reply.error().words);
    return std::move(*reply);
}

Reply reach(const Approach& approach, const std::string& key, std::chrono::milliseconds limit) {
    if (approach.user.empty()) return ask_status(approach.address, key, limit);
    const passwd* user = ::getpwnam(approach.user.c_str());
    if (user == nullptr) return base::unexpected("there is no user " + approach.user);
    // Read now: within the chroot there may be no C library module to read it with.
    const passwd entry = *user;
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return base::unexpected(system_words());
    const pid_t pid = ::fork();
    if (pid == 0) child(approach, entry, key, limit, ends[1]);
    ::close(ends[1]);
    if (pid < 0) {
        ::close(ends[0]);
        return base::unexpected(system_words());
    }
    const std::string line = read_all(ends[0], Clock::now() + limit);
    ::close(ends[0]);
    ::kill(pid, SIGKILL); // it has said all it will
    while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
    }
    if (line.starts_with('+')) return line.substr(1);
    return base::unexpected(line.empty() ? "no answer within " + std::to_string(limit.count()) + " ms"
                                         : line.substr(1));
}

std::vector<Approach> approaches(const setup::Socketmap& map, const setup::Installed& postfix, bool root) {
    const std::string queue = postfix.value("queue_directory");
    const std::string outside = setup::address_of(map, queue);
    if (!map.unix_socket) return {{outside, "", ""}};
    if (!root) return {{outside, "", ""}};
    std::vector<Approach> ways;
    const std::string user = postfix.value("mail_owner");
    const bool in = setup::any_chroot(postfix);
    const bool out = postfix.services.empty() ||
                     std::ranges::any_of(postfix.services, [](const setup::Service& s) { return !s.chroot; });
    if (in)
        ways.push_back(
            {"unix:" + (std::filesystem::path("/") / map.place).lexically_normal().string(), user, queue});
    if (out) ways.push_back({outside, user, ""});
    return ways;
}

SocketFacts probe_socket(const setup::Survey* survey, const std::string& map,
                         const std::vector<std::string>& listen, std::chrono::milliseconds limit) {
    SocketFacts facts;
    facts.root = ::geteuid() == 0;
    const auto parsed = survey ? setup::parse_socketmap(map) : std::nullopt;
    std::vector<Approach> ways;
    if (parsed)
        ways = approaches(*parsed, survey->postfix, facts.root);
    else if (!listen.empty())
        ways.push_back({listen.front(), "", ""});
    for (const Approach& way : ways) {
        Contact contact;
        contact.map = parsed ? map : way.address;
        contact.as_owner = !way.user.empty();
        contact.chroot = way.chroot;
        const Reply reply = reach(way, "version", limit);
        contact.answered = reply && (reply->starts_with("OK ") || reply->starts_with("NOTFOUND"));
        if (!reply)
            contact.trouble = reply.error();
        else if (!contact.answered)
            contact.trouble = "the answer is not stsmapd's";
        facts.contacts.push_back(std::move(contact));
    }
    const std::string address = parsed ? setup::address_of(*parsed, survey->postfix.value("queue_directory"))
                                : listen.empty() ? ""
                                                 : listen.front();
    if (address.starts_with("unix:")) {
        facts.file = address.substr(5);
        facts.mode = mode_of(facts.file);
    }
    return facts;
}

} // namespace diagnose
