#include "lookup/facts.hpp"

namespace lookup {

using decision::Facts;

namespace {

Facts common(std::string_view domain, base::Reason reason, base::Instant now, const ServiceOptions& options) {
    Facts facts;
    facts.domain = domain;
    facts.reason = reason;
    facts.dane_limits = options.tuning.dane;
    facts.enforce_testing = options.tuning.enforce_testing;
    facts.exception = options.overrides ? options.overrides->find(domain, now) : nullptr;
    facts.observe = options.observe;
    return facts;
}

} // namespace

Facts facts_of(std::string_view domain, const cache::PolicyState& entry, base::Reason reason,
               base::Instant now, const ServiceOptions& options) {
    Facts facts = common(domain, reason, now, options);
    facts.policy = entry.policy.get();
    facts.expires_at = cache::expires_at(entry, now);
    facts.dane = entry.dane;
    return facts;
}

Facts facts_of(std::string_view domain, base::Reason reason, base::Instant now,
               const ServiceOptions& options) {
    return common(domain, reason, now, options);
}

Facts facts_of(std::string_view domain, const Outcome& outcome, base::Instant now,
               const ServiceOptions& options) {
    Facts facts = common(domain, outcome.reason, now, options);
    facts.policy = outcome.policy.get();
    facts.expires_at = outcome.expires_at;
    facts.just_fetched = outcome.fetched;
    facts.dane = outcome.dane;
    return facts;
}

} // namespace lookup
