// Any bytes as /etc/resolv.conf, and as a name server in the configuration.
#include "fuzz.hpp"

#include "dns/resolv_conf.hpp"

#include <string>

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = fuzz::view(data, size);
    const dns::ResolvConf conf = dns::parse_resolv_conf(text);
    fuzz::require(!conf.servers.empty() && conf.servers.size() <= 3, "one to three servers");
    fuzz::require(!conf.timeout || (conf.timeout->count() >= 1 && conf.timeout->count() <= 30),
                  "timeout in range");
    fuzz::require(!conf.attempts || (*conf.attempts >= 1 && *conf.attempts <= 5), "attempts in range");
    std::string written;
    for (const net::Endpoint& server : conf.servers) {
        const std::string shown = to_string(server.address);
        fuzz::require(net::parse_scoped_ip(shown) == server.address, "a server reads back");
        written += "nameserver " + shown + "\n";
    }
    fuzz::require(dns::parse_resolv_conf(written).servers == conf.servers, "servers read back");
    fuzz::require(dns::parse_resolv_conf("; a comment\nsearch example\n\n" + std::string{text}) == conf,
                  "comments, search and blank lines do not matter");
    if (const auto server = net::parse_endpoint(text, 53))
        fuzz::require(net::parse_endpoint(to_string(*server), 53) == *server, "a server reads back");
    else
        fuzz::require(!server.error().empty() && fuzz::is_printable(server.error()), "printable words");
    return 0;
}
