// tests/support/store_bench.hpp - what the tests of the SQLite store share: a folder, a log, a clock that
// stands still, rows, waiting with a limit, and child processes to kill.
#pragma once

#include "sqlite/sqlite.hpp"
#include "cache/disk/sqlite_store.hpp"
#include "support/memory_log.hpp"
#include "support/temp_folder.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace test {

/// The limit of every wait for something that must happen.
inline constexpr std::chrono::seconds patience{60};

template <class Future>
bool in_time(const Future& future) {
    return future.wait_for(patience) == std::future_status::ready;
}

inline cache::Row row(const std::string& name, const std::string& id = "1", int later = 0) {
    using base::Instant, base::seconds;
    return {base::Domain::parse(name).value(),
            "version: STSv1\nmode: enforce\nmx: mx." + name + "\nmax_age: 86400\n", id,
            Instant{seconds{1'700'000'000 + later}}, Instant{seconds{1'700'000'060 + later}}};
}

class StandingClock final : public base::Clock {
public:
    [[nodiscard]] base::Instant now() const noexcept override {
        return std::chrono::sys_days{std::chrono::year{2026} / 3 / 9} + std::chrono::seconds{4 * 3600 + 5};
    }
    [[nodiscard]] base::Steady steady() const noexcept override { return {}; }
};

class StoreBench {
public:
    StoreBench() : folder_(std::in_place), file_(*folder_ / "stsmapd.sqlite") {}
    /// On a file of another bench.
    explicit StoreBench(std::filesystem::path file) : file_(std::move(file)) {}

    cache::SqliteStore::Options options;
    MemoryLog log;
    std::map<std::string, cache::Row> rows; ///< what the last open loaded
    std::size_t opened_rows = 0, skipped = 0;

    [[nodiscard]] const TempFolder& folder() const { return *folder_; }
    [[nodiscard]] const std::filesystem::path& file() const { return file_; }
    [[nodiscard]] std::filesystem::path wal() const { return file_.string() + "-wal"; }

    base::Expected<cache::SqliteStore::Opened, std::string> try_open(std::filesystem::path file = {}) {
        rows.clear();
        auto opened = cache::SqliteStore::open(file.empty() ? file_ : std::move(file), options, log, clock_,
                                               [this](cache::Row r) {
                                                   const std::string name = r.domain.name();
                                                   rows.insert_or_assign(name, std::move(r));
                                               });
        if (opened) {
            opened_rows = opened->rows;
            skipped = opened->skipped;
        }
        return opened;
    }
    std::unique_ptr<cache::SqliteStore> open() {
        auto opened = try_open();
        if (!opened) throw std::runtime_error(opened.error());
        return std::move(opened->store);
    }
    /// Saves and waits for the answer.
    static bool save(cache::SqliteStore& store, cache::Row r) {
        auto answer = std::make_shared<std::promise<bool>>();
        auto future = answer->get_future();
        store.save(std::move(r), [answer](bool ok) { answer->set_value(ok); });
        if (!in_time(future)) throw std::runtime_error("no answer to a save");
        return future.get();
    }
    [[nodiscard]] std::vector<std::string> names() const {
        std::vector<std::string> all;
        for (const auto& [name, ignored] : rows) all.push_back(name);
        return all;
    }

    /// On the file, past the store.
    void sql(const std::string& statements) const {
        auto db = sqlite::Db::open(file_, sqlite::Db::Use::create);
        if (!db) throw std::runtime_error(db.error().words);
        if (auto done = db->exec(statements.c_str()); !done) throw std::runtime_error(done.error().words);
    }
    [[nodiscard]] std::int64_t number(const std::string& query) const {
        auto db = sqlite::Db::open(file_, sqlite::Db::Use::normal);
        if (!db) throw std::runtime_error(db.error().words);
        return db->number(query).value();
    }
    /// The damaged files that were renamed, without their logs and indexes.
    [[nodiscard]] std::vector<std::filesystem::path> damaged_files() const {
        std::vector<std::filesystem::path> found;
        for (const auto& entry : std::filesystem::directory_iterator(file_.parent_path())) {
            const std::string name = entry.path().filename().string();
            if (name.find(".damaged-") != std::string::npos && !name.ends_with("-wal") &&
                !name.ends_with("-shm"))
                found.push_back(entry.path());
        }
        std::ranges::sort(found);
        return found;
    }
    /// Waits until the log has a line with `part`.
    [[nodiscard]] bool logged(std::string_view part) const {
        const auto end = std::chrono::steady_clock::now() + patience;
        while (log.count(part) == 0)
            if (std::chrono::steady_clock::now() > end)
                return false;
            else
                ::poll(nullptr, 0, 2);
        return true;
    }

private:
    StandingClock clock_;
    std::optional<TempFolder> folder_;
    std::filesystem::path file_;
};

/// Lines from one process to another; end of file goes the other way.
class Pipe {
public:
    Pipe() {
        if (::pipe2(lines_.data(), O_CLOEXEC) != 0 || ::pipe2(end_.data(), O_CLOEXEC) != 0)
            throw std::runtime_error("no pipe");
    }
    ~Pipe() {
        for (int fd : {lines_[0], lines_[1], end_[0], end_[1]})
            if (fd >= 0) ::close(fd);
    }
    Pipe(const Pipe&) = delete;
    Pipe& operator=(const Pipe&) = delete;

    void say(const std::string& line) {
        const std::string all = line + "\n";
        if (::write(lines_[1], all.data(), all.size()) != static_cast<ssize_t>(all.size())) ::_exit(9);
    }
    void wait_for_end() {
        char c = 0;
        (void)!::read(end_[0], &c, 1);
    }
    /// The next line; empty at the end or when none came in time.
    std::string hear() {
        std::string line;
        for (char c = 0;;) {
            pollfd ready{lines_[0], POLLIN, 0};
            if (::poll(&ready, 1, static_cast<int>(std::chrono::milliseconds(patience).count())) != 1)
                return {};
            if (::read(lines_[0], &c, 1) != 1) return {}; // a line without its end does not count
            if (c == '\n') return line;
            line.push_back(c);
        }
    }
    void keep_child_side() { close(lines_[0]), close(end_[1]); }
    void keep_parent_side() { close(lines_[1]), close(end_[0]); }

private:
    static void close(int& fd) { ::close(std::exchange(fd, -1)); }
    std::array<int, 2> lines_{-1, -1}, end_{-1, -1};
};

/// A forked process that runs `body` and ends without the clean-up of this one.
class Child {
public:
    template <class Body>
    explicit Child(Body body) {
        std::fflush(nullptr);
        pid_ = ::fork();
        if (pid_ < 0) throw std::runtime_error("cannot fork");
        if (pid_ > 0) {
            pipe_.keep_parent_side();
            return;
        }
        pipe_.keep_child_side();
        try {
            body(pipe_);
        } catch (const std::exception& e) {
            std::fprintf(stderr, "child: %s\n", e.what());
            ::_exit(3);
        }
        ::_exit(::testing::Test::HasFailure() ? 1 : 0);
    }
    ~Child() { kill(); }
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;

    Pipe& pipe() { return pipe_; }
    void kill() {
        if (pid_ <= 0) return;
        ::kill(pid_, SIGKILL);
        (void)wait();
    }
    /// The exit status, once it ended by itself; -1 when a signal ended it.
    int wait() {
        int status = 0;
        ::waitpid(std::exchange(pid_, 0), &status, 0);
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    }

private:
    Pipe pipe_;
    pid_t pid_ = 0;
};

} // namespace test
