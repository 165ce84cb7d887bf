#include "config/values.hpp"

#include "base/net/host_name.hpp"
#include "base/text.hpp"
#include "config/listen_address.hpp"

#include <algorithm>
#include <charconv>

namespace config {

namespace {

constexpr std::int64_t max_seconds = 100'000LL * 86'400;
constexpr std::uint16_t dns_port = 53, engine_port = 6379, sentinel_port = 26379;

/// A decimal number without sign or spaces; nullopt for anything else.
std::optional<std::int64_t> digits(std::string_view text) {
    if (text.empty() || !std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; }))
        return std::nullopt;
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{}) return std::nullopt;
    return number;
}

std::int64_t unit_of(char c) noexcept {
    switch (c) {
    case 's': return 1;
    case 'm': return 60;
    case 'h': return 3600;
    case 'd': return 86400;
    default: return 0;
    }
}

/// What is wrong with a text that is not a time. `words` are the forms, `units` begin the list of units.
std::string no_duration(std::string_view text, std::string words, const std::string& units) {
    const std::string_view unit = text.substr(std::min(text.find_first_not_of("0123456789"), text.size()));
    const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
    if (!unit.empty() && unit.size() < text.size() && std::ranges::all_of(unit, letter) && unit.size() <= 20)
        return words + ": there is no unit \"" + std::string{unit} + "\", the units are " + units +
               "s, m, h and d";
    return words + ": one number, and a unit right behind it, which is " + units + "s, m, h or d";
}

bool is_label_octet(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

/// A host name without a final dot, underscores included.
bool is_host_name(std::string_view name) noexcept {
    if (name.size() > 253) return false;
    for (;;) {
        const std::size_t dot = name.find('.');
        const std::string_view label = name.substr(0, dot);
        if (label.empty() || label.size() > 63 || !std::ranges::all_of(label, is_label_octet)) return false;
        if (dot == std::string_view::npos) return true;
        name.remove_prefix(dot + 1);
    }
}

/// "host:port" or "host", behind "tcp:" or "tls:".
base::Expected<EngineAddress, std::string> parse_engine_host(EngineAddress::Kind kind, std::string_view text,
                                                             std::uint16_t default_port) {
    const auto parts = net::split_host_port(text);
    if (!parts) return base::unexpected(parts.error());
    EngineAddress address{kind, {}, {}, parts->port.value_or(default_port)};
    if (address.port == 0) return base::unexpected(std::string{"the port must be from 1 to 65535"});
    std::string_view name = parts->host;
    if (!parts->bracketed && name.ends_with('.')) name.remove_suffix(1);
    if (const auto ip = net::parse_ip(name))
        address.host = net::to_string(*ip);
    else if (!parts->bracketed && is_host_name(name))
        address.host = base::ascii_lower(name);
    else
        return base::unexpected(
            std::string{"the host must be a name, an IPv4 address, or an IPv6 address in brackets"});
    return address;
}

} // namespace

base::Expected<seconds, std::string> parse_duration(std::string_view text) {
    const std::string_view whole = text;
    std::int64_t unit = text.empty() ? 0 : unit_of(text.back());
    if (unit == 0)
        unit = 1;
    else
        text.remove_suffix(1);
    const auto number = digits(text);
    if (!number) return base::unexpected(no_duration(whole, std::string{duration_words}, ""));
    if (*number > max_seconds / unit) return base::unexpected(std::string{"must not be over 100000 days"});
    return seconds{*number * unit};
}

std::string format_duration(seconds time) {
    const std::int64_t n = time.count();
    if (n >= 86400 && n % 86400 == 0) return std::to_string(n / 86400) + "d";
    if (n >= 3600 && n % 3600 == 0) return std::to_string(n / 3600) + "h";
    if (n >= 120 && n % 60 == 0) return std::to_string(n / 60) + "m";
    return std::to_string(n) + "s";
}

base::Expected<milliseconds, std::string> parse_short_duration(std::string_view text) {
    if (const auto time = parse_duration(text)) return milliseconds{*time};
    constexpr std::string_view unit = "ms";
    if (text.ends_with(unit))
        if (const auto number = digits(text.substr(0, text.size() - unit.size()));
            number && *number <= max_seconds * 1000)
            return milliseconds{*number};
    return base::unexpected(no_duration(text, std::string{short_duration_words}, "ms, "));
}

std::string format_short_duration(milliseconds time) {
    if (time.count() % 1000 == 0) return format_duration(std::chrono::duration_cast<seconds>(time));
    return std::to_string(time.count()) + "ms";
}

