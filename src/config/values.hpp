// config/values.hpp - texts of the configuration -> values: times, addresses with a port, proxies. Pure.
//
// Errors are words for the operator that begin with a verb ("must be ..."); the caller puts the option's name
// and place before them.
#pragma once

#include "base/expected.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace config {

using std::chrono::seconds;

/// What a time is, for words to the operator.
inline constexpr std::string_view duration_words =
    "must be a time such as \"90s\", \"5m\", \"12h\" or \"30d\"";

/// "90" and "90s" are seconds, "5m" minutes, "12h" hours, "30d" days. At most 100,000 days; never negative.
[[nodiscard]] base::Expected<seconds, std::string> parse_duration(std::string_view text);
/// The shortest form parse_duration() reads back to the same value; under two minutes always in seconds.
[[nodiscard]] std::string format_duration(seconds time);

struct HostPort {
    std::string_view host;             ///< without brackets
    bool bracketed = false;            ///< it stood in brackets
    std::optional<std::uint16_t> port; ///< nullopt: no port was given
};
/// "host", "host:port", ":port", "[v6]", "[v6]:port", bare IPv6 without a port. The host is not checked
/// further.
[[nodiscard]] base::Expected<HostPort, std::string> split_host_port(std::string_view text);
/// "host:port", with brackets around an IPv6 address.
[[nodiscard]] std::string join_host_port(std::string_view host, std::uint16_t port);
/// An IPv4 or IPv6 address in its canonical text, nullopt for anything else (names and zone ids too).
[[nodiscard]] std::optional<std::string> canonical_address(std::string_view text);

/// A resolver to ask: an IP address and a port.
struct ServerAddress {
    std::string address;
    std::uint16_t port = 53;
    friend bool operator==(const ServerAddress&, const ServerAddress&) = default;
};
/// "127.0.0.1", "127.0.0.1:5300", "::1", "[::1]", "[::1]:5300".
[[nodiscard]] base::Expected<ServerAddress, std::string> parse_server(std::string_view text);
/// As written shortest: without the port when it is 53.
[[nodiscard]] std::string to_string(const ServerAddress& server);

/// An HTTP proxy that does CONNECT. `host` is empty when there is none.
struct Proxy {
    std::string host; ///< a name or an address without brackets
    std::uint16_t port = 0;
    friend bool operator==(const Proxy&, const Proxy&) = default;
};
/// "" (none) or "http://host:port".
[[nodiscard]] base::Expected<Proxy, std::string> parse_proxy(std::string_view text);
[[nodiscard]] std::string to_string(const Proxy& proxy);

/// The permission bits of a file, at most 0777.
struct FileMode {
    unsigned bits = 0;
    friend bool operator==(const FileMode&, const FileMode&) = default;
};
/// "0660" -> 0660: one to four octal digits.
[[nodiscard]] base::Expected<FileMode, std::string> parse_file_mode(std::string_view text);
[[nodiscard]] std::string to_string(FileMode mode);

} // namespace config
