// dns/udp_sockets.hpp - UDP sockets to name servers: bound to a port the kernel picks at random, connected,
// so that the kernel drops what comes from elsewhere.
//
// A try gets a socket for itself, and a fresh one, because a port that is used again is a port that can be
// guessed (RFC 5452 section 9.2), unless the server is on the loopback interface: nobody outside can send
// from there, and nobody inside can bind the server's own address and port. Sockets to such a server are
// given back and used again, which spares five system calls a question. Threads: that of its executor's
// io_context.
#pragma once

#include "dns/message.hpp"
#include "dns/resolv_conf.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/ip/udp.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace dns {

/// What is larger than this is cut, and so ignored; more than edns_udp_size allows.
inline constexpr std::size_t datagram_buffer = 4096;

struct UdpSocket {
    explicit UdpSocket(const boost::asio::any_io_executor& executor) : socket(executor) {}
    boost::asio::ip::udp::socket socket;
    bool waiting = true; ///< an operation is pending: to be closed, not kept, when nobody waits any more
    std::array<std::uint8_t, datagram_buffer> buffer;
};

class UdpSockets {
public:
    explicit UdpSockets(boost::asio::any_io_executor executor) : executor_(std::move(executor)) {}

    /// A socket to `server`, kept or new; `error` tells when there is none to be had.
    [[nodiscard]] std::shared_ptr<UdpSocket> take(const Server& server, boost::system::error_code& error);
    /// A socket whose try is over, with nothing pending on it. Kept or closed.
    void give_back(const Server& server, std::shared_ptr<UdpSocket> socket);

    [[nodiscard]] static bool may_keep(const Server& server) noexcept { return is_loopback(server); }
    /// At most this many wait to be used again.
    static constexpr std::size_t max_kept = 256;

private:
    struct Kept {
        Server server;
        std::shared_ptr<UdpSocket> socket;
    };
    boost::asio::any_io_executor executor_;
    std::vector<Kept> kept_;
};

/// The server's address as Asio has it.
[[nodiscard]] boost::asio::ip::address address(const Server& server);

} // namespace dns
