// tool/check/host_tls.hpp - what a finished handshake with a policy host showed, as values.
//
// The chain and the name are judged one by one: OpenSSL reports only the first trouble, and a wrong name would hide
// that the certificate has expired.
#pragma once

#include "smtp/sighting.hpp"

#include <openssl/types.h>

#include <string>

namespace check {

/// `tls`: made from a context of fetch/certificate.hpp.
[[nodiscard]] smtp::Tls tls_of_policy_host(SSL* tls, const std::string& host);
/// As fetch::expect_host() demands it (RFC 8461 section 3.3).
[[nodiscard]] bool has_name(SSL* tls, const std::string& host);

} // namespace check
