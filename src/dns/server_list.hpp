// dns/server_list.hpp - the name servers in use: who they are, how they fare, what is logged of it. No I/O.
#pragma once

#include "base/clock.hpp"
#include "base/log.hpp"
#include "dns/exchange.hpp"
#include "dns/resolv_conf.hpp"
#include "dns/server_health.hpp"

#include <optional>
#include <string_view>
#include <vector>

namespace dns {

/// Where the list came from, and all that makes it this list; a new one is made when it changes.
struct ServerPlan {
    std::vector<Server> servers;
    std::vector<bool> trust_ad; ///< one a server
    base::milliseconds try_for{};
    unsigned tries_per_server = 0;
    bool tcp_only = false;
    bool rotate = false;
    friend bool operator==(const ServerPlan&, const ServerPlan&) = default;
};

/// From the configured servers or, when `conf` is given, from those of resolv.conf with its options.
[[nodiscard]] ServerPlan plan_servers(const std::vector<Server>& configured, const ResolvConf* conf,
                                      TrustAd trust_ad, base::milliseconds try_for);

class ServerList {
public:
    ServerList(ServerPlan plan, base::Log& log)
        : plan_(std::move(plan)), health_(plan_.servers.size()), reports_(plan_.servers.size()), log_(log) {}

    [[nodiscard]] const ServerPlan& plan() const noexcept { return plan_; }
    [[nodiscard]] const Server& server(std::size_t number) const { return plan_.servers.at(number); }

    /// The order in which a question asks them now.
    [[nodiscard]] std::vector<Candidate> candidates(base::Steady now);
    [[nodiscard]] ExchangeOptions options() const;

    /// Learns from what became of a try, and logs: each failed try at debug; a server that fell silent at
    /// warning and its return at info, at most once a minute a server.
    void learn(const Note& note, std::string_view question, base::Steady now);

    /// We could not even open a socket: an error in the log, at most once a minute.
    void no_socket(std::string_view why, base::Steady now);

private:
    struct Report {
        bool told = false; ///< a warning stands in the log that no line takes back yet
        std::optional<base::Steady> last;
    };
    ServerPlan plan_;
    ServerHealth health_;
    std::vector<Report> reports_;
    std::optional<base::Steady> no_socket_told_;
    std::size_t turn_ = 0; ///< for rotate
    base::Log& log_;
};

} // namespace dns
