// admin/fleet.hpp - handlers about the shared cache of a fleet: what is known of it, comparing, forgetting there.
//
// What other hosts and the engine say is cut and made printable. Threads: the back io_context. Coroutines that wait
// when this is destroyed must be dropped first.
#pragma once

#include "admin/exchange.hpp"
#include "base/clock.hpp"
#include "base/domain.hpp"
#include "cache/fleet.hpp"

#include <boost/asio/any_io_executor.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace admin {

class Fleet {
public:
    /// So long the hosts, and a removal, are waited for.
    static constexpr base::milliseconds hosts_patience{2000}, forget_patience{5000};

    struct Parts { // all outlive it
        boost::asio::any_io_executor executor;
        base::Timers& timers;
        const base::Clock& clock;
        std::string_view version;      ///< of the daemon
        cache::Fleet* fleet = nullptr; ///< null: there is no shared cache
    };
    using Result = base::Expected<Reply, Error>;

    explicit Fleet(Parts parts) : parts_(std::move(parts)) {}
    Fleet(const Fleet&) = delete;
    Fleet& operator=(const Fleet&) = delete;

    /// GET /v1/fleet. With hosts=0 without the hosts, and at once.
    [[nodiscard]] boost::asio::awaitable<Result> show(const Request& request) const;
    /// POST /v1/fleet/sync: begins to compare, unless a comparison runs.
    [[nodiscard]] Result sync() const;
    /// Removes what the engine has of a domain: how many keys there were. Errors: no-fleet, fleet-away.
    [[nodiscard]] boost::asio::awaitable<base::Expected<std::size_t, Error>>
    forget(base::Domain domain) const;

private:
    using Hosts = base::Expected<std::vector<cache::FleetHost>, std::string>;
    [[nodiscard]] boost::asio::awaitable<Hosts> hosts() const;

    Parts parts_;
};

/// The body of GET /v1/fleet but for the hosts, a host in it, and the member "sync". Pure.
[[nodiscard]] Json to_json(const cache::FleetStatus& status);
[[nodiscard]] Json to_json(const cache::FleetHost& host);
[[nodiscard]] Json to_json(const cache::FleetSync& sync);

} // namespace admin
