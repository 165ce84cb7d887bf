#include "server/session.hpp"

#include "base/net/socket_address.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <new>
#include <sys/socket.h>
#include <utility>

namespace server {

namespace {

// After a protocol error: long enough for a peer on the same network to read the PERM, short enough not to
// matter.
constexpr std::chrono::milliseconds linger_time{1000};
constexpr std::size_t linger_octets = 256 * 1024;

// Shares of this thread's time; see session.hpp. An answer from memory takes a few microseconds, a long one
// some hundred.
constexpr std::chrono::milliseconds turn_time{1};
constexpr unsigned answers_a_look = 16;     // answers between two looks at the clock
constexpr std::uint32_t little = 16 * 1024; // octets of answers

// Without EPOLLOUT: a unix socket would report it for every reply that the peer has read.
constexpr std::uint32_t reading = EPOLLIN | EPOLLRDHUP | EPOLLET;

} // namespace

Session::Session(net::Descriptor socket, std::size_t max_request, Loop& loop, Scratch& scratch,
                 lookup::Handler& handler, SessionOwner& owner)
    : socket_(std::move(socket)), loop_(&loop), scratch_(&scratch), handler_(&handler), owner_(&owner),
      reader_(max_request), served_(loop.now()) {}

Session::~Session() { detach(); }

/// Runs one step. If it finds no memory the session is closed: there may be nothing left that wakes it again.
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
    if (error) talk_ = next(talk_, TalkEvent::close);
    return error;
}

void Session::ready(std::uint32_t events) {
    const auto self = shared_from_this(); // the owner may drop its reference
    if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0)
        input_ = next(input_, InputEvent::hang_up);
    else if ((events & EPOLLIN) != 0)
        input_ = next(input_, InputEvent::edge);
    guard([this] {
        if (is_sending(talk_)) {
            const std::size_t before = sent_;
            flush();
            if (sent_ != before) quiet_ = 0;
        }
        go_on();
    });
}

/// Changes the state of the conversation as its table says, and acts on it.
void Session::talk(TalkEvent event) {
    const Talk after = next(talk_, event);
    if (after == talk_) return;
    if (after == Talk::closed) return close();
    talk_ = after;
    if (after == Talk::lingering) linger();
}

/// There is something to do. During a turn, and in the queue, nothing needs to be started.
void Session::go_on() {
    const Turn after = next(turn_, TurnEvent::go);
    if (after == turn_) return;
    if (after == Turn::queued) return queue();
    turn_ = after;
    take_turn({4, answers_a_look, little});
}

void Session::take_queued_turn() {
    turn_ = next(turn_, TurnEvent::called);
    until_ = std::chrono::steady_clock::now() + turn_time;
    take_turn({32, answers_a_look, 64 * 1024});
}

void Session::take_turn(const Share& share) {
    left_ = share;
    if (talk_ == Talk::reading) serve();
    if (talk_ == Talk::lingering) drain();
    const std::uint32_t answered = share.octets - left_.octets;
    const bool spent = turn_ == Turn::spent;
    turn_ = next(turn_, answered == 0       ? TurnEvent::end_none
                        : answered < little ? TurnEvent::end_little
                                            : TurnEvent::end_much);
    // Data that has arrived already brings no new edge, so it must be taken now. An answer from the handler, and
    // room to send, bring a call of their own.
    if (spent && takes_input(talk_) && (may_read(input_) || reader_.buffered() > 0)) go_on();
}

/// Only a greedy session queues.
void Session::queue() {
    loop_->queue([weak = weak_from_this()] {
        const auto self = weak.lock();
        if (self) self->guard([&] { self->take_queued_turn(); });
    });
    turn_ = next(turn_, TurnEvent::go);
}

/// Reads once and lends the octets to the reader, or drops them when lingering. False when there is nothing
/// to read now, or never again.
bool Session::receive() {
    if (!may_read(input_) || turn_ == Turn::spent) return false;
    if (--left_.reads == 0) spend(); // this is the last read
    reader_.keep();                  // this read overwrites the octets that were lent before
    auto& in = scratch_->in;
    const ssize_t count = ::recv(socket_.get(), in.data(), in.size(), MSG_DONTWAIT);
    if (count < 0) {
        if (errno == EINTR) return true;
        input_ = next(input_, InputEvent::read_none);
        if (errno != EAGAIN && errno != EWOULDBLOCK) close();
        return false;
    }
    const auto octets = static_cast<std::size_t>(count);
    quiet_ = 0;
    if (octets == 0) {
        input_ = next(input_, InputEvent::read_end);
        return false;
    }
    input_ = next(input_, octets == in.size() ? InputEvent::read_full : InputEvent::read_part);
    if (talk_ == Talk::lingering)
        drained_ += octets;
    else
        reader_.lend({in.data(), octets});
    return true;
}

