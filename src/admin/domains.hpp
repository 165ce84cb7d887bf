// admin/domains.hpp - handlers about single domains: show, refresh, learn, forget.
//
// Threads: the back io_context, as the learner. Coroutines that wait when this is destroyed must be dropped first.
#pragma once

#include "admin/evidence.hpp"
#include "admin/exchange.hpp"
#include "admin/fleet.hpp"
#include "base/clock.hpp"
#include "cache/store.hpp"
#include "cache/table.hpp"
#include "events/history.hpp"
#include "events/sink.hpp"
#include "lookup/get_limit.hpp"
#include "lookup/learner.hpp"
#include "lookup/options.hpp"

#include <boost/asio/any_io_executor.hpp>

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace admin {

class Domains {
public:
    /// All outlive it.
    struct Parts {
        boost::asio::any_io_executor executor;
        cache::Table& table;
        cache::Store& store;
        lookup::Learner& learner;
        const Fleet& fleet;
        events::History& history;
        events::Sink& sink;
        const base::Clock& clock;
        std::string_view version;                        ///< of the daemon
        std::function<lookup::ServiceOptions()> options; ///< as they are now
        /// Tells since when a domain is protected, on this thread, once; may be empty.
        std::function<void(std::string domain, std::function<void(std::optional<base::Instant>)>)>
            protected_since = {};
        std::function<void(const base::Domain&)> forgotten = {}; ///< called after forget(); may be empty
        std::function<void(const base::Domain&)> replan = {};    ///< Refresher::add(); may be empty
    };

    explicit Domains(Parts parts) : parts_(std::move(parts)) {}
    Domains(const Domains&) = delete;
    Domains& operator=(const Domains&) = delete;

    using Result = base::Expected<Reply, Error>;

    /// GET /v1/domains/{domain}
    [[nodiscard]] boost::asio::awaitable<Result> show(const Request& request) const;
    /// POST .../refresh: looks for the policy now, whatever its age, and for DANE if that is due; at most once a minute
    /// for a domain, and never sooner than the back-off after failures allows.
    [[nodiscard]] boost::asio::awaitable<Result> refresh(const Request& request);
    /// POST .../learn: a first contact, as by a client, unless what is known is current. Counts as asked for: the policy
    /// is fetched daily from then on, like one that mail goes to.
    [[nodiscard]] boost::asio::awaitable<Result> learn(const Request& request);
    /// DELETE. With fleet=1 what the engine of the shared cache has goes first; when it is away, nothing is forgotten.
    [[nodiscard]] boost::asio::awaitable<Result> forget(const Request& request);

private:
    [[nodiscard]] Result forget_here(const Request& request);
    [[nodiscard]] Known known(std::string key, const lookup::ServiceOptions& options) const;
    [[nodiscard]] boost::asio::awaitable<Json> look_at(std::string key) const;
    [[nodiscard]] boost::asio::awaitable<std::optional<base::Instant>>
    protected_since(std::string domain) const;
    [[nodiscard]] Json learnt(std::string key, bool before) const;
    /// A search of the learner's, to its end.
    [[nodiscard]] boost::asio::awaitable<lookup::Outcome> look(postfix::NextHop hop, lookup::Why why);

    Parts parts_;
    lookup::GetLimit refreshed_; ///< when each domain was refreshed last
};

} // namespace admin
