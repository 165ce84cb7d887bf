#include "admin/connection.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <utility>

namespace admin {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

constexpr auto waiting = asio::as_tuple(asio::use_awaitable);

}

/// From now on the operation has until the limit.
void Connection::begin(Time limit) {
    late_ = false;
    timer_.expires_after(limit);
    timer_.async_wait([self = shared_from_this(), turn = ++turn_](error_code error) {
        if (error || self->turn_ != turn) return; // the operation has ended meanwhile
        self->late_ = true;
        self->socket_.cancel(error);
    });
}

/// The operation has failed.
End Connection::end() const noexcept { return late_ ? End::timeout : End::closed; }

asio::awaitable<base::Expected<std::size_t, End>> Connection::read(std::span<char> to, Time limit) {
    begin(limit);
    const auto buffer = asio::buffer(to.data(), to.size());
    const auto [error, count] = co_await socket_.async_read_some(buffer, waiting);
    ++turn_;
    timer_.cancel();
    if (error) co_return base::unexpected(end());
    co_return count;
}

asio::awaitable<base::Expected<void, End>> Connection::write(std::string_view octets, Time limit) {
    begin(limit);
    const auto buffer = asio::buffer(octets.data(), octets.size());
    const auto [error, count] = co_await asio::async_write(socket_, buffer, waiting);
    ++turn_;
    timer_.cancel();
    if (error) co_return base::unexpected(end());
    co_return base::Expected<void, End>{};
}

void Connection::watch(std::function<void()> gone) {
    // EPOLLHUP and EPOLLERR, which a unix socket gets when the other end is closed.
    socket_.async_wait(Socket::wait_error, [gone = std::move(gone)](error_code) { gone(); });
}

void Connection::unwatch() noexcept {
    error_code ignored;
    socket_.cancel(ignored);
}

void Connection::shut() noexcept {
    error_code ignored;
    socket_.shutdown(Socket::shutdown_send, ignored);
}

void Connection::close() noexcept {
    error_code ignored;
    socket_.close(ignored);
}

} // namespace admin
