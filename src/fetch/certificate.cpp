#include "fetch/certificate.hpp"

#include "base/text.hpp"
#include "fetch/chain.hpp"
#include "fetch/openssl.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <ctime>
#include <memory>
#include <string_view>

namespace fetch {

namespace {

using base::Reason;

constexpr std::string_view offered = "http/1.1";

// 112 bits: RSA 2048, SHA-2 (RFC 9325 section 4.5). Debian's own default; a system that demands more keeps
// its own.
constexpr int min_security_level = 2;

// One length-prefixed name (RFC 7301 section 3.1).
constexpr unsigned char alpn[] = "\x08http/1.1";

/// What is remembered about one handshake. Belongs to its SSL.
struct Notes {
    std::string refusal; // of the certificates, by fetch/chain
    bool postpone = false;
};

int notes_index() {
    static const int index = SSL_get_ex_new_index(
        0, nullptr, nullptr, nullptr,
        [](void*, void* notes, CRYPTO_EX_DATA*, int, long, void*) { delete static_cast<Notes*>(notes); });
    return index;
}

Notes* notes_of(const SSL* tls) { return static_cast<Notes*>(SSL_get_ex_data(tls, notes_index())); }

/// Replaces X509_verify_cert(), which it calls if the certificates may be verified at all. Called once for
/// each Certificate message, before any signature of the server is checked.
int verify(X509_STORE_CTX* store, void*) {
    auto* tls = static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
    Notes* notes = tls != nullptr ? notes_of(tls) : nullptr;
    if (notes == nullptr) {
        X509_STORE_CTX_set_error(store, X509_V_ERR_UNSPECIFIED);
        return 0;
    }
    if (!may_be_verified(store, notes->refusal)) return 0;
    if (notes->postpone && is_dear(X509_STORE_CTX_get0_untrusted(store))) {
        notes->postpone = false;
        SSL_set_retry_verify(tls);
        return 1;
    }
    return X509_verify_cert(store);
}

Reason reason_of(long verdict) noexcept {
    switch (verdict) {
    case X509_V_ERR_HOSTNAME_MISMATCH: return Reason::cert_name_mismatch;
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID: return Reason::cert_expired;
    default: return Reason::cert_untrusted;
    }
}

/// "CN=R11,O=Let's Encrypt,C=US"; what is not ASCII in it is escaped.
std::string issuer_of(const X509& certificate) {
    struct Free {
        void operator()(BIO* bio) const noexcept { BIO_free(bio); }
    };
    const std::unique_ptr<BIO, Free> out{BIO_new(BIO_s_mem())};
    if (!out || X509_NAME_print_ex(out.get(), X509_get_issuer_name(&certificate), 0, XN_FLAG_RFC2253) < 0)
        return {};
    const char* text = nullptr;
    const long octets = BIO_get_mem_data(out.get(), &text);
    return octets > 0 ? std::string(text, static_cast<std::size_t>(octets)) : std::string{};
}

} // namespace

base::Expected<std::shared_ptr<boost::asio::ssl::context>, std::string>
make_client_context(const std::string& ca_file) {
    auto context = std::make_shared<boost::asio::ssl::context>(boost::asio::ssl::context::tls_client);
    SSL_CTX* tls = context->native_handle();
    if (auto trusted = trust(tls, ca_file); !trusted) return base::unexpected(trusted.error());
    if (!restrict_tls(tls)) return base::unexpected("cannot set up TLS: " + openssl_words());
    return context;
}

bool restrict_tls(SSL_CTX* tls) {
    SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, nullptr);
    SSL_CTX_set_cert_verify_callback(tls, verify, nullptr);
    SSL_CTX_set_security_level(tls, std::max(SSL_CTX_get_security_level(tls), min_security_level));
    SSL_CTX_set_options(tls, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET);
#ifdef SSL_OP_NO_RX_CERTIFICATE_COMPRESSION // OpenSSL 3.2
    SSL_CTX_set_options(tls, SSL_OP_NO_RX_CERTIFICATE_COMPRESSION);
#endif
    SSL_CTX_set_session_cache_mode(tls, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_max_cert_list(tls, max_cert_list);
    return SSL_CTX_set_min_proto_version(tls, TLS1_2_VERSION) == 1 &&
           SSL_CTX_set_cipher_list(tls, "DEFAULT:!kDHE:!PSK:!SRP:!aDSS:!aNULL") == 1 &&
           SSL_CTX_set1_groups_list(tls, "X25519:P-256:P-384:P-521") == 1 &&
           SSL_CTX_set_alpn_protos(tls, alpn, sizeof alpn - 1) == 0 && notes_index() >= 0;
}

bool expect_host(SSL* tls, const std::string& policy_host) {
    SSL_set_hostflags(tls, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    if (notes_of(tls) == nullptr) {
        auto notes = std::make_unique<Notes>();
        if (SSL_set_ex_data(tls, notes_index(), notes.get()) != 1) return false;
        (void)notes.release();
    }
    const bool done = SSL_set1_host(tls, policy_host.c_str()) == 1 &&
                      SSL_set_tlsext_host_name(tls, policy_host.c_str()) == 1;
    ERR_clear_error();
    return done;
}

void postpone_dear_chains(SSL* tls) {
    if (Notes* notes = notes_of(tls)) notes->postpone = true;
}

std::optional<Failure> certificate_verdict(SSL* tls) {
    const long verdict = SSL_get_verify_result(tls);
    if (verdict == X509_V_OK) return std::nullopt;
    Failure failure;
    failure.reason = reason_of(verdict);
    const Notes* notes = notes_of(tls);
    failure.detail =
        notes != nullptr && !notes->refusal.empty() ? notes->refusal : X509_verify_cert_error_string(verdict);
    return failure;
}

Failure handshake_failure(SSL* tls, const boost::system::error_code& error) {
    if (auto verdict = certificate_verdict(tls)) return *verdict;
    Failure failure;
    failure.reason = Reason::tls_handshake;
    failure.detail = "TLS handshake: " + error.message();
    return failure;
}

Circumstances circumstances(SSL* tls) {
    Circumstances how;
    how.tls = SSL_get_version(tls);
    const X509* const certificate = SSL_get0_peer_certificate(tls);
    if (certificate == nullptr) return how;
    how.issuer = base::printable(issuer_of(*certificate), max_issuer);
    std::tm end{};
    if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &end) == 1)
        how.certificate_ends = base::Instant{base::seconds{::timegm(&end)}};
    ERR_clear_error();
    return how;
}

std::optional<Failure> wrong_protocol(SSL* tls) {
    const unsigned char* name = nullptr;
    unsigned length = 0;
    SSL_get0_alpn_selected(tls, &name, &length);
    const std::string_view chosen{reinterpret_cast<const char*>(name), length};
    if (chosen.empty() || chosen == offered) return std::nullopt;
    Failure failure;
    failure.reason = Reason::tls_handshake;
    failure.detail =
        "the server chose protocol " + std::string(chosen) + ", offered was " + std::string(offered);
    return failure;
}

} // namespace fetch
