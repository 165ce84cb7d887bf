#include "base/reason.hpp"

namespace base {

std::string_view to_string(Reason reason) noexcept {
    switch (reason) {
    case Reason::none: return "none";
    case Reason::no_record: return "no-record";
    case Reason::record_multiple: return "record-multiple";
    case Reason::record_invalid: return "record-invalid";
    case Reason::dns_timeout: return "dns-timeout";
    case Reason::dns_servfail: return "dns-servfail";
    case Reason::dns_refused: return "dns-refused";
    case Reason::dns_malformed: return "dns-malformed";
    case Reason::dns_network: return "dns-network";
    case Reason::host_unresolvable: return "host-unresolvable";
    case Reason::host_refused_address: return "host-refused-address";
    case Reason::connect_failed: return "connect-failed";
    case Reason::connect_timeout: return "connect-timeout";
    case Reason::proxy_failed: return "proxy-failed";
    case Reason::tls_handshake: return "tls-handshake";
    case Reason::cert_untrusted: return "cert-untrusted";
    case Reason::cert_name_mismatch: return "cert-name-mismatch";
    case Reason::cert_expired: return "cert-expired";
    case Reason::http_status: return "http-status";
    case Reason::http_redirect: return "http-redirect";
    case Reason::http_media_type: return "http-media-type";
    case Reason::http_encoding: return "http-encoding";
    case Reason::http_too_large: return "http-too-large";
    case Reason::http_truncated: return "http-truncated";
    case Reason::http_malformed: return "http-malformed";
    case Reason::fetch_timeout: return "fetch-timeout";
    case Reason::policy_syntax: return "policy-syntax";
    case Reason::policy_version: return "policy-version";
    case Reason::policy_mode: return "policy-mode";
    case Reason::policy_max_age: return "policy-max-age";
    case Reason::policy_mx_missing: return "policy-mx-missing";
    case Reason::policy_mx_invalid: return "policy-mx-invalid";
    case Reason::overloaded: return "overloaded";
    case Reason::shutting_down: return "shutting-down";
    case Reason::deadline: return "deadline";
    case Reason::backing_off: return "backing-off";
    case Reason::key_parent_domain: return "key-parent-domain";
    case Reason::key_address_literal: return "key-address-literal";
    case Reason::key_single_label: return "key-single-label";
    case Reason::key_not_a_domain: return "key-not-a-domain";
    }
    return "unknown";
}

std::string_view tlsrpt_result(Reason reason) noexcept {
    switch (reason) {
    case Reason::tls_handshake:
    case Reason::host_unresolvable:
    case Reason::host_refused_address:
    case Reason::connect_failed:
    case Reason::connect_timeout:
    case Reason::proxy_failed:
    case Reason::http_status:
    case Reason::http_redirect:
    case Reason::http_media_type:
    case Reason::http_encoding:
    case Reason::http_too_large:
    case Reason::http_truncated:
    case Reason::http_malformed:
    case Reason::fetch_timeout: return "sts-policy-fetch-error";
    case Reason::cert_untrusted:
    case Reason::cert_name_mismatch:
    case Reason::cert_expired: return "sts-webpki-invalid";
    case Reason::policy_syntax:
    case Reason::policy_version:
    case Reason::policy_mode:
    case Reason::policy_max_age:
    case Reason::policy_mx_missing:
    case Reason::policy_mx_invalid: return "sts-policy-invalid";
    default: return "";
    }
}

bool is_dns_failure(Reason reason) noexcept {
    switch (reason) {
    case Reason::dns_timeout:
    case Reason::dns_servfail:
    case Reason::dns_refused:
    case Reason::dns_malformed:
    case Reason::dns_network: return true;
    default: return false;
    }
}

} // namespace base
