// base/siphash.hpp - SipHash (Aumasson, Bernstein 2012): a keyed hash of octets. Pure.
//
// siphash_1_3() with a random key places names that strangers choose, so that nobody can aim many of them at
// one bucket: what leaves this process tells nothing of its values, and the smaller number of rounds is
// enough for that. siphash() is the SipHash-2-4 of the paper; with a fixed key it is the checksum of a stored
// row (cache/disk/stored_row.hpp).
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace base {

struct SipKey {
    std::uint64_t k0 = 0, k1 = 0;
};

/// `each` rounds for eight octets, `last` rounds at the end.
template <int each, int last>
[[nodiscard]] inline std::uint64_t siphash_rounds(std::string_view text, SipKey key) noexcept {
    std::uint64_t v0 = key.k0 ^ 0x736f6d6570736575U, v1 = key.k1 ^ 0x646f72616e646f6dU;
    std::uint64_t v2 = key.k0 ^ 0x6c7967656e657261U, v3 = key.k1 ^ 0x7465646279746573U;
    const auto rounds = [&](int n) noexcept {
        for (; n > 0; --n) {
            v0 += v1, v1 = std::rotl(v1, 13), v1 ^= v0, v0 = std::rotl(v0, 32);
            v2 += v3, v3 = std::rotl(v3, 16), v3 ^= v2;
            v0 += v3, v3 = std::rotl(v3, 21), v3 ^= v0;
            v2 += v1, v1 = std::rotl(v1, 17), v1 ^= v2, v2 = std::rotl(v2, 32);
        }
    };
    constexpr bool little = std::endian::native == std::endian::little;
    const auto word = [&](std::size_t at,
                          std::size_t octets) noexcept { // little endian, whatever the machine
        std::uint64_t w = 0;
        if (octets == 8 && little) {
            std::memcpy(&w, text.data() + at, 8);
            return w;
        }
        for (std::size_t i = 0; i < octets; ++i)
            w |= static_cast<std::uint64_t>(static_cast<unsigned char>(text[at + i])) << (8 * i);
        return w;
    };
    const auto mix = [&](std::uint64_t w) noexcept {
        v3 ^= w;
        rounds(each);
        v0 ^= w;
    };
    std::size_t at = 0;
    for (; at + 8 <= text.size(); at += 8) mix(word(at, 8));
    const std::size_t left = text.size() - at;
    // The end of a longer text in one piece, with octets that were there before shifted out.
    const bool overlaps = little && at > 0 && left > 0;
    const std::uint64_t tail = overlaps ? word(text.size() - 8, 8) >> (8 * (8 - left)) : word(at, left);
    mix(tail | static_cast<std::uint64_t>(text.size()) << 56);
    v2 ^= 0xff;
    rounds(last);
    return v0 ^ v1 ^ v2 ^ v3;
}

[[nodiscard]] inline std::uint64_t siphash(std::string_view text, SipKey key) noexcept {
    return siphash_rounds<2, 4>(text, key);
}
[[nodiscard]] inline std::uint64_t siphash_1_3(std::string_view text, SipKey key) noexcept {
    return siphash_rounds<1, 3>(text, key);
}

} // namespace base
