#include "tool/setup/process.hpp"

#include "base/net/descriptor.hpp"
#include "base/text.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <system_error>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

namespace setup {
namespace {

using Clock = std::chrono::steady_clock;

std::string found_program(const std::string& name) {
    if (name.find('/') != std::string::npos) return name;
    const char* path = std::getenv("PATH");
    std::string folders = std::string(path ? path : "/usr/bin:/bin") + ":/usr/sbin:/usr/local/sbin:/sbin:";
    for (std::size_t at = 0, colon; (colon = folders.find(':', at)) != std::string::npos; at = colon + 1) {
        const std::string file = folders.substr(at, colon - at) + '/' + name;
        if (file.size() > name.size() + 1 && ::access(file.c_str(), X_OK) == 0) return file;
    }
    return {};
}

/// Our environment with LC_ALL=C, so that we can read the program's messages.
std::vector<std::string> environment_in_c() {
    std::vector<std::string> variables;
    for (char** each = environ; *each != nullptr; ++each)
        if (std::strncmp(*each, "LC_ALL=", 7) != 0) variables.emplace_back(*each);
    variables.emplace_back("LC_ALL=C");
    return variables;
}

std::vector<char*> pointers(std::vector<std::string>& words) {
    std::vector<char*> out;
    for (std::string& word : words) out.push_back(word.data());
    out.push_back(nullptr);
    return out;
}

/// Spawn attributes and actions, freed in every case.
struct SpawnPlan {
    SpawnPlan() {
        posix_spawn_file_actions_init(&actions);
        posix_spawnattr_init(&attributes);
    }
    ~SpawnPlan() {
        posix_spawn_file_actions_destroy(&actions);
        posix_spawnattr_destroy(&attributes);
    }
    SpawnPlan(const SpawnPlan&) = delete;
    SpawnPlan& operator=(const SpawnPlan&) = delete;
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
};

int spawn(const std::string& file, std::vector<std::string> command, const std::string& folder, int out,
          int err, pid_t& pid) {
    SpawnPlan plan;
    if (!folder.empty()) posix_spawn_file_actions_addchdir_np(&plan.actions, folder.c_str());
    posix_spawn_file_actions_addopen(&plan.actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&plan.actions, out, 1);
    posix_spawn_file_actions_adddup2(&plan.actions, err, 2);
    sigset_t none;
    sigemptyset(&none);
    posix_spawnattr_setsigmask(&plan.attributes, &none);
    posix_spawnattr_setpgroup(&plan.attributes, 0); // so that its children can be ended with it
    posix_spawnattr_setflags(&plan.attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
    std::vector<std::string> environment = environment_in_c();
    return ::posix_spawn(&pid, file.c_str(), &plan.actions, &plan.attributes, pointers(command).data(),
                         pointers(environment).data());
}

/// True when `end` was reached.
bool read_some(net::Descriptor& from, std::string& into) {
    std::array<char, 4096> bytes;
    const ssize_t got = ::read(from.get(), bytes.data(), bytes.size());
    if (got < 0 && errno == EINTR) return false;
    if (got <= 0) {
        from.reset();
        return true;
    }
    into.append(bytes.data(), static_cast<std::size_t>(got));
    return into.size() > max_program_output;
}

/// Reads both streams to their ends; a message when that took too long or there was too much.
std::string collect(net::Pipe& out, net::Pipe& err, Ran& ran, Clock::time_point end) {
    while (out.read.get() >= 0 || err.read.get() >= 0) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now()).count();
        if (left <= 0) return "took too long";
        std::array<pollfd, 2> polls{{{out.read.get(), POLLIN, 0}, {err.read.get(), POLLIN, 0}}};
        if (::poll(polls.data(), polls.size(), static_cast<int>(left)) < 0 && errno != EINTR) return "failed";
        if (polls[0].revents != 0) read_some(out.read, ran.out);
        if (polls[1].revents != 0) read_some(err.read, ran.err);
        if (std::max(ran.out.size(), ran.err.size()) > max_program_output) return "printed too much";
    }
    return {};
}

/// Waits for the end of the program; false at the limit.
bool reap(pid_t pid, int& status, Clock::time_point end) {
    for (;;) {
        const pid_t got = ::waitpid(pid, &status, WNOHANG);
        if (got == pid || (got < 0 && errno != EINTR)) return true;
        if (Clock::now() >= end) return false;
        ::poll(nullptr, 0, 2); // it has closed its streams, so it should end soon
    }
}

} // namespace

base::Expected<Ran, std::string> run_program(const std::vector<std::string>& command,
                                             std::chrono::milliseconds limit, const std::string& folder) {
    const std::string file = found_program(command.at(0));
    if (file.empty()) return base::unexpected(command[0] + " is not installed");
    auto out = net::make_pipe(), err = net::make_pipe();
    if (!out || !err) return base::unexpected(command[0] + ": " + std::generic_category().message(errno));
    pid_t pid = 0;
    const int failed = spawn(file, command, folder, out->write.get(), err->write.get(), pid);
    if (failed != 0) return base::unexpected(file + ": " + std::generic_category().message(failed));
    out->write.reset();
    err->write.reset();
    const auto end = Clock::now() + limit;
    Ran ran;
    int status = 0;
    std::string trouble = collect(*out, *err, ran, end);
    if (trouble.empty() && !reap(pid, status, end)) trouble = "took too long";
    if (!trouble.empty()) {
        ::kill(-pid, SIGKILL);
        (void)reap(pid, status, Clock::now() + std::chrono::seconds{1});
        return base::unexpected(command[0] + " " + trouble);
    }
    ran.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return ran;
}

std::string last_words(const Ran& ran) {
    std::string_view text = ran.err;
    while (text.ends_with('\n')) text.remove_suffix(1);
    std::string words;
    for (int lines = 0; lines < 2 && !text.empty(); ++lines) {
        const std::size_t end = text.rfind('\n');
        const std::string line = base::printable(text.substr(end + 1), 300);
        words = words.empty() ? line : line + "; " + words;
        text = text.substr(0, end == std::string_view::npos ? 0 : end);
    }
    return words;
}

bool failed_by_its_words(const Ran& ran) {
    constexpr std::array severities{": fatal: ", ": error: ", ": panic: "};
    return ran.status != 0 && std::ranges::any_of(severities, [&](const char* severity) {
               return ran.err.find(severity) != std::string::npos;
           });
}

} // namespace setup
