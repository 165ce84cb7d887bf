// lookup/outcome.hpp - why a domain is looked up, and the result of the search.
#pragma once

#include "base/clock.hpp"
#include "base/reason.hpp"
#include "cache/entry.hpp"
#include "dane/state.hpp"

#include <functional>
#include <string>

namespace lookup {

/// Why a domain is looked up.
enum class Why {
    query,     ///< a client waits, and memory has no answer
    txt_check, ///< the TXT record is due for a check; nobody waits
    daily,     ///< the daily GET, whatever the TXT record says (RFC 8461 section 10.2)
    by_hand,   ///< as daily, but by this host now, whatever others of a fleet do
    shared,    ///< another host of the fleet has offered a policy; nobody waits
};

/// What somebody wants to know about a domain.
enum class Wants {
    policy, ///< only the policy: Outcome::dane has no meaning
    dane,   ///< also whether DANE secures the domain's MX hosts
};

/// The result of a search.
struct Outcome {
    cache::PolicyPtr policy;                  ///< the policy to use now; null: none
    base::Reason reason = base::Reason::none; ///< why there is none, or why this search changed nothing
    bool fetched = false;                     ///< this search brought the policy
    bool shared = false;                      ///< another host of the fleet had fetched it
    bool elsewhere = false;     ///< another host is refreshing it: look again after look_again()
    dane::State dane{};         ///< what is known of the next hop's DANE
    base::Instant fetched_at{}; ///< the age of `policy` counts from here
    base::Instant expires_at{}; ///< when `policy` stops being usable
    std::string detail;         ///< what was tried, when DNS or the policy host failed
};

/// Gets the outcome, on the back io_context.
using Done = std::function<void(const Outcome&)>;

} // namespace lookup
