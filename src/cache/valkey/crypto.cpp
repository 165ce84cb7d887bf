#include "cache/valkey/crypto.hpp"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <stdexcept>

namespace valkey {

/// The one way to the octets of a Secret.
struct SecretOctets {
    static std::array<unsigned char, Secret::size>& of(Secret& secret) noexcept { return secret.octets_; }
    static const std::array<unsigned char, Secret::size>& of(const Secret& secret) noexcept {
        return secret.octets_;
    }
};

namespace {

constexpr std::size_t tag_size = 16;

void must(bool done, const char* what) {
    if (!done) throw std::runtime_error(std::string{"OpenSSL failed: "} + what);
}

const unsigned char* bytes(std::string_view text) noexcept {
    return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* bytes(std::string& text) noexcept { return reinterpret_cast<unsigned char*>(text.data()); }

int length(std::string_view text) {
    must(text.size() <= static_cast<std::size_t>(std::numeric_limits<int>::max()), "the text is too long");
    return static_cast<int>(text.size());
}

struct Free {
    void operator()(EVP_KDF* p) const noexcept { EVP_KDF_free(p); }
    void operator()(EVP_KDF_CTX* p) const noexcept { EVP_KDF_CTX_free(p); }
    void operator()(EVP_CIPHER_CTX* p) const noexcept { EVP_CIPHER_CTX_free(p); }
};
template <class T>
using Owned = std::unique_ptr<T, Free>;

/// -1: no hex digit.
int hex_digit(char c) noexcept {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

bool is_base64(char c) noexcept {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '+' || c == '/';
}

bool decode_hex(std::string_view text, std::string& octets) {
    if (octets.capacity() - octets.size() < text.size() / 2) return false;
    for (std::size_t i = 0; i < text.size(); i += 2)
        octets.push_back(static_cast<char>(hex_digit(text[i]) << 4 | hex_digit(text[i + 1])));
    return true;
}

bool decode_base64(std::string_view text, std::string& octets) {
    if (text.empty() || text.size() % 4 != 0) return false;
    const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
    if (!std::ranges::all_of(text.substr(0, text.size() - padding), is_base64)) return false;
    const std::size_t before = octets.size(), most = text.size() / 4 * 3;
    if (octets.capacity() - before < most) return false;
    octets.resize(before + most);
    if (EVP_DecodeBlock(bytes(octets) + before, bytes(text), length(text)) < 0) return false;
    octets.resize(before + most - padding);
    return true;
}

} // namespace

Secret::Secret(std::span<const unsigned char, size> octets) noexcept {
    std::ranges::copy(octets, octets_.begin());
}
Secret::Secret(Secret&& other) noexcept : octets_(other.octets_) {
    OPENSSL_cleanse(other.octets_.data(), size);
}
Secret& Secret::operator=(Secret&& other) noexcept {
    if (this != &other) {
        octets_ = other.octets_;
        OPENSSL_cleanse(other.octets_.data(), size);
    }
    return *this;
}
Secret::~Secret() { OPENSSL_cleanse(octets_.data(), size); }

bool operator==(const Secret& a, const Secret& b) noexcept {
    return CRYPTO_memcmp(a.octets_.data(), b.octets_.data(), Secret::size) == 0;
}

void wipe(std::string& text) noexcept {
    text.resize(text.capacity()); // within its room: nothing is allocated
    OPENSSL_cleanse(text.data(), text.size());
    text.clear();
}

bool decode_key(std::string_view text, std::string& octets) {
    const bool is_hex = !text.empty() && text.size() % 2 == 0 &&
                        std::ranges::all_of(text, [](char c) { return hex_digit(c) >= 0; });
    return is_hex ? decode_hex(text, octets) : decode_base64(text, octets);
}

std::string hex(const Hash& hash) {
    static constexpr char digits[] = "0123456789abcdef";
    std::string text;
    text.reserve(2 * hash.size());
    for (const unsigned char octet : hash) {
        text.push_back(digits[octet >> 4]);
        text.push_back(digits[octet & 0xf]);
    }
    return text;
}

std::string base64url(const Hash& hash) {
    std::array<unsigned char, 45> text{}; // 44 characters and a zero
    const int size = EVP_EncodeBlock(text.data(), hash.data(), static_cast<int>(hash.size()));
    std::string url(text.begin(), text.begin() + size);
    std::ranges::replace(url, '+', '-');
    std::ranges::replace(url, '/', '_');
    url.erase(url.find('='));
    return url;
}

Secret derive(std::string_view material, std::string_view label) {
    const Owned<EVP_KDF> kdf{EVP_KDF_fetch(nullptr, "HKDF", nullptr)};
    must(kdf != nullptr, "there is no HKDF");
    const Owned<EVP_KDF_CTX> context{EVP_KDF_CTX_new(kdf.get())};
    must(context != nullptr, "HKDF");
    // The parameters are only read.
    char digest[] = "SHA256";
    const OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, const_cast<char*>(material.data()),
                                          material.size()),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, const_cast<char*>(label.data()), label.size()),
        OSSL_PARAM_construct_end()};
    Secret secret{Hash{}};
    std::array<unsigned char, Secret::size>& octets = SecretOctets::of(secret);
    must(EVP_KDF_derive(context.get(), octets.data(), octets.size(), parameters) == 1, "HKDF-SHA256");
    return secret;
}

