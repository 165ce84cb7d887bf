// server/session.hpp - one client's connection: bytes to requests, replies in order, one write a reply.
//
// A session asks its Handler one request at a time. While a reply is owed (the handler answers later, or the
// peer does not take the last reply) nothing more is read, so that at most one request, max_request octets,
// and one chunk are held. A breach of the protocol is answered with one PERM and ends the connection; what
// the peer still sends is read for a moment so that it sees the PERM and no reset. All members belong to one
// io_context's thread. The session keeps itself alive while it waits; it tells its owner once when it has
// ended. One that cannot go on for want of memory closes.
#pragma once

#include "lookup/handler.hpp"
#include "postfix/netstring.hpp"

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace server {

class Session;

/// What a session tells whoever owns it.
class SessionOwner {
public:
    virtual ~SessionOwner() = default;
    /// The peer broke the protocol; called before the PERM goes out. `problem` is a constant of ours.
    virtual void violated(const Session& session, std::string_view problem) = 0;
    /// The connection is closed. The last call of a session.
    virtual void ended(Session& session) = 0;
};

class Session : public std::enable_shared_from_this<Session> {
public:
    using Executor =
        boost::asio::io_context::executor_type; ///< named: any_io_executor costs an indirection a call
    using Socket = boost::asio::basic_stream_socket<boost::asio::generic::stream_protocol, Executor>;
    using Timer =
        boost::asio::basic_waitable_timer<std::chrono::steady_clock,
                                          boost::asio::wait_traits<std::chrono::steady_clock>, Executor>;

    /// `socket` is connected and non-blocking. `handler` and `owner` outlive the session or its detach().
    Session(Socket socket, std::size_t max_request, lookup::Handler& handler, SessionOwner& owner);

    /// Begins to serve. Call once.
    void start();

    /// How long no request has been answered, the time before the first one included; nothing while a request
    /// waits for its answer.
    [[nodiscard]] std::optional<std::chrono::steady_clock::duration>
    idle_for(std::chrono::steady_clock::time_point now) const noexcept;

    /// To be called at regular intervals; the number of calls in a row, this one included, that saw no octet
    /// move while none of our answers was outstanding.
    [[nodiscard]] unsigned quiet_sweeps() noexcept;

    /// Lets the reply that is owed go out, then closes; closes at once when none is owed.
    void finish();
    /// Closes now; a reply that comes later is dropped.
    void close();
    /// As close(), without a word to the owner or the handler, which may be gone from now on.
    void detach();

    /// The peer for a log line: "192.0.2.1:4711", "[2001:db8::1]:4711", "unix pid=1 uid=2".
    [[nodiscard]] std::string peer() const;

private:
    using Error = boost::system::error_code;
    enum class State {
        serving,
        last_reply, ///< closes (or lingers, after a breach) when the reply is out
        lingering,  ///< our side is shut; reads and drops what still comes
        closed,
    };

    template <class Work>
    void guard(Work work);
    void read();
    void receive(Error error, std::size_t count);
    void serve();
    void answered(std::string_view payload);
    void send(std::string_view payload);
    void flush();
    void writable(Error error);
    void replied();
    void violate(std::string_view problem);
    void linger();

    Socket socket_;
    lookup::Handler* handler_;
    SessionOwner* owner_;
    postfix::NetstringReader reader_;
    std::string out_;         ///< the framed reply on its way; empty: none
    std::size_t sent_ = 0;    ///< octets of out_ that are out
    std::size_t drained_ = 0; ///< octets dropped while lingering
    unsigned quiet_ = 0;      ///< sweeps without an octet
    std::chrono::steady_clock::time_point served_ =
        std::chrono::steady_clock::now(); ///< the last request, or the start
    State state_ = State::serving;
    bool asked_ = false;         ///< the handler owes a reply
    bool looping_ = false;       ///< serve() is on the stack
    bool breach_ = false;        ///< the reply on its way is a PERM: linger after it
    bool peer_done_ = false;     ///< the peer has shut its side
    std::optional<Timer> limit_; ///< on lingering
    std::array<char, 2048> chunk_;
};

} // namespace server
