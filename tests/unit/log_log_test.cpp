// The whole log: where lines go, levels at run time, and readers that do not read.
#include "log/log.hpp"

#include "log/log_output.hpp"
#include "support/late.hpp"
#include "support/temp_folder.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <thread>

namespace {

using namespace app;
using namespace std::chrono_literals;
using base::Level;
using config::LogFormat;
using config::LogTarget;

class Pipe {
public:
    Pipe() { EXPECT_EQ(pipe2(ends_.data(), O_CLOEXEC), 0); }
    ~Pipe() {
        close_write();
        close(ends_[0]);
    }
    [[nodiscard]] int write_end() const { return ends_[1]; }
    [[nodiscard]] int read_end() const { return ends_[0]; }
    void close_write() {
        if (ends_[1] >= 0) close(ends_[1]);
        ends_[1] = -1;
    }
    /// Everything that was written; the write end is closed first, so that reading ends.
    std::string rest() {
        close_write();
        std::string text;
        std::array<char, 4096> chunk{};
        for (ssize_t n = 0; (n = read(ends_[0], chunk.data(), chunk.size())) > 0;)
            text.append(chunk.data(), static_cast<std::size_t>(n));
        return text;
    }

private:
    std::array<int, 2> ends_{-1, -1};
};

LogPlaces to(const Pipe& pipe) {
    LogPlaces places;
    places.fd = pipe.write_end();
    places.syslog_socket = "/nonexistent/log";
    return places;
}

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    for (std::size_t start = 0; start < text.size();) {
        const auto end = text.find('\n', start);
        EXPECT_NE(end, std::string::npos) << "the last line has no end";
        if (end == std::string::npos) break;
        lines.push_back(text.substr(start, end - start));
        start = end + 1;
    }
    return lines;
}

TEST(LineLog, ATerminalGetsTimeLevelAndLine) {
    Pipe pipe;
    {
        LineLog log{{}, to(pipe)};
        log.write(Level::info, "lookup", {{"domain", "example.com"}});
        log.write(Level::warning, "policy-failed", {{"reason", "two words"}});
    }
    const auto lines = lines_of(pipe.rest());
    ASSERT_EQ(lines.size(), 2u);
    EXPECT_EQ(lines[0].substr(24), " info lookup: domain=example.com");
    EXPECT_EQ(lines[0][10], 'T');
    EXPECT_EQ(lines[0][23], 'Z');
    EXPECT_EQ(lines[1].substr(24), " warning policy-failed: reason=\"two words\"");
}

TEST(LineLog, TheJournalGetsAPriority) {
    Pipe pipe;
    {
        LogPlaces places = to(pipe);
        places.journal = true;
        LineLog log{{Level::debug, LogFormat::text, LogTarget::standard_error}, places};
        log.write(Level::debug, "a", {});
        log.write(Level::info, "b", {});
        log.write(Level::warning, "c", {});
        log.write(Level::error, "d", {});
    }
    EXPECT_EQ(pipe.rest(), "<7>a:\n<6>b:\n<4>c:\n<3>d:\n");
}

TEST(LineLog, Json) {
    Pipe pipe;
    {
        LineLog log{{Level::info, LogFormat::json, LogTarget::standard_error}, to(pipe)};
        log.write(Level::info, "lookup", {{"age", 3}});
    }
    const auto lines = lines_of(pipe.rest());
    ASSERT_EQ(lines.size(), 1u);
    const auto object = nlohmann::json::parse(lines[0]);
    EXPECT_EQ(object["event"], "lookup");
    EXPECT_EQ(object["age"], 3);
}

TEST(LineLog, LevelAndFormatChangeAtRunTime) {
    Pipe pipe;
    {
        LineLog log{{}, to(pipe)};
        EXPECT_FALSE(log.wants(Level::debug));
        EXPECT_TRUE(log.wants(Level::info));
        log.write(Level::debug, "unseen", {});
        log.configure({Level::debug, LogFormat::json, LogTarget::standard_error});
        EXPECT_TRUE(log.wants(Level::debug));
        log.write(Level::debug, "seen", {});
        log.configure({Level::error, LogFormat::text, LogTarget::standard_error});
        log.write(Level::warning, "unseen", {});
        log.write(Level::error, "last", {});
    }
    const auto lines = lines_of(pipe.rest());
    ASSERT_EQ(lines.size(), 2u);
    EXPECT_EQ(nlohmann::json::parse(lines[0])["event"], "seen");
    EXPECT_NE(lines[1].find(" error last:"), std::string::npos);
}

