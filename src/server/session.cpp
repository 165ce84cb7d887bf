#include "server/session.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>

#include <arpa/inet.h>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <new>
#include <sys/socket.h>
#include <utility>

namespace server {

namespace asio = boost::asio;

namespace {

// After a breach: long enough for a peer on the same network to read the PERM, short enough not to matter.
constexpr std::chrono::milliseconds linger_time{1000};
constexpr std::size_t linger_octets = 256 * 1024;

} // namespace

Session::Session(Socket socket, std::size_t max_request, lookup::Handler& handler, SessionOwner& owner)
    : socket_(std::move(socket)), handler_(&handler), owner_(&owner), reader_(max_request) {}

/// Runs one step. One that found no memory may have left nothing to wake the session again.
template <class Work>
void Session::guard(Work work) {
    try {
        work();
    } catch (const std::bad_alloc&) {
        close();
    }
}

void Session::start() {
    guard([this] { read(); });
}

void Session::read() {
    socket_.async_read_some(asio::buffer(chunk_),
                            [self = shared_from_this()](Error error, std::size_t count) {
                                self->guard([&] { self->receive(error, count); });
                            });
}

void Session::receive(Error error, std::size_t count) {
    if (state_ == State::closed) return;
    if (state_ == State::lingering) {
        drained_ += count;
        if (error || drained_ > linger_octets)
            close();
        else
            read();
        return;
    }
    quiet_ = 0;
    if (error == asio::error::eof) {
        // All whole requests have been answered before we read on; what is left can only be a part of one.
        peer_done_ = true;
        if (reader_.buffered() > 0)
            violate("the connection ended within a request");
        else
            close();
        return;
    }
    if (error) return close();
    reader_.feed({chunk_.data(), count});
    serve();
}

void Session::serve() {
    looping_ = true;
    while (state_ == State::serving && !asked_ && out_.empty()) {
        const auto item = reader_.next();
        if (!item) {
            read();
            break;
        }
        if (!*item) {
            violate(postfix::to_string(item->error()));
            break;
        }
        if (auto reply = handler_->answer_now(**item)) {
            send(*reply);
            continue;
        }
        asked_ = true;
        handler_->answer_later(std::string(**item), [weak = weak_from_this()](std::string payload) {
            if (auto self = weak.lock()) self->guard([&] { self->answered(payload); });
        });
    }
    looping_ = false;
}

void Session::answered(std::string_view payload) {
    if (state_ == State::closed || !asked_) return;
    asked_ = false;
    quiet_ = 0;
    if (payload.empty()) return close(); // not even a reply could be made
    send(payload);
}

void Session::send(std::string_view payload) {
    out_ = postfix::frame(payload);
    sent_ = 0;
    if (payload.starts_with("PERM")) {
        breach_ = true;
        state_ = State::last_reply;
    }
    flush();
}

void Session::flush() {
    while (sent_ < out_.size()) {
        // A plain send, not async_write: one system call and no way round through the scheduler.
        // MSG_NOSIGNAL: a peer that has gone is an error value, never SIGPIPE.
        const ssize_t count = ::send(socket_.native_handle(), out_.data() + sent_, out_.size() - sent_,
                                     MSG_NOSIGNAL | MSG_DONTWAIT);
        if (count >= 0) {
            sent_ += static_cast<std::size_t>(count);
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            socket_.async_wait(Socket::wait_write, [self = shared_from_this()](Error error) {
                self->guard([&] { self->writable(error); });
            });
            return;
        } else if (errno != EINTR) {
            return close();
        }
    }
    replied();
}

void Session::writable(Error error) {
    if (state_ == State::closed) return;
    if (error) return close();
    const std::size_t before = sent_;
    flush();
    if (sent_ != before) quiet_ = 0;
}

void Session::replied() {
    out_.clear();
    sent_ = 0;
    served_ = std::chrono::steady_clock::now();
    if (state_ == State::serving) {
        if (!looping_) serve();
    } else if (breach_) {
        linger();
    } else {
        close();
    }
}

void Session::violate(std::string_view problem) {
    owner_->violated(*this, problem);
    send(std::string("PERM ").append(problem));
}

void Session::linger() {
    if (peer_done_) return close();
    Error ignored;
    socket_.shutdown(Socket::shutdown_send, ignored);
    state_ = State::lingering;
    limit_.emplace(socket_.get_executor(), linger_time);
    limit_->async_wait([self = shared_from_this()](Error error) {
        if (!error) self->close();
    });
    read();
}

std::optional<std::chrono::steady_clock::duration>
Session::idle_for(std::chrono::steady_clock::time_point now) const noexcept {
    if (asked_) return std::nullopt;
    return now - served_;
}

unsigned Session::quiet_sweeps() noexcept {
    quiet_ = asked_ ? 0 : quiet_ + 1;
    return quiet_;
}

void Session::finish() {
    if (asked_ || !out_.empty()) {
        if (state_ == State::serving) state_ = State::last_reply;
    } else if (state_ != State::lingering) {
        close();
    }
}

void Session::close() {
    if (state_ == State::closed) return;
    SessionOwner* const owner = owner_;
    const auto self = shared_from_this(); // the owner lets go of us in ended()
    detach();
    owner->ended(*this);
}

void Session::detach() {
    if (state_ == State::closed) return;
    state_ = State::closed;
    Error ignored;
    socket_.close(ignored); // pending operations end with operation_aborted
    if (limit_) limit_->cancel();
}

std::string Session::peer() const {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    const int fd = const_cast<Socket&>(socket_).native_handle();
    if (getpeername(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) return "gone";
    std::array<char, INET6_ADDRSTRLEN> host{};
    if (address.ss_family == AF_INET) {
        sockaddr_in v4;
        std::memcpy(&v4, &address, sizeof v4);
        inet_ntop(AF_INET, &v4.sin_addr, host.data(), host.size());
        return std::string(host.data()) + ":" + std::to_string(ntohs(v4.sin_port));
    }
    if (address.ss_family == AF_INET6) {
        sockaddr_in6 v6;
        std::memcpy(&v6, &address, sizeof v6);
        inet_ntop(AF_INET6, &v6.sin6_addr, host.data(), host.size());
        return "[" + std::string(host.data()) + "]:" + std::to_string(ntohs(v6.sin6_port));
    }
    ucred who{};
    size = sizeof who;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) != 0) return "unix";
    return "unix pid=" + std::to_string(who.pid) + " uid=" + std::to_string(who.uid);
}

} // namespace server
