// tool/doctor/https_date.hpp - what time a policy host has, from the Date of its response.
//
// The certificate is not checked: on a host with a wrong clock none would pass. So the answer is a hint for
// an operator and nothing more.
#pragma once

#include "base/clock.hpp"
#include "base/nat64.hpp"
#include "dns/resolver.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace doctor {

/// RFC 9110 section 5.6.7, the form that must be sent: "Sun, 06 Nov 1994 08:49:37 GMT". Pure.
[[nodiscard]] std::optional<base::Instant> parse_http_date(std::string_view text);

/// What the connection may do: the same as the fetcher's.
struct DateLimits {
    /// As the options of the same names.
    bool allow_private_addresses = false;
    std::vector<base::Nat64Prefix> nat64_prefixes;
    std::chrono::milliseconds timeout{10000}; ///< for all of it
    std::uint16_t port = 443;                 ///< for tests
};

/// Nothing when the host has no address that may be connected to (fetch/address.hpp), cannot be reached in
/// time, or does not say within the limits of a response (fetch/http_reader.hpp).
[[nodiscard]] boost::asio::awaitable<std::optional<base::Instant>>
https_date(boost::asio::any_io_executor executor, dns::Resolver& resolver, std::string host,
           DateLimits limits);

} // namespace doctor
