// smtp/client_context.hpp - OpenSSL set up as Postfix's smtp(8) does it at the levels that verify certificates, but for
// what a client loads of its own: no client certificates, no session cache.
#pragma once

#include "base/expected.hpp"
#include "smtp/settings.hpp"

#include <boost/asio/ssl/context.hpp>

#include <memory>
#include <string>

namespace smtp {

/// Postfix's tls_medium_cipherlist, and what smtp(8) excludes where it authenticates the server.
inline constexpr const char* medium_ciphers = "aNULL:-aNULL:HIGH:MEDIUM:+RC4:@STRENGTH:!aNULL";

/// Reads the trust anchors: blocking. The verdict about a certificate does not end a handshake. The error is a sentence
/// for an operator.
[[nodiscard]] base::Expected<std::shared_ptr<boost::asio::ssl::context>, std::string>
make_context(const Settings& settings);

/// Where the reason is left why a chain is not verified at all (fetch/chain), which then counts as not trusted.
/// `refusal` must outlive the handshake. False without memory.
[[nodiscard]] bool watch_chain(SSL* tls, std::string& refusal);

} // namespace smtp
