#include "fetch/openssl.hpp"

#include "fetch/chain.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <new>
#include <system_error>
#include <utility>

namespace fetch {

std::string openssl_words() {
    const unsigned long first = ERR_peek_error(), last = ERR_peek_last_error();
    const char* const reason = last != 0 ? ERR_reason_error_string(last) : nullptr;
    std::string words = reason != nullptr ? reason : "unknown error";
    if (ERR_SYSTEM_ERROR(first)) words = std::generic_category().message(ERR_GET_REASON(first));
    ERR_clear_error();
    return words;
}

base::Expected<void, std::string> trust(SSL_CTX* tls, const std::string& ca_file) {
    ERR_clear_error();
    if (ca_file.empty()) {
        if (SSL_CTX_set_default_verify_paths(tls) != 1)
            return base::unexpected("cannot use the system's CA certificates: " + openssl_words());
    } else if (SSL_CTX_load_verify_locations(tls, ca_file.c_str(), nullptr) != 1) {
        return base::unexpected("cannot use CA file " + ca_file + ": " + openssl_words());
    }
    return {};
}

bool may_be_verified(X509_STORE_CTX* store, std::string& refusal) noexcept {
    const STACK_OF(X509)* const sent = X509_STORE_CTX_get0_untrusted(store);
    if (sent == nullptr) {
        X509_STORE_CTX_set_error(store, X509_V_ERR_UNSPECIFIED);
        return false;
    }
    try {
        auto words = chain_refusal(sent);
        if (!words) return true;
        refusal = *std::move(words);
        X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
    } catch (const std::bad_alloc&) { // OpenSSL is C: no exception may pass through it
        X509_STORE_CTX_set_error(store, X509_V_ERR_OUT_OF_MEM);
    }
    return false;
}

} // namespace fetch
