// postfix/request.hpp - one socketmap request "NAME SP KEY" -> dialect and policy domain. Pure.
//
// Keys are Postfix next hops as written in its configuration or address: "example.com", "UPPER.Example",
// "example.com:25", "[mx.example.com]:587", "[192.0.2.1]", ".parent", U-labels. RFC 8461 section 3.4: the
// host of a smart-host next hop is the policy domain; address literals and parents have no policy.
#pragma once

#include "base/domain.hpp"
#include "base/expected.hpp"
#include "base/reason.hpp"

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
    /// The policy domain, or why the key has none (one of the key_* reasons): answer NOTFOUND without any
    /// lookup.
    base::Expected<base::Domain, base::Reason> domain;
};

[[nodiscard]] Request parse_request(const Words& words);
/// The same of a whole payload; nullopt when it is no request.
[[nodiscard]] std::optional<Request> parse_request(std::string_view payload);

/// The policy domain of a key alone (what parse_request uses).
[[nodiscard]] base::Expected<base::Domain, base::Reason> policy_domain(std::string_view key);

} // namespace postfix
