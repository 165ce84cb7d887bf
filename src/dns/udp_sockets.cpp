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
    note_try();
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
    if (clean && is_loopback(server) && socket->socket.is_open() && kept_.size() < may_keep()) {
        try {
            kept_.push_back({server, std::move(socket)});
            sweep_later();
        } catch (const std::exception&) { // no memory: it is closed, now or with the next one
        }
    }
    while (kept_.size() > may_keep()) kept_.pop_back();
}

void UdpSockets::note_try() {
    last_try_ = clock_.steady();
    const auto passed = last_try_ - window_start_;
    if (passed >= window) {
        tries_before_ = passed < 2 * window ? tries_ : 0;
        tries_ = 0;
        window_start_ = last_try_;
    }
    ++tries_;
}

std::size_t UdpSockets::may_keep() const noexcept {
    return std::max(in_use_, std::max(tries_, tries_before_) >= many ? many : 0);
}

void UdpSockets::sweep_later() {
    if (sweeping_) return;
    sweeping_ = true;
    sweep_.expires_after(quiet);
    sweep_.async_wait([weak = weak_from_this()](const boost::system::error_code& cancelled) {
        const auto self = weak.lock();
        if (!self || cancelled) return;
        self->sweeping_ = false;
        if (self->clock_.steady() - self->last_try_ >= quiet) self->kept_.clear();
        if (!self->kept_.empty()) self->sweep_later();
    });
}

void UdpSockets::stop() noexcept {
    kept_.clear();
    sweep_.cancel();
}

} // namespace dns
