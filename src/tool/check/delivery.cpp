#include "tool/check/delivery.hpp"

#include "decision/decide.hpp"
#include "postfix/answer.hpp"
#include "postfix/request.hpp"
#include "sts/record.hpp"
#include "tool/check/mail_host.hpp"
#include "tool/explain/predict.hpp"
#include "tool/setup/plan.hpp"

#include <algorithm>
#include <utility>

namespace check {
namespace {

using base::Reason;
using explain::Applied;

constexpr const char* bad_policy = "client TLS configuration problem";
constexpr const char* all_refused = "server unavailable or unable to receive mail";

/// The newest Postfix that Debian has: where nothing is known of the one here.
constexpr const char* newest = "3.10.13";

Reason reason_of(std::string_view word, Reason otherwise) {
    for (int i = 0; i <= static_cast<int>(Reason::key_not_a_domain); ++i)
        if (const auto each = static_cast<Reason>(i); base::to_string(each) == word) return each;
    return otherwise;
}

/// Why no response was good, as the daemon would say it: of the last address that it tried.
void without_body(const PolicyHost& host, Learnt& made) {
    made.reason = Reason::host_unresolvable;
    made.detail = host.a.reason.empty() ? host.aaaa.detail : host.a.detail;
    if (host.tries.empty()) return;
    const PolicyTry& last = host.tries.back();
    made.reason =
        reason_of(last.reason.empty() ? last.response_reason : last.reason, Reason::host_unresolvable);
    made.detail = last.detail;
}

decision::Facts facts_of(const Evidence& evidence, const Learnt& learnt) {
    decision::Facts facts;
    facts.domain = evidence.domain;
    facts.reason = learnt.reason;
    if (learnt.text) {
        facts.policy = &*learnt.text;
        facts.expires_at = evidence.at + learnt.text->policy.max_age;
        facts.just_fetched = true;
    }
    facts.enforce_testing = evidence.strict_testing;
    if (evidence.dane_advice) {
        facts.dane_limits.active = true;
        facts.dane.known_at = evidence.at;
        facts.dane.check_at = evidence.at + facts.dane_limits.longest_ttl;
        facts.dane.advice = *evidence.dane_advice == "dane-only" ? dane::Advice::dane_only
                            : *evidence.dane_advice == "sts"     ? dane::Advice::sts
                                                                 : dane::Advice::no_verdict;
    }
    return facts;
}

Guard guard_of(const decision::Answer& answer, const Learnt& learnt) {
    if (std::holds_alternative<decision::Enforce>(answer)) return Guard::sts;
    if (std::holds_alternative<decision::DaneOnly>(answer)) return Guard::dane;
    if (!learnt.text) return Guard::none;
    return learnt.text->policy.mode == sts::Mode::none ? Guard::withdrawn : Guard::testing;
}

bool may_be_tried(const MxAddress& address) { return address.skipped != "protocol-off"; }

/// Whatever Postfix tries last refuses with 5xx: hosts of one preference come in any order.
bool last_returns(const std::vector<HostResult>& hosts) {
    const auto tried = [](const HostResult& host) { return host.in_reach && !host.refused_name; };
    const HostResult* last = nullptr;
    for (const HostResult& host : hosts)
        if (tried(host)) last = &host;
    return last != nullptr && std::ranges::all_of(hosts, [&](const HostResult& host) {
               return !tried(host) || host.preference != last->preference || host.returned;
           });
}

/// One that Postfix finds no address for.
void no_address(const Mx& mx, HostResult& made) {
    const bool failed = !mx.a.reason.empty() || !mx.aaaa.reason.empty();
    made.looked = !failed;
    made.finding = failed ? "mx-dns-failed" : "mx-no-address";
    made.words = failed                 ? "its addresses could not be looked up"
                 : mx.addresses.empty() ? "it has no address"
                                        : "it has no address of a protocol that Postfix uses (inet_protocols)";
}

} // namespace

Learnt learn(const Evidence& evidence) {
    Learnt made;
    if (!evidence.sts.looked.reason.empty()) {
        made.reason = reason_of(evidence.sts.looked.reason, Reason::dns_network);
        made.detail = evidence.sts.looked.detail;
        return made;
    }
    const auto id = sts::find_id(evidence.sts.records);
    if (!id) {
        made.reason = id.error();
        return made;
    }
    made.id = *id;
    if (!evidence.policy_host) {
        made.looked = false;
        return made;
    }
    if (!evidence.policy_host->body) {
        without_body(*evidence.policy_host, made);
        return made;
    }
    auto policy = sts::parse_policy(*evidence.policy_host->body);
    if (policy)
        made.text = sts::PolicyText{*evidence.policy_host->body, std::move(*policy)};
    else
        made.problem = policy.error(), made.reason = policy.error().reason;
    return made;
}

explain::Postfix judged_postfix(const explain::Postfix& postfix) {
    explain::Postfix made = postfix;
    const bool known = !made.version_text.empty();
    if (!known) {
        made.version_text = newest;
        made.assumed = true;
    }
    if (known && !made.map.empty()) return made;
    made.version = setup::parse_version(made.version_text).value_or(made.version);
    made.map = made.version < setup::attributes_since ? "sts" : "sts-tlsrpt";
    return made;
}

Answered answer_for(const Evidence& evidence, const Learnt& learnt, const explain::Postfix& postfix) {
    const decision::Facts facts = facts_of(evidence, learnt);
    const decision::Decision decided = decision::decide(facts, evidence.at);
    const postfix::Dialect dialect = postfix::dialect_of(postfix.map);
    Answered made;
    made.reply = postfix::answer(decided.answer, dialect);
    made.enforced = postfix::answer(decided.hidden, dialect);
    made.guard = guard_of(decided.answer, learnt);
    return made;
}

Need need_of(std::string_view reply, const explain::Postfix& postfix, std::string_view domain) {
    Need made;
    const bool earlier = !postfix.earlier_reply.empty();
    const Applied applied = explain::read_reply(earlier ? postfix.earlier_reply : reply, postfix.version);
    made.of_settings = earlier || applied.kind == Applied::Kind::none;
    made.demand = demand_of(applied, postfix, domain);
    if (applied.kind == Applied::Kind::error)
        made.problem = applied.problem;
    else if (made.demand.level.empty())
        made.problem = "Postfix's settings rule DANE out (smtp_dns_support_level, smtp_host_lookup)";
    return made;
}

Need need_of_own_names(const explain::Postfix& postfix, std::string_view domain) {
    return need_of("OK secure match=hostname servername=hostname", postfix, domain);
}

std::vector<HostResult> host_results(const std::vector<Mx>& hosts, const Need& need) {
    std::vector<HostResult> made;
    std::size_t before = 0, of_group = 0;
    for (std::size_t i = 0; i < hosts.size(); ++i) {
        const Mx& mx = hosts[i];
        if (i > 0 && hosts[i - 1].preference != mx.preference) before += std::exchange(of_group, 0);
        HostResult one;
        one.host = mx.host;
        one.preference = mx.preference;
        one.in_reach = need.demand.address_limit == 0 || before < need.demand.address_limit;
        one.refused_name = need.problem.empty() && !admits(need.demand, mx.host);
        of_group += static_cast<std::size_t>(std::ranges::count_if(mx.addresses, may_be_tried));
        if (!need.problem.empty()) {
            one.outcome = Outcome::waits;
            one.deferred = {bad_policy};
            one.words = need.problem;
        } else if (one.refused_name) {
            one.outcome = Outcome::waits;
            one.deferred = {all_refused};
            one.words = "no mx of the policy covers its name";
            one.finding = "mx-not-admitted";
        } else if (std::ranges::none_of(mx.addresses, may_be_tried)) {
            no_address(mx, one);
        } else {
            judge_mail_host(mx, need.demand, one);
        }
        made.push_back(std::move(one));
    }
    return made;
}

Delivered deliver(const std::vector<HostResult>& hosts, const Need& need) {
    Delivered made;
    if (!need.problem.empty()) {
        made.outcome = Outcome::waits;
        made.deferred = {bad_policy};
        made.words = need.problem;
        return made;
    }
    const auto take = [&made](const HostResult& host) {
        made.outcome = host.outcome;
        made.finding = host.finding;
        made.words = host.host + ": " + host.words;
        made.host = host.host;
    };
    for (const HostResult& host : hosts)
        if (host.in_reach && (host.outcome == Outcome::verified || host.outcome == Outcome::unprotected)) {
            take(host);
            made.words.clear();
            return made;
        }
    // What Postfix logs is about the host that it tried last; which of those of one preference that is, is by chance.
    const HostResult *unseen = nullptr, *waits = nullptr, *refused = nullptr, *unreachable = nullptr,
                     *last = nullptr;
    for (const HostResult& host : hosts) {
        if (!host.in_reach) continue;
        const bool satisfies_not = host.outcome == Outcome::waits;
        const HostResult*& first = satisfies_not && host.refused_name ? refused
                                   : satisfies_not                    ? waits
                                   : !host.looked                     ? unseen
                                                                      : unreachable;
        if (first == nullptr) first = &host;
        if (satisfies_not && !host.refused_name) last = &host;
        for (const std::string& said : host.deferred)
            if (std::ranges::find(made.deferred, said) == made.deferred.end()) made.deferred.push_back(said);
    }
    for (const HostResult* host : {unseen, waits, refused, unreachable})
        if (host != nullptr) {
            take(*host);
            break;
        }
    if (unseen == nullptr && last_returns(hosts)) {
        take(*std::ranges::find_if(hosts,
                                   [](const HostResult& host) { return host.in_reach && host.returned; }));
        made.outcome = Outcome::no_mail;
    }
    if (made.outcome != Outcome::waits && made.outcome != Outcome::no_mail) return made;
    if (waits == nullptr && unreachable == nullptr && refused != nullptr) {
        made.finding = "mx-none-admitted";
        made.words = "the policy admits none of the mail hosts";
    }
    // The words of the last one first.
    const HostResult* const decides = last != nullptr ? last : refused != nullptr ? refused : unreachable;
    const auto own = [decides](const std::string& said) {
        return decides != nullptr && std::ranges::find(decides->deferred, said) != decides->deferred.end();
    };
    std::stable_partition(made.deferred.begin(), made.deferred.end(), own); // clang 14 has no ranges::subrange
    return made;
}

} // namespace check
