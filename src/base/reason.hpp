// base/reason.hpp - the failure vocabulary: one enum, one name each, used by logs, tools, metrics and TLSRPT.
//
// A reason says why a domain's live policy could not be learnt. Unless a comment says otherwise its
// consequence is the same: an unexpired cached policy stays in use (RFC 8461 section 3.3), else Postfix gets
// NOTFOUND. Source: RFC 8461 sections 3.1 to 3.3; RFC 8460 section 4.3.
#pragma once

#include <cstdint>
#include <string_view>

namespace base {

enum class Reason : std::uint8_t {
    none, ///< no failure

    // Discovery over DNS (RFC 8461 section 3.1).
    no_record, ///< NXDOMAIN, NODATA or no STS record: the domain shows no policy; remembered as an absence
    record_multiple, ///< more than one STS record: as if there were none
    record_invalid,  ///< one STS record, not valid: as if there were none
    dns_timeout,     ///< no resolver answered in time; asked again soon
    dns_servfail,    ///< the resolver could not find out; asked again soon
    dns_refused,     ///< the resolver does not answer us; an operator should look
    dns_malformed,   ///< no resolver gave a well-formed answer
    dns_network,     ///< no resolver could be reached at all; an operator should look

    // Reaching the policy host (section 3.3). After these no GET for the same id for five minutes.
    host_unresolvable,    ///< the policy host has no address, or its address lookup failed
    host_refused_address, ///< all its addresses are private or loopback and those are not allowed
    connect_failed,       ///< every address refused or was unreachable
    connect_timeout,      ///< no address answered in time
    proxy_failed,         ///< the configured HTTP proxy refused or failed; an operator should look
    tls_handshake,        ///< no TLS 1.2 or newer session could be made, or ALPN picked what was not offered
    cert_untrusted,       ///< no chain to a trusted root
    cert_name_mismatch,   ///< no DNS-ID of the certificate is the policy host
    cert_expired,         ///< expired, or not yet valid
    http_status,          ///< a status other than 200 and 3xx
    http_redirect,        ///< 3xx: never followed (section 3.3)
    http_media_type,      ///< not text/plain (section 3.2)
    http_encoding,        ///< a content coding other than identity
    http_too_large,       ///< over 64 KiB of body, or over the header limit
    http_truncated,       ///< the connection ended before the message did
    http_malformed,       ///< not HTTP/1.x, or framing that cannot be trusted
    fetch_timeout,        ///< the whole-fetch deadline passed

    // The policy text (section 3.2).
    policy_syntax,     ///< a line that is no field, or forbidden bytes, or an empty file
    policy_version,    ///< version missing or not STSv1
    policy_mode,       ///< mode missing or not enforce, testing or none
    policy_max_age,    ///< max_age missing or no number
    policy_mx_missing, ///< enforce or testing without an mx
    policy_mx_invalid, ///< an mx that is no host name or wildcard pattern

    // Our own trouble.
    overloaded,    ///< a limit of ours was reached
    shutting_down, ///< the daemon is stopping: what was under way is given up
    deadline,      ///< the query deadline passed; discovery goes on in the background
    backing_off,   ///< an earlier failure forbids another try for now

    // The key was not for MTA-STS: Postfix gets NOTFOUND, nothing is looked up.
    key_parent_domain,   ///< ".parent" (RFC 8461 section 3.4: no tree walk)
    key_address_literal, ///< an IP address, with or without brackets
    key_single_label,    ///< a name without a dot
    key_not_a_domain,    ///< anything else that is no domain name, or too long for "_mta-sts."
};

/// The reason's one name: lower-case words joined by hyphens, e.g. "cert-name-mismatch". Never empty.
[[nodiscard]] std::string_view to_string(Reason reason) noexcept;

/// The RFC 8460 section 4.3 result type a report would use, or "" where there is none (no record, our own
/// trouble).
[[nodiscard]] std::string_view tlsrpt_result(Reason reason) noexcept;

/// True for trouble that may pass by itself within minutes, as opposed to a definite "there is none".
[[nodiscard]] bool is_dns_failure(Reason reason) noexcept;

} // namespace base
