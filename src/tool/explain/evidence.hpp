// tool/explain/evidence.hpp - what `stsmap explain` knows about one next hop, as plain values: the daemon's word,
// a look at DNS, Postfix's settings. Collected by tool/explain/collect, judged by tool/explain/judge.
//
// What the daemon or DNS did not say is missing, not empty. Texts are as they came: print them only through
// base::printable().
#pragma once

#include "base/clock.hpp"
#include "tool/setup/postconf.hpp"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace explain {

using Json = nlohmann::ordered_json;
using base::Instant;
using base::seconds;

/// A rule that was considered for the answer.
struct Rule {
    std::string rule, reason, evidence; ///< reason: a word of base/reason.hpp; "" none
    friend bool operator==(const Rule&, const Rule&) = default;
};

/// Where a policy was fetched from.
struct Source {
    std::string address, tls, issuer;
    std::optional<Instant> certificate_ends;
    friend bool operator==(const Source&, const Source&) = default;
};

struct Policy {
    std::string mode;            ///< "enforce", "testing", "none"
    std::vector<std::string> mx; ///< as written: "mx.example.com", "*.example.com"
    seconds max_age{};
    Instant fetched_at{}, expires_at{};
    bool expired = false;
    std::optional<Source> source;
    friend bool operator==(const Policy&, const Policy&) = default;
};

/// That a domain has no policy is remembered, too.
struct Absence {
    std::string reason;
    std::optional<Instant> until, since;
    friend bool operator==(const Absence&, const Absence&) = default;
};

/// The TXT record as the daemon saw it.
struct Txt {
    std::string id;
    std::optional<Instant> checked_at, next_check_at;
    friend bool operator==(const Txt&, const Txt&) = default;
};

/// The tries to fetch the policy.
struct Get {
    std::optional<Instant> last_at, next_at;
    std::int64_t failures = 0;             ///< in a row
    std::string reason, detail, failed_id; ///< of the last failure; "" none
    friend bool operator==(const Get&, const Get&) = default;
};

struct Dane {
    std::string verdict; ///< "dane-only", "sts", "unknown"
    std::optional<Instant> checked_at, proven_at, failed_since;
    std::string why;
    friend bool operator==(const Dane&, const Dane&) = default;
};

struct Override {
    std::string domain, action, reason, source, added_by, hides;
    std::vector<std::string> match;
    std::optional<Instant> until, added_at;
    bool weakens = false, applies = true;
    friend bool operator==(const Override&, const Override&) = default;
};

struct Event {
    std::string event, text;
    Instant first{}, last{};
    std::int64_t times = 1;
    friend bool operator==(const Event&, const Event&) = default;
};

/// The reply to GET /v1/domains/{domain}.
struct Daemon {
    std::string next_hop, domain;
    Instant now{};
    std::string version, mode,
        dane_state;            ///< mode: "enforce", "observe"; dane_state: "active", "inactive: why"
    std::string answer;        ///< "secure", "dane-only", "notfound", "temp", "may", "encrypt"
    std::string plain, tlsrpt; ///< the replies in both forms
    std::string rule;          ///< the one that decided
    std::vector<Rule> rules;
    std::string hidden; ///< the answer that an override or observing hides; "" none
    std::string reason; ///< "" none
    std::string known;  ///< "policy", "absence", "nothing"
    std::optional<Policy> policy;
    std::optional<Instant> protected_since;
    std::optional<Absence> absence;
    std::optional<Txt> txt;
    std::optional<Get> get;
    std::optional<Dane> dane;
    std::optional<Override> exception;
    std::optional<Instant> last_asked;
    std::vector<Event> events;
    friend bool operator==(const Daemon&, const Daemon&) = default;
};

/// A mail host in DNS.
struct MxHost {
    std::string host;
    int preference = 0;                 ///< 0 for a host that no MX record names
    std::vector<std::string> addresses; ///< none: it has none, or they could not be looked up
    bool no_address = false;            ///< it has none
    std::string admitted_by;            ///< the pattern of the policy or the override; "": none
    friend bool operator==(const MxHost&, const MxHost&) = default;
};