void Session::serve() {
    while (talk_ == Talk::reading && turn_ != Turn::spent) {
        const auto item = reader_.next();
        if (!item) {
            if (receive()) continue;
            // All complete requests have been answered; the rest can only be a part of one.
            if (has_ended(input_) && talk_ == Talk::reading) {
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
        if (kind != lookup::Reply::later) send_reply(kind);
    }
    reader_.keep(); // other sessions use the buffer now
}

void Session::drain() {
    while (receive())
        if (drained_ > linger_octets) return close();
    if (has_ended(input_)) close();
}

std::function<void(std::string)> Session::later() {
    talk(TalkEvent::ask);
    return [weak = weak_from_this()](std::string payload) {
        if (auto self = weak.lock()) self->guard([&] { self->answered(payload); });
    };
}

void Session::answered(std::string_view payload) {
    if (!is_waiting(talk_)) return;
    quiet_ = 0;
    if (payload.empty()) return close(); // there was no memory for a reply
    new_reply().append(payload);
    send_reply(lookup::Reply::answered);
    go_on();
}

/// The buffer for a payload; then call send_reply().
std::string& Session::new_reply() {
    scratch_->out.resize(postfix::frame_head);
    return scratch_->out;
}

/// Sends the payload in new_reply().
void Session::send_reply(lookup::Reply kind) {
    const bool perm = kind == lookup::Reply::violation;
    const std::string_view reply = postfix::frame_in_place(scratch_->out);
    const std::size_t taken = push(reply);
    count_answer(reply.size());
    if (talk_ == Talk::closed) return;
    if (taken == reply.size()) {
        served_ = loop_->now();
        return talk(perm ? TalkEvent::perm_out : TalkEvent::reply_out);
    }
    out_ = reply.substr(taken);
    sent_ = 0;
    talk(perm ? TalkEvent::perm_cut : TalkEvent::reply_cut);
    loop_->change(socket_.get(), reading | EPOLLOUT, *this);
}

/// Subtracts an answer from this turn's share. An answer between two turns is not counted.
void Session::count_answer(std::size_t octets) {
    if (!in_turn(turn_)) return;
    left_.octets -= static_cast<std::uint32_t>(std::min<std::size_t>(octets, left_.octets));
    left_.answers -= left_.answers > 0 ? 1 : 0;
    if (left_.octets > 0 && left_.answers > 0) return;
    if (left_.octets > 0 && turn_ == Turn::from_queue && std::chrono::steady_clock::now() < until_)
        left_.answers = answers_a_look;
    else
        spend();
}

/// Sends the rest of a reply.
void Session::flush() {
    sent_ += push(std::string_view{out_}.substr(sent_));
    if (talk_ == Talk::closed || sent_ < out_.size()) return;
    std::string{}.swap(out_); // frees its memory; an assignment would keep it
    sent_ = 0;
    loop_->change(socket_.get(), reading, *this);
    served_ = loop_->now();
    talk(TalkEvent::rest_out);
}

/// Sends what the socket accepts; the number of octets. Closes when the peer has gone.
std::size_t Session::push(std::string_view octets) {
    std::size_t taken = 0;
    while (taken < octets.size()) {
        // MSG_NOSIGNAL: a peer that has gone gives an error value, never SIGPIPE.
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

void Session::violate(std::string_view problem) {
    owner_->violated(*this, problem);
    new_reply().append("PERM ").append(problem);
    send_reply(lookup::Reply::violation);
}

void Session::linger() {
    if (has_ended(input_)) return close();
    (void)::shutdown(socket_.get(), SHUT_WR);
    limit_ = loop_->after(linger_time, [weak = weak_from_this()] {
        if (auto self = weak.lock()) self->close();
    });
}

std::optional<std::chrono::steady_clock::duration>
Session::idle_for(std::chrono::steady_clock::time_point now) const noexcept {
    if (is_waiting(talk_) || turn_ == Turn::queued) return std::nullopt;
    return now - served_;
}

unsigned Session::quiet_sweeps() noexcept {
    quiet_ = is_waiting(talk_) || turn_ == Turn::queued ? 0 : quiet_ + 1;
    return quiet_;
}

void Session::finish() { talk(TalkEvent::finish); }

void Session::close() {
    if (talk_ == Talk::closed) return;
    SessionOwner* const owner = owner_;
    const auto self = shared_from_this(); // the owner drops its reference in ended()
    detach();
    owner->ended(*this);
}

void Session::detach() {
    if (talk_ == Talk::closed) return;
    talk_ = next(talk_, TalkEvent::close);
    loop_->unwatch(socket_.get(), *this);
    loop_->cancel(limit_);
    socket_.reset();
}

std::string Session::peer() const {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    const int fd = socket_.get();
    if (getpeername(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) return "gone";
    if (const auto endpoint = net::endpoint_of(address)) return to_string(*endpoint);
    ucred who{};
    size = sizeof who;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) != 0) return "unix";
    return "unix pid=" + std::to_string(who.pid) + " uid=" + std::to_string(who.uid);
}

} // namespace server
