#include "dns/flight.hpp"

#include "base/net/asio_address.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <sys/random.h>

#include <algorithm>
#include <exception>
#include <random>

namespace dns {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using asio::ip::udp;
using boost::system::error_code;

constexpr auto as_result = asio::as_tuple(asio::use_awaitable);

std::uint16_t random_id() {
    std::uint16_t id = 0;
    if (::getrandom(&id, sizeof id, 0) != sizeof id) id = static_cast<std::uint16_t>(std::random_device{}());
    return id;
}

/// We lack memory or descriptors; nothing was asked.
bool is_exhaustion(const error_code& error) {
    return error == asio::error::no_descriptors || error == asio::error::no_memory ||
           error == asio::error::no_buffer_space ||
           error == boost::system::errc::too_many_files_open_in_system ||
           error == asio::error::address_in_use ||
           error == boost::system::errc::resource_unavailable_try_again;
}

/// Trouble of this machine, not of the server or the way to it.
bool is_local(const error_code& error) {
    return error == boost::system::errc::permission_denied ||
           error == boost::system::errc::operation_not_permitted ||
           error == boost::system::errc::address_family_not_supported ||
           error == boost::system::errc::address_not_available;
}

} // namespace

Flight::Flight(asio::any_io_executor executor, base::Clock& clock, std::shared_ptr<ServerList> servers,
               std::shared_ptr<UdpSockets> sockets, Errand errand, std::function<void()> doubt)
    : executor_(std::move(executor)), clock_(clock), servers_(std::move(servers)),
      sockets_(std::move(sockets)), name_(std::move(errand.name)), doubt_(std::move(doubt)),
      exchange_(name_, errand.type, errand.worth_matters, std::move(errand.candidates), servers_->options(),
                errand.deadline, random_id),
      wake_(executor_) {}

asio::awaitable<Result> Flight::run(std::shared_ptr<Flight> self) {
    self->act(self->exchange_.start(self->clock_.steady()));
    while (!self->result_) {
        const auto wait = self->wake_at_ - self->clock_.steady();
        self->wake_.expires_after(std::max(wait, base::Steady::duration::zero()));
        co_await self->wake_.async_wait(as_result);
        const auto cancellation = co_await asio::this_coro::cancellation_state;
        if (cancellation.cancelled() != asio::cancellation_type::none) self->stop();
        const base::Steady now = self->clock_.steady();
        if (!self->result_ && now >= self->wake_at_) self->act(self->exchange_.time_passed(now));
    }
    co_return std::move(*self->result_);
}

void Flight::stop() noexcept {
    if (!result_) result_ = failed(base::Reason::shutting_down);
    error_code ignored;
    for (const auto& udp : udp_)
        if (const auto u = udp.lock()) u->socket.close(ignored);
    for (const auto& socket : tcp_)
        if (const auto s = socket.lock()) s->close(ignored);
    wake_.cancel();
}

/// The try on this socket is over: it is no longer affected by stop().
void Flight::leave(const std::shared_ptr<UdpSocket>& udp) {
    std::erase_if(udp_, [&](const std::weak_ptr<UdpSocket>& each) { return each.lock() == udp; });
}

void Flight::act(Actions actions) {
    if (result_) return;
    const base::Steady now = clock_.steady();
    bool anew = false;
    for (const Note& note : actions.notes) anew = servers_->learn(note, name_, now) || anew;
    if (anew) doubt_();
    wake_at_ = actions.wake;
    if (actions.done) {
        result_ = std::move(*actions.done);
        if (!*result_ && result_->error().detail.empty())
            result_->error().detail =
                exchange_.tried([this](std::size_t number) { return to_string(servers_->server(number)); });
        stop();
        return;
    }
    wake_.cancel();
    // Last, because a try may begin, and fail, before co_spawn() returns.
    for (Send& each : actions.sends) {
        if (result_) return;
        send(std::move(each));
    }
}

