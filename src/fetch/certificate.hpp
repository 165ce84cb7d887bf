// fetch/certificate.hpp - TLS as a policy host must speak it (RFC 8461 sections 3.3 and 7): our side's
// settings, and what a failed handshake says about the host.
//
// The certificate must chain to a trusted root, be in force, and have a DNS-ID (a dNSName of its
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

/// The roots of `ca_file` (PEM), or the system's when it is empty; TLS 1.2 or newer, ALPN http/1.1 and
/// nothing else. The error is a sentence for an operator.
[[nodiscard]] base::Expected<std::shared_ptr<boost::asio::ssl::context>, std::string>
make_client_context(const std::string& ca_file);

/// Before the handshake: the name to send (SNI) and to find in the certificate. False when OpenSSL refuses
/// the name.
[[nodiscard]] bool expect_host(SSL* tls, const std::string& policy_host);

/// Why the peer's certificate was refused (cert_*), if that is what went wrong.
[[nodiscard]] std::optional<Failure> certificate_verdict(SSL* tls);

/// Why the handshake failed: the certificate's verdict, or tls_handshake with OpenSSL's words.
[[nodiscard]] Failure handshake_failure(SSL* tls, const boost::system::error_code& error);

/// After the handshake: the protocol the server chose, if it was not offered (RFC 7301 section 3.2).
/// Newer versions of OpenSSL refuse that themselves, older ones take any.
[[nodiscard]] std::optional<Failure> wrong_protocol(SSL* tls);

} // namespace fetch
