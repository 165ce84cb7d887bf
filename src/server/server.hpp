// server/server.hpp - the socketmap server of one front thread: listens, accepts, serves sessions within
// limits.
//
// All members belong to the thread of `front` (or to the one that prepares it before it runs). With several
// front threads each has its own Loop and Server; the others adopt() duplicates of the first one's listening
// sockets, so that all accept from the same queues.
//
// Who may connect, and who makes room when connections or descriptors run out: server/admission.hpp. A client
// that was closed to make room connects again, as Postfix does by itself. If none can be closed, newcomers
// wait in the listen queue (closing them would make Postfix defer mail). When descriptors or memory run out
// all the same, accepting pauses for 100 ms. One timer sweeps idle connections and is armed only while there
// are any.
#pragma once

#include "base/expected.hpp"
#include "events/sink.hpp"
#include "lookup/handler.hpp"
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
    std::size_t max_request = 10000;    ///< octets of one request's payload (Postfix's own limit); 1 or more
    std::size_t max_connections = 4096; ///< at once, of this Server; 1 or more
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

    /// Listens on an address of our own; see Listener::open(). The error names the address.
    [[nodiscard]] base::Expected<void, std::string> listen(const net::ListenAddress& address,
                                                           const SocketOwner& owner);
    /// Serves a listener opened earlier.
    void serve(Listener listener);
    /// Serves a listening socket made by somebody else; takes `fd` over in any case.
    [[nodiscard]] base::Expected<void, std::string> adopt(int fd);

    /// Changes the limits: idle, max_connections and backlog for all, max_request for new connections.
    void configure(Options options);

    /// Stops accepting, lets the replies that are owed go out for up to 800 ms, closes the rest at once.
    /// Calls `stopped` (may be empty) when the last connection is closed, never from within stop().
    void stop(std::function<void()> stopped = {});

    [[nodiscard]] std::size_t connections() const noexcept;
    /// What is listened on, as bound, e.g. "tcp:127.0.0.1:8461".
    [[nodiscard]] std::vector<std::string> addresses() const;
    /// The listening descriptors, still ours: duplicate them before handing them on.
    [[nodiscard]] std::vector<int> listening_fds() const;

private:
    class Impl;
    std::shared_ptr<Impl> impl_;
};

} // namespace server
