#include "fetch/certificate.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <string_view>
#include <system_error>

namespace fetch {

namespace {

using base::Reason;

constexpr std::string_view offered = "http/1.1";

// The server's certificates together; as large as OpenSSL's own default, made explicit because it is a limit
// on peers.
constexpr long max_cert_list = 100 * 1024;

// 112 bits: RSA 2048, SHA-2 (RFC 9325 section 4.5). Debian's own default; a system that demands more keeps
// its own.
constexpr int min_security_level = 2;

/// What the system said if it was the system, else OpenSSL's last word.
std::string openssl_words() {
    const unsigned long first = ERR_peek_error(), last = ERR_peek_last_error();
    const char* reason = last ? ERR_reason_error_string(last) : nullptr;
    std::string words = reason ? reason : "unknown error";
    if (ERR_SYSTEM_ERROR(first)) words = std::generic_category().message(ERR_GET_REASON(first));
    ERR_clear_error();
    return words;
}

Reason reason_of(long verdict) noexcept {
    switch (verdict) {
    case X509_V_ERR_HOSTNAME_MISMATCH: return Reason::cert_name_mismatch;
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID: return Reason::cert_expired;
    default: return Reason::cert_untrusted;
    }
}

} // namespace

base::Expected<std::shared_ptr<boost::asio::ssl::context>, std::string>
make_client_context(const std::string& ca_file) {
    auto context = std::make_shared<boost::asio::ssl::context>(boost::asio::ssl::context::tls_client);
    SSL_CTX* tls = context->native_handle();
    ERR_clear_error();
    if (ca_file.empty()) {
        if (SSL_CTX_set_default_verify_paths(tls) != 1)
            return base::unexpected("cannot use the system's CA certificates: " + openssl_words());
    } else if (SSL_CTX_load_verify_locations(tls, ca_file.c_str(), nullptr) != 1) {
        return base::unexpected("cannot use CA file " + ca_file + ": " + openssl_words());
    }
    static constexpr unsigned char alpn[] = "\x08http/1.1"; // one length-prefixed name (RFC 7301 section 3.1)
    if (SSL_CTX_set_min_proto_version(tls, TLS1_2_VERSION) != 1 ||
        SSL_CTX_set_alpn_protos(tls, alpn, sizeof alpn - 1) != 0)
        return base::unexpected("cannot set up TLS: " + openssl_words());
    SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, nullptr);
    SSL_CTX_set_security_level(tls, std::max(SSL_CTX_get_security_level(tls), min_security_level));
    SSL_CTX_set_options(tls, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET);
    SSL_CTX_set_session_cache_mode(tls, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_max_cert_list(tls, max_cert_list);
    return context;
}

bool expect_host(SSL* tls, const std::string& policy_host) {
    SSL_set_hostflags(tls, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    const bool done = SSL_set1_host(tls, policy_host.c_str()) == 1 &&
                      SSL_set_tlsext_host_name(tls, policy_host.c_str()) == 1;
    ERR_clear_error();
    return done;
}

std::optional<Failure> certificate_verdict(SSL* tls) {
    const long verdict = SSL_get_verify_result(tls);
    if (verdict == X509_V_OK) return std::nullopt;
    Failure failure;
    failure.reason = reason_of(verdict);
    failure.detail = X509_verify_cert_error_string(verdict);
    return failure;
}

Failure handshake_failure(SSL* tls, const boost::system::error_code& error) {
    if (auto verdict = certificate_verdict(tls)) return *verdict;
    Failure failure;
    failure.reason = Reason::tls_handshake;
    failure.detail = "TLS handshake: " + error.message();
    return failure;
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
