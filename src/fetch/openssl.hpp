// fetch/openssl.hpp - what all TLS clients of the project do alike with OpenSSL.
//
// Safe from several threads.
#pragma once

#include "base/expected.hpp"

#include <openssl/types.h>

#include <string>

namespace fetch {

/// The system's words if the system failed, else those of OpenSSL's last error. Empties this thread's queue of errors.
[[nodiscard]] std::string openssl_words();

/// Trusts the certificates of `ca_file`, or of the system when that is "". The error is words for a person.
[[nodiscard]] base::Expected<void, std::string> trust(SSL_CTX* tls, const std::string& ca_file);

/// The first part of a callback that replaces X509_verify_cert(): whether fetch/chain allows what the peer has sent.
/// False: the error is set, and `refusal` has the words. Throws nothing.
[[nodiscard]] bool may_be_verified(X509_STORE_CTX* store, std::string& refusal) noexcept;

} // namespace fetch
