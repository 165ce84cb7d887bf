// tests/support/test_ca.hpp - keys and certificates made at run time with OpenSSL, good ones and all kinds of
// bad ones. Throws std::runtime_error when OpenSSL refuses.
#pragma once

#include "support/temp_folder.hpp"

#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace test {

struct KeyFree {
    void operator()(EVP_PKEY* key) const noexcept { EVP_PKEY_free(key); }
};
struct CertFree {
    void operator()(X509* cert) const noexcept { X509_free(cert); }
};
using Key = std::unique_ptr<EVP_PKEY, KeyFree>;
using Cert = std::unique_ptr<X509, CertFree>;

[[nodiscard]] Key make_ec_key(); ///< P-256
[[nodiscard]] Key make_rsa_key(int bits);

/// What a certificate is to say. Times are relative to now.
struct CertSpec {
    std::string cn = "test certificate";
    std::vector<std::string> dns, ip, uri, srv, email;
    std::chrono::seconds not_before{-3600};
    std::chrono::seconds not_after{std::chrono::hours{24 * 30}};
    bool ca = false;
    bool sha1 = false;       ///< signed with SHA-1
    std::string permitted;   ///< CA only: a name constraint, e.g. ".example.org"
    std::string excluded;    ///< CA only: likewise
    std::size_t padding = 0; ///< octets in an extension that nobody knows
    std::string usage;       ///< extendedKeyUsage, e.g. "clientAuth"; empty: none
};

/// A certificate with its key and the certificates that go with it to the peer.
struct Identity {
    std::shared_ptr<EVP_PKEY> key;
    std::shared_ptr<X509> cert;
    std::vector<std::shared_ptr<X509>> chain; ///< intermediates (and what else), without the leaf
};

[[nodiscard]] Identity self_signed(const CertSpec& spec, Key key = make_ec_key());
/// Signed by `issuer`; its chain is the issuer's with the issuer in front.
[[nodiscard]] Identity issue(const Identity& issuer, const CertSpec& spec, Key key = make_ec_key());

[[nodiscard]] std::string to_pem(const Identity& identity);
/// Replaces what a server shows its peers.
void present(SSL_CTX* context, const Identity& identity);
void present(SSL* connection, const Identity& identity);

/// A DER OCSP response about `leaf` saying good or revoked, signed by `issuer`.
[[nodiscard]] std::string ocsp_response(const Identity& leaf, const Identity& issuer, bool revoked);

/// A root with one intermediate, and the root's PEM in a temporary file, removed at the end.
class TestCa {
public:
    TestCa();

    [[nodiscard]] const Identity& root() const noexcept { return root_; }
    [[nodiscard]] const Identity& intermediate() const noexcept { return intermediate_; }
    /// A leaf of the intermediate for DNS names; its chain holds the intermediate, not the root.
    [[nodiscard]] Identity leaf(std::vector<std::string> dns) const;
    [[nodiscard]] Identity leaf_of(const CertSpec& spec, Key key = make_ec_key()) const;
    /// An intermediate of the root with another spec.
    [[nodiscard]] Identity another_intermediate(CertSpec spec) const;
    /// The file that holds the root.
    [[nodiscard]] const std::string& file() const noexcept { return file_; }

private:
    Identity root_, intermediate_;
    TempFolder folder_;
    std::string file_ = folder_ / "root.pem";
};

} // namespace test
