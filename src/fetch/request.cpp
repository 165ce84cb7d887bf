#include "fetch/request.hpp"

#include "base/version.hpp"

namespace fetch {

namespace {

std::string agent() { return "stsmapd/" + std::string(base::version()); }

} // namespace

std::string connect_request(const std::string& host, std::uint16_t port) {
    const std::string target = host + ":" + std::to_string(port);
    return "CONNECT " + target + " HTTP/1.1\r\nHost: " + target + "\r\nUser-Agent: " + agent() + "\r\n\r\n";
}

std::string policy_request(const std::string& policy_host) {
    return "GET /.well-known/mta-sts.txt HTTP/1.1\r\nHost: " + policy_host + "\r\nUser-Agent: " + agent() +
           "\r\nAccept: text/plain\r\nAccept-Encoding: identity\r\nConnection: close\r\n\r\n";
}

} // namespace fetch
