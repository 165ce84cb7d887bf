#include "tool/check/host_tls.hpp"

#include "fetch/chain.hpp"
#include "smtp/certificates.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <memory>

namespace check {
namespace {

struct FreeStore {
    void operator()(X509_STORE_CTX* p) const noexcept { X509_STORE_CTX_free(p); }
};

/// Whether the chain leads to a trust anchor and is valid now, whatever its names: X509_V_OK, or why not.
int judge_chain(SSL* tls, X509* leaf, STACK_OF(X509) * sent) {
    const std::unique_ptr<X509_STORE_CTX, FreeStore> store{X509_STORE_CTX_new()};
    if (!store || X509_STORE_CTX_init(store.get(), SSL_CTX_get_cert_store(SSL_get_SSL_CTX(tls)), leaf, sent) != 1 ||
        X509_STORE_CTX_set_default(store.get(), "ssl_server") != 1)
        return X509_V_ERR_OUT_OF_MEM;
    X509_VERIFY_PARAM_set_auth_level(X509_STORE_CTX_get0_param(store.get()), SSL_get_security_level(tls));
    (void)X509_verify_cert(store.get());
    return X509_STORE_CTX_get_error(store.get());
}

} // namespace

smtp::Tls tls_of_policy_host(SSL* tls, const std::string& host) {
    smtp::Tls made = smtp::describe(tls, host);
    STACK_OF(X509)* const sent = SSL_get_peer_cert_chain(tls);
    X509* const leaf = SSL_get0_peer_certificate(tls);
    if (sent == nullptr || leaf == nullptr) return made;
    made.trusted = false;
    made.trust_error.clear();
    if (const auto refusal = fetch::chain_refusal(sent)) {
        made.trust_code = X509_V_ERR_APPLICATION_VERIFICATION;
        made.trust_error = *refusal;
        return made;
    }
    made.trust_code = judge_chain(tls, leaf, sent);
    made.trusted = made.trust_code == X509_V_OK;
    if (!made.trusted) made.trust_error = X509_verify_cert_error_string(made.trust_code);
    ERR_clear_error();
    return made;
}

bool has_name(SSL* tls, const std::string& host) {
    X509* const leaf = SSL_get0_peer_certificate(tls);
    constexpr unsigned rules = X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS;
    return leaf != nullptr && X509_check_host(leaf, host.data(), host.size(), rules, nullptr) == 1;
}

} // namespace check
