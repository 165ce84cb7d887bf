// bench_dns PORT: a DNS server on 127.0.0.1 that knows only what the benchmarks need, and is as fast as it
// can be.
//
// "_mta-sts.<anything>.test" TXT is the record all benchmark domains have, with a TTL of an hour; everything
// else exists and has no records. PORT 0: any free port. Prints the port, and the number of its answers for
// each line it reads.
#include "bench/domains.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

namespace {

/// The reply to a question of `size` octets, made in place; 0: none.
std::size_t reply(std::array<char, 2048>& message, std::size_t size) {
    if (size < 12 + 5) return 0;
    std::size_t end = 12; // the end of the name
    while (end < size && message[end] != 0) end += 1 + static_cast<unsigned char>(message[end]);
    end += 5; // the root, type and class
    if (end > size) return 0;
    static constexpr std::string_view label = "\x08_mta-sts";
    const bool txt = message[end - 3] == 16 && std::string_view(message.data() + 12, label.size()) == label;
    message[2] = static_cast<char>(0x84 | (message[2] & 1));
    message[3] = static_cast<char>(0x80);
    std::memset(message.data() + 6, 0, 6); // EDNS is not answered
    if (!txt) return end;
    message[7] = 1;
    const std::string text = "v=STSv1; id=" + std::string(bench::record_id) + ";";
    const auto length = static_cast<char>(text.size());
    std::string answer("\xc0\x0c\0\x10\0\1\0\0\x0e\x10\0", 11);
    answer.append(1, static_cast<char>(length + 1)).append(1, length).append(text);
    std::memcpy(message.data() + end, answer.data(), answer.size());
    return end + answer.size();
}

} // namespace

int main(int argc, char** argv) {
    const int udp = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(argc > 1 ? std::atoi(argv[1]) : 0));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    const int room = 4 * 1024 * 1024;
    (void)::setsockopt(udp, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    if (::bind(udp, reinterpret_cast<const sockaddr*>(&address), size) != 0 ||
        ::getsockname(udp, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
        std::perror("bench_dns");
        return 1;
    }
    std::printf("%u\n", ntohs(address.sin_port));
    std::fflush(stdout);
    std::uint64_t answers = 0;
    std::array<pollfd, 2> both{pollfd{udp, POLLIN, 0}, pollfd{STDIN_FILENO, POLLIN, 0}};
    for (std::array<char, 2048> message{}; ::poll(both.data(), both.size(), -1) >= 0;) {
        if (both[1].revents != 0) {
            std::array<char, 64> line{};
            if (::read(STDIN_FILENO, line.data(), line.size()) <= 0) return 0; // our parent has finished
            std::printf("%llu\n", static_cast<unsigned long long>(answers));
            std::fflush(stdout);
        }
        if (both[0].revents == 0) continue;
        for (int turn = 0; turn < 64; ++turn) {
            sockaddr_in from{};
            socklen_t length = sizeof from;
            const ssize_t count = ::recvfrom(udp, message.data(), 1024, MSG_DONTWAIT,
                                             reinterpret_cast<sockaddr*>(&from), &length);
            if (count < 0) break;
            const std::size_t octets = reply(message, static_cast<std::size_t>(count));
            if (octets == 0) continue;
            (void)::sendto(udp, message.data(), octets, 0, reinterpret_cast<const sockaddr*>(&from), length);
            ++answers;
        }
    }
    return 0;
}
