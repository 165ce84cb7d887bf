#include "dns/udp_sockets.hpp"

#include "base/net/asio_address.hpp"

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
    std::uint8_t first = 0;
    const ssize_t size = ::recv(socket.socket.native_handle(), &first, sizeof first, MSG_DONTWAIT);
    return size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

} // namespace

UdpSockets::Lease::Lease(std::shared_ptr<UdpSockets> sockets, const net::Endpoint& server)
    : sockets_(std::move(sockets)), server_(server), socket_(sockets_->take(server_, error_)) {}

UdpSockets::Lease::~Lease() { sockets_->give_back(server_, std::move(socket_), clean_); }

std::shared_ptr<UdpSocket> UdpSockets::take(const net::Endpoint& server, boost::system::error_code& error) {
    note_try();
    const std::shared_ptr<Pool> pool = pool_.lock();
    while (pool && !pool->kept.empty()) {
        // The last returned one first: its memory is still in the processor's cache.
        const Kept last = std::move(pool->kept.back());
        pool->kept.pop_back();
        if (last.server == server && is_silent(*last.socket)) {
            ++in_use_;
            return last.socket;
        }
    }
    auto socket = std::make_shared<UdpSocket>(executor_);
    const udp::endpoint to{net::to_asio(server.address), server.port};
    socket->socket.open(to.protocol(), error);
    if (!error) socket->socket.connect(to, error);
    ++in_use_;
    return socket;
}

void UdpSockets::give_back(const net::Endpoint& server, std::shared_ptr<UdpSocket> socket,
                           bool clean) noexcept {
    --in_use_;
    try {
        if (clean && is_loopback(server.address) && socket->socket.is_open() && kept() < may_keep())
            keep(server, std::move(socket));
    } catch (const std::exception&) { // no memory: it is closed
    }
    if (const std::shared_ptr<Pool> pool = pool_.lock())
        while (pool->kept.size() > may_keep()) pool->kept.pop_back();
}

std::span<const std::uint8_t> UdpSockets::receive(UdpSocket& socket, boost::system::error_code& error) {
    const ssize_t size = ::recv(socket.socket.native_handle(), buffer_.data(), buffer_.size(), MSG_DONTWAIT);
    if (size < 0) {
        error.assign(errno, boost::system::system_category());
        return {};
    }
    return {buffer_.data(), static_cast<std::size_t>(size)};
}

void UdpSockets::keep(const net::Endpoint& server, std::shared_ptr<UdpSocket> socket) {
    std::shared_ptr<Pool> pool = pool_.lock();
    const bool fresh = !pool;
    if (fresh) pool = std::make_shared<Pool>(executor_);
    pool->kept.push_back({server, std::move(socket)});
    if (!fresh) return;
    pool_ = pool;
    sweep_later(std::move(pool));
}

std::size_t UdpSockets::kept() const noexcept {
    const std::shared_ptr<Pool> pool = pool_.lock();
    return pool ? pool->kept.size() : 0;
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

/// The pool lives as long as the wait; all its sockets are closed when the last try was `quiet` ago.
void UdpSockets::sweep_later(std::shared_ptr<Pool> pool) {
    boost::asio::steady_timer& sweep = pool->sweep;
    sweep.expires_after(quiet);
    sweep.async_wait(
        [weak = weak_from_this(), held = std::move(pool)](const boost::system::error_code& cancelled) {
            const auto self = weak.lock();
            if (self && !cancelled && self->clock_.steady() - self->last_try_ < quiet)
                self->sweep_later(held);
        });
}

void UdpSockets::stop() noexcept {
    const std::shared_ptr<Pool> pool = pool_.lock();
    if (!pool) return;
    pool->kept.clear();
    pool->sweep.cancel();
}

} // namespace dns
