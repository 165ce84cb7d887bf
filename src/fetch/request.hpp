// fetch/request.hpp - the requests to a policy host, and to the HTTP CONNECT proxy before it, if one is
// configured. Pure.
#pragma once

#include <cstdint>
#include <string>

namespace fetch {

/// The request that opens a tunnel to host:port (RFC 9110 section 9.3.6).
[[nodiscard]] std::string connect_request(const std::string& host, std::uint16_t port);
/// The request for the policy, sent to the policy host itself (RFC 8461 section 3.3).
[[nodiscard]] std::string policy_request(const std::string& policy_host);

} // namespace fetch
