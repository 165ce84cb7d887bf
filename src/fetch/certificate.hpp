// fetch/certificate.hpp - the TLS that a policy host must speak (RFC 8461 sections 3.3 and 7): our side's
// settings, and what a failed handshake shows about the host.
//
// The certificate must chain to a trusted root, be valid now, and have a DNS-ID (a dNSName of its
// subjectAltName, never its common name, address or URI) equal to the policy host, or a wildcard that is its
// complete left-most label.
#pragma once

#include "fetch/fetcher.hpp"

#include <boost/asio/ssl/context.hpp>
#include <boost/system/error_code.hpp>

#include <memory>
#include <optional>
#include <string>

namespace fetch {

/// The roots of `ca_file` (PEM), or the system's when it is empty, and restrict_tls(). The error is a
/// sentence for an operator.
[[nodiscard]] base::Expected<std::shared_ptr<boost::asio::ssl::context>, std::string>
make_client_context(const std::string& ca_file);

/// Our side's settings: TLS 1.2 or newer with forward secrecy over X25519, P-256, P-384 or P-521, or a static
/// RSA key; no finite-field Diffie-Hellman, PSK or SRP; keys and digests of 112 bits, more where the system
/// demands more; ALPN http/1.1; no renegotiation, ticket or compression; what fetch/chain allows. False when
/// OpenSSL refuses one of them.
[[nodiscard]] bool restrict_tls(SSL_CTX* tls);

/// Octets of all the server's certificates; equal to OpenSSL's default, but explicit because it is a limit on
/// peers.
inline constexpr long max_cert_list = 100 * 1024;

/// Before the handshake: the name to send (SNI) and to find in the certificate. False when OpenSSL refuses
/// the name.
[[nodiscard]] bool expect_host(SSL* tls, const std::string& policy_host);

/// From now on a chain that is expensive to verify (see fetch/chain) stops the handshake, once, with
/// SSL_ERROR_WANT_RETRY_VERIFY; the next call verifies it. Call it after expect_host().
void postpone_dear_chains(SSL* tls);

/// Why the peer's certificate was refused (cert_*), if that is what went wrong.
[[nodiscard]] std::optional<Failure> certificate_verdict(SSL* tls);

/// Why the handshake failed: the certificate's verdict, or tls_handshake with OpenSSL's words.
[[nodiscard]] Failure handshake_failure(SSL* tls, const boost::system::error_code& error);

/// After the handshake: what is worth remembering of it; the address is left out.
[[nodiscard]] Circumstances circumstances(SSL* tls);

/// After the handshake: the protocol the server chose, if it was not offered (RFC 7301 section 3.2).
/// Newer versions of OpenSSL refuse that themselves, older ones accept any protocol.
[[nodiscard]] std::optional<Failure> wrong_protocol(SSL* tls);

} // namespace fetch
