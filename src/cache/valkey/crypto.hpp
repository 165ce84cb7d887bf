// cache/valkey/crypto.hpp - keyed hashes and encryption of what a fleet shares; the only file here that names OpenSSL.
//
// All but random_nonce() are pure. Safe from any thread. They throw std::runtime_error when OpenSSL cannot do it (no
// memory, or an algorithm that the system's configuration forbids); the words hold no secret.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace valkey {

/// A key of 32 octets. Nobody but crypto.cpp sees them; they are wiped when it ends, and when it is moved from.
class Secret {
public:
    static constexpr std::size_t size = 32;
    explicit Secret(std::span<const unsigned char, size> octets) noexcept;
    Secret(Secret&& other) noexcept;
    Secret& operator=(Secret&& other) noexcept;
    ~Secret();

    /// Takes the same time wherever they differ.
    friend bool operator==(const Secret& a, const Secret& b) noexcept;

private:
    friend struct SecretOctets;
    std::array<unsigned char, size> octets_;
};

/// Overwrites all that `text` has room for, and leaves it empty.
void wipe(std::string& text) noexcept;

/// A text that is wiped at its end. Reserve its room before it is filled: what a growing string leaves behind is not
/// wiped.
struct WipedText {
    std::string octets;
    WipedText() = default;
    WipedText(const WipedText&) = delete;
    WipedText& operator=(const WipedText&) = delete;
    ~WipedText() { wipe(octets); }
};

/// What base64 (RFC 4648 section 4, with its padding, without line ends) or hex digits stand for is appended to
/// `octets`; false when `text` is neither. An even number of hex digits is hex. Does not let `octets` grow beyond its
/// room: false then too.
[[nodiscard]] bool decode_key(std::string_view text, std::string& octets);

using Hash = std::array<unsigned char, 32>;
[[nodiscard]] std::string hex(const Hash& hash);
/// RFC 4648 section 5, without padding: 43 characters.
[[nodiscard]] std::string base64url(const Hash& hash);

/// HKDF-SHA256 (RFC 5869) without salt: 32 octets out of `material` for the use that `label` names.
[[nodiscard]] Secret derive(std::string_view material, std::string_view label);

/// HMAC-SHA256 (RFC 2104).
[[nodiscard]] Hash keyed_hash(const Secret& key, std::string_view text);

/// Takes the same time wherever they differ. Their lengths are no secret.
[[nodiscard]] bool equal(std::string_view a, std::string_view b) noexcept;

using Nonce = std::array<unsigned char, 12>;
/// Of OpenSSL's generator.
[[nodiscard]] Nonce random_nonce();

/// Octets that encrypt() adds: the nonce in front, the tag behind.
inline constexpr std::size_t encryption_overhead = 12 + 16;
/// AES-256-GCM (NIST SP 800-38D). `context` is authenticated besides. No nonce twice under one key.
[[nodiscard]] std::string encrypt(const Secret& key, const Nonce& nonce, std::string_view context,
                                  std::string_view plain);
/// Nothing: it was not made with this key and context.
[[nodiscard]] std::optional<std::string> decrypt(const Secret& key, std::string_view context,
                                                 std::string_view box);

} // namespace valkey
