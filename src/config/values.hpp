// config/values.hpp - texts of the configuration -> values: times, addresses with a port, proxies. Pure.
//
// Errors are words for the operator that begin with a verb ("must be ..."); the caller puts the option's name
// and place before them.
#pragma once

#include "base/expected.hpp"
#include "base/net/address.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace config {

using std::chrono::seconds;

/// The forms of a time, for messages to the operator.
inline constexpr std::string_view duration_words =
    "must be a time such as \"90s\", \"5m\", \"12h\" or \"30d\"";

/// "90" and "90s" are seconds, "5m" minutes, "12h" hours, "30d" days. At most 100,000 days; never negative.
[[nodiscard]] base::Expected<seconds, std::string> parse_duration(std::string_view text);
/// The shortest form that parse_duration() reads back to the same value; under two minutes always in seconds.
[[nodiscard]] std::string format_duration(seconds time);

/// A resolver to ask: "127.0.0.1", "127.0.0.1:5300", "::1", "[::1]", "[::1]:5300". Port 53 when none is given.
[[nodiscard]] base::Expected<net::Endpoint, std::string> parse_server(std::string_view text);
/// The shortest form: without the port when it is 53.
[[nodiscard]] std::string format_server(const net::Endpoint& server);

/// "" (none) or "http://host:port".
[[nodiscard]] base::Expected<net::Proxy, std::string> parse_proxy(std::string_view text);
[[nodiscard]] std::string format_proxy(const net::Proxy& proxy);

/// A host that the web listener may be asked as: "stats.example.com", "192.0.2.1", "[2001:db8::1]"; without a port. In the
/// form of net::parse_authority().
[[nodiscard]] base::Expected<std::string, std::string> parse_web_host(std::string_view text);

/// The permission bits of a file, at most 0777.
struct FileMode {
    unsigned bits = 0;
    friend bool operator==(const FileMode&, const FileMode&) = default;
};
/// "0660" -> 0660: one to four octal digits.
[[nodiscard]] base::Expected<FileMode, std::string> parse_file_mode(std::string_view text);
[[nodiscard]] std::string to_string(FileMode mode);

} // namespace config
