// fetch/chain.hpp - limits on what a peer's certificates cost, checked before any of their signatures.
//
// Pure; needs OpenSSL's types. A chain within all limits may still take tens of milliseconds to verify: see
// is_dear().
#pragma once

#include <openssl/x509.h>

#include <cstddef>
#include <optional>
#include <string>

namespace fetch {

inline constexpr int max_certificates = 20;
inline constexpr int max_rsa_bits = 8192;
inline constexpr int max_rsa_exponent_bits = 64;
/// dNSNames and other names, over all certificates sent.
inline constexpr std::size_t max_names = 2048;
/// Names (including those of subjects) times name constraints, over all certificates sent: the comparisons
/// that verification may make. OpenSSL has the same limit, but for each pair of certificates.
inline constexpr std::size_t max_name_comparisons = 1 << 20;

/// Why the certificates that a peer sent, including the leaf, are refused before verification; names the rule
/// and the figure. Keys must be RSA, EC on P-256, P-384 or P-521, Ed25519 or Ed448.
[[nodiscard]] std::optional<std::string> chain_refusal(const STACK_OF(X509) * sent);

/// True if verifying them may take longer than a usual chain of up to four certificates.
[[nodiscard]] bool is_dear(const STACK_OF(X509) * sent);

} // namespace fetch