/// What DNS says now.
struct Live {
    std::string txt_id;                 ///< "" none, see txt_reason
    std::string txt_reason, txt_detail; ///< why there is no id; "" there is, or it was not looked up
    bool mx_known = false;              ///< `mx` is complete
    std::string mx_reason, mx_detail;   ///< why not
    std::vector<MxHost> mx; ///< in the order that Postfix tries them; none: the domain takes no mail
    std::int64_t took_ms = 0;
    friend bool operator==(const Live&, const Live&) = default;
};

/// What the name servers that smtp(8) itself asks know of the mail hosts.
struct Found {
    enum class Kind {
        hosts,   ///< one with an address, at least
        fails,   ///< the lookup fails for now
        absent,  ///< there are none, or the lookup fails in a way that lasts for Postfix
        no_mail, ///< null MX (RFC 7505)
        unknown, ///< it could not be looked at, or is not clear
    } kind = Kind::unknown;
    std::string words; ///< of every kind but `hosts`: why, with the server
    friend bool operator==(const Found&, const Found&) = default;
};

/// A setting by which some mail goes another way.
struct Detour {
    std::string parameter; ///< "transport_maps"
    std::string result;    ///< what it has for the domain; "": not known, or for senders
    friend bool operator==(const Detour&, const Detour&) = default;
};

/// What Postfix's settings say about mail to recipients' domains.
struct Postfix {
    std::string version_text; ///< "3.7.11"; "" not known
    setup::Version version;
    std::string
        map; ///< the map's name, which selects the form: "sts", "sts-tlsrpt"; "": it does not ask stsmapd
    std::string service;           ///< of master.cf: "smtp/unix"; "" not known
    std::string level = "may";     ///< where no policy is found; "none" is the empty one
    bool dnssec = true;            ///< it looks up with DNSSEC, and no other setting rules DANE out
    bool enforces_patterns = true; ///< smtp_tls_enforce_sts_mx_patterns, where this version has it
    bool trusts_some_ca = true;    ///< false: no certificate of any authority is trusted
    std::vector<std::string> secure_match{"nexthop", "dot-nexthop"}, verify_match{"hostname"};
    std::string relayhost, fallback_relay, trust_anchor_file;
    std::string earlier_table, earlier_reply; ///< a table before ours that has a policy for the domain
    std::string
        unreached; ///< why smtp(8) gets no answer at the map that leads to stsmapd; "": it does, or not known
    std::vector<std::string> unread_tables;      ///< tables before ours that could not be asked
    seconds session_cache{}, connection_reuse{}; ///< 0: not in use
    seconds minimal_backoff{300}, maximal_backoff{4000};
    std::optional<Found> found; ///< none: not looked at
    bool soft_bounce = false;   ///< what would be returned waits
    std::size_t mx_address_limit = 5; ///< addresses of mail hosts that smtp(8) tries; 0: all
    std::vector<Detour> detours;
    bool assumed = false; ///< as --postfix says, not as it is here
    std::string trouble;  ///< why Postfix's settings are not known; "" they are
    friend bool operator==(const Postfix&, const Postfix&) = default;
};

/// A mail host that was connected to, with what this Postfix asks of it.
struct Probed {
    std::string host;
    /// "verified", "unprotected" (mail goes there, and nothing is verified), "waits", "returned" (of all together: the
    /// last one refuses with 5xx), "unknown"
    std::string outcome;
    std::string words;   ///< why; "" verified
    friend bool operator==(const Probed&, const Probed&) = default;
};

/// What connecting to the mail hosts showed (--smtp), of all of them together.
struct Smtp {
    Instant at{};
    std::string outcome;               ///< as of a host
    std::vector<std::string>
        deferred;      ///< of waits and returned: parts of what Postfix says, one of which is in it
    std::string words; ///< of waits, returned and unknown: why
    std::vector<Probed> hosts;         ///< in the order that Postfix tries them
    friend bool operator==(const Smtp&, const Smtp&) = default;
};

struct Evidence {
    std::string asked; ///< the next hop as typed
    Instant at{};
    std::optional<Daemon> daemon;
    std::string daemon_error; ///< why there is no `daemon`
    Json daemon_document;     ///< as it came, for --json
    std::optional<Live> live; ///< none: --offline
    Postfix postfix;
    std::optional<Smtp> smtp; ///< none: nobody was connected to
};

} // namespace explain
