#include "dns/udp_sockets.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <exception>
#include <utility>

namespace dns {
namespace {

namespace asio = boost::asio;
using asio::ip::udp;

/// Whether nothing at all has come since the socket was used.
bool is_silent(UdpSocket& socket) {
    const ssize_t size =
        ::recv(socket.socket.native_handle(), socket.buffer.data(), socket.buffer.size(), MSG_DONTWAIT);
    return size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

} // namespace

asio::ip::address address(const Server& server) {
    if (server.v6) return asio::ip::address_v6{server.octets, server.scope_id};
    asio::ip::address_v4::bytes_type octets{};
    std::copy_n(server.octets.begin(), octets.size(), octets.begin());
    return asio::ip::address_v4{octets};
}

UdpSockets::Lease::Lease(std::shared_ptr<UdpSockets> sockets, const Server& server)
    : sockets_(std::move(sockets)), server_(server), socket_(sockets_->take(server_, error_)) {}

UdpSockets::Lease::~Lease() { sockets_->give_back(server_, std::move(socket_), clean_); }

std::shared_ptr<UdpSocket> UdpSockets::take(const Server& server, boost::system::error_code& error) {
    while (!kept_.empty()) {
        // The last one given back first: what it touches is still in the processor's cache.
        const Kept last = std::move(kept_.back());
        kept_.pop_back();
        if (last.server == server && is_silent(*last.socket)) {
            ++in_use_;
            return last.socket;
        }
    }
    auto socket = std::make_shared<UdpSocket>(executor_);
    const udp::endpoint to{address(server), server.port};
    socket->socket.open(to.protocol(), error);
    if (!error) socket->socket.connect(to, error);
    ++in_use_;
    return socket;
}

void UdpSockets::give_back(const Server& server, std::shared_ptr<UdpSocket> socket, bool clean) noexcept {
    --in_use_;
    if (clean && is_loopback(server) && socket->socket.is_open() && kept_.size() < in_use_) {
        try {
            kept_.push_back({server, std::move(socket)});
        } catch (const std::exception&) { // no memory: it is closed
        }
    }
    while (kept_.size() > in_use_) kept_.pop_back();
}

} // namespace dns
