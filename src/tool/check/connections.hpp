// tool/check/connections.hpp - the connections to mail servers of one run, with tool/check/manners: each host and
// address once, whoever asks for it.
//
// Threads: belongs to one single-threaded executor. Outlives the coroutines that wait in it, unless the loop has ended.
#pragma once

#include "base/net/address.hpp"
#include "smtp/sighting.hpp"
#include "tool/check/manners.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

namespace check {

/// Connects to this address of the mail host `host` and looks at it; never throws for what the server does.
using Probe = std::function<boost::asio::awaitable<smtp::Sighting>(std::string host, net::IpAddress address)>;
/// The registrable part of a host name.
using Registrable = std::function<std::string(std::string_view host)>;

/// Connections at a time.
inline constexpr std::size_t max_connections = 64;

/// When port 25 counts as closed here: no connection was ever made, and this is the sum over so many networks at least
/// that were tried in vain; a host that refuses is perhaps only down, and counts less than silence. Only IPv4 counts,
/// where it is in use: hosts without a way to IPv6 networks are many.
inline constexpr std::size_t closed_after = 6, silence_counts = 2, refusal_counts = 1, closed_after_networks = 3;

class Connections {
public:
    struct Options {
        Probe probe;
        Registrable registrable;
        std::size_t a_minute = Manners::all_a_minute;
        bool v4 = true; ///< inet_protocols has IPv4
    };
    Connections(boost::asio::any_io_executor executor, Options options);
    ~Connections();
    Connections(const Connections&) = delete;
    Connections& operator=(const Connections&) = delete;

    struct Seen {
        std::shared_ptr<const smtp::Sighting> sighting; ///< null: see `skipped`
        std::string skipped;    ///< "operator-refused", "port-25-closed-here" or "stopped"
        std::string see_domain; ///< the domain that it was made for; "" the one that asks now
    };
    /// Waits for its turn. The same host and address again: the same sighting, without another connection.
    [[nodiscard]] boost::asio::awaitable<Seen> look(std::string host, net::IpAddress address, std::string domain);

    /// What waits ends as "stopped", and no connection is begun; those that are open go on.
    void stop();

    enum class Port { unknown, open, closed };
    [[nodiscard]] Port port_25() const noexcept;
    [[nodiscard]] std::size_t begun() const noexcept;   ///< connections so far
    [[nodiscard]] std::size_t open() const noexcept;    ///< now
    [[nodiscard]] std::size_t waiting() const noexcept; ///< for their turn

private:
    struct Core;
    struct One;
    [[nodiscard]] static boost::asio::awaitable<Seen> wait_for(std::shared_ptr<Core> core, std::shared_ptr<One> one,
                                                               std::string domain);
    std::shared_ptr<Core> core_;
};

} // namespace check
