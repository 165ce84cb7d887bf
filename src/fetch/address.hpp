// fetch/address.hpp - which addresses of a policy host may be connected to, and in which order. Pure.
//
// A policy host's addresses come from strangers' DNS: without a check anyone could make the daemon talk to
// machines of its own network (server-side request forgery).
#pragma once

#include "base/nat64.hpp"

#include <boost/asio/ip/address.hpp>

#include <deque>
#include <functional>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace fetch {

using Address = boost::asio::ip::address;

/// Why an address is not that of a public host, e.g. "loopback" or "private"; "" when it is public: when it
/// is IPv4 and not in IANA's special-purpose registry, or global unicast IPv6 (2000::/3) and not in that
/// registry. An IPv4 address inside an IPv6 one is judged as the IPv4 address that it leads to: v4-mapped,
/// 6to4, 64:ff9b::/96 and every address in one of the NAT64 `prefixes` of this network. All other IPv6
/// addresses are not public.
[[nodiscard]] std::string_view not_public(const Address& address,
                                          std::span<const base::Nat64Prefix> prefixes = {}) noexcept;

/// True if some NAT64 prefix of this network could change the verdict of not_public(). Either the address is
/// refused without a prefix, and has a public IPv4 address at one of the six possible places; or it has an
/// IPv4 address by which a translator could reach a host that is not public. Few real addresses are of this
/// kind.
[[nodiscard]] bool nat64_decides(const Address& address) noexcept;

/// An address of A or AAAA RDATA (4 or 16 octets); nothing for any other length.
[[nodiscard]] std::optional<Address> from_rdata(std::string_view rdata);

/// Addresses waiting for a connection attempt: IPv6 and IPv4 in turn, IPv6 first, each family in the order it
/// came (RFC 8305 section 4 with "First Address Family Count" 1). Addresses may be added while others are
/// being tried.
class Candidates {
public:
    /// At most this many of one family are tried: an honest policy host does not need more.
    static constexpr std::size_t max_per_family = 16;

    /// Appends; an address seen before is ignored.
    void add(const std::vector<Address>& addresses);
    /// Takes out the next one that `usable` accepts, leaving the others in their order.
    [[nodiscard]] std::optional<Address> next(const std::function<bool(const Address&)>& usable);
    /// For an attempt that was given up without a result: its address is the next of its family again.
    void put_back(const Address& address);
    [[nodiscard]] bool empty() const noexcept { return v6_.empty() && v4_.empty(); }
    /// The one that next() would look at first. Requires !empty().
    [[nodiscard]] const Address& front() const;
    [[nodiscard]] bool has_v6() const noexcept { return !v6_.empty(); }
    /// How many different addresses were ever added.
    [[nodiscard]] std::size_t seen() const noexcept { return seen_.size(); }

private:
    std::deque<Address> v6_, v4_;
    std::vector<Address> seen_;
    bool v4_next_ = false;
};

} // namespace fetch
