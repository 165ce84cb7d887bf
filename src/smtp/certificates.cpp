#include "smtp/certificates.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <memory>
#include <span>
#include <string_view>

namespace smtp {
namespace {

struct FreeBio {
    void operator()(BIO* bio) const noexcept { BIO_free(bio); }
};
struct FreeNames {
    void operator()(GENERAL_NAMES* names) const noexcept { GENERAL_NAMES_free(names); }
};

/// As in RFC 2253; what is not ASCII in it is escaped.
std::string text_of(const X509_NAME* name) {
    const std::unique_ptr<BIO, FreeBio> out{BIO_new(BIO_s_mem())};
    if (!out || name == nullptr || X509_NAME_print_ex(out.get(), name, 0, XN_FLAG_RFC2253) < 0) return {};
    const char* text = nullptr;
    const long octets = BIO_get_mem_data(out.get(), &text);
    return octets > 0 ? std::string(text, static_cast<std::size_t>(octets)) : std::string{};
}

/// The last one, in UTF-8.
std::string common_name_of(const X509_NAME* name) {
    int last = -1;
    for (int at = -1; (at = X509_NAME_get_index_by_NID(name, NID_commonName, at)) >= 0;) last = at;
    if (last < 0) return {};
    unsigned char* text = nullptr;
    const int octets = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, last)));
    if (octets < 0) return {};
    std::string made(reinterpret_cast<const char*>(text), static_cast<std::size_t>(octets));
    OPENSSL_free(text);
    return made;
}

std::vector<std::string> dns_names_of(const X509& certificate) {
    std::vector<std::string> found;
    const std::unique_ptr<GENERAL_NAMES, FreeNames> names{
        static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(&certificate, NID_subject_alt_name, nullptr, nullptr))};
    for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
        const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
        if (name->type != GEN_DNS) continue;
        const auto* text = reinterpret_cast<const char*>(ASN1_STRING_get0_data(name->d.dNSName));
        found.emplace_back(text, static_cast<std::size_t>(ASN1_STRING_length(name->d.dNSName)));
    }
    return found;
}

base::Instant instant_of(const ASN1_TIME* time) {
    std::tm parts{};
    if (ASN1_TIME_to_tm(time, &parts) != 1) return {};
    return base::Instant{base::seconds{::timegm(&parts)}};
}

std::string key_of(const X509& certificate) {
    const EVP_PKEY* key = X509_get0_pubkey(&certificate);
    if (key == nullptr) return "unreadable";
    const char* type = EVP_PKEY_get0_type_name(key);
    std::string words = type != nullptr ? type : "unknown";
    if (EVP_PKEY_is_a(key, "EC") == 1) {
        std::array<char, 80> name{};
        std::size_t size = 0;
        if (EVP_PKEY_get_group_name(key, name.data(), name.size(), &size) != 1) return words;
        const char* known = EC_curve_nid2nist(OBJ_sn2nid(name.data()));
        return words + ' ' + (known != nullptr ? known : name.data());
    }
    if (const int bits = EVP_PKEY_get_bits(key);
        bits > 0 && (words == "RSA" || words == "RSA-PSS" || words == "DSA"))
        words += ' ' + std::to_string(bits);
    return words;
}

std::string hex(std::span<const unsigned char> octets) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string text;
    for (const unsigned char octet : octets) {
        text += digits[octet >> 4U];
        text += digits[octet & 15U];
    }
    return text;
}

std::string sha256(std::string_view octets) {
    std::array<unsigned char, SHA256_DIGEST_LENGTH> sum{};
    SHA256(reinterpret_cast<const unsigned char*>(octets.data()), octets.size(), sum.data());
    return hex(sum);
}

template <class Value>
std::string der_octets(const Value* value, int (*encode)(const Value*, unsigned char**)) {
    unsigned char* octets = nullptr;
    const int count = encode(value, &octets);
    if (count <= 0) return {};
    std::string made(reinterpret_cast<const char*>(octets), static_cast<std::size_t>(count));
    OPENSSL_free(octets);
    return made;
}

std::string base64(std::string_view octets) {
    std::string text((octets.size() + 2) / 3 * 4 + 1, '\0');
    const int written = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                        reinterpret_cast<const unsigned char*>(octets.data()),
                                        static_cast<int>(octets.size()));
    text.resize(static_cast<std::size_t>(std::max(written, 0)));
    return text;
}

} // namespace

Certificate describe(const X509& certificate) {
    Certificate made;
    made.subject = text_of(X509_get_subject_name(&certificate));
    made.issuer = text_of(X509_get_issuer_name(&certificate));
    made.common_name = common_name_of(X509_get_subject_name(&certificate));
    made.dns_names = dns_names_of(certificate);
    made.not_before = instant_of(X509_get0_notBefore(&certificate));
    made.not_after = instant_of(X509_get0_notAfter(&certificate));
    made.key = key_of(certificate);
    const std::string der = der_octets<X509>(&certificate, i2d_X509);
    made.sha256 = sha256(der);
    made.spki_sha256 = sha256(der_octets<X509_PUBKEY>(X509_get_X509_PUBKEY(&certificate), i2d_X509_PUBKEY));
    made.der = base64(der);
    ERR_clear_error();
    return made;
}

Tls describe(SSL* tls, std::string sni) {
    Tls made;
    made.version = SSL_get_version(tls);
    made.cipher = SSL_get_cipher_name(tls);
    made.sni = std::move(sni);
    const STACK_OF(X509)* sent = SSL_get_peer_cert_chain(tls);
    const int count = sent != nullptr ? std::min(sk_X509_num(sent), max_kept_chain) : 0;
    for (int i = 0; i < count; ++i) made.chain.push_back(describe(*sk_X509_value(sent, i)));
    const long verdict = SSL_get_verify_result(tls);
    made.trusted = verdict == X509_V_OK && !made.chain.empty();
    made.trust_code = static_cast<int>(verdict);
    if (!made.trusted)
        made.trust_error = made.chain.empty() ? "no certificate" : X509_verify_cert_error_string(verdict);
    return made;
}

std::optional<std::string> der_of(const Certificate& certificate) {
    const std::string& text = certificate.der;
    if (text.empty() || text.size() % 4 != 0) return std::nullopt;
    std::string octets(text.size() / 4 * 3, '\0');
    const int written =
        EVP_DecodeBlock(reinterpret_cast<unsigned char*>(octets.data()),
                        reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
    ERR_clear_error();
    if (written < 0) return std::nullopt;
    const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
    octets.resize(static_cast<std::size_t>(written) - padding);
    return octets;
}

} // namespace smtp
