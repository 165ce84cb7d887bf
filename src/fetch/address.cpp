#include "fetch/address.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

namespace fetch {

namespace {

namespace ip = boost::asio::ip;

struct Range4 {
    std::uint32_t network;
    unsigned prefix;
    std::string_view what;
};

constexpr std::uint32_t v4(std::uint32_t a, std::uint32_t b, std::uint32_t c, std::uint32_t d) {
    return a << 24 | b << 16 | c << 8 | d;
}

// The whole of IANA's IPv4 special-purpose registry (RFC 6890), with what is globally reachable in it: no
// policy host is behind an anycast service. And the address classes that are no hosts.
constexpr Range4 special4[] = {
    {v4(0, 0, 0, 0), 8, "this network"},            // RFC 1122 section 3.2.1.3
    {v4(10, 0, 0, 0), 8, "private"},                // RFC 1918
    {v4(100, 64, 0, 0), 10, "shared (CGNAT)"},      // RFC 6598
    {v4(127, 0, 0, 0), 8, "loopback"},              // RFC 1122 section 3.2.1.3
    {v4(169, 254, 0, 0), 16, "link-local"},         // RFC 3927
    {v4(172, 16, 0, 0), 12, "private"},             // RFC 1918
    {v4(192, 0, 0, 0), 24, "protocol assignments"}, // RFC 6890 section 2.1
    {v4(192, 0, 2, 0), 24, "documentation"},        // RFC 5737
    {v4(192, 31, 196, 0), 24, "AS112"},             // RFC 7535
    {v4(192, 52, 193, 0), 24, "multicast relay"},   // RFC 7450
    {v4(192, 88, 99, 0), 24, "6to4 relay"},         // RFC 7526
    {v4(192, 168, 0, 0), 16, "private"},            // RFC 1918
    {v4(192, 175, 48, 0), 24, "AS112"},             // RFC 7534
    {v4(198, 18, 0, 0), 15, "benchmarking"},        // RFC 2544
    {v4(198, 51, 100, 0), 24, "documentation"},     // RFC 5737
    {v4(203, 0, 113, 0), 24, "documentation"},      // RFC 5737
    {v4(224, 0, 0, 0), 4, "multicast"},             // RFC 5771
    {v4(240, 0, 0, 0), 4, "reserved"},              // RFC 1112 section 4; 255.255.255.255: RFC 919
};

using base::Octets6;

struct Range6 {
    Octets6 network;
    unsigned prefix;
    std::string_view what;
};

constexpr Octets6 v6(std::array<std::uint16_t, 8> groups) {
    Octets6 out{};
    for (std::size_t i = 0; i < 8; ++i) {
        out[2 * i] = static_cast<unsigned char>(groups[i] >> 8);
        out[2 * i + 1] = static_cast<unsigned char>(groups[i] & 0xff);
    }
    return out;
}

// Everything that IANA has given to hosts (RFC 4291 section 2.4, RFC 3587).
constexpr Range6 global_unicast{v6({0x2000}), 3, ""};

// The exceptions in it: the whole IPv6 special-purpose registry.
constexpr Range6 special6[] = {
    {v6({0x2001}), 32, "Teredo"},               // RFC 4380
    {v6({0x2001, 2}), 48, "benchmarking"},      // RFC 5180
    {v6({0x2001, 0x10}), 28, "ORCHID"},         // RFC 4843
    {v6({0x2001, 0x20}), 28, "ORCHID"},         // RFC 7343
    {v6({0x2001}), 23, "protocol assignments"}, // RFC 2928
    {v6({0x2001, 0xdb8}), 32, "documentation"}, // RFC 3849
    {v6({0x2620, 0x4f, 0x8000}), 48, "AS112"},  // RFC 7534
    {v6({0x3fff}), 20, "documentation"},        // RFC 9637
};

// Names for ranges outside; a range without a name is "reserved".
constexpr Range6 elsewhere6[] = {
    {v6({}), 128, "unspecified"},                         // RFC 4291 section 2.5.2
    {v6({0, 0, 0, 0, 0, 0, 0, 1}), 128, "loopback"},      // RFC 4291 section 2.5.3
    {v6({}), 96, "IPv4-compatible"},                      // RFC 4291 section 2.5.5.1, deprecated
    {v6({0x64, 0xff9b, 1}), 48, "local-use translation"}, // RFC 8215
    {v6({0x100}), 64, "discard"},                         // RFC 6666
    {v6({0x5f00}), 16, "segment routing"},                // RFC 9602
    {v6({0xfc00}), 7, "private"},                         // RFC 4193
    {v6({0xfe80}), 10, "link-local"},                     // RFC 4291 section 2.5.6
    {v6({0xfec0}), 10, "private"},                        // RFC 3879, site-local
    {v6({0xff00}), 8, "multicast"},                       // RFC 4291 section 2.7
};

constexpr auto mapped = v6({0, 0, 0, 0, 0, 0xffff}); // RFC 4291 section 2.5.5.2, 96 bits
constexpr auto nat64 = v6({0x64, 0xff9b});           // RFC 6052 section 2.1, 96 bits
constexpr auto six_to_four = v6({0x2002});           // RFC 3056, 16 bits

bool within(const Octets6& address, const Range6& range) noexcept {
    return base::same_prefix(address, range.network, range.prefix);
}

std::string_view special(std::uint32_t address) noexcept {
    for (const Range4& range : special4)
        if ((address ^ range.network) >> (32 - range.prefix) == 0) return range.what;
    return "";
}

std::uint32_t at(const Octets6& octets, std::size_t i) noexcept {
    return v4(octets[i], octets[i + 1], octets[i + 2], octets[i + 3]);
}

/// Like not_public(), with only the well-known NAT64 prefix.
std::string_view special(const Octets6& octets) noexcept {
    if (base::same_prefix(octets, mapped, 96)) return special(at(octets, 12));
    if (base::same_prefix(octets, nat64, 96)) return special(at(octets, 12));
    if (base::same_prefix(octets, six_to_four, 16)) return special(at(octets, 2));
    if (within(octets, global_unicast)) {
        for (const Range6& range : special6)
            if (within(octets, range)) return range.what;
        return "";
    }
    for (const Range6& range : elsewhere6)
        if (within(octets, range)) return range.what;
    return "reserved";
}

/// Whether this address that is not public could be reached through a translator.
bool worth_hiding(std::uint32_t ipv4) noexcept {
    const std::string_view what = special(ipv4);
    return !what.empty() && what != "this network" && what != "multicast" && what != "reserved" &&
           what != "documentation";
}

} // namespace

std::string_view not_public(const Address& address, std::span<const base::Nat64Prefix> prefixes) noexcept {
    if (address.is_v4()) return special(address.to_v4().to_uint());
    const Octets6 octets = address.to_v6().to_bytes();
    bool translated = false;
    for (const base::Nat64Prefix& prefix : prefixes) {
        if (!base::same_prefix(octets, prefix.network, prefix.length)) continue;
        const auto ipv4 = base::embedded_ipv4(octets, prefix.length);
        if (!ipv4) return "no IPv4 address behind a NAT64 prefix";
        if (const std::string_view what = special(*ipv4); !what.empty()) return what;
        translated = true;
    }
    // With a prefix the address need not be globally reachable. But inside 6to4 the other reading counts,
    // too.
    if (translated && !base::same_prefix(octets, six_to_four, 16)) return "";
    return special(octets);
}

bool nat64_decides(const Address& address) noexcept {
    if (address.is_v4()) return false;
    const Octets6 octets = address.to_v6().to_bytes();
    const bool open = special(octets).empty();
    return std::ranges::any_of(base::nat64_lengths, [&](unsigned length) {
        if (!base::may_be_nat64(base::nat64_prefix_of(octets, length))) return false;
        const auto ipv4 = base::embedded_ipv4(octets, length);
        return ipv4 && (open ? worth_hiding(*ipv4) : special(*ipv4).empty());
    });
}

std::optional<Address> from_rdata(std::string_view rdata) {
    if (rdata.size() == 4) {
        ip::address_v4::bytes_type octets;
        std::copy(rdata.begin(), rdata.end(), octets.begin());
        return ip::address_v4(octets);
    }
    if (rdata.size() == 16) {
        ip::address_v6::bytes_type octets;
        std::copy(rdata.begin(), rdata.end(), octets.begin());
        return ip::address_v6(octets);
    }
    return std::nullopt;
}

void Candidates::add(const std::vector<Address>& addresses) {
    for (const Address& address : addresses) {
        if (std::find(seen_.begin(), seen_.end(), address) != seen_.end()) continue;
        const auto of_family = std::count_if(seen_.begin(), seen_.end(),
                                             [&](const Address& a) { return a.is_v6() == address.is_v6(); });
        if (static_cast<std::size_t>(of_family) >= max_per_family) continue;
        seen_.push_back(address);
        (address.is_v6() ? v6_ : v4_).push_back(address);
    }
}

const Address& Candidates::front() const {
    const bool take_v4 = v6_.empty() || (v4_next_ && !v4_.empty());
    return take_v4 ? v4_.front() : v6_.front();
}

std::optional<Address> Candidates::next(const std::function<bool(const Address&)>& usable) {
    for (const bool take_v4 : {v4_next_, !v4_next_}) {
        std::deque<Address>& family = take_v4 ? v4_ : v6_;
        const auto found = std::find_if(family.begin(), family.end(), usable);
        if (found == family.end()) continue;
        const Address address = *found;
        family.erase(found);
        v4_next_ = !take_v4;
        return address;
    }
    return std::nullopt;
}

void Candidates::put_back(const Address& address) { (address.is_v6() ? v6_ : v4_).push_front(address); }

} // namespace fetch
