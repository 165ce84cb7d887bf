// postfix/peer_names.hpp - whether a certificate has a name that smtp(8) looks for, as Postfix has OpenSSL compare them
// (X509_check_host() with X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS). Pure.
//
// ".example.com" is any name below example.com, at any depth. A wildcard of the certificate is a whole label, the first
// one, with two more labels at least behind it, and stands for one label. The common name counts only where there is
// no dNSName at all (RFC 6125 section 6.4.4). A final dot matches nothing.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace postfix {

/// One name of a certificate, one that is looked for: "mx.example.com", ".example.com".
[[nodiscard]] bool peer_name_matches(std::string_view in_certificate, std::string_view wanted) noexcept;

/// The name of the certificate that matches one of `wanted`; nullopt: none does.
[[nodiscard]] std::optional<std::string> matching_peer_name(std::span<const std::string> dns_names,
                                                            std::string_view common_name,
                                                            std::span<const std::string> wanted);

/// What the words of match= stand for: "hostname", "nexthop", "dot-nexthop" and names.
[[nodiscard]] std::vector<std::string> expand_match(std::span<const std::string> match, std::string_view host,
                                                    std::string_view next_hop);

} // namespace postfix
