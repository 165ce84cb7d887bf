// wiring/host_addresses.hpp - the addresses of a host of this network: /etc/hosts first, then DNS, without a search list.
//
// For engines and Sentinels. getaddrinfo(3) would block, and follow nsswitch.conf(5) to services that no other part asks.
#pragma once

#include "base/net/address.hpp"
#include "cache/valkey/engine.hpp"
#include "dns/resolver.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace app {

inline constexpr std::size_t max_hosts_file = 1024 * 1024; ///< octets; what is beyond is not read
/// Addresses of one host; more are left out.
inline constexpr std::size_t max_host_addresses = 16;

/// What `file`, of the form of hosts(5), has for the host (in lower case), in its order. Lines that are none are passed over. Pure.
[[nodiscard]] std::vector<net::IpAddress> addresses_in(std::string_view file, std::string_view host);

/// Belongs to the thread of `resolver`, which outlives it. The file is read for each question: it is small, and on the
/// disk of this host.
[[nodiscard]] valkey::Resolve host_addresses(dns::Resolver& resolver, std::string file = "/etc/hosts");

} // namespace app
