// bench_load: asks a socketmap server as fast as it answers, and prints how fast that was.
//
// One thread, one epoll. Each connection has --pipeline requests pending (1: the next one goes out after the
// reply, as with Postfix). The result is one JSON object on standard output; times are in microseconds.
// Figures are of the answers between the end of --warm-up and the end of --seconds.
#include "bench/histogram.hpp"
#include "bench/socket.hpp"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <deque>
#include <fstream>
#include <iostream>
#include <memory>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;
using Nanoseconds = std::chrono::nanoseconds;

struct Options {
    std::string to;
    std::string keys; ///< a file, one key a line
    std::string map = "sts";
    unsigned connections = 16;
    unsigned pipeline = 1;
    double warm_up = 0.2;
    double seconds = 2;
    double reopen = 0;    ///< every connection is replaced once in this time; 0: never
    bool parents = false; ///< after NOTFOUND ask for the parent domains as Postfix does
    bool once = false;    ///< every key once, then end
    bool cold = false;    ///< count from the first request on
};

/// All requests, framed, one after the other.
class Requests {
public:
    Requests(const std::string& file, std::string map) : map_(std::move(map)) {
        std::ifstream in(file);
        if (!in) throw std::runtime_error("cannot read " + file);
        for (std::string key; std::getline(in, key);) {
            starts_.push_back(text_.size());
            append(text_, key);
        }
        if (starts_.empty()) throw std::runtime_error(file + " has no keys");
        starts_.push_back(text_.size());
    }
    [[nodiscard]] std::size_t size() const { return starts_.size() - 1; }
    [[nodiscard]] std::string_view operator[](std::size_t i) const {
        return std::string_view(text_).substr(starts_[i], starts_[i + 1] - starts_[i]);
    }
    /// The key a framed request is about.
    [[nodiscard]] std::string_view key(std::string_view request) const {
        request.remove_prefix(request.find(':') + 1 + map_.size() + 1);
        return request.substr(0, request.size() - 1);
    }
    void append(std::string& to, std::string_view key) const {
        to.append(std::to_string(map_.size() + 1 + key.size())).append(":").append(map_);
        to.append(" ").append(key).append(",");
    }

private:
    std::string map_, text_;
    std::vector<std::size_t> starts_;
};

struct Counts {
    std::uint64_t replies = 0, octets = 0, ok = 0, notfound = 0, temp = 0, perm = 0, parents = 0,
                  reopened = 0;
    bench::Histogram latency;
};

struct Connection {
    struct Sent {
        Clock::time_point at;
        std::string parent; ///< the parent key this request was for; empty: a key of the file
        std::size_t number = 0;
    };
    int fd = -1;
    std::deque<Sent> sent; ///< requests without a reply yet
    std::string in;
    std::string next_parent; ///< to be asked for before the next key
    Clock::time_point reopen_at;
};

class Load {
public:
    Load(const Options& options, const Requests& requests)
        : options_(options), requests_(requests), address_(bench::parse_address(options.to)),
          epoll_(::epoll_create1(EPOLL_CLOEXEC)), connections_(options.connections) {}

    nlohmann::json run() {
        const auto begun = Clock::now();
        for (std::size_t i = 0; i < connections_.size(); ++i) {
            open(connections_[i]);
            // Spread out, so that they are not all reopened at once.
            connections_[i].reopen_at = begun + span(options_.reopen * static_cast<double>(i + 1) /
                                                     static_cast<double>(connections_.size()));
        }
        now_ = begun;
        counting_ = options_.cold || options_.once;
        count_from_ = counting_ ? begun : begun + span(options_.warm_up);
        end_ = count_from_ + span(options_.seconds);
        for (Connection& connection : connections_) fill(connection);
        if (counting_) begin_counting();
        loop();
        return report();
    }

private:
    static Clock::duration span(double seconds) {
        return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
    }
    static double cpu_seconds() {
        rusage used{};
        ::getrusage(RUSAGE_SELF, &used);
        const auto seconds = [](const timeval& t) {
            return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
        };
        return seconds(used.ru_utime) + seconds(used.ru_stime);
    }

