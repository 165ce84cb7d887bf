#include "cache/valkey/tls_context.hpp"

#include "base/net/address.hpp"
#include "base/text.hpp"
#include "fetch/openssl.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <utility>

namespace valkey {

namespace {

namespace asio = boost::asio;

constexpr long max_cert_list = 100 * 1024; // octets of all the engine's certificates; OpenSSL's default

/// Replaces X509_verify_cert(), which it calls if the certificates may be verified at all.
int verify(X509_STORE_CTX* store, void*) {
    std::string refusal; // why() does not need it
    return fetch::may_be_verified(store, refusal) ? X509_verify_cert(store) : 0;
}

} // namespace

base::Expected<std::shared_ptr<asio::ssl::context>, std::string> make_context(const TlsSettings& settings) {
    auto context = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_client);
    SSL_CTX* const tls = context->native_handle();
    if (auto trusted = fetch::trust(tls, settings.ca_file); !trusted)
        return base::unexpected(trusted.error());
    if (settings.certificate_file.empty() != settings.key_file.empty())
        return base::unexpected(std::string("a client certificate needs a certificate file and a key file"));
    if (!settings.certificate_file.empty()) {
        // A key with a passphrase is refused: else OpenSSL would ask for it on the terminal.
        SSL_CTX_set_default_passwd_cb(tls, [](char*, int, int, void*) { return -1; });
        if (SSL_CTX_use_certificate_chain_file(tls, settings.certificate_file.c_str()) != 1)
            return base::unexpected("cannot use certificate file " + settings.certificate_file + ": " +
                                    fetch::openssl_words());
        if (SSL_CTX_use_PrivateKey_file(tls, settings.key_file.c_str(), SSL_FILETYPE_PEM) != 1)
            return base::unexpected("cannot use key file " + settings.key_file + ": " +
                                    fetch::openssl_words());
        if (SSL_CTX_check_private_key(tls) != 1)
            return base::unexpected("key file " + settings.key_file + " is not that of the certificate");
    }
    SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, nullptr);
    SSL_CTX_set_cert_verify_callback(tls, verify, nullptr);
    SSL_CTX_set_options(tls, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET);
    SSL_CTX_set_session_cache_mode(tls, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_max_cert_list(tls, max_cert_list);
    if (SSL_CTX_set_min_proto_version(tls, TLS1_2_VERSION) != 1)
        return base::unexpected("cannot set up TLS: " + fetch::openssl_words());
    return context;
}

bool expect_name(SSL* tls, const std::string& name) {
    bool done = false;
    if (net::parse_ip(name)) {
        done = X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(tls), name.c_str()) == 1;
    } else {
        SSL_set_hostflags(tls, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
        done = SSL_set1_host(tls, name.c_str()) == 1 && SSL_set_tlsext_host_name(tls, name.c_str()) == 1;
    }
    ERR_clear_error();
    return done && !name.empty();
}

std::string handshake_words(SSL* tls, const boost::system::error_code& error) {
    const long verdict = SSL_get_verify_result(tls);
    const std::string why = verdict == X509_V_OK ? error.message() : X509_verify_cert_error_string(verdict);
    return "TLS: " + base::printable(why, 120);
}

} // namespace valkey
