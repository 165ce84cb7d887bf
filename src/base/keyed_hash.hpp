// base/keyed_hash.hpp - the hash for containers whose keys strangers choose.
//
// Whoever can compute the hash of his own names can aim all of them at one bucket, and make each step as long
// as the container. This one depends on a key that is drawn from the kernel when the process first needs it
// and never leaves it. Safe from any thread.
#pragma once

#include "base/siphash.hpp"

#include <cstddef>
#include <cstdint>
#include <random>
#include <string_view>

namespace base {

[[nodiscard]] inline SipKey random_sip_key() {
    std::random_device device;
    const auto word = [&device] { return static_cast<std::uint64_t>(device()) << 32 | device(); };
    const std::uint64_t k0 = word();
    return {k0, word()};
}

/// The process's own key.
[[nodiscard]] inline const SipKey& process_key() {
    static const SipKey key = random_sip_key();
    return key;
}

[[nodiscard]] inline std::uint64_t keyed_hash(std::string_view text) noexcept {
    return siphash_1_3(text, process_key());
}

/// As the Hash of an unordered container over strings or views of them.
struct KeyedHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept {
        return static_cast<std::size_t>(keyed_hash(text));
    }
};

/// As the Hash of an unordered container whose keys are keyed hashes already.
struct HashedAlready {
    std::size_t operator()(std::uint64_t hash) const noexcept { return static_cast<std::size_t>(hash); }
};

} // namespace base
