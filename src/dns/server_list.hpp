// dns/server_list.hpp - the name servers in use: which they are, whether they answer, how much their answers
// are worth, and what is logged about it. No I/O.
//
// Others find out whether a server validates, and call judged(). Until that is known, and while it is in
// doubt, its answers prove nothing. A server is in doubt when an answer contradicts what was known: AD from
// one that does not validate, no AD for a name that had AD before; and when it falls silent or answers again.
#pragma once

#include "base/clock.hpp"
#include "base/repeats.hpp"
#include "dns/exchange.hpp"
#include "dns/resolv_conf.hpp"
#include "dns/resolver.hpp"
#include "dns/server_health.hpp"
#include "events/sink.hpp"

#include <optional>
#include <string_view>
#include <vector>

namespace dns {

/// The source of the list and everything that defines it; when this changes, a new list is made.
struct ServerPlan {
    std::vector<net::Endpoint> servers;
    std::vector<bool> trust_ad; ///< one per server: its AD bit may count
    base::milliseconds try_for{};
    unsigned tries_per_server = 0;
    bool tcp_only = false;
    bool rotate = false;
    friend bool operator==(const ServerPlan&, const ServerPlan&) = default;
};

/// From the configured servers or, when `conf` is given, from those of resolv.conf with its options.
[[nodiscard]] ServerPlan plan_servers(const std::vector<net::Endpoint>& configured, const ResolvConf* conf,
                                      TrustAd trust_ad, base::milliseconds try_for);

/// A server is asked in the lower form first after this: the high form failed for two questions in a row, and
/// each time the low one was answered within `at_once`. That lasts for `low_for`; then one question tries the
/// high form again.
inline constexpr unsigned failures_for_low = 2;
inline constexpr base::milliseconds at_once{1000};
inline constexpr base::seconds low_for{600};
/// After a server was judged, it is not doubted again for this time.
inline constexpr base::seconds between_doubts{5};

/// The time between two log lines about the same trouble.
inline constexpr base::seconds between_reports{60};

class ServerList {
public:
    /// `before`: the list that this one replaces, or null. Its knowledge of servers that stay is kept.
    ServerList(ServerPlan plan, events::Sink& events, const ServerList* before = nullptr);

    [[nodiscard]] const ServerPlan& plan() const noexcept { return plan_; }
    [[nodiscard]] const net::Endpoint& server(std::size_t number) const { return plan_.servers.at(number); }

    /// The order in which a question asks them now. For DANE only the believed ones, if there are any.
    [[nodiscard]] std::vector<Candidate> candidates(base::Steady now, Purpose purpose);
    /// Only this server, whose AD bit is accepted unchecked, for a probe.
    [[nodiscard]] std::vector<Candidate> only(std::size_t number, base::Steady now);
    /// The server of this name.
    [[nodiscard]] std::optional<std::size_t> find(std::string_view name) const;
    [[nodiscard]] bool believed(std::size_t number) const {
        return plan_.trust_ad[number] && states_[number].validates == Validates::yes;
    }
    [[nodiscard]] std::vector<ServerState> states(base::Steady now) const;
    void judged(std::size_t number, Validates state, std::string_view why, base::Steady now);
    /// An answer without AD proves nothing while the server is in doubt.
    [[nodiscard]] bool in_doubt(std::size_t number) const { return states_[number].doubted; }
    /// The knowledge of the server is contradicted. True if it must be judged again now.
    bool doubt(std::size_t number, base::Steady now);

    [[nodiscard]] ExchangeOptions options() const;

    /// Learns from the result of a try, and logs: each failed try at debug; a server that fell silent at
    /// warning and its return at info, at most once a minute per server. True if a server must be judged
    /// again.
    bool learn(const Note& note, std::string_view question, base::Steady now);

    /// We could not even open a socket: an error in the log, at most once a minute.
    void no_socket(std::string_view why, base::Steady now);

private:
    struct Ladder {
        unsigned failures = 0; ///< failures of the high form, when the low one was answered at once
        std::optional<base::Steady> low_until, proven_until;
    };
    struct State {
        bool told = false; ///< the log has a warning that no later line has ended yet
        std::optional<base::Steady> last_told;
        Validates validates{};
        bool doubted = false;
        std::optional<base::Steady> judged;
        Ladder plain, dnssec; ///< high form without and with DO
    };
    [[nodiscard]] Candidate candidate(std::size_t number, bool ask_worth, base::Steady now);
    void climb(const Note& note, base::Steady now);
    void say_again(const Note& note, std::string_view question);
    void say_failed(const Note& note, std::string_view question);
    ServerPlan plan_;
    ServerHealth health_;
    std::vector<State> states_;
    base::Repeats no_sockets_{between_reports, 1};
    std::size_t turn_ = 0; ///< for rotate
    events::Sink& events_;
};

} // namespace dns