base::Expected<net::Endpoint, std::string> parse_server(std::string_view text) {
    return net::parse_endpoint(text, dns_port);
}

std::string format_server(const net::Endpoint& server) {
    return server.port == dns_port ? to_string(server.address) : to_string(server);
}

base::Expected<net::Proxy, std::string> parse_proxy(std::string_view text) {
    constexpr std::string_view words = "must be \"http://host:port\"";
    constexpr std::string_view scheme = "http://";
    if (text.empty()) return net::Proxy{};
    if (!text.starts_with(scheme)) return base::unexpected(std::string{words});
    text.remove_prefix(scheme.size());
    if (text.ends_with('/')) text.remove_suffix(1);
    if (text.find('@') != std::string_view::npos)
        return base::unexpected(std::string{words} + ", without a user name or password");
    const auto parts = net::split_host_port(text);
    if (!parts) return base::unexpected(parts.error());
    if (parts->host.empty() || !parts->port || *parts->port == 0) return base::unexpected(std::string{words});
    std::string_view name = parts->host;
    if (!parts->bracketed && name.ends_with('.')) name.remove_suffix(1);
    if (const auto address = net::parse_ip(name)) return net::Proxy{{}, *address, *parts->port};
    if (parts->bracketed || !is_host_name(name)) return base::unexpected(std::string{words});
    return net::Proxy{base::ascii_lower(name), std::nullopt, *parts->port};
}

std::string format_proxy(const net::Proxy& proxy) {
    if (!proxy) return {};
    const std::string port = ':' + std::to_string(proxy.port);
    return "http://" +
           (proxy.address ? to_string(net::Endpoint{*proxy.address, proxy.port}) : proxy.name + port);
}

base::Expected<EngineAddress, std::string> parse_engine(std::string_view text) {
    using Kind = EngineAddress::Kind;
    if (text.empty()) return EngineAddress{};
    if (text.starts_with("tcp:")) return parse_engine_host(Kind::tcp, text.substr(4), engine_port);
    if (text.starts_with("tls:")) return parse_engine_host(Kind::tls, text.substr(4), engine_port);
    if (!text.starts_with("unix:"))
        return base::unexpected(
            std::string{"must be \"unix:/path\", \"tcp:host:port\" or \"tls:host:port\""});
    const auto socket = parse_listen_address(text);
    if (!socket) return base::unexpected(socket.error());
    return EngineAddress{Kind::unix_socket, socket->path, {}, 0};
}

base::Expected<EngineAddress, std::string> parse_sentinel(std::string_view text) {
    using Kind = EngineAddress::Kind;
    if (text.starts_with("tcp:")) return parse_engine_host(Kind::tcp, text.substr(4), sentinel_port);
    if (text.starts_with("tls:")) return parse_engine_host(Kind::tls, text.substr(4), sentinel_port);
    return base::unexpected(std::string{"must be \"tcp:host:port\" or \"tls:host:port\""});
}

std::string to_string(const EngineAddress& address) {
    using Kind = EngineAddress::Kind;
    if (address.kind == Kind::none) return {};
    if (address.kind == Kind::unix_socket) return "unix:" + address.path;
    const bool v6 = address.host.find(':') != std::string::npos;
    return (address.kind == Kind::tls ? "tls:" : "tcp:") + (v6 ? "[" + address.host + "]" : address.host) +
           ":" + std::to_string(address.port);
}

base::Expected<std::string, std::string> parse_web_host(std::string_view text) {
    const auto authority = net::parse_authority(text);
    if (!authority)
        return base::unexpected(
            std::string{"must be a host's name, an IPv4 address, or an IPv6 address in brackets"});
    if (authority->has_port)
        return base::unexpected(std::string{"must not have a port: any port is admitted"});
    return authority->host;
}

base::Expected<FileMode, std::string> parse_file_mode(std::string_view text) {
    unsigned mode = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), mode, 8);
    if (text.empty() || text.size() > 4 || text.front() == '-' || error != std::errc{} ||
        end != text.data() + text.size() || mode > 0777)
        return base::unexpected(
            std::string{"must be a file mode in octal digits, up to \"0777\", as in \"0660\""});
    return FileMode{mode};
}

std::string to_string(FileMode mode) {
    std::string text{"0000"};
    for (std::size_t i = 4; i-- > 0; mode.bits /= 8) text[i] = static_cast<char>('0' + mode.bits % 8);
    return text;
}

} // namespace config