Hash keyed_hash(const Secret& key, std::string_view text) {
    Hash hash{};
    unsigned size = 0;
    must(HMAC(EVP_sha256(), SecretOctets::of(key).data(), static_cast<int>(Secret::size), bytes(text),
              text.size(), hash.data(), &size) != nullptr &&
             size == hash.size(),
         "HMAC-SHA256");
    return hash;
}

bool equal(std::string_view a, std::string_view b) noexcept {
    return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

Nonce random_nonce() {
    Nonce nonce{};
    must(RAND_bytes(nonce.data(), static_cast<int>(nonce.size())) == 1, "no random octets");
    return nonce;
}

std::string encrypt(const Secret& key, const Nonce& nonce, std::string_view context, std::string_view plain) {
    const Owned<EVP_CIPHER_CTX> cipher{EVP_CIPHER_CTX_new()};
    must(cipher != nullptr, "AES-256-GCM");
    std::string box(nonce.begin(), nonce.end());
    box.resize(plain.size() + encryption_overhead);
    unsigned char* to = bytes(box) + nonce.size();
    int size = 0, last = 0;
    must(EVP_EncryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, SecretOctets::of(key).data(),
                            nonce.data()) == 1 &&
             EVP_EncryptUpdate(cipher.get(), nullptr, &size, bytes(context), length(context)) == 1 &&
             EVP_EncryptUpdate(cipher.get(), to, &size, bytes(plain), length(plain)) == 1 &&
             EVP_EncryptFinal_ex(cipher.get(), to + size, &last) == 1 &&
             EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_AEAD_GET_TAG, tag_size, to + plain.size()) == 1,
         "AES-256-GCM");
    return box;
}

std::optional<std::string> decrypt(const Secret& key, std::string_view context, std::string_view box) {
    if (box.size() < encryption_overhead) return std::nullopt;
    const std::string_view nonce = box.substr(0, std::tuple_size_v<Nonce>);
    const std::string_view text = box.substr(nonce.size(), box.size() - encryption_overhead);
    std::string tag{box.substr(box.size() - tag_size)};
    const Owned<EVP_CIPHER_CTX> cipher{EVP_CIPHER_CTX_new()};
    must(cipher != nullptr, "AES-256-GCM");
    std::string plain(text.size() + tag_size, '\0'); // OpenSSL asks for room of a block more
    int size = 0, last = 0;
    must(EVP_DecryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, SecretOctets::of(key).data(),
                            bytes(nonce)) == 1 &&
             EVP_DecryptUpdate(cipher.get(), nullptr, &size, bytes(context), length(context)) == 1 &&
             EVP_DecryptUpdate(cipher.get(), bytes(plain), &size, bytes(text), length(text)) == 1 &&
             EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_AEAD_SET_TAG, tag_size, tag.data()) == 1,
         "AES-256-GCM");
    if (EVP_DecryptFinal_ex(cipher.get(), bytes(plain) + size, &last) != 1) return std::nullopt;
    plain.resize(text.size());
    return plain;
}

} // namespace valkey
