// cache/valkey/tls_context.hpp - OpenSSL set up as a client of an engine: TLS 1.2 or newer, the engine's certificate
// verified to a trusted root and to its name.
//
// Limits: a chain is checked by fetch/chain before any signature of it is verified.
#pragma once

#include "base/expected.hpp"

#include <boost/asio/ssl/context.hpp>

#include <memory>
#include <string>

namespace valkey {

struct TlsSettings {
    std::string ca_file; ///< PEM; "": the system's roots
    std::string name;    ///< to send and to find in the certificate; "": the host that is connected to
    std::string certificate_file; ///< of ours, PEM, with its chain; "": none
    std::string key_file;         ///< its key, PEM, without a passphrase
    friend bool operator==(const TlsSettings&, const TlsSettings&) = default;
};

/// Reads the files: blocking. The error is a sentence for an operator.
[[nodiscard]] base::Expected<std::shared_ptr<boost::asio::ssl::context>, std::string>
make_context(const TlsSettings& settings);

/// Before the handshake. `name`: a host name, which is sent as SNI and must be a dNSName of the certificate, or an IP
/// address, which must be an iPAddress of it. False when OpenSSL refuses it.
[[nodiscard]] bool expect_name(SSL* tls, const std::string& name);

/// Why a handshake failed: the verdict on the certificate if that is what went wrong, else OpenSSL's words.
[[nodiscard]] std::string handshake_words(SSL* tls, const boost::system::error_code& error);

} // namespace valkey
