// bench_scale_handshakes CA_FILE ADDRESS HOSTS SECONDS: TLS handshakes with policy hosts and nothing else.
//
// The fetches of `scale.py cold` are compared with it. The daemon's own TLS settings and checks (chain,
// name), one thread, one epoll, eight connections at a time (as many as the daemon makes to one address),
// each closed when the handshake is done. HOSTS: a file with one host name per line, used in turn. Prints
// one JSON object.
#include "bench/socket.hpp"
#include "fetch/certificate.hpp"

#include <nlohmann/json.hpp>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <memory>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

struct Free {
    void operator()(SSL* tls) const noexcept { SSL_free(tls); }
};

struct Connection {
    int fd = -1;
    std::unique_ptr<SSL, Free> tls;
};

double cpu_seconds() {
    rusage used{};
    ::getrusage(RUSAGE_SELF, &used);
    const auto seconds = [](const timeval& t) {
        return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
    };
    return seconds(used.ru_utime) + seconds(used.ru_stime);
}

class Handshakes {
public:
    Handshakes(SSL_CTX* context, std::string_view address, std::vector<std::string> hosts)
        : context_(context), address_(bench::parse_address(address)), hosts_(std::move(hosts)),
          epoll_(::epoll_create1(EPOLL_CLOEXEC)) {}

    nlohmann::json run(double seconds) {
        const auto begun = Clock::now();
        const double cpu = cpu_seconds();
        for (Connection& c : connections_) open(c);
        std::array<epoll_event, 16> events{};
        double took = 0;
        while ((took = std::chrono::duration<double>(Clock::now() - begun).count()) < seconds) {
            const int count = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), 1000);
            for (int i = 0; i < count; ++i)
                go_on(*static_cast<Connection*>(events[static_cast<std::size_t>(i)].data.ptr));
        }
        const double used = cpu_seconds() - cpu;
        return {{"handshakes", done_},
                {"per_second", static_cast<double>(done_) / took},
                {"cpu_us", used / static_cast<double>(done_) * 1e6}};
    }

private:
    void open(Connection& c) {
        c.fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (::connect(c.fd, address_.get(), address_.size) != 0 && errno != EINPROGRESS)
            throw bench::system_error("connect");
        epoll_event event{};
        event.events = EPOLLIN | EPOLLOUT | EPOLLET;
        event.data.ptr = &c;
        if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, c.fd, &event) != 0) throw bench::system_error("epoll_ctl");
        c.tls.reset(SSL_new(context_));
        SSL_set_fd(c.tls.get(), c.fd);
        if (!fetch::expect_host(c.tls.get(), hosts_[next_++ % hosts_.size()]))
            throw std::runtime_error("host name");
    }
    void go_on(Connection& c) {
        const int result = SSL_connect(c.tls.get());
        if (result == 1) {
            ++done_;
            (void)SSL_shutdown(c.tls.get());
            c.tls.reset();
            ::close(c.fd);
            return open(c);
        }
        const int why = SSL_get_error(c.tls.get(), result);
        if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ||
            (why == SSL_ERROR_SYSCALL && errno == ENOTCONN))
            return;
        if (const auto verdict = fetch::certificate_verdict(c.tls.get()))
            throw std::runtime_error(verdict->detail);
        throw std::runtime_error("handshake failed");
    }

    SSL_CTX* context_;
    bench::Address address_;
    std::vector<std::string> hosts_;
    int epoll_;
    std::array<Connection, 8> connections_{};
    std::size_t next_ = 0, done_ = 0;
};

} // namespace

int main(int argc, char** argv) {
    if (argc != 5) {
        std::fputs("usage: bench_scale_handshakes CA_FILE ADDRESS HOSTS SECONDS\n", stderr);
        return 2;
    }
    try {
        const auto context = fetch::make_client_context(argv[1]);
        if (!context) throw std::runtime_error(context.error());
        std::ifstream in(argv[3]);
        std::vector<std::string> hosts;
        for (std::string line; std::getline(in, line);) hosts.push_back(line);
        std::cout
            << Handshakes((*context)->native_handle(), argv[2], std::move(hosts)).run(std::atof(argv[4]))
            << '\n';
    } catch (const std::exception& error) {
        std::fprintf(stderr, "bench_scale_handshakes: %s\n", error.what());
        return 1;
    }
    return 0;
}
