// diagnose/https_date.hpp - what time a policy host has, from the Date of its response.
//
// The certificate is not checked: on a host with a wrong clock none would pass. So the answer is a hint for
// an operator and nothing more.
#pragma once

#include "base/clock.hpp"
#include "dns/resolver.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace diagnose {

/// RFC 9110 section 5.6.7, the form that must be sent: "Sun, 06 Nov 1994 08:49:37 GMT". Pure.
[[nodiscard]] std::optional<base::Instant> parse_http_date(std::string_view text);
/// The Date of a response whose head (or the beginning of it) is `head`. Pure.
[[nodiscard]] std::optional<base::Instant> date_of_response(std::string_view head);

/// Nothing when the host cannot be reached or does not say. The caller limits the time, by cancelling.
[[nodiscard]] boost::asio::awaitable<std::optional<base::Instant>>
https_date(boost::asio::any_io_executor executor, dns::Resolver& resolver, std::string host,
           std::uint16_t port = 443);

} // namespace diagnose
