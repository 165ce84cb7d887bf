// smtp/certificates.hpp - X.509 certificates and what was agreed in a TLS handshake, as plain values.
#pragma once

#include "smtp/sighting.hpp"

#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <cstddef>
#include <optional>
#include <string>

namespace smtp {

/// Certificates of a chain that are kept.
inline constexpr int max_kept_chain = 20;

[[nodiscard]] Certificate describe(const X509& certificate);

/// After a handshake that verified the chain, whatever came out. `sni`: the name that was sent.
[[nodiscard]] Tls describe(SSL* tls, std::string sni);

/// The octets of Certificate::der; nullopt when it is not base64.
[[nodiscard]] std::optional<std::string> der_of(const Certificate& certificate);

} // namespace smtp
