#include "fetch/chain.hpp"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string_view>

namespace fetch {

namespace {

constexpr std::array<std::string_view, 3> curves{"prime256v1", "secp384r1", "secp521r1"};

// Usual chains: two or three certificates of one to two kilobytes.
constexpr int usual_certificates = 4;
constexpr int usual_octets = 10 * 1024;
constexpr int usual_rsa_bits = 4096;
constexpr int usual_exponent_bits = 32;
constexpr std::size_t usual_names = 250;

/// A DER element's content, and the octets after the element; nothing when it is not complete.
struct Element {
    const unsigned char* content = nullptr;
    const unsigned char* end = nullptr;
    bool good = false;
};
Element element(const unsigned char* at, const unsigned char* end) {
    long size = 0;
    int tag = 0, type = 0;
    const unsigned char* content = at;
    const int flags = ASN1_get_object(&content, &size, &tag, &type, end - at);
    if ((flags & 0x80) != 0 || (flags & 1) != 0 || size < 0 || size > end - content) return {};
    return {content, content + size, true};
}

/// How many elements the sequence at `at` has, `depth` levels below it.
std::size_t count(const unsigned char* at, const unsigned char* end, int depth) {
    std::size_t found = 0;
    while (at < end) {
        const Element one = element(at, end);
        if (!one.good) break;
        found += depth == 0 ? 1 : count(one.content, one.end, depth - 1);
        at = one.end;
    }
    return found;
}

/// Elements in all extensions of this kind; a certificate may have it more than once.
std::size_t count_in_extensions(const X509* cert, int kind, int depth) {
    std::size_t found = 0;
    for (int at = -1; (at = X509_get_ext_by_NID(cert, kind, at)) >= 0;) {
        const ASN1_OCTET_STRING* der = X509_EXTENSION_get_data(X509_get_ext(cert, at));
        const unsigned char* octets = ASN1_STRING_get0_data(der);
        found += count(octets, octets + ASN1_STRING_length(der), depth);
    }
    return found;
}

struct Names {
    std::size_t alternative = 0, all = 0, constraints = 0;
    [[nodiscard]] std::size_t comparisons() const noexcept { return all * constraints; }
};
Names names_of(const STACK_OF(X509) * sent) {
    Names names;
    for (int i = 0; i < sk_X509_num(sent); ++i) {
        const X509* cert = sk_X509_value(sent, i);
        names.alternative += count_in_extensions(cert, NID_subject_alt_name, 1);
        names.all +=
            static_cast<std::size_t>(std::max(X509_NAME_entry_count(X509_get_subject_name(cert)), 0));
        // SEQUENCE, then [0] permitted and [1] excluded, then each subtree.
        names.constraints += count_in_extensions(cert, NID_name_constraints, 2);
    }
    names.all += names.alternative;
    return names;
}

bool is_rsa(const EVP_PKEY* key) {
    return EVP_PKEY_is_a(key, "RSA") == 1 || EVP_PKEY_is_a(key, "RSA-PSS") == 1;
}

int exponent_bits(const EVP_PKEY* key) {
    BIGNUM* exponent = nullptr;
    if (EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &exponent) != 1) return 0;
    const int bits = BN_num_bits(exponent);
    BN_free(exponent);
    return bits;
}

std::optional<std::string> key_refusal(const EVP_PKEY* key) {
    if (is_rsa(key)) {
        const int bits = EVP_PKEY_get_bits(key);
        if (bits > max_rsa_bits)
            return "RSA key of " + std::to_string(bits) + " bits, at most " + std::to_string(max_rsa_bits);
        if (const int e = exponent_bits(key); e > max_rsa_exponent_bits)
            return "RSA exponent of " + std::to_string(e) + " bits, at most " +
                   std::to_string(max_rsa_exponent_bits);
        return std::nullopt;
    }
    if (EVP_PKEY_is_a(key, "EC") == 1) {
        std::array<char, 80> name{};
        std::size_t size = 0;
        int is_explicit = 0;
        (void)EVP_PKEY_get_int_param(key, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS, &is_explicit);
        if (is_explicit != 0 || EVP_PKEY_get_group_name(key, name.data(), name.size(), &size) != 1)
            return "EC key with explicit parameters";
        const std::string_view curve{name.data(), size};
        if (std::find(curves.begin(), curves.end(), curve) == curves.end())
            return "EC key on curve " + std::string(curve) + ", only P-256, P-384 and P-521";
        return std::nullopt;
    }
    if (EVP_PKEY_is_a(key, "ED25519") == 1 || EVP_PKEY_is_a(key, "ED448") == 1) return std::nullopt;
    const char* kind = EVP_PKEY_get0_type_name(key);
    return std::string("key of type ") + (kind != nullptr ? kind : "unknown") +
           ", only RSA, EC, Ed25519 and Ed448";
}

} // namespace

std::optional<std::string> chain_refusal(const STACK_OF(X509) * sent) {
    const int certificates = sk_X509_num(sent);
    if (certificates > max_certificates)
        return std::to_string(certificates) + " certificates, at most " + std::to_string(max_certificates);
    for (int i = 0; i < certificates; ++i) {
        // If OpenSSL cannot read a key, it cannot use it, either.
        const EVP_PKEY* key = X509_get0_pubkey(sk_X509_value(sent, i));
        if (key == nullptr) continue;
        if (auto refusal = key_refusal(key)) return "certificate " + std::to_string(i + 1) + ": " + *refusal;
    }
    const Names names = names_of(sent);
    if (names.alternative > max_names)
        return std::to_string(names.alternative) + " names in the certificates, at most " +
               std::to_string(max_names);
    if (names.comparisons() > max_name_comparisons)
        return std::to_string(names.all) + " names under " + std::to_string(names.constraints) +
               " name constraints, at most " + std::to_string(max_name_comparisons) + " comparisons";
    return std::nullopt;
}

bool is_dear(const STACK_OF(X509) * sent) {
    const int certificates = sk_X509_num(sent);
    if (certificates > usual_certificates) return true;
    int octets = 0;
    for (int i = 0; i < certificates; ++i) {
        X509* cert = sk_X509_value(sent, i);
        octets += std::max(i2d_X509(cert, nullptr), 0);
        const EVP_PKEY* key = X509_get0_pubkey(cert);
        if (key != nullptr && is_rsa(key) &&
            (EVP_PKEY_get_bits(key) > usual_rsa_bits || exponent_bits(key) > usual_exponent_bits))
            return true;
    }
    const Names names = names_of(sent);
    return octets > usual_octets || names.alternative > usual_names || names.comparisons() > usual_names;
}

} // namespace fetch