TEST(LineLog, HostileValuesStayOneLine) {
    Pipe pipe;
    {
        LineLog log{{}, to(pipe)};
        log.write(Level::info, "lookup",
                  {{"domain", "a\nb\x1b[0m\0c"}, {"detail", std::string(1'000'000, '\n')}});
    }
    EXPECT_EQ(lines_of(pipe.rest()).size(), 1u);
}

TEST(LineLog, LinesOfManyThreadsAreWhole) {
    Pipe pipe;
    constexpr int threads = 8, each = 200;
    std::string text;
    std::thread reader;
    {
        LineLog log{{}, to(pipe)};
        reader = std::thread{[&] {
            std::array<char, 4096> chunk{};
            for (ssize_t n = 0; (n = read(pipe.read_end(), chunk.data(), chunk.size())) > 0;)
                text.append(chunk.data(), static_cast<std::size_t>(n));
        }};
        std::vector<std::thread> writers;
        for (int t = 0; t < threads; ++t)
            writers.emplace_back([&log, t] {
                for (int i = 0; i < each; ++i) {
                    log.write(Level::info, "line", {{"thread", t}, {"i", i}, {"end", "x"}});
                    if (i % 50 == 0) log.configure({Level::info, LogFormat::text, LogTarget::standard_error});
                }
            });
        for (std::thread& writer : writers) writer.join();
    }
    pipe.close_write();
    reader.join();
    const auto lines = lines_of(text);
    EXPECT_EQ(lines.size(), std::size_t{threads} * each);
    for (const std::string& line : lines) EXPECT_TRUE(line.ends_with(" end=x")) << line;
}