    void open(Connection& connection) {
        connection.fd = ::socket(address_.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (::connect(connection.fd, address_.get(), address_.size) != 0)
            throw bench::system_error("connect");
        bench::no_delay(connection.fd);
        if (::fcntl(connection.fd, F_SETFL, O_NONBLOCK) != 0) throw bench::system_error("fcntl");
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.ptr = &connection;
        if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, connection.fd, &event) != 0)
            throw bench::system_error("epoll_ctl");
    }

    void begin_counting() {
        counting_ = true;
        counts_ = std::make_unique<Counts>();
        counted_from_ = now_;
        cpu_from_ = cpu_seconds();
        // The measuring script reads the server's processor time from here on.
        std::fputs("counting\n", stderr);
    }

    void loop() {
        std::array<epoll_event, 128> events{};
        while (under_way_ > 0) {
            const int count = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), 5000);
            if (count < 0 && errno != EINTR) throw bench::system_error("epoll_wait");
            if (count == 0) throw std::runtime_error("no reply within five seconds");
            for (int i = 0; i < count; ++i) {
                now_ = Clock::now();
                if (!counting_ && now_ >= count_from_) begin_counting();
                if (counting_ && !options_.once && now_ >= end_) return finish();
                receive(*static_cast<Connection*>(events[static_cast<std::size_t>(i)].data.ptr));
            }
        }
        finish();
    }

    void finish() {
        counted_to_ = now_;
        cpu_to_ = cpu_seconds();
    }

    void receive(Connection& connection) {
        const ssize_t count = ::recv(connection.fd, chunk_.data(), chunk_.size(), 0);
        if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
        if (count <= 0) throw std::runtime_error("the server closed a connection");
        const std::string_view got(chunk_.data(), static_cast<std::size_t>(count));
        if (connection.in.empty()) {
            const std::size_t used = take(connection, got);
            if (used < got.size()) connection.in.assign(got.substr(used));
        } else {
            connection.in.append(got);
            connection.in.erase(0, take(connection, connection.in));
        }
        if (options_.reopen > 0 && connection.sent.empty() && now_ >= connection.reopen_at) {
            ::close(connection.fd);
            open(connection);
            connection.reopen_at = now_ + span(options_.reopen);
            ++counts().reopened;
        }
        fill(connection);
    }

    /// Reads whole replies from the start of `bytes`; returns their total size in octets.
    std::size_t take(Connection& connection, std::string_view bytes) {
        std::size_t at = 0;
        while (at < bytes.size()) {
            const std::string_view rest = bytes.substr(at);
            const std::size_t colon = rest.find(':');
            if (colon == std::string_view::npos) break;
            std::size_t length = 0;
            if (std::from_chars(rest.data(), rest.data() + colon, length).ptr != rest.data() + colon)
                throw std::runtime_error("a reply is no netstring");
            if (rest.size() < colon + 1 + length + 1) break;
            reply(connection, rest.substr(colon + 1, length), colon + length + 2);
            at += colon + length + 2;
        }
        return at;
    }

    void reply(Connection& connection, std::string_view payload, std::size_t octets) {
        if (connection.sent.empty()) throw std::runtime_error("a reply nobody asked for");
        const Connection::Sent sent = std::move(connection.sent.front());
        connection.sent.pop_front();
        --under_way_;
        Counts& counts = this->counts();
        ++counts.replies;
        counts.octets += octets;
        counts.latency.add(static_cast<std::uint64_t>(Nanoseconds(now_ - sent.at).count()));
        const bool none = payload.starts_with("NOTFOUND");
        if (payload.starts_with("OK"))
            ++counts.ok;
        else if (none)
            ++counts.notfound;
        else if (payload.starts_with("TEMP"))
            ++counts.temp;
        else
            ++counts.perm;
        if (!options_.parents || !none) return;
        std::string_view key = sent.parent;
        if (sent.parent.empty()) key = requests_.key(requests_[sent.number]);
        if (key.starts_with('[') || !key.ends_with('t')) return; // Postfix does so for host names only
        const std::size_t dot = key.find('.', 1);
        if (dot != std::string_view::npos) connection.next_parent = key.substr(dot);
    }

    void fill(Connection& connection) {
        out_.clear();
        const auto at = connection.sent.size() < options_.pipeline ? Clock::now() : Clock::time_point{};
        while (connection.sent.size() < options_.pipeline) {
            if (!connection.next_parent.empty()) {
                requests_.append(out_, connection.next_parent);
                connection.sent.push_back({at, std::exchange(connection.next_parent, {}), 0});
                ++counts().parents;
            } else if (options_.once && next_ == requests_.size()) {
                break;
            } else {
                const std::size_t number = next_++ % requests_.size();
                out_.append(requests_[number]);
                connection.sent.push_back({at, {}, number});
            }
            ++under_way_;
        }
        if (out_.empty()) return;
        // Far less than a socket's buffer holds, because each request was answered before the next one goes
        // out.
        if (::send(connection.fd, out_.data(), out_.size(), MSG_NOSIGNAL) !=
            static_cast<ssize_t>(out_.size()))
            throw bench::system_error("send");
    }

    Counts& counts() { return *counts_; }

    nlohmann::json report() {
        const Counts& c = *counts_;
        const double seconds = std::chrono::duration<double>(counted_to_ - counted_from_).count();
        const auto micro = [&](double share) { return static_cast<double>(c.latency.at(share)) / 1000; };
        const auto replies = static_cast<double>(c.replies);
        return {{"seconds", seconds},
                {"replies", c.replies},
                {"per_second", replies / seconds},
                {"p50", micro(0.5)},
                {"p99", micro(0.99)},
                {"p999", micro(0.999)},
                {"max", static_cast<double>(c.latency.most()) / 1000},
                {"ok", c.ok},
                {"notfound", c.notfound},
                {"temp", c.temp},
                {"perm", c.perm},
                {"parents", c.parents},
                {"reopened", c.reopened},
                {"reply_octets", static_cast<double>(c.octets) / replies},
                {"own_cpu", (cpu_to_ - cpu_from_) / replies * 1e6}};
    }

    const Options& options_;
    const Requests& requests_;
    bench::Address address_;
    int epoll_;
    std::vector<Connection> connections_;
    std::unique_ptr<Counts> counts_ = std::make_unique<Counts>();
    std::array<char, 65536> chunk_{};
    std::string out_;
    std::size_t next_ = 0, under_way_ = 0;
    bool counting_ = false;
    Clock::time_point now_, count_from_, end_, counted_from_, counted_to_;
    double cpu_from_ = 0, cpu_to_ = 0;
};

} // namespace

