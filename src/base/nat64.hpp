// base/nat64.hpp - IPv4 addresses inside IPv6 ones, as NAT64 translators write them (RFC 6052 section 2.2).
// Pure.
#pragma once

#include "base/expected.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace base {

/// An IPv6 address in network order.
using Octets6 = std::array<unsigned char, 16>;

/// The only lengths that a prefix may have, in bits.
inline constexpr std::array<unsigned, 6> nat64_lengths{32, 40, 48, 56, 64, 96};

struct Nat64Prefix {
    Octets6 network{}; ///< all bits behind the prefix are zero, and so is octet 8 (bits 64 to 71)
    unsigned length = 96;
    friend bool operator==(const Nat64Prefix&, const Nat64Prefix&) = default;
};

/// True when the first `length` bits of both are the same. `length` is at most 128.
[[nodiscard]] bool same_prefix(const Octets6& a, const Octets6& b, unsigned length) noexcept;
/// The IPv4 address, in host order, that an address holds behind a prefix of `length` (one of nat64_lengths).
/// Nothing when octet 8 is not zero: then it holds none.
[[nodiscard]] std::optional<std::uint32_t> embedded_ipv4(const Octets6& address, unsigned length) noexcept;
/// The prefix of `length` (one of nat64_lengths) of an address that holds an IPv4 address behind it.
[[nodiscard]] Nat64Prefix nat64_prefix_of(const Octets6& address, unsigned length) noexcept;
/// Whether a network can have it: global or unique local unicast, or of 64:ff9b::/96 and 64:ff9b:1::/48 (RFC
/// 8215).
[[nodiscard]] bool may_be_nat64(const Nat64Prefix& prefix) noexcept;

/// The prefix that an AAAA record of ipv4only.arpa shows (RFC 7050 section 3): it holds 192.0.0.170 or
/// 192.0.0.171 at exactly one of the places for it.
[[nodiscard]] std::optional<Nat64Prefix> nat64_prefix_shown_by(const Octets6& address) noexcept;

/// "64:ff9b:1::/96". The error is words for an operator.
[[nodiscard]] Expected<Nat64Prefix, std::string> parse_nat64_prefix(std::string_view text);
[[nodiscard]] std::string to_string(const Nat64Prefix& prefix);

} // namespace base
