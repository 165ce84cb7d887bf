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

/// Which attributes an answer may have. A request does not contain Postfix's version; the map's name selects
/// the dialect.
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
/// nullopt when the payload has no space, so it is not a request: a protocol violation.
[[nodiscard]] std::optional<Words> split_request(std::string_view payload) noexcept;

/// A map name for questions about the daemon itself, for tools. The answer for key "dane" is "OK active" or "OK
/// inactive: why"; for key "version" it is "OK 1.2.3". Every other key is NOTFOUND; so is every key in a daemon
/// that does not know this map.
inline constexpr std::string_view status_map = "stsmapd.status";

struct Request {
    Dialect dialect{};
    /// The next hop, or why the key has no policy domain (one of the key_* reasons): answer NOTFOUND without
    /// any lookup.
    base::Expected<NextHop, base::Reason> hop;
};

[[nodiscard]] Request parse_request(const Words& words, const Services& services = own_services());
/// The same from a whole payload; nullopt when it is not a request.
[[nodiscard]] std::optional<Request> parse_request(std::string_view payload,
                                                   const Services& services = own_services());

/// The next hop in a key (parse_request() uses it). Without a port it is port 25. For a service that
/// `services` does not know it is NextHop::unknown_port.
[[nodiscard]] base::Expected<NextHop, base::Reason> next_hop(std::string_view key,
                                                             const Services& services = own_services());
/// Its host.
[[nodiscard]] base::Expected<base::Domain, base::Reason> policy_domain(std::string_view key);
/// The text after the host's colon, in a key that has a next hop; "" without one.
[[nodiscard]] std::string_view service_of(std::string_view key) noexcept;

} // namespace postfix
