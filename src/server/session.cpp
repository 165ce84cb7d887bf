#include "server/session.hpp"

#include <algorithm>
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

// Shares of this thread's time; see session.hpp. Answers from memory take a few microseconds, long ones some
// hundred.
constexpr std::chrono::milliseconds turn_time{1};
constexpr unsigned answers_a_look = 16;     // at the clock
constexpr std::uint32_t little = 16 * 1024; // octets of answers

// Not EPOLLOUT: a unix socket would tell of every reply that its peer has taken.
constexpr std::uint32_t reading = EPOLLIN | EPOLLRDHUP | EPOLLET;

} // namespace

Session::Session(Descriptor socket, std::size_t max_request, Loop& loop, Scratch& scratch,
                 lookup::Handler& handler, SessionOwner& owner)
    : socket_(std::move(socket)), loop_(&loop), scratch_(&scratch), handler_(&handler), owner_(&owner),
      reader_(max_request), served_(loop.now()) {}

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

/// Something has come, or may go on.
void Session::go_on() {
    if (queued_) return;
    if (greedy_) return queue();
    timed_ = false;
    take_turn({4, answers_a_look, little});
}

void Session::take_queued_turn() {
    timed_ = true;
    until_ = std::chrono::steady_clock::now() + turn_time;
    take_turn({32, answers_a_look, 64 * 1024});
}

void Session::take_turn(const Share& share) {
    left_ = share;
    used_up_ = false;
    if (state_ == State::serving) serve();
    if (state_ == State::lingering) drain();
    const std::uint32_t answered = share.octets - left_.octets;
    if (used_up_ || answered >= little)
        greedy_ = true;
    else if (answered > 0)
        greedy_ = false;
    if (!used_up_) return;
    // No new edge will come for what is there already; for an answer, or for room, somebody calls.
    const bool waits = asked_ || !out_.empty() || state_ == State::closed;
    if (!waits && (readable_ || reader_.buffered() > 0)) queue();
}

void Session::queue() {
    loop_->queue([weak = weak_from_this()] {
        const auto self = weak.lock();
        if (!self) return;
        self->queued_ = false;
        self->guard([&] { self->take_queued_turn(); });
    });
    queued_ = true;
}

/// Reads once and lends it to the reader, or drops it when lingering; false when there is nothing to be had
/// for now, or nothing ever again.
bool Session::receive() {
    if (!readable_ || used_up_) return false;
    if (--left_.reads == 0) used_up_ = true; // with this one
    reader_.keep();                          // what was lent before lies where this goes
    auto& in = scratch_->in;
    const ssize_t count = ::recv(socket_.get(), in.data(), in.size(), MSG_DONTWAIT);
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
    readable_ = octets == in.size() || hung_up_;
    if (state_ == State::lingering)
        drained_ += octets;
    else
        reader_.lend({in.data(), octets});
    return true;
}

void Session::serve() {
    looping_ = true;
    while (state_ == State::serving && !asked_ && out_.empty() && !used_up_) {
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
        const auto came = std::chrono::floor<base::Steady::duration>(loop_->now());
        const lookup::Reply kind = handler_->answer(**item, came, new_reply(), *this);
        if (kind == lookup::Reply::later) continue;
        if (kind == lookup::Reply::violation) break_off();
        send_reply();
    }
    looping_ = false;
    reader_.keep(); // others read now
}

void Session::drain() {
    while (receive())
        if (drained_ > linger_octets) return close();
    if (peer_done_) close();
}

std::function<void(std::string)> Session::later() {
    asked_ = true;
    return [weak = weak_from_this()](std::string payload) {
        if (auto self = weak.lock()) self->guard([&] { self->answered(payload); });
    };
}

void Session::answered(std::string_view payload) {
    if (state_ == State::closed || !asked_) return;
    asked_ = false;
    quiet_ = 0;
    if (payload.empty()) return close(); // not even a reply could be made
    new_reply().append(payload);
    send_reply();
    if (!looping_) go_on();
}

/// Where to put a payload, for send_reply().
std::string& Session::new_reply() {
    scratch_->out.resize(postfix::frame_head);
    return scratch_->out;
}

void Session::send_reply() {
    const std::string_view reply = postfix::frame_in_place(scratch_->out);
    const std::size_t taken = push(reply);
    count_answer(reply.size());
    if (state_ == State::closed) return;
    if (taken == reply.size()) return replied();
    out_ = reply.substr(taken);
    sent_ = 0;
    wait_for_room();
}

/// Takes an answer from this turn's share.
void Session::count_answer(std::size_t octets) {
    left_.octets -= static_cast<std::uint32_t>(std::min<std::size_t>(octets, left_.octets));
    left_.answers -= left_.answers > 0 ? 1 : 0;
    if (left_.octets > 0 && left_.answers > 0) return;
    if (left_.octets > 0 && timed_ && std::chrono::steady_clock::now() < until_)
        left_.answers = answers_a_look;
    else
        used_up_ = true;
}

/// Sends on what is left of a reply.
void Session::flush() {
    sent_ += push(std::string_view{out_}.substr(sent_));
    if (state_ == State::closed) return;
    if (sent_ < out_.size()) return wait_for_room();
    std::string{}.swap(out_); // gives its memory back, as an assignment does not
    sent_ = 0;
    if (std::exchange(blocked_, false)) loop_->change(socket_.get(), reading, *this);
    replied();
}

/// How many octets the socket takes. Closes when the peer has gone.
std::size_t Session::push(std::string_view octets) {
    std::size_t taken = 0;
    while (taken < octets.size()) {
        // MSG_NOSIGNAL: a peer that has gone is an error value, never SIGPIPE.
        const ssize_t count =
            ::send(socket_.get(), octets.data() + taken, octets.size() - taken, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (count >= 0) {
            taken += static_cast<std::size_t>(count);
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            break;
        } else if (errno != EINTR) {
            close();
            break;
        }
    }
    return taken;
}

void Session::wait_for_room() {
    if (!std::exchange(blocked_, true)) loop_->change(socket_.get(), reading | EPOLLOUT, *this);
}

void Session::replied() {
    served_ = loop_->now();
    if (state_ == State::serving) return; // serve() goes on
    if (breach_)
        linger();
    else
        close();
}

void Session::violate(std::string_view problem) {
    owner_->violated(*this, problem);
    new_reply().append("PERM ").append(problem);
    break_off();
    send_reply();
}

/// The next reply is the last one, and the peer may still be sending.
void Session::break_off() {
    breach_ = true;
    state_ = State::last_reply;
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
    if (asked_ || queued_) return std::nullopt;
    return now - served_;
}

unsigned Session::quiet_sweeps() noexcept {
    quiet_ = asked_ || queued_ ? 0 : quiet_ + 1;
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
