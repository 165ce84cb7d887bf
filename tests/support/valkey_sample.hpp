// tests/support/valkey_sample.hpp - the fleet's keys and one value, as the worked examples of
// src/cache/valkey/README.md have them.
#pragma once

#include "cache/valkey/key_ring.hpp"
#include "cache/valkey/value.hpp"

#include <string>
#include <string_view>

namespace test {

/// The octets 00 to 1f, and 20 to 3f.
inline constexpr std::string_view first_key_line =
    "k1 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n";
inline constexpr std::string_view second_key_line =
    "k2 202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f\n";

inline valkey::KeyRing key_ring(std::string_view file = first_key_line) {
    return valkey::KeyRing::parse(file).value();
}

inline constexpr valkey::Time fetched_then{std::chrono::milliseconds{1'796'000'000'123}};
inline constexpr std::string_view sample_text =
    "version: STSv1\nmode: enforce\nmx: mail.example.com\nmx: *.example.net\nmax_age: 604800\n";

inline valkey::Value sample_value(std::string_view domain = "example.com") {
    return {base::Domain::parse(domain).value(), "20260101000000", fetched_then, "mail1.example.net",
            std::string{sample_text}};
}

/// The octets a0 to ab.
inline valkey::Nonce fixed_nonce() {
    valkey::Nonce nonce{};
    for (std::size_t i = 0; i < nonce.size(); ++i) nonce[i] = static_cast<unsigned char>(0xa0 + i);
    return nonce;
}

/// Content of any form under a right seal, for the value of this name.
inline std::string with_seal(std::string_view content, valkey::Naming naming, std::string_view name,
                             const valkey::Key& key) {
    std::string covered{"p"};
    covered.push_back('\0');
    covered.append(name).push_back('\0');
    std::string body{content};
    if (naming == valkey::Naming::hidden) body = encrypt(key.encryption, fixed_nonce(), covered, content);
    return "stsmapd1 " + key.id + " " + valkey::base64url(keyed_hash(key.seal, covered + body)) + "\n" + body;
}

} // namespace test