void Flight::send(Send send) {
    const std::size_t attempt = send.attempt;
    const bool datagram = send.transport == Transport::udp;
    const auto ended = [self = shared_from_this(), attempt](const std::exception_ptr& thrown) {
        if (thrown) self->lost(attempt, asio::error::no_memory); // nothing else throws
    };
    if (datagram)
        asio::co_spawn(executor_, over_udp(shared_from_this(), std::move(send)), ended);
    else
        asio::co_spawn(executor_, over_tcp(shared_from_this(), std::move(send)), ended);
}

void Flight::lost(std::size_t attempt, const error_code& error) {
    if (result_) return;
    const base::Steady now = clock_.steady();
    const IoError kind = is_exhaustion(error) ? IoError::exhausted
                         : is_local(error)    ? IoError::local
                                              : IoError::unreachable;
    if (kind != IoError::unreachable) servers_->no_socket(error.message(), now);
    act(exchange_.failed(attempt, kind, now));
}

asio::awaitable<void> Flight::over_udp(std::shared_ptr<Flight> self, Send send) {
    UdpSockets::Lease lease(self->sockets_, self->servers_->server(send.server));
    const std::shared_ptr<UdpSocket> own = lease.socket();
    if (lease.error()) {
        self->lost(send.attempt, lease.error());
        co_return;
    }
    self->udp_.push_back(own);
    auto [send_error, sent] = co_await own->socket.async_send(asio::buffer(send.message), as_result);
    if (send_error) {
        self->lost(send.attempt, send_error);
        co_return;
    }
    std::size_t datagrams = 0;
    while (!self->result_ && self->exchange_.listens_to(send.attempt)) {
        auto [wait_error] = co_await own->socket.async_wait(udp::socket::wait_read, as_result);
        if (self->result_) co_return;
        error_code read_error = wait_error;
        std::span<const std::uint8_t> datagram;
        // One datagram per turn, into a buffer that all share: it is read before anybody else has a turn.
        if (!read_error) datagram = self->sockets_->receive(*own, read_error);
        if (read_error == asio::error::would_block) continue;
        if (read_error) {
            self->lost(send.attempt, read_error);
            co_return;
        }
        ++datagrams;
        Actions actions = self->exchange_.message(send.attempt, datagram, self->clock_.steady());
        if (!self->exchange_.listens_to(send.attempt)) self->leave(own);
        self->act(std::move(actions));
    }
    // One datagram ends a try only as its reply; at the deadline any datagram ends the question.
    if (datagrams == 1 && self->exchange_.has_ended(send.attempt)) lease.is_clean();
}

asio::awaitable<void> Flight::over_tcp(std::shared_ptr<Flight> self, Send send) {
    const auto socket = std::make_shared<tcp::socket>(self->executor_);
    self->tcp_.push_back(socket);
    const net::Endpoint& server = self->servers_->server(send.server);
    const tcp::endpoint to{net::to_asio(server.address), server.port};
    Bytes frame(2 + send.message.size());
    frame[0] = static_cast<std::uint8_t>(send.message.size() >> 8);
    frame[1] = static_cast<std::uint8_t>(send.message.size());
    std::ranges::copy(send.message, frame.begin() + 2);
    error_code error;
    socket->open(to.protocol(), error);
    if (!error) {
        auto [connect_error] = co_await socket->async_connect(to, as_result);
        error = connect_error;
    }
    if (!error) {
        auto [write_error, written] = co_await asio::async_write(*socket, asio::buffer(frame), as_result);
        error = write_error;
    }
    Bytes reply(2);
    if (!error) {
        auto [read_error, size] = co_await asio::async_read(*socket, asio::buffer(reply), as_result);
        error = read_error;
    }
    if (!error) {
        reply.resize(std::size_t{reply[0]} << 8 | reply[1]);
        auto [read_error, size] = co_await asio::async_read(*socket, asio::buffer(reply), as_result);
        error = read_error;
    }
    if (self->result_) co_return;
    if (error)
        self->lost(send.attempt, error);
    else
        self->act(self->exchange_.message(send.attempt, reply, self->clock_.steady()));
}

} // namespace dns