int main(int argc, char** argv) {
    Options options;
    CLI::App app{"Asks a socketmap server as fast as it answers; prints figures as JSON."};
    app.add_option("--to", options.to, "tcp:IPV4:PORT or unix:PATH")->required();
    app.add_option("--keys", options.keys, "file with one key a line, asked in this order, again and again")
        ->required();
    app.add_option("--map", options.map, "map name");
    app.add_option("--connections", options.connections)->check(CLI::PositiveNumber);
    app.add_option("--pipeline", options.pipeline, "requests under way on each connection")
        ->check(CLI::PositiveNumber);
    app.add_option("--warm-up", options.warm_up, "seconds that are not counted");
    app.add_option("--seconds", options.seconds, "seconds that are counted");
    app.add_option("--reopen", options.reopen, "close and open every connection once in so many seconds");
    app.add_flag("--parents", options.parents, "after NOTFOUND ask for .parent, as Postfix does");
    app.add_flag("--once", options.once, "ask for every key once, then end");
    app.add_flag("--cold", options.cold, "count from the first request on");
    CLI11_PARSE(app, argc, argv);
    try {
        const Requests requests(options.keys, options.map);
        std::cout << Load(options, requests).run() << '\n';
    } catch (const std::exception& error) {
        std::fprintf(stderr, "bench_load: %s\n", error.what());
        return 1;
    }
    return 0;
}