TEST(LineLog, AReaderThatDoesNotReadHoldsNobodyUpAndLosesTheOldest) {
    Pipe pipe;
    LogPlaces places = to(pipe);
    places.queue = 64;
    places.last_words = 100ms;
    const std::string filler(190, 'x');
    std::string text;
    const auto before = std::chrono::steady_clock::now();
    auto log = std::make_unique<LineLog>(config::Log{}, places);
    // Far more than fits into a pipe (64 KiB) and the queue together.
    for (int i = 0; i < 5000; ++i) log->write(Level::info, "n", {{"i", i}, {"f", filler}});
    const auto writing = std::chrono::steady_clock::now() - before;
    EXPECT_LT(writing, 5s);

    // The reader wakes up: it gets the newest line, and one with the number of lost lines.
    std::array<char, 4096> chunk{};
    const auto arrived = [&](const char* part) { return text.find(part) != std::string::npos; };
    while (!arrived("i=4999 ") || !arrived("log-overrun: lost=")) {
        pollfd readable{pipe.read_end(), POLLIN, 0};
        ASSERT_EQ(poll(&readable, 1, 20'000), 1)
            << text.substr(text.size() - std::min<std::size_t>(text.size(), 300));
        const ssize_t n = read(pipe.read_end(), chunk.data(), chunk.size());
        ASSERT_GT(n, 0);
        text.append(chunk.data(), static_cast<std::size_t>(n));
    }
    log.reset();
    text += pipe.rest();
    std::int64_t lost = 0;
    const auto lines = lines_of(text);
    for (const std::string& line : lines)
        if (const auto at = line.find("log-overrun: lost="); at != std::string::npos)
            lost += std::stol(line.substr(at + 18));
    EXPECT_GT(lost, 4000);
    std::size_t written = 0;
    for (const std::string& line : lines) written += line.find(" n: i=") != std::string::npos;
    EXPECT_EQ(written + static_cast<std::size_t>(lost), 5000u) << "every line was written or counted";
}

TEST(LineLog, EndsInTimeAlthoughNobodyReads) {
    Pipe pipe;
    LogPlaces places = to(pipe);
    places.last_words = 200ms;
    const std::string filler(190, 'x');
    std::chrono::steady_clock::time_point before;
    {
        LineLog log{{}, places};
        for (int i = 0; i < 10'000; ++i) log.write(Level::info, "n", {{"i", i}, {"f", filler}});
        before = std::chrono::steady_clock::now();
    }
    EXPECT_LT(std::chrono::steady_clock::now() - before, test::late);
}

TEST(LineLog, AReaderThatHasGoneIsNoHarm) {
    // A write to it raises SIGPIPE, which the daemon ignores.
    const auto old = std::signal(SIGPIPE, SIG_IGN);
    std::array<int, 2> ends{};
    ASSERT_EQ(pipe2(ends.data(), O_CLOEXEC), 0);
    close(ends[0]);
    {
        LogPlaces places;
        places.fd = ends[1];
        LineLog log{{}, places};
        log.write(Level::info, "a", {});
        log.write(Level::info, "b", {});
    }
    close(ends[1]);
    std::signal(SIGPIPE, old);
}

/// Lines of the numbers from `from` on, none lost, in order.
void expect_numbers(const std::string& text, int from, int to) {
    const auto lines = lines_of(text);
    ASSERT_EQ(lines.size(), static_cast<std::size_t>(to - from));
    for (int i = from; i < to; ++i)
        ASSERT_TRUE(lines[static_cast<std::size_t>(i - from)].ends_with(" n: i=" + std::to_string(i)))
            << lines[static_cast<std::size_t>(i - from)];
}

TEST(LineLog, AFileGetsManyLinesInOrder) {
    std::FILE* file = std::tmpfile();
    ASSERT_NE(file, nullptr);
    {
        LogPlaces places;
        places.fd = fileno(file);
        places.queue = 20'000;
        LineLog log{{}, places};
        for (int i = 0; i < 10'000; ++i) log.write(Level::info, "n", {{"i", i}});
    }
    std::string text;
    std::rewind(file);
    std::array<char, 4096> chunk{};
    for (std::size_t n = 0; (n = std::fread(chunk.data(), 1, chunk.size(), file)) > 0;)
        text.append(chunk.data(), n);
    std::fclose(file);
    expect_numbers(text, 0, 10'000);
}

/// A socket like the journal's: lines go in large pieces, and what does not fit waits for the reader.
TEST(LineLog, ASocketGetsManyLinesInOrder) {
    std::array<int, 2> ends{};
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
    std::string text;
    std::thread reader;
    {
        LogPlaces places;
        places.fd = ends[1];
        places.queue = 20'000;
        places.last_words = 20s;
        LineLog log{{}, places};
        // More than fits into a socket: the reader starts when the writer already waits.
        for (int i = 0; i < 10'000; ++i) log.write(Level::info, "n", {{"i", i}});
        reader = std::thread{[&] {
            std::array<char, 1000> chunk{};
            for (ssize_t n = 0; (n = read(ends[0], chunk.data(), chunk.size())) > 0;)
                text.append(chunk.data(), static_cast<std::size_t>(n));
        }};
    }
    close(ends[1]);
    reader.join();
    close(ends[0]);
    expect_numbers(text, 0, 10'000);
}

TEST(LineLog, EndsInTimeAlthoughNobodyReadsItsSocket) {
    std::array<int, 2> ends{};
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
    std::chrono::steady_clock::time_point before;
    {
        LogPlaces places;
        places.fd = ends[1];
        places.last_words = 200ms;
        LineLog log{{}, places};
        const std::string filler(190, 'x');
        for (int i = 0; i < 8000; ++i) log.write(Level::info, "n", {{"i", i}, {"f", filler}});
        before = std::chrono::steady_clock::now();
    }
    EXPECT_LT(std::chrono::steady_clock::now() - before, test::late);
    close(ends[0]);
    close(ends[1]);
}

/// A syslog daemon of our own.
class SyslogSocket : public testing::Test {
protected:
    void SetUp() override { listen(); }
    void TearDown() override { close(fd_); }
    void listen() {
        fd_ = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::strcpy(address.sun_path, path_.c_str());
        ASSERT_EQ(bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    }
    std::string receive() const {
        pollfd readable{fd_, POLLIN, 0};
        if (poll(&readable, 1, 20'000) != 1) return "nothing came";
        std::array<char, 8192> datagram{};
        const ssize_t n = recv(fd_, datagram.data(), datagram.size(), 0);
        return {datagram.data(), static_cast<std::size_t>(std::max<ssize_t>(n, 0))};
    }
    test::TempFolder folder_;
    const std::filesystem::path path_ = folder_ / "log";
    int fd_ = -1;
};

TEST_F(SyslogSocket, GetsLinesWithFacilityMail) {
    Pipe pipe;
    LogPlaces places = to(pipe);
    places.syslog_socket = path_;
    {
        LineLog log{{Level::info, LogFormat::text, LogTarget::syslog}, places};
        log.write(Level::warning, "policy-failed", {{"domain", "a\nb"}});
        const std::string line = receive();
        EXPECT_TRUE(line.starts_with("<20>")) << line; // mail (2) * 8 + warning (4)
        EXPECT_TRUE(
            line.ends_with(" stsmapd[" + std::to_string(getpid()) + "]: policy-failed: domain=\"a\\x0ab\""))
            << line;
        log.configure({});
        log.write(Level::info, "back", {});
    }
    const auto lines = lines_of(pipe.rest());
    ASSERT_EQ(lines.size(), 1u);
    EXPECT_TRUE(lines[0].ends_with(" info back:")) << lines[0];
}

TEST_F(SyslogSocket, IsFoundAgainAfterItsRestart) {
    SyslogOutput output{path_, "stsmapd"};
    EXPECT_EQ(output.send(Level::info, "one"), Sent::yes);
    EXPECT_TRUE(receive().ends_with(": one"));
    close(fd_);
    std::filesystem::remove(path_);
    EXPECT_EQ(output.send(Level::info, "lost"), Sent::no);
    listen();
    EXPECT_EQ(output.send(Level::info, "two"), Sent::yes);
    EXPECT_TRUE(receive().ends_with(": two"));
    close(fd_);
    std::filesystem::remove(path_);
    listen();
    EXPECT_EQ(output.send(Level::info, "three"), Sent::yes) << "without an attempt in between, too";
    EXPECT_TRUE(receive().ends_with(": three"));
}

TEST_F(SyslogSocket, ThatIsNeverReadDoesNotHoldUpTheEnd) {
    Pipe pipe;
    LogPlaces places = to(pipe);
    places.syslog_socket = path_;
    places.last_words = 200ms;
    std::chrono::steady_clock::time_point before;
    {
        LineLog log{{Level::info, LogFormat::text, LogTarget::syslog}, places};
        for (int i = 0; i < 9000; ++i) log.write(Level::info, "n", {{"i", i}});
        before = std::chrono::steady_clock::now();
    }
    EXPECT_LT(std::chrono::steady_clock::now() - before, test::late);
}

TEST(SyslogOutput, WithoutADaemonSendsNothing) {
    SyslogOutput output{"/nonexistent/log", "stsmapd"};
    EXPECT_EQ(output.send(Level::info, "x"), Sent::no);
    SyslogOutput too_long{"/" + std::string(200, 'x'), "stsmapd"};
    EXPECT_EQ(too_long.send(Level::info, "x"), Sent::no);
}

TEST(Journal, IsKnownByItsDeviceAndInode) {
    Pipe pipe;
    struct stat status {};
    ASSERT_EQ(fstat(pipe.write_end(), &status), 0);
    const std::string mine = std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino);
    const char* before = std::getenv("JOURNAL_STREAM");
    const std::string kept = before == nullptr ? "" : before;
    unsetenv("JOURNAL_STREAM");
    EXPECT_FALSE(is_journal(pipe.write_end()));
    setenv("JOURNAL_STREAM", mine.c_str(), 1);
    EXPECT_TRUE(is_journal(pipe.write_end()));
    EXPECT_FALSE(is_journal(-1));
    setenv("JOURNAL_STREAM", (mine + "0").c_str(), 1);
    EXPECT_FALSE(is_journal(pipe.write_end()));
    if (before == nullptr)
        unsetenv("JOURNAL_STREAM");
    else
        setenv("JOURNAL_STREAM", kept.c_str(), 1);
}

} // namespace
