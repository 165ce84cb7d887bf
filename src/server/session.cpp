#include "server/session.hpp"

#include <arpa/inet.h>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <new>
#include <sys/socket.h>
#include <utility>

namespace server {

namespace {

// After a breach: long enough for a peer on the same network to read the PERM, short enough not to matter.
constexpr std::chrono::milliseconds linger_time{1000};
constexpr std::size_t linger_octets = 256 * 1024;
constexpr int reads_per_turn = 16;          // then the other sessions have their turn
constexpr std::size_t kept_capacity = 4096; // of the last reply's memory, for the next

// Not EPOLLOUT: a unix socket would tell of every reply that its peer has taken.
constexpr std::uint32_t reading = EPOLLIN | EPOLLRDHUP | EPOLLET;

} // namespace

Session::Session(Descriptor socket, std::size_t max_request, Loop& loop, lookup::Handler& handler,
                 SessionOwner& owner)
    : socket_(std::move(socket)), loop_(&loop), handler_(&handler), owner_(&owner), reader_(max_request),
      served_(loop.now()) {}

Session::~Session() { detach(); }

/// Runs one step. One that found no memory may have left nothing to wake the session again.
template <class Work>
void Session::guard(Work work) {
    try {
        work();
    } catch (const std::bad_alloc&) {
        close();
    }
}

std::error_code Session::start() {
    const std::error_code error = loop_->watch(socket_.get(), reading, *this);
    if (error) state_ = State::closed;
    return error;
}

void Session::ready(std::uint32_t events) {
    const auto self = shared_from_this(); // the owner may let go of us
    if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) readable_ = true;
    if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) hung_up_ = true;
    guard([this] {
        if (blocked_) {
            const std::size_t before = sent_;
            flush();
            if (sent_ != before) quiet_ = 0;
        }
        go_on();
    });
}

void Session::go_on() {
    reads_left_ = reads_per_turn;
    if (state_ == State::serving) serve();
    if (state_ == State::lingering) drain();
    // No new edge will come for what is there already.
    if (reads_left_ == 0 && readable_ && state_ != State::closed)
        loop_->post([weak = weak_from_this()] {
            if (auto self = weak.lock()) self->guard([&] { self->go_on(); });
        });
}

/// Reads once into chunk_ and gives it to the reader, or drops it when lingering; false when there is nothing
/// to be had for now, or nothing ever again.
bool Session::receive() {
    if (!readable_ || reads_left_ == 0) return false;
    --reads_left_;
    const ssize_t count = ::recv(socket_.get(), chunk_.data(), chunk_.size(), MSG_DONTWAIT);
    if (count < 0) {
        if (errno == EINTR) return true;
        readable_ = false;
        if (errno != EAGAIN && errno != EWOULDBLOCK) close();
        return false;
    }
    const auto octets = static_cast<std::size_t>(count);
    quiet_ = 0;
    if (octets == 0) {
        readable_ = false;
        peer_done_ = true;
        return false;
    }
    readable_ = octets == chunk_.size() || hung_up_;
    if (state_ == State::lingering)
        drained_ += octets;
    else
        reader_.feed({chunk_.data(), octets});
    return true;
}

void Session::serve() {
    looping_ = true;
    while (state_ == State::serving && !asked_ && out_.empty()) {
        const auto item = reader_.next();
        if (!item) {
            if (receive()) continue;
            // All whole requests have been answered; what is left can only be a part of one.
            if (peer_done_ && state_ == State::serving) {
                if (reader_.buffered() > 0)
                    violate("the connection ended within a request");
                else
                    close();
            }
            break;
        }
        if (!*item) {
            violate(postfix::to_string(item->error()));
            break;
        }
        reply_.clear();
        if (handler_->answer_now(**item, reply_)) {
            send(reply_);
            continue;
        }
        asked_ = true;
        handler_->answer_later(std::string(**item), [weak = weak_from_this()](std::string payload) {
            if (auto self = weak.lock()) self->guard([&] { self->answered(payload); });
        });
    }
    looping_ = false;
}

void Session::drain() {
    while (receive())
        if (drained_ > linger_octets) return close();
    if (peer_done_) close();
}

void Session::answered(std::string_view payload) {
    if (state_ == State::closed || !asked_) return;
    asked_ = false;
    quiet_ = 0;
    if (payload.empty()) return close(); // not even a reply could be made
    send(payload);
    if (!looping_) go_on();
}

void Session::send(std::string_view payload) {
    postfix::frame(payload, out_);
    sent_ = 0;
    if (payload.starts_with("PERM")) {
        breach_ = true;
        state_ = State::last_reply;
    }
    flush();
}

void Session::flush() {
    while (sent_ < out_.size()) {
        // MSG_NOSIGNAL: a peer that has gone is an error value, never SIGPIPE.
        const ssize_t count =
            ::send(socket_.get(), out_.data() + sent_, out_.size() - sent_, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (count >= 0) {
            sent_ += static_cast<std::size_t>(count);
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            if (!std::exchange(blocked_, true)) loop_->change(socket_.get(), reading | EPOLLOUT, *this);
            return;
        } else if (errno != EINTR) {
            return close();
        }
    }
    if (std::exchange(blocked_, false)) loop_->change(socket_.get(), reading, *this);
    replied();
}

void Session::replied() {
    out_.clear();
    for (std::string* text : {&reply_, &out_})
        if (text->capacity() > kept_capacity) *text = std::string{};
    sent_ = 0;
    served_ = loop_->now();
    if (state_ == State::serving) return; // serve() goes on
    if (breach_)
        linger();
    else
        close();
}

void Session::violate(std::string_view problem) {
    owner_->violated(*this, problem);
    send(std::string("PERM ").append(problem));
}

void Session::linger() {
    if (peer_done_) return close();
    (void)::shutdown(socket_.get(), SHUT_WR);
    state_ = State::lingering;
    limit_ = loop_->after(linger_time, [weak = weak_from_this()] {
        if (auto self = weak.lock()) self->close();
    });
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
    loop_->unwatch(socket_.get(), *this);
    loop_->cancel(limit_);
    socket_.reset();
}

std::string Session::peer() const {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    const int fd = socket_.get();
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
        return std::string{'['}.append(host.data()).append("]:").append(std::to_string(ntohs(v6.sin6_port)));
    }
    ucred who{};
    size = sizeof who;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) != 0) return "unix";
    return "unix pid=" + std::to_string(who.pid) + " uid=" + std::to_string(who.uid);
}

} // namespace server
