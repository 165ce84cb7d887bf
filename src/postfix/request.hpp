// postfix/request.hpp - one socketmap request "NAME SP KEY" -> dialect and next hop. Pure.
//
// Keys are Postfix next hops as written in its configuration or address: "example.com", "UPPER.Example",
// "example.com:25", "[mx.example.com]:587", "[192.0.2.1]", ".parent", U-labels. RFC 8461 section 3.4: the
// host of a smart-host next hop is the policy domain; address literals and parents have no policy.
#pragma once

#include "base/domain.hpp"
#include "base/expected.hpp"
#include "base/reason.hpp"
#include "postfix/next_hop.hpp"
#include "postfix/services.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace postfix {

/// Which attributes an answer may carry. Postfix does not tell its version; the map's name does.
enum class Dialect {
    plain,  ///< every Postfix: match= and servername=
    tlsrpt, ///< Postfix 3.10 and newer: also policy_type, policy_domain, mx_host_pattern, policy_string
};

/// tlsrpt when the map name contains "tlsrpt" in any case, else plain. Any name is accepted.
[[nodiscard]] Dialect dialect_of(std::string_view map_name) noexcept;

/// A request's two words.
struct Words {
    std::string_view map_name, key;
};
/// nullopt when the payload has no space and so is no request at all: a protocol violation.
[[nodiscard]] std::optional<Words> split_request(std::string_view payload) noexcept;

/// A map name that asks about the daemon itself, for tools: key "dane" is answered "OK active" or "OK
/// inactive: why", key "version" "OK 1.2.3". Every other key, and every key of a daemon that does not know
/// it, is NOTFOUND.
inline constexpr std::string_view status_map = "stsmapd.status";

struct Request {
    Dialect dialect{};
    /// The next hop, or why the key has no policy domain (one of the key_* reasons): answer NOTFOUND without
    /// any lookup.
    base::Expected<NextHop, base::Reason> hop;
};

[[nodiscard]] Request parse_request(const Words& words, const Services& services = own_services());
/// The same of a whole payload; nullopt when it is no request.
[[nodiscard]] std::optional<Request> parse_request(std::string_view payload,
                                                   const Services& services = own_services());

/// The next hop of a key alone (what parse_request uses). One without a port is for port 25. Of a service
/// that `services` does not know the port is NextHop::unknown_port.
[[nodiscard]] base::Expected<NextHop, base::Reason> next_hop(std::string_view key,
                                                             const Services& services = own_services());
/// Its host.
[[nodiscard]] base::Expected<base::Domain, base::Reason> policy_domain(std::string_view key);
/// What stands behind the host's colon in a key that has a next hop; "" without one.
[[nodiscard]] std::string_view service_of(std::string_view key) noexcept;

} // namespace postfix
