// server/server.hpp - the socketmap server of one front thread: listens, accepts, and serves a limited number
// of sessions.
//
// All members belong to the thread of `front` (or to the one that prepares it before it runs). With several
// front threads each has its own Loop and Server; the others adopt() duplicates of the first one's listening
// sockets, so that all accept from the same queues.
//
// Who may connect, and what is closed when connections or descriptors run out: server/admission.hpp. When a
// connection is closed to make room, Postfix connects again by itself. If none can be closed, new connections
// wait in the listen queue (closing them would make Postfix defer mail). If descriptors or memory still run
// out, accepting pauses for 100 ms. One timer sweeps idle connections; it is armed only while there are
// connections.
#pragma once

#include "base/expected.hpp"
#include "base/net/descriptor.hpp"
#include "events/sink.hpp"
#include "lookup/handler.hpp"
#include "server/counts.hpp"
#include "server/listener.hpp"
#include "server/loop.hpp"

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace server {

struct Options {
    std::size_t max_request = 10000;    ///< octets of one request's payload (Postfix's limit); 1 or more
    std::size_t max_connections = 4096; ///< at the same time, of this Server; 1 or more
    std::chrono::milliseconds idle{
        100000};        ///< a connection without an octet this long (to 1/8 more) is closed
    int backlog = 4096; ///< connections waiting to be accepted; the kernel caps it (net.core.somaxconn)
};

class Server {
public:
    /// `handler`, `events` and `front` outlive the Server.
    Server(Loop& front, lookup::Handler& handler, Options options, events::Sink& events);
    /// Closes everything at once.
    ~Server();
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    /// Opens an address and listens on it; see Listener::open(). The error names the address.
    [[nodiscard]] base::Expected<void, std::string> listen(const net::ListenAddress& address,
                                                           const SocketOwner& owner);
    /// Serves a listener that is already open.
    void serve(Listener listener);
    /// Serves a listening socket created elsewhere. Owns `fd` from now on, even on error.
    [[nodiscard]] base::Expected<void, std::string> adopt(int fd);

    /// Serves a connected stream socket as if it had been accepted from the first listener: when there is no room, an
    /// idle connection is closed for it. False: there is no room now, no listener, or no memory; it is not taken then,
    /// but in the last case.
    [[nodiscard]] bool take(net::Descriptor& connected);

    /// Changes the limits: idle, max_connections and backlog for all connections, max_request for new ones.
    void configure(Options options);

    /// Stops accepting, waits up to 800 ms for pending replies, and closes all other connections at once.
    /// Calls `stopped` (may be empty) when the last connection is closed, never from within stop().
    void stop(std::function<void()> stopped = {});

    [[nodiscard]] std::size_t connections() const noexcept;
    [[nodiscard]] const Counts& counts() const noexcept; ///< any thread
    /// The addresses it listens on, as bound, e.g. "tcp:127.0.0.1:8461".
    [[nodiscard]] std::vector<std::string> addresses() const;
    /// The listening descriptors. The Server still owns them: duplicate them before passing them on.
    [[nodiscard]] std::vector<int> listening_fds() const;

private:
    class Impl;
    std::shared_ptr<Impl> impl_;
};

} // namespace server
