#include "fetch/request.hpp"

#include "base/version.hpp"

#include <algorithm>
#include <charconv>

namespace fetch {

namespace {

std::string agent() { return "stsmapd/" + std::string(base::version()); }

bool host_octet(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_';
}

base::Expected<Proxy, std::string> wrong(std::string_view text, std::string_view what) {
    return base::unexpected("proxy \"" + std::string(text) + "\": " + std::string(what) +
                            "; wanted is http://host:port");
}

} // namespace

base::Expected<Proxy, std::string> parse_proxy(std::string_view text) {
    static constexpr std::string_view scheme = "http://";
    std::string_view rest = text;
    if (!rest.starts_with(scheme)) return wrong(text, "does not begin with http://");
    rest.remove_prefix(scheme.size());
    if (rest.ends_with('/')) rest.remove_suffix(1);
    if (rest.find('@') != std::string_view::npos) // and so that no password gets into a log
        return wrong("http://...@...", "user names are not supported");

    const std::size_t colon = rest.rfind(':');
    if (colon == std::string_view::npos) return wrong(text, "has no port");
    const std::string_view digits = rest.substr(colon + 1);
    std::string_view host = rest.substr(0, colon);
    Proxy proxy;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), proxy.port);
    if (error != std::errc{} || end != digits.data() + digits.size() || proxy.port == 0)
        return wrong(text, "the port is not a number from 1 to 65535");

    boost::system::error_code ec;
    if (host.starts_with('[') && host.ends_with(']')) {
        host = host.substr(1, host.size() - 2);
        proxy.address = boost::asio::ip::make_address_v6(host, ec);
        if (ec) return wrong(text, "no IPv6 address in the brackets");
        return proxy;
    }
    if (const auto address = boost::asio::ip::make_address_v4(host, ec); !ec) {
        proxy.address = address;
        return proxy;
    }
    if (host.ends_with('.')) host.remove_suffix(1);
    if (host.empty() || host.size() > 253 || !std::all_of(host.begin(), host.end(), host_octet))
        return wrong(text, "no host name");
    proxy.host = host;
    std::transform(proxy.host.begin(), proxy.host.end(), proxy.host.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    return proxy;
}

std::string connect_request(const std::string& host, std::uint16_t port) {
    const std::string target = host + ":" + std::to_string(port);
    return "CONNECT " + target + " HTTP/1.1\r\nHost: " + target + "\r\nUser-Agent: " + agent() + "\r\n\r\n";
}

std::string policy_request(const std::string& policy_host) {
    return "GET /.well-known/mta-sts.txt HTTP/1.1\r\nHost: " + policy_host + "\r\nUser-Agent: " + agent() +
           "\r\nAccept: text/plain\r\nAccept-Encoding: identity\r\nConnection: close\r\n\r\n";
}

} // namespace fetch
