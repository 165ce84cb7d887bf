// tool/doctor/https_date.hpp - the time of a policy host, from the Date of its response.
//
// The certificate is not checked: if our clock is wrong, no certificate would pass. So the result is only a
// hint for an operator.
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
    /// As the options with the same names.
    bool allow_private_addresses = false;
    std::vector<base::Nat64Prefix> nat64_prefixes;
    std::chrono::milliseconds timeout{10000}; ///< in total
    std::uint16_t port = 443;                 ///< for tests
};

/// nullopt when the host has no address that we may connect to (fetch/address.hpp), cannot be reached in time,
/// or sends no Date within the limits of a response (fetch/http_reader.hpp).
[[nodiscard]] boost::asio::awaitable<std::optional<base::Instant>>
https_date(boost::asio::any_io_executor executor, dns::Resolver& resolver, std::string host,
           DateLimits limits);

} // namespace doctor
