// What each reason means for an administrator, in a few words.
#include "base/reason.hpp"
#include "base/text.hpp"
#include "tool/explain/judge.hpp"

#include <optional>

namespace explain {
namespace {

using base::Reason;

std::string_view words(Reason reason) {
    switch (reason) {
    case Reason::none: return "nothing is wrong";
    case Reason::no_record: return "the domain shows no MTA-STS record in DNS";
    case Reason::record_multiple:
        return "the domain shows more than one MTA-STS record, which counts as none";
    case Reason::record_invalid: return "the domain's MTA-STS record is not valid, which counts as none";
    case Reason::dns_timeout: return "no name server answered in time";
    case Reason::dns_servfail: return "the resolver could not find the record out (SERVFAIL)";
    case Reason::dns_refused: return "the resolver refuses our questions";
    case Reason::dns_malformed: return "no name server gave a well-formed answer";
    case Reason::dns_network: return "no name server can be reached";
    case Reason::host_unresolvable: return "the policy host has no address, or its lookup failed";
    case Reason::host_refused_address: return "the policy host has only addresses of private networks";
    case Reason::connect_failed: return "the policy host refuses connections, or cannot be reached";
    case Reason::connect_timeout: return "the policy host accepts no connection in time";
    case Reason::proxy_failed: return "the HTTP proxy refused or failed";
    case Reason::tls_handshake: return "no TLS session with the policy host can be made";
    case Reason::cert_untrusted: return "the policy host's certificate is from no authority that is trusted";
    case Reason::cert_name_mismatch: return "the policy host's certificate is for another name";
    case Reason::cert_expired: return "the policy host's certificate has expired, or is not valid yet";
    case Reason::http_status: return "the policy host answers with a status other than 200";
    case Reason::http_redirect: return "the policy host redirects, which MTA-STS forbids to follow";
    case Reason::http_media_type: return "the policy host serves something other than text/plain";
    case Reason::http_encoding: return "the policy host sends a content coding that was not asked for";
    case Reason::http_too_large: return "the policy file is larger than 64 KiB";
    case Reason::http_truncated: return "the connection to the policy host ended early";
    case Reason::http_malformed: return "the policy host does not speak HTTP/1";
    case Reason::fetch_timeout: return "the policy host takes too long";
    case Reason::policy_syntax: return "the policy file is not in the form of a policy";
    case Reason::policy_version: return "the policy file has no line version: STSv1";
    case Reason::policy_mode: return "the policy's mode is none of enforce, testing and none";
    case Reason::policy_max_age: return "the policy has no max_age";
    case Reason::policy_mx_missing: return "the policy names no mx";
    case Reason::policy_mx_invalid: return "the policy has an mx that is no host name";
    case Reason::overloaded: return "stsmapd is at one of its limits";
    case Reason::shutting_down: return "stsmapd is stopping";
    case Reason::deadline:
        return "the search takes longer than Postfix is let wait; it goes on behind the answer";
    case Reason::backing_off: return "an earlier failure forbids another try for now";
    case Reason::key_parent_domain:
        return "Postfix asks for a parent domain, which has no say (RFC 8461 section 3.4)";
    case Reason::key_address_literal: return "the next hop is an address";
    case Reason::key_single_label: return "the next hop is a name without a dot";
    case Reason::key_not_a_domain: return "the next hop is no domain name";
    }
    return {};
}

} // namespace

std::string meaning(std::string_view reason) {
    for (int i = 0; i <= static_cast<int>(Reason::key_not_a_domain); ++i)
        if (const auto each = static_cast<Reason>(i); base::to_string(each) == reason)
            return std::string(words(each));
    return base::printable(reason, 40);
}

} // namespace explain
