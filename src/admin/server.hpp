// admin/server.hpp - the administration's server: HTTP/1.1 over the control socket and the web listener, with the
// handlers it is given.
//
// Belongs to the back thread. Who is connected to the control socket says the kernel (SO_PEERCRED); who may change
// something, admin/rights.hpp. Over the web listener nobody may, whoever it is: only routes marked for it are there, and
// only for admitted hosts (admin/web_host.hpp). Its limits are in admin/limits.hpp; what breaks a rule of HTTP or of the routes gets a status and
// a JSON error. Each change is an event, and each that was refused.
#pragma once

#include "admin/counts.hpp"
#include "admin/limits.hpp"
#include "admin/routes.hpp"
#include "base/clock.hpp"
#include "base/expected.hpp"
#include "events/sink.hpp"
#include "server/listener.hpp"

#include <boost/asio/any_io_executor.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <sys/types.h>

namespace admin {

/// From where a listener can be reached.
enum class Reach : std::uint8_t {
    this_host,
    other_hosts, ///< as long as no hosts are admitted by name, its connections are closed at once
};

class Server {
public:
    struct Parts {
        boost::asio::any_io_executor executor;
        events::Sink& events;     // outlives it
        const base::Clock& clock; // likewise
        uid_t own = 0;            ///< the uid the daemon runs as
        uid_t overflow = 0;       ///< overflow_uid()
        Patience patience{};
        Patience of_web = web_patience;   ///< patience over the web listener
        std::vector<std::string> hosts{}; ///< admitted over the web listener, besides those of this host
        std::string style_hash{};         ///< of the status page's style sheet: "sha256-..."
    };

    /// An operation without a handler is "not-found".
    Server(Parts parts, Handlers handlers);
    /// Closes everything at once. What waits in a handler must be dropped before (app::Context).
    ~Server();
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    /// Accepts from it until stop(). The error names the address: the control socket must be a unix socket.
    [[nodiscard]] base::Expected<void, std::string> serve(server::Listener listener,
                                                          Entrance entrance = Entrance::control,
                                                          Reach reach = Reach::this_host);
    /// Other hosts are admitted from now on.
    void set_hosts(std::vector<std::string> hosts);
    /// Accepts nothing more, and removes the sockets' files. Requests at work are answered; all other connections
    /// are closed.
    void stop();

    [[nodiscard]] std::size_t connections(Entrance entrance = Entrance::control) const noexcept;
    [[nodiscard]] const Counts& counts(Entrance entrance) const noexcept;

private:
    class Core;
    std::shared_ptr<Core> core_;
};

} // namespace admin
