#include "base/nat64.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

namespace base {

namespace {

constexpr std::size_t always_zero = 8; // the octet that no form puts a bit into

/// Where the four octets stand: behind the prefix, leaving out the one that is always zero.
std::array<std::size_t, 4> places(unsigned length) noexcept {
    std::array<std::size_t, 4> at{};
    std::size_t octet = length / 8;
    for (std::size_t& place : at) {
        if (octet == always_zero) ++octet;
        place = octet++;
    }
    return at;
}

constexpr Octets6 starting(std::array<unsigned char, 6> octets) {
    Octets6 all{};
    std::copy(octets.begin(), octets.end(), all.begin());
    return all;
}

} // namespace

bool same_prefix(const Octets6& a, const Octets6& b, unsigned length) noexcept {
    const std::size_t whole = length / 8;
    if (!std::equal(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(whole), b.begin())) return false;
    const unsigned mask = 0xff00u >> length % 8 & 0xffu;
    return length % 8 == 0 || (a[whole] & mask) == (b[whole] & mask);
}

std::optional<std::uint32_t> embedded_ipv4(const Octets6& address, unsigned length) noexcept {
    if (address[always_zero] != 0) return std::nullopt;
    std::uint32_t ipv4 = 0;
    for (const std::size_t place : places(length)) ipv4 = ipv4 << 8 | address[place];
    return ipv4;
}

Nat64Prefix nat64_prefix_of(const Octets6& address, unsigned length) noexcept {
    Nat64Prefix prefix;
    prefix.length = length;
    std::copy_n(address.begin(), length / 8, prefix.network.begin());
    return prefix;
}

bool may_be_nat64(const Nat64Prefix& prefix) noexcept {
    const Octets6& network = prefix.network;
    if (network[always_zero] != 0) return false;
    if (network[0] == 0)
        return (prefix.length == 96 && same_prefix(network, starting({0, 0x64, 0xff, 0x9b}), 96)) ||
               (prefix.length >= 48 && same_prefix(network, starting({0, 0x64, 0xff, 0x9b, 0, 1}), 48));
    return network[0] < 0xfe; // link-local, site-local, multicast
}

std::optional<Nat64Prefix> nat64_prefix_shown_by(const Octets6& address) noexcept {
    constexpr std::uint32_t first = 0xc00000aa, second = 0xc00000ab; // RFC 7050 section 2.2
    std::optional<Nat64Prefix> found;
    for (const unsigned length : nat64_lengths) {
        const auto ipv4 = embedded_ipv4(address, length);
        if (ipv4 != first && ipv4 != second) continue;
        if (found) return std::nullopt; // at two places: which one is the prefix's is not known
        found = nat64_prefix_of(address, length);
    }
    if (found && !may_be_nat64(*found)) return std::nullopt;
    return found;
}

Expected<Nat64Prefix, std::string> parse_nat64_prefix(std::string_view text) {
    const std::size_t slash = text.find('/');
    const std::string address{text.substr(0, slash)};
    Nat64Prefix prefix;
    if (slash == std::string_view::npos || address.find('\0') != std::string::npos ||
        ::inet_pton(AF_INET6, address.c_str(), prefix.network.data()) != 1)
        return unexpected(std::string{"must be an IPv6 prefix, as in \"64:ff9b:1::/96\""});
    const std::string_view digits = text.substr(slash + 1);
    const auto [stop, error] = std::from_chars(digits.data(), digits.data() + digits.size(), prefix.length);
    if (error != std::errc{} || stop != digits.data() + digits.size() ||
        std::ranges::find(nat64_lengths, prefix.length) == nat64_lengths.end())
        return unexpected(std::string{"the length must be 32, 40, 48, 56, 64 or 96"});
    if (prefix.network[always_zero] != 0) return unexpected(std::string{"bits 64 to 71 must be zero"});
    if (prefix != nat64_prefix_of(prefix.network, prefix.length))
        return unexpected("has bits set behind the first " + std::to_string(prefix.length));
    if (!may_be_nat64(prefix)) return unexpected(std::string{"is no prefix that a NAT64 can have"});
    return prefix;
}

std::string to_string(const Nat64Prefix& prefix) {
    char text[INET6_ADDRSTRLEN] = "";
    ::inet_ntop(AF_INET6, prefix.network.data(), text, sizeof text);
    return std::string{text} + "/" + std::to_string(prefix.length);
}

} // namespace base
