#include "smtp/dane_chain.hpp"

#include "fetch/chain.hpp"
#include "smtp/certificates.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <chrono>
#include <memory>

namespace smtp {
namespace {

struct Free {
    void operator()(SSL_CTX* p) const noexcept { SSL_CTX_free(p); }
    void operator()(SSL* p) const noexcept { SSL_free(p); }
    void operator()(X509* p) const noexcept { X509_free(p); }
    void operator()(X509_STORE_CTX* p) const noexcept { X509_STORE_CTX_free(p); }
    void operator()(STACK_OF(X509) * p) const noexcept { sk_X509_pop_free(p, X509_free); }
};
template <class T>
using Own = std::unique_ptr<T, Free>;

Own<STACK_OF(X509)> stack_of(std::span<const Certificate> chain) {
    Own<STACK_OF(X509)> made{sk_X509_new_null()};
    for (const Certificate& each : chain) {
        const auto der = der_of(each);
        const auto* octets = der ? reinterpret_cast<const unsigned char*>(der->data()) : nullptr;
        Own<X509> one{octets != nullptr ? d2i_X509(nullptr, &octets, static_cast<long>(der->size()))
                                        : nullptr};
        if (!made || !one || sk_X509_push(made.get(), one.get()) == 0) return nullptr;
        (void)one.release();
    }
    return made;
}

/// How many of the records OpenSSL takes; it drops those whose data it cannot read.
int add_records(SSL* tls, std::span<const dane::Tlsa> records) {
    int added = 0;
    for (const dane::Tlsa& each : records) {
        if (!dane::usable(each)) continue;
        const auto* octets = reinterpret_cast<const unsigned char*>(each.data.data());
        if (SSL_dane_tlsa_add(tls, each.usage, each.selector, each.matching, octets, each.data.size()) > 0)
            ++added;
    }
    return added;
}

} // namespace

DaneMatch dane_match(std::span<const Certificate> chain, std::span<const dane::Tlsa> records,
                     std::span<const std::string> names, base::Instant at) {
    if (!std::ranges::any_of(records, dane::usable)) return DaneMatch::unusable;
    const Own<STACK_OF(X509)> sent = stack_of(chain);
    const Own<SSL_CTX> context{SSL_CTX_new(TLS_client_method())};
    const auto end = [](DaneMatch match) {
        ERR_clear_error();
        return match;
    };
    if (!sent || sk_X509_num(sent.get()) == 0 || fetch::chain_refusal(sent.get()))
        return end(DaneMatch::unknown);
    if (!context || SSL_CTX_dane_enable(context.get()) <= 0) return end(DaneMatch::unknown);
    SSL_CTX_set_security_level(context.get(), 1); // smtp(8)'s where a certificate must match
    const Own<SSL> tls{SSL_new(context.get())};
    if (!tls || SSL_dane_enable(tls.get(), nullptr) <= 0) return end(DaneMatch::unknown);
    SSL_dane_set_flags(tls.get(), DANE_FLAG_NO_DANE_EE_NAMECHECKS); // RFC 7672 section 3.1.1
    SSL_set_hostflags(tls.get(), X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    for (const std::string& name : names)
        if (SSL_add1_host(tls.get(), name.c_str()) != 1) return end(DaneMatch::unknown);
    if (add_records(tls.get(), records) == 0) return end(DaneMatch::unusable);

    const Own<X509_STORE_CTX> verification{X509_STORE_CTX_new()};
    if (!verification || X509_STORE_CTX_init(verification.get(), SSL_CTX_get_cert_store(context.get()),
                                             sk_X509_value(sent.get(), 0), sent.get()) != 1)
        return end(DaneMatch::unknown);
    X509_STORE_CTX_set_default(verification.get(), "ssl_server");
    X509_VERIFY_PARAM* const how = X509_STORE_CTX_get0_param(verification.get());
    X509_VERIFY_PARAM_set_auth_level(how, SSL_get_security_level(tls.get()));
    if (X509_VERIFY_PARAM_set1(how, SSL_get0_param(tls.get())) != 1) return end(DaneMatch::unknown);
    X509_VERIFY_PARAM_set_time(how, std::chrono::system_clock::to_time_t(at));
    X509_STORE_CTX_set0_dane(verification.get(), SSL_get0_dane(tls.get()));
    const bool good = X509_verify_cert(verification.get()) == 1;
    return end(good ? DaneMatch::matches : DaneMatch::differs);
}

} // namespace smtp
