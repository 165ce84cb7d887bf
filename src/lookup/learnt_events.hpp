// lookup/learnt_events.hpp - the events of searches (events/event.hpp): a policy was fetched, failed or
// expired, a DANE verdict changed. The table of events says how often a line of each is written.
#pragma once

#include "base/domain.hpp"
#include "cache/table.hpp"
#include "dane/state.hpp"
#include "dane/verdict.hpp"
#include "events/sink.hpp"
#include "lookup/steps.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace lookup {

inline constexpr std::size_t max_hosts_named = 20; ///< on one log line
/// Octets of a TXT record that cannot be used, in a failure's detail.
inline constexpr std::size_t max_record_shown = 150;

/// A policy came. `source`: "" when this host has fetched it. Also reports a max_age that is too short to be of
/// use.
void emit_policy(events::Sink& sink, const base::Domain& domain, const cache::Knowledge& before,
                 const cache::Entry& after, std::string_view source = {});
/// `next_hop`: its text, when it is not of the usual form.
void emit_dane(events::Sink& sink, const base::Domain& domain, const dane::State& before,
               const dane::State& after, const dane::Verdict& verdict, std::string_view next_hop = {});
/// Reports an enforced policy that matches none of the MX hosts: all mail to the domain will be deferred, and
/// only the domain's owner can repair that.
void emit_refused_hosts(events::Sink& sink, const base::Domain& domain, const cache::Entry& entry,
                        const dane::Verdict& verdict);
/// `current`: the unexpired policy that stays in use, or null.
void emit_failure(events::Sink& sink, const base::Domain& domain, base::Reason reason,
                  std::string_view detail, const cache::PolicyPtr& current, base::seconds next_try);
/// The TXT record of a domain with a policy in use is gone, or none that can be used.
void emit_vanished(events::Sink& sink, const base::Domain& domain, const cache::Entry& entry,
                   const TxtOutcome& txt, base::Instant now);
void emit_expired(events::Sink& sink, const base::Domain& domain, const cache::Entry& entry);

/// For a failure's detail, when an answer has no usable STS record: the records that begin like one, raw and
/// cut; "" when there are none.
[[nodiscard]] std::string unusable_records(const std::vector<std::string>& records);

} // namespace lookup
