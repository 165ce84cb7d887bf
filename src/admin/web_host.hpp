// admin/web_host.hpp - which hosts a request over the web listener may be for. Pure.
//
// A page of a stranger can make its own name lead to a loopback address (DNS rebinding); a browser then takes the
// daemon for that page's server and lets the page read what it says. The browser still sends the stranger's name in
// Host, and such a request is refused.
#pragma once

#include "admin/http_request.hpp"
#include "admin/routes.hpp"

#include <span>
#include <string>
#include <string_view>

namespace admin {

/// localhost, 127.0.0.1, [::1] and `hosts` (as net::parse_authority() writes them), each with any port.
[[nodiscard]] bool is_admitted(std::string_view authority, std::span<const std::string> hosts);

/// The field Host, and the host of a target in the absolute form. Error: 400 unless there is exactly one field Host
/// (RFC 9112 section 3.2), 421 when one of both is not admitted.
[[nodiscard]] base::Expected<void, NoMatch> admit(const Head& head, std::span<const std::string> hosts);

} // namespace admin
