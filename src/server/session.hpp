// server/session.hpp - one client's connection: bytes to requests, replies in order, one write per reply.
//
// A session asks its Handler one request at a time. While a reply is pending (the handler answers later, or
// the peer does not read the last reply) nothing more is read, so that at most one request, max_request
// octets, and one chunk are held. A protocol error is answered with one PERM and ends the connection; what
// the peer still sends is read for a moment so that it sees the PERM and no reset. All members belong to one
// loop's thread. The owner keeps the session; the session calls it once when it has ended. A session that runs
// out of memory closes.
//
// A turn of a session is bounded, because other sessions wait for the same thread. Requests are answered at
// once up to a small Share: 8 KiB in, 16 answers, 16 KiB out (the answer that reaches this goes out whole). A
// session that asks for more waits in the loop's queue for a larger share: 1 ms, 64 KiB in, 64 KiB out. If
// its last turn needed more than the small share, even for one long answer, its next turn starts in the
// queue: sessions that ask for little go first.
//
// Its states, and their changes, are in server/session_state.hpp. The socket is watched edge-triggered: the
// session remembers whether there may be something to read, and asks the system once. A read that does not
// fill its buffer has emptied the socket (epoll(7)), so a request costs one recv and one send. Both use memory
// that all sessions of a loop share (Scratch). Only an incomplete request or reply is copied, so that many
// connections do not push each other out of the processor's cache.
#pragma once

#include "base/net/descriptor.hpp"
#include "lookup/handler.hpp"
#include "postfix/netstring.hpp"
#include "server/loop.hpp"
#include "server/session_state.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

namespace server {

class Session;

/// What a session reports to its owner.
class SessionOwner {
public:
    virtual ~SessionOwner() = default;
    /// The peer broke the protocol; called before the PERM goes out. `problem` is a constant of ours.
    virtual void violated(const Session& session, std::string_view problem) = 0;
    /// The connection is closed. The last call of a session.
    virtual void ended(Session& session) = 0;
};

/// Buffers for reading requests and for making replies. One for all sessions of a loop; holds nothing between
/// two calls of the loop.
struct Scratch {
    std::array<char, 2048> in;
    std::string out;
};

class Session final : public std::enable_shared_from_this<Session>,
                      private Loop::Watcher,
                      private lookup::Client {
public:
    /// `socket` is connected and non-blocking. `handler`, `owner`, `scratch` and `loop` outlive the session
    /// or its detach().
    Session(net::Descriptor socket, std::size_t max_request, Loop& loop, Scratch& scratch,
            lookup::Handler& handler, SessionOwner& owner);
    ~Session();

    /// Starts serving. Call it once; after an error the session is as after detach().
    [[nodiscard]] std::error_code start();

    /// Time since the last answered request, or since the start; nullopt while a request waits for its answer
    /// or the session waits for its turn.
    [[nodiscard]] std::optional<std::chrono::steady_clock::duration>
    idle_for(std::chrono::steady_clock::time_point now) const noexcept;

    /// Call it at regular intervals. Returns the number of calls in a row, with this one, that found the
    /// session idle: no octet read or sent, no answer of ours pending, not waiting for its turn.
    [[nodiscard]] unsigned quiet_sweeps() noexcept;

    /// Sends the pending reply, then closes; closes at once when none is pending.
    void finish();
    /// Closes now; a reply that comes later is dropped.
    void close();
    /// As close(), without calling the owner or the handler; they may be destroyed after this.
    void detach();

    /// The peer for a log line: "192.0.2.1:4711", "[2001:db8::1]:4711", "unix pid=1 uid=2".
    [[nodiscard]] std::string peer() const;

private:
    /// The limits of one turn.
    struct Share {
        std::uint32_t reads;   ///< each of up to a whole Scratch::in
        std::uint32_t answers; ///< until the clock is read, or until the end of a turn with a small share
        std::uint32_t octets;  ///< of answers; the answer that reaches it goes out whole
    };

    template <class Work>
    void guard(Work work);
    void ready(std::uint32_t events) override;
    void go_on();
    void take_turn(const Share& share);
    void take_queued_turn();
    void queue();
    void spend() { turn_ = next(turn_, TurnEvent::spend); }
    void talk(TalkEvent event);
    void serve();
    void drain();
    [[nodiscard]] bool receive();
    [[nodiscard]] std::function<void(std::string)> later() override;
    void answered(std::string_view payload);
    [[nodiscard]] std::string& new_reply();
    void send_reply(lookup::Reply kind);
    void count_answer(std::size_t octets);
    void flush();
    [[nodiscard]] std::size_t push(std::string_view octets);
    void violate(std::string_view problem);
    void linger();

    net::Descriptor socket_;
    Loop* loop_;
    Scratch* scratch_;
    lookup::Handler* handler_;
    SessionOwner* owner_;
    postfix::NetstringReader reader_;
    std::string out_;                              ///< the part of a reply that could not be sent at once
    std::size_t sent_ = 0;                         ///< octets of out_ sent since then
    std::size_t drained_ = 0;                      ///< octets dropped while lingering
    unsigned quiet_ = 0;                           ///< sweeps in a row without an octet
    Share left_{};                                 ///< of this turn's share
    std::chrono::steady_clock::time_point until_;  ///< the end of a turn from the queue
    std::chrono::steady_clock::time_point served_; ///< the last request, or the start
    Talk talk_ = Talk::reading;
    Turn turn_ = Turn::modest;
    Input input_ = Input::drained;
    base::Timers::Id limit_ = 0; ///< ends lingering
};

} // namespace server
