// cache/valkey/key_ring.hpp - the fleet's keys: the file of `shared.key_file`, and what is derived from it. Pure.
//
// A line is `ID KEY`: ID is 1 to 32 of [A-Za-z0-9_.-]; KEY is base64 or hex (crypto.hpp, decode_key()) of 32 to 512
// octets. "#" begins a comment; blank lines do not count. The first key seals and names, all are accepted. To change the key: append the new
// one on every host, then move it to the front on every host, then remove the old one.
#pragma once

#include "base/expected.hpp"
#include "cache/valkey/crypto.hpp"

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace valkey {

inline constexpr std::size_t max_key_file = 64 * 1024; ///< octets
inline constexpr std::size_t max_keys = 16;
inline constexpr std::size_t max_key_id = 32;             ///< octets
inline constexpr std::size_t min_key = 32, max_key = 512; ///< octets, decoded

[[nodiscard]] bool is_key_id(std::string_view text) noexcept;

/// One key, as what is derived from it (HKDF-SHA256, labels in key_ring.cpp): the key of the file itself is not kept.
struct Key {
    std::string id;
    Secret seal;       ///< of values (HMAC)
    Secret name;       ///< of domains' names with hide_domains (HMAC)
    Secret encryption; ///< of values with hide_domains (AES-256-GCM)
};
[[nodiscard]] Key derive_key(std::string id, std::string_view material);

struct KeyFileError {
    std::size_t line = 0;     ///< 1-based; 0: the file as a whole
    std::string_view problem; ///< constant words: nothing of the file is in them
    friend bool operator==(const KeyFileError&, const KeyFileError&) = default;
};
/// "line 3: the key is shorter than 32 octets"
[[nodiscard]] std::string words(const KeyFileError& error);

/// Immutable; may be moved, not copied. Safe from any thread.
class KeyRing {
public:
    /// `file`: its octets, of any length. Whoever read them wipes them (WipedText).
    [[nodiscard]] static base::Expected<KeyRing, KeyFileError> parse(std::string_view file);

    /// The first one.
    [[nodiscard]] const Key& sealing() const noexcept { return keys_.front(); }
    /// In the order of the file; 1 to max_keys.
    [[nodiscard]] std::span<const Key> keys() const noexcept { return keys_; }
    /// nullptr: there is none of this id.
    [[nodiscard]] const Key* find(std::string_view id) const noexcept;

private:
    explicit KeyRing(std::vector<Key> keys) noexcept : keys_(std::move(keys)) {}
    std::vector<Key> keys_; ///< never empty
};

} // namespace valkey
