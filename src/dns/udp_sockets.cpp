#include "dns/udp_sockets.hpp"

#include <algorithm>
#include <utility>

namespace dns {

namespace asio = boost::asio;
using asio::ip::udp;

asio::ip::address address(const Server& server) {
    if (server.v6) return asio::ip::address_v6{server.octets, server.scope_id};
    asio::ip::address_v4::bytes_type octets{};
    std::copy_n(server.octets.begin(), octets.size(), octets.begin());
    return asio::ip::address_v4{octets};
}

std::shared_ptr<UdpSocket> UdpSockets::take(const Server& server, boost::system::error_code& error) {
    // The last one given back first: what it touches is still in the processor's cache.
    const auto kept =
        std::find_if(kept_.rbegin(), kept_.rend(), [&](const Kept& k) { return k.server == server; });
    if (kept != kept_.rend()) {
        std::shared_ptr<UdpSocket> socket = std::move(kept->socket);
        kept_.erase(std::prev(kept.base()));
        socket->waiting = true;
        return socket;
    }
    auto socket = std::make_shared<UdpSocket>(executor_);
    const udp::endpoint to{address(server), server.port};
    socket->socket.open(to.protocol(), error);
    if (!error) socket->socket.connect(to, error);
    return socket;
}

void UdpSockets::give_back(const Server& server, std::shared_ptr<UdpSocket> socket) {
    if (!may_keep(server) || !socket->socket.is_open()) return;
    if (kept_.size() >= max_kept) kept_.erase(kept_.begin()); // perhaps of a server that is not used any more
    kept_.push_back({server, std::move(socket)});
}

} // namespace dns
