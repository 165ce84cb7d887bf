// tests/support/redis_server.hpp - a real redis-server or valkey-server, and Sentinel, started by a test in a folder of its
// own, with a user of least rights. Ends with its object, at the latest with the test.
#pragma once

#include "support/free_port.hpp"
#include "support/temp_folder.hpp"

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace test {

/// What the client needs, and nothing else; the manual shows the same.
inline constexpr const char* least_rights = "resetkeys ~stsmapd:* resetchannels &stsmapd:* -@all +auth "
                                            "+select +role +ping +get +mget +set +del +hset +hgetall "
                                            "+hdel +publish +subscribe";
inline constexpr const char* sentinel_rights =
    "-@all +auth +ping +sentinel|get-master-addr-by-name +sentinel|replicas";

/// The program of Valkey or Redis that is installed.
inline std::optional<std::string> engine_program() {
    std::istringstream folders(std::getenv("PATH") != nullptr ? std::getenv("PATH") : "/usr/bin");
    std::string folder;
    while (std::getline(folders, folder, ':'))
        for (const char* name : {"redis-server", "valkey-server"})
            if (::access((folder + "/" + name).c_str(), X_OK) == 0) return folder + "/" + name;
    return std::nullopt;
}

class RedisServer {
public:
    /// `more`: lines of its configuration. It answers some time after.
    explicit RedisServer(const std::string& more = "", bool sentinel = false)
        : more_(more), sentinel_(sentinel) {
        start();
    }
    ~RedisServer() { kill(); }
    RedisServer(const RedisServer&) = delete;
    RedisServer& operator=(const RedisServer&) = delete;

    [[nodiscard]] std::uint16_t port() const { return port_; }
    [[nodiscard]] std::string socket() const { return folder_ / "socket"; }

    void start() {
        const std::string file = folder_ / "engine.conf", log = folder_ / "log";
        if (!written_) {
            std::ofstream out(file);
            out << "port " << port_ << "\nbind 127.0.0.1\nprotected-mode no\ndir " << folder_.path().string()
                << "\ndaemonize no\nlogfile \"\"\n";
            if (!sentinel_)
                out << "unixsocket " << socket() << "\nsave \"\"\nappendonly no\nrepl-diskless-sync-delay 0\n"
                    << "repl-timeout 5\n";
            out << more_ << "\n";
            written_ = true; // a Sentinel rewrites it
        }
        const std::string program = engine_program().value_or("redis-server");
        const char* const arguments[] = {program.c_str(), file.c_str(), sentinel_ ? "--sentinel" : nullptr,
                                         nullptr};
        const pid_t parent = ::getpid();
        pid_ = ::fork();
        if (pid_ < 0) throw std::runtime_error("cannot fork");
        if (pid_ > 0) return;
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (::getppid() != parent) ::_exit(1);
        const int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
        ::dup2(out, 1);
        ::dup2(out, 2);
        ::execv(program.c_str(), const_cast<char* const*>(arguments));
        ::_exit(127);
    }
    void kill() {
        if (pid_ <= 0) return;
        ::kill(pid_, SIGKILL);
        while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
        }
        pid_ = -1;
    }
    void stop() { ::kill(pid_, SIGSTOP); }
    void go_on() { ::kill(pid_, SIGCONT); }
    /// What it has logged: for the message of a failed test.
    [[nodiscard]] std::string log() const {
        std::ifstream in(folder_ / "log");
        std::ostringstream all;
        all << in.rdbuf();
        return all.str();
    }

private:
    TempFolder folder_;
    std::string more_;
    bool sentinel_;
    std::uint16_t port_ = free_port();
    pid_t pid_ = -1;
    bool written_ = false;
};

} // namespace test
