#include "config/listen_address.hpp"

namespace config {

namespace {

base::Expected<ListenAddress, std::string> parse_unix(std::string_view path) {
    if (path.empty()) return base::unexpected(std::string{"a path must follow \"unix:\""});
    if (path.front() != '/')
        return base::unexpected(
            std::string{"the path of a unix socket must be absolute, it must begin with \"/\""});
    if (path.back() == '/')
        return base::unexpected(std::string{"the path of a unix socket must not end with \"/\""});
    if (path.size() > max_unix_path)
        return base::unexpected("the path of a unix socket has at most " + std::to_string(max_unix_path) +
                                " bytes, this one has " + std::to_string(path.size()));
    ListenAddress address;
    address.path = path;
    return address;
}

base::Expected<ListenAddress, std::string> parse_tcp(std::string_view text) {
    const auto parts = net::split_host_port(text);
    if (!parts) return base::unexpected(parts.error());
    if (!parts->port) {
        const bool bare_v6 = !parts->bracketed && parts->host.find(':') != std::string_view::npos;
        return base::unexpected(
            std::string{bare_v6 ? "an IPv6 address needs brackets and a port, as in \"tcp:[::1]:8461\""
                                : "a port must follow, as in \"tcp:127.0.0.1:8461\""});
    }
    ListenAddress address{ListenAddress::Kind::tcp, {}, {}, *parts->port};
    if (parts->host.empty()) return address;
    const auto host = net::parse_ip(parts->host);
    if (!host)
        return base::unexpected(
            std::string{"the host must be an IPv4 address or an IPv6 address in brackets"});
    address.host = *host;
    return address;
}

} // namespace

base::Expected<ListenAddress, std::string> parse_listen_address(std::string_view text) {
    if (text.starts_with("unix:")) return parse_unix(text.substr(5));
    if (text.starts_with("tcp:")) return parse_tcp(text.substr(4));
    return base::unexpected(
        std::string{"must be \"unix:/path\", \"tcp:127.0.0.1:8461\", \"tcp:[::1]:8461\" or \"tcp::8461\""});
}

bool stays_on_this_host(const ListenAddress& address) noexcept {
    return address.kind == ListenAddress::Kind::unix_socket || (address.host && net::is_loopback(*address.host));
}

} // namespace config
