// admin/evidence.hpp - all that is known about one next hop, and the answer that follows from it, as JSON. Pure.
//
// The answer is that of decision/decide over what is known now, without network: as a lookup would be answered from
// memory. Members that are not known are left out.
#pragma once

#include "admin/exchange.hpp"
#include "base/clock.hpp"
#include "base/expected.hpp"
#include "base/reason.hpp"
#include "cache/table.hpp"
#include "decision/decide.hpp"
#include "events/history.hpp"
#include "lookup/options.hpp"
#include "postfix/next_hop.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace admin {

/// What is known about a domain outside the table.
struct Past {
    std::vector<events::History::Kept> events;
    std::optional<events::History::Source> source;
    std::optional<events::History::Failure> failure;
    std::optional<base::Instant> protected_since; ///< an enforced policy has protected the domain since
};

struct Known {
    std::string key;                                    ///< the next hop as asked for
    base::Expected<postfix::NextHop, base::Reason> hop; ///< or why it has no policy domain
    cache::Knowledge table{};                           ///< of its domain
    std::optional<cache::Absence> absence{};            ///< the same
    dane::State dane{};       ///< of the next hop, when it is not of the usual form (lookup/hop_verdicts)
    bool store_read = true;   ///< as in decision::Facts
    base::seconds get_wait{}; ///< how long until a GET is allowed by the limit of one a minute
    Past past{};
};

/// The body of GET /v1/domains/{domain}.
[[nodiscard]] Json evidence(const Known& known, const lookup::ServiceOptions& options,
                            std::string_view version, base::Instant now);

/// The decision behind it. Refers to `known` and `options`.
[[nodiscard]] decision::Decision decide(const Known& known, const lookup::ServiceOptions& options,
                                        base::Instant now);

/// The decision about a domain with a policy, as a next hop of the usual form.
[[nodiscard]] decision::Decision decide(std::string_view domain, const cache::Entry& entry,
                                        const lookup::ServiceOptions& options, base::Instant now);

/// A line of GET /v1/domains, without "schema".
[[nodiscard]] Json summary(const base::Domain& domain, const cache::Entry& entry,
                           const lookup::ServiceOptions& options, base::Instant now);

} // namespace admin
