// tool/check/evidence.hpp - what was found out about one domain, as plain values: DNS, the policy host, the policy,
// the MX hosts and their certificates. Collected by tool/check/collect, judged by tool/check/judge.
//
// What was not looked at is missing, not empty. Texts are as they came, cut at the limits below: print them only
// through base::printable().
#pragma once

#include "base/clock.hpp"
#include "dane/tlsa.hpp"
#include "dns/answer.hpp"
#include "smtp/settings.hpp"
#include "smtp/sighting.hpp"
#include "tool/explain/evidence.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace check {

using base::Instant;

/// One DNS question and what came of it.
struct Looked {
    std::string name, type; ///< "_mta-sts.example.com", "TXT"
    std::string reason,
        detail;       ///< why there is no answer (base/reason.hpp); "" there is, even if without records
    std::string kind; ///< "data", "nodata", "nxdomain"; "" no answer
    dns::Worth worth = dns::Worth::indeterminate;
    std::string canonical; ///< where CNAMEs lead; "" to the name itself
    std::int64_t ttl_s = -1;
    friend bool operator==(const Looked&, const Looked&) = default;
};

struct TxtLook {
    Looked looked;
    std::vector<std::string> records; ///< each with its character-strings joined; raw
    friend bool operator==(const TxtLook&, const TxtLook&) = default;
};

/// One address of the policy host.
struct PolicyTry {
    std::string address;
    Instant at{};
    std::int64_t took_ms = 0;
    std::string reason, detail;     ///< base/reason.hpp; "" a response came, whatever its status
    std::optional<smtp::Tls> tls;   ///< as of a mail server: version, chain, is it trusted
    bool name_matches = false;      ///< the certificate has the policy host's name
    int status = 0;                 ///< 0: no response
    std::vector<std::string> types; ///< the Content-Type fields
    std::string location;           ///< of a redirect, which is not followed
    std::string response_reason;    ///< what sts::judge() makes of the response; "" good
    std::int64_t size = 0;          ///< of the body; it is read with status 200 only
    friend bool operator==(const PolicyTry&, const PolicyTry&) = default;
};

struct PolicyHost {
    std::string name;
    Looked a, aaaa;
    std::vector<std::string> addresses; ///< all; at most max_host_addresses are tried
    std::vector<PolicyTry> tries;
    /// The body of the first good response, whatever it says; none: there was none.
    std::optional<std::string> body;
    friend bool operator==(const PolicyHost&, const PolicyHost&) = default;
};

/// One address of an MX host.
struct MxAddress {
    std::string address;
    std::optional<smtp::Sighting> sighting;
    /// Why there is no sighting: "no-smtp", "port-25-closed-here", "operator-refused", "another-address-tried",
    /// "protocol-off" (inet_protocols), "stopped"; "" there is one.
    std::string skipped;
    /// A host and address is connected to once a run: the domain that it was connected to for, when it is another.
    std::string see_domain;
    friend bool operator==(const MxAddress&, const MxAddress&) = default;
};

struct Mx {
    std::string host;
    int preference = 0;
    Looked a, aaaa;
    std::vector<MxAddress> addresses; ///< in the order that Postfix would try them, as far as that is fixed
    std::optional<Looked> tlsa;       ///< none: not asked, for the host is not signed
    std::vector<dane::Tlsa> tlsa_records;
    friend bool operator==(const Mx&, const Mx&) = default;
};

struct Evidence {
    std::string domain; ///< A-labels, no final dot
    std::string asked;  ///< as typed
    Instant at{};
    std::int64_t took_ms = 0;
    TxtLook sts;
    std::optional<PolicyHost>
        policy_host; ///< looked at even without a TXT record, when mta-sts.<domain> is there
    std::optional<Looked> mx_looked;
    std::vector<Mx> mx;   ///< most preferred first; the domain itself when it has no MX record
    bool more_mx = false; ///< there are more than max_mx: those are not here
    bool null_mx = false; ///< RFC 7505
    std::optional<std::string> dane_advice; ///< "dane-only", "sts", "unknown"; none: not looked at
    std::string dane_why;
    std::optional<TxtLook> tlsrpt;
    bool smtp = true;            ///< false: --no-smtp
    bool port_25_closed = false; ///< from here, to everybody
    std::optional<smtp::Settings> settings; ///< by which mail servers were connected to
    bool strict_testing = false; ///< the daemon's: mode testing is treated as enforce
    explain::Postfix postfix;    ///< whose eyes these are
    friend bool operator==(const Evidence&, const Evidence&) = default;
};

inline constexpr std::size_t max_host_addresses = 8; ///< of a policy host, that are tried
inline constexpr std::size_t max_mx = 100;           ///< hosts that are looked at
inline constexpr std::size_t max_mx_addresses = 8;   ///< of an MX host, that are kept

} // namespace check
