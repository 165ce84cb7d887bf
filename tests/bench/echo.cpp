// bench_echo ADDRESS OCTETS: how fast the kernel allows a server to be. One thread, one epoll, and nothing
// else: reads netstrings, and answers each with a prepared netstring of OCTETS in total.
//
// A request is read in as many reads as it needs (one, in practice), a reply is one send. Replies to requests
// of one read go out in one send, although a server that answers in order does not have to do that.
#include "bench/socket.hpp"

#include <fcntl.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace {

/// Counts whole netstrings in a stream: decimal length, colon, payload, comma.
class Frames {
public:
    std::size_t feed(std::string_view bytes) {
        std::size_t whole = 0;
        for (std::size_t at = 0; at < bytes.size();) {
            if (left_ > 0) { // payload and comma
                const std::size_t taken = std::min(left_, bytes.size() - at);
                at += taken;
                left_ -= taken;
                whole += left_ == 0;
            } else if (const char c = bytes[at++]; c == ':') {
                left_ = length_ + 1;
                length_ = 0;
            } else {
                length_ = length_ * 10 + static_cast<std::size_t>(c - '0');
            }
        }
        return whole;
    }

private:
    std::size_t length_ = 0, left_ = 0;
};

int listen_on(const bench::Address& address) {
    const int fd = ::socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const int on = 1;
    (void)::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    bench::no_delay(fd);
    if (::bind(fd, address.get(), address.size) != 0 || ::listen(fd, 4096) != 0)
        throw bench::system_error("listen");
    return fd;
}

void watch(int epoll, int fd) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    if (::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0) throw bench::system_error("epoll_ctl");
}

void serve(int listener, std::string_view reply) {
    const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
    watch(epoll, listener);
    std::vector<Frames> clients;
    std::array<epoll_event, 128> events{};
    std::array<char, 2048> chunk{};
    std::string many;
    for (;;) {
        const int count = ::epoll_wait(epoll, events.data(), static_cast<int>(events.size()), -1);
        for (int i = 0; i < count; ++i) {
            const int fd = events[static_cast<std::size_t>(i)].data.fd;
            if (fd == listener) {
                const int client = ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
                if (client < 0) continue;
                if (clients.size() <= static_cast<std::size_t>(client))
                    clients.resize(static_cast<std::size_t>(client) + 1);
                clients[static_cast<std::size_t>(client)] = Frames{};
                watch(epoll, client);
                continue;
            }
            const ssize_t octets = ::recv(fd, chunk.data(), chunk.size(), 0);
            if (octets <= 0) {
                ::close(fd);
                continue;
            }
            const std::size_t asked =
                clients[static_cast<std::size_t>(fd)].feed({chunk.data(), static_cast<std::size_t>(octets)});
            std::string_view out = reply;
            if (asked == 0) continue;
            if (asked > 1) {
                many.clear();
                for (std::size_t n = 0; n < asked; ++n) many.append(reply);
                out = many;
            }
            (void)::send(fd, out.data(), out.size(), MSG_NOSIGNAL);
        }
    }
}

} // namespace

int main(int argc, char** argv) {
    if (argc != 3) {
        std::fputs("usage: bench_echo ADDRESS OCTETS\n", stderr);
        return 2;
    }
    try {
        // A netstring of this many octets in total, framing included.
        const std::size_t octets = std::max(std::strtoul(argv[2], nullptr, 10), 12UL);
        std::string payload(octets - 4, 'x');
        while (std::to_string(payload.size()).size() + payload.size() + 2 > octets) payload.pop_back();
        payload.replace(0, 3, "OK ");
        const std::string reply = std::to_string(payload.size()) + ":" + payload + ",";
        const int listener = listen_on(bench::parse_address(argv[1]));
        std::puts("ready");
        std::fflush(stdout);
        serve(listener, reply);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "bench_echo: %s\n", error.what());
        return 1;
    }
    return 0;
}
