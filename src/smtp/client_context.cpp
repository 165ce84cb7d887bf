#include "smtp/client_context.hpp"

#include "fetch/openssl.hpp"
#include "smtp/protocols.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <cstdint>

namespace smtp {
namespace {

namespace ssl = boost::asio::ssl;

constexpr long max_cert_list = 100 * 1024; // OpenSSL's default, which Postfix has as well

int refusal_index() {
    static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
    return index;
}

/// Replaces X509_verify_cert(): nothing is verified that costs more than fetch/chain allows.
int verify(X509_STORE_CTX* store, void*) {
    const auto* tls =
        static_cast<const SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
    auto* refusal =
        tls != nullptr ? static_cast<std::string*>(SSL_get_ex_data(tls, refusal_index())) : nullptr;
    if (refusal == nullptr) {
        X509_STORE_CTX_set_error(store, X509_V_ERR_UNSPECIFIED);
        return 0;
    }
    return fetch::may_be_verified(store, *refusal) ? X509_verify_cert(store) : 0;
}

bool restrict(SSL_CTX* tls, const Protocols& protocols) {
    std::uint64_t off = 0;
    if (!protocols.ssl3) off |= SSL_OP_NO_SSLv3;
    if (!protocols.tls10) off |= SSL_OP_NO_TLSv1;
    if (!protocols.tls11) off |= SSL_OP_NO_TLSv1_1;
    if (!protocols.tls12) off |= SSL_OP_NO_TLSv1_2;
    if (!protocols.tls13) off |= SSL_OP_NO_TLSv1_3;
    SSL_CTX_set_options(tls, off);
    return SSL_CTX_set_min_proto_version(tls, protocols.floor) == 1 &&
           SSL_CTX_set_max_proto_version(tls, protocols.ceiling) == 1;
}

/// As Postfix: nothing is trusted that its settings do not name.
bool load_anchors(SSL_CTX* tls, const Settings& settings, std::string& trouble) {
    const char* file = settings.ca_file.empty() ? nullptr : settings.ca_file.c_str();
    const char* folder = settings.ca_folder.empty() ? nullptr : settings.ca_folder.c_str();
    if ((file != nullptr || folder != nullptr) && SSL_CTX_load_verify_locations(tls, file, folder) != 1) {
        trouble = "cannot use the CA certificates of " +
                  (file != nullptr ? settings.ca_file : settings.ca_folder) + ": " + fetch::openssl_words();
        return false;
    }
    if (settings.default_anchors && SSL_CTX_set_default_verify_paths(tls) != 1) {
        trouble = "cannot use the system's CA certificates: " + fetch::openssl_words();
        return false;
    }
    return true;
}

} // namespace

base::Expected<std::shared_ptr<ssl::context>, std::string> make_context(const Settings& settings) {
    const auto protocols = parse_protocols(settings.protocols);
    if (!protocols)
        return base::unexpected("Postfix cannot use smtp_tls_mandatory_protocols = " + settings.protocols);
    auto context = std::make_shared<ssl::context>(ssl::context::tls_client);
    SSL_CTX* tls = context->native_handle();
    ERR_clear_error();
    SSL_CTX_set_verify(tls, SSL_VERIFY_NONE, nullptr); // the verdict is kept, and does not end the handshake
    SSL_CTX_set_cert_verify_callback(tls, verify, nullptr);
    SSL_CTX_set_verify_depth(tls, settings.verify_depth + 1);
    SSL_CTX_set_security_level(tls, 1); // smtp(8)'s where a certificate must match
    SSL_CTX_clear_options(tls, SSL_OP_LEGACY_SERVER_CONNECT);
    SSL_CTX_set_options(tls, SSL_OP_ALL | SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_session_cache_mode(tls, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_max_cert_list(tls, max_cert_list);
#ifdef SSL_OP_NO_RX_CERTIFICATE_COMPRESSION // OpenSSL 3.2: the limit is on octets before expansion
    SSL_CTX_set_options(tls, SSL_OP_NO_RX_CERTIFICATE_COMPRESSION);
#endif
    if (!restrict(tls, *protocols) || refusal_index() < 0)
        return base::unexpected("cannot set up TLS: " + fetch::openssl_words());
    const std::string ciphers = settings.cipher_list.empty() ? medium_ciphers : settings.cipher_list;
    if (SSL_CTX_set_cipher_list(tls, ciphers.c_str()) != 1)
        return base::unexpected("Postfix cannot use the list of ciphers " + ciphers + ": " +
                                fetch::openssl_words());
    std::string trouble;
    if (!load_anchors(tls, settings, trouble)) return base::unexpected(std::move(trouble));
    return context;
}

bool watch_chain(SSL* tls, std::string& refusal) {
    return SSL_set_ex_data(tls, refusal_index(), &refusal) == 1;
}

} // namespace smtp
