// lookup/learnt_events.hpp - what learning has to tell, as events (events/event.hpp). How often a line of it
// is written is a matter of the table of events.
#pragma once

#include "base/domain.hpp"
#include "cache/table.hpp"
#include "dane/state.hpp"
#include "dane/verdict.hpp"
#include "events/sink.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace lookup {

inline constexpr std::size_t max_hosts_named = 20; ///< on a line
/// Octets of a TXT record that cannot be used, in a failure's detail.
inline constexpr std::size_t max_record_shown = 150;

/// A policy was fetched. Also tells that it lives too short to be obeyed.
void emit_policy(events::Sink& sink, const base::Domain& domain, const cache::Known& before,
                 const cache::Entry& after);
/// `next_hop`: in words, when it is not of the usual form.
void emit_dane(events::Sink& sink, const base::Domain& domain, const dane::State& before,
               const dane::State& after, const dane::Verdict& verdict, std::string_view next_hop = {});
/// An enforced policy that admits none of the MX hosts: all mail to the domain will be deferred, and it is
/// not our doing.
void emit_refused_hosts(events::Sink& sink, const base::Domain& domain, const cache::Entry& entry,
                        const dane::Verdict& verdict);
/// `current`: the unexpired policy that stays in use, or null.
void emit_failure(events::Sink& sink, const base::Domain& domain, base::Reason reason,
                  std::string_view detail, const cache::PolicyPtr& current, base::seconds next_try);
void emit_expired(events::Sink& sink, const base::Domain& domain, const cache::Entry& entry);

/// The records of an answer that hold no usable STS record, for a failure's detail: raw, cut, those that
/// begin as one should; "" when none does.
[[nodiscard]] std::string unusable_records(const std::vector<std::string>& records);

} // namespace lookup
