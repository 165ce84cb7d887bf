// fetch/request.hpp - what is said to a policy host and to the HTTP CONNECT proxy before it, if one is
// configured. Pure.
#pragma once

#include "base/expected.hpp"

#include <boost/asio/ip/address.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace fetch {

struct Proxy {
    std::string host; ///< a name, without final dot; empty when `address` is set
    std::optional<boost::asio::ip::address> address;
    std::uint16_t port = 0;
};

/// "http://host:port", host being a name, an IPv4 address or an IPv6 one in brackets. The error is a sentence
/// for an operator.
[[nodiscard]] base::Expected<Proxy, std::string> parse_proxy(std::string_view text);

/// The request that opens a tunnel to host:port (RFC 9110 section 9.3.6).
[[nodiscard]] std::string connect_request(const std::string& host, std::uint16_t port);
/// The request for the policy, sent to the policy host itself (RFC 8461 section 3.3).
[[nodiscard]] std::string policy_request(const std::string& policy_host);

} // namespace fetch
