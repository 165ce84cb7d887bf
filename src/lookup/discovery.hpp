// lookup/discovery.hpp - one search for one domain: TXT, then GET if needed, then commit, then the memory
// table; and, for an enforced policy, DANE.
//
// RFC 8461 sections 3 and 5. lookup/steps.hpp decides what follows from each answer. Order (promise 2): a new
// policy is on the disk before the table shows it or anybody gets it; when the disk fails or takes longer
// than commit_patience, answers continue from memory. With a shared cache (cache/shared.hpp) it is asked between TXT
// and GET, and what was fetched is offered to it; lookup/shared_steps.hpp decides what its answers mean. The caller
// must run only one search for a domain at a time (lookup/flights.hpp). Threads: lives on the back io_context.
#pragma once

#include "base/clock.hpp"
#include "base/domain.hpp"
#include "cache/shared.hpp"
#include "cache/store.hpp"
#include "cache/table.hpp"
#include "dns/resolver.hpp"
#include "events/sink.hpp"
#include "fetch/fetcher.hpp"
#include "lookup/counts.hpp"
#include "lookup/dane_lookup.hpp"
#include "lookup/expiry.hpp"
#include "lookup/get_limit.hpp"
#include "lookup/outcome.hpp"
#include "lookup/shared_lookup.hpp"
#include "lookup/shared_steps.hpp"
#include "lookup/steps.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace lookup {

class Discovery {
public:
    struct Parts {
        boost::asio::any_io_executor executor;
        dns::Resolver& resolver;
        fetch::Fetcher& fetcher;
        DaneLookup& dane;
        cache::Store& store;
        cache::Table& table;
        base::Clock& clock;
        base::Timers& timers;
        events::Sink& sink;
        Expiry& expiry;
        cache::Shared* shared = nullptr; ///< null: none
    };

    Discovery(Parts parts, const cache::Tuning& tuning);
    Discovery(const Discovery&) = delete;
    Discovery& operator=(const Discovery&) = delete;

    void configure(const cache::Tuning& tuning) { tuning_ = tuning; }
    /// Called with each domain that gets its first policy.
    void on_new_policy(std::function<void(const base::Domain&)> hook) { on_new_policy_ = std::move(hook); }

    /// The outcome from memory, if that is enough for a client; none: a search is needed.
    [[nodiscard]] std::optional<Outcome> known(const base::Domain& domain, Wants wants) const;

    /// Asks for the TXT record, fetches if the record requires it, and keeps the result; for Why::shared only takes
    /// what another host has offered. Outcome::dane is what was known before. Throws only std::bad_alloc.
    [[nodiscard]] boost::asio::awaitable<Outcome> policy(base::Domain domain, Why why);
    /// Adds the DANE verdict to an outcome of policy() that has a policy; asks only if the verdict is due.
    /// RFC 8461 section 2: before Postfix gets `secure`, it must be known that DANE does not secure the
    /// domain.
    [[nodiscard]] boost::asio::awaitable<Outcome> with_dane(base::Domain domain, Outcome outcome);

    /// A notification of the shared cache came: gives it to the search that waits for it. True: it needs a search of
    /// its own (Why::shared), which will find it kept.
    [[nodiscard]] bool heard(const base::Domain& domain, SharedLookup::News news);
    /// There will be no such search.
    void drop_news(const base::Domain& domain) { shared_->drop_kept(domain); }

    [[nodiscard]] const SearchCounts& counts() const noexcept { return counts_; } ///< any thread
    /// Any thread; null without a shared cache.
    [[nodiscard]] const SharedCounts* shared_counts() const noexcept {
        return shared_ ? &shared_->counts() : nullptr;
    }

    /// How long until a GET for the domain is allowed; zero: now.
    [[nodiscard]] base::seconds get_wait(const base::Domain& domain) {
        return gets_.wait(domain, parts_.clock.steady());
    }
    /// A row came from the store: its GET counts if it was within this minute.
    void loaded(const cache::Row& row);

private:
    /// A value of the shared cache, judged worth taking.
    struct Value {
        cache::SharedPolicy found;
        cache::PolicyPtr policy;
    };

    boost::asio::awaitable<TxtOutcome> ask_txt(base::Domain domain);
    boost::asio::awaitable<Outcome> get(base::Domain domain, std::string id, TxtOutcome txt);
    boost::asio::awaitable<Outcome> get_in_turn(base::Domain domain, Why why, std::string id, TxtOutcome txt,
                                                std::optional<SharedTurn::Look> looked);
    boost::asio::awaitable<Outcome> offered(base::Domain domain);
    boost::asio::awaitable<Outcome> adopt(base::Domain domain, Value value, std::optional<TxtOutcome> txt);

    void note_record(const base::Domain& domain, const cache::Knowledge& known, const TxtOutcome& txt);
    [[nodiscard]] Outcome no_policy(const base::Domain& domain, base::Reason reason, TxtOutcome txt);
    [[nodiscard]] Outcome unchanged(const base::Domain& domain, TxtOutcome txt, base::seconds get_wait);
    [[nodiscard]] Outcome failed(const base::Domain& domain, const std::string& id, base::Reason reason,
                                 std::string_view detail, const TxtOutcome& txt);
    void withdraw(const base::Domain& domain, const cache::Entry& entry);
    void show(const base::Domain& domain, cache::Entry entry, std::string_view source = {});
    [[nodiscard]] std::optional<Value> judge(const base::Domain& domain, cache::SharedPolicy found,
                                             const TxtOutcome* txt);
    [[nodiscard]] std::pair<SharedTurn::Look, std::optional<Value>>
    judge(const base::Domain& domain, cache::Shared::Found found, const TxtOutcome& txt);
    [[nodiscard]] Outcome left(const base::Domain& domain, TxtOutcome txt);

    Parts parts_;
    cache::Tuning tuning_;
    GetLimit gets_;
    std::optional<SharedLookup> shared_;
    LostLeases lost_;
    SearchCounts counts_;
    std::function<void(const base::Domain&)> on_new_policy_;
};

} // namespace lookup
