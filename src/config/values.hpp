// config/values.hpp - texts of the configuration -> values: times, addresses with a port, proxies, engines. Pure.
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

using std::chrono::milliseconds;
using std::chrono::seconds;

/// The forms of a time, for messages to the operator.
inline constexpr std::string_view duration_words =
    "must be a time such as \"90s\", \"5m\", \"12h\" or \"30d\"";

/// "90" and "90s" are seconds, "5m" minutes, "12h" hours, "30d" days. At most 100,000 days; never negative.
[[nodiscard]] base::Expected<seconds, std::string> parse_duration(std::string_view text);
/// The shortest form that parse_duration() reads back to the same value; under two minutes always in seconds.
[[nodiscard]] std::string format_duration(seconds time);

/// The forms of a short time, for messages to the operator.
inline constexpr std::string_view short_duration_words = "must be a time such as \"50ms\" or \"1s\"";

/// "50ms", and what parse_duration() reads.
[[nodiscard]] base::Expected<milliseconds, std::string> parse_short_duration(std::string_view text);
/// The shortest form that parse_short_duration() reads back to the same value.
[[nodiscard]] std::string format_short_duration(milliseconds time);

/// A resolver to ask: "127.0.0.1", "127.0.0.1:5300", "::1", "[::1]", "[::1]:5300". Port 53 when none is given.
[[nodiscard]] base::Expected<net::Endpoint, std::string> parse_server(std::string_view text);
/// The shortest form: without the port when it is 53.
[[nodiscard]] std::string format_server(const net::Endpoint& server);

/// "" (none) or "http://host:port".
[[nodiscard]] base::Expected<net::Proxy, std::string> parse_proxy(std::string_view text);
[[nodiscard]] std::string format_proxy(const net::Proxy& proxy);

/// Where the engine of a shared cache, or a Sentinel, may be asked.
struct EngineAddress {
    enum class Kind { none, unix_socket, tcp, tls };
    Kind kind = Kind::none;
    std::string path; ///< unix_socket: absolute, at most max_unix_path octets
    std::string host; ///< tcp, tls: an IP address, or a name in lower case without a final dot
    std::uint16_t port = 0;
    [[nodiscard]] explicit operator bool() const noexcept { return kind != Kind::none; }
    friend bool operator==(const EngineAddress&, const EngineAddress&) = default;
};
/// "" (none), "unix:/path", "tcp:host:port", "tls:host:port"; port 6379 when none is given.
[[nodiscard]] base::Expected<EngineAddress, std::string> parse_engine(std::string_view text);
/// "tcp:host:port", "tls:host:port"; port 26379 when none is given.
[[nodiscard]] base::Expected<EngineAddress, std::string> parse_sentinel(std::string_view text);
/// With the port.
[[nodiscard]] std::string to_string(const EngineAddress& address);

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
