// One text as each kind of value that a configuration has: what is taken reads back to itself, and whoever is
// given the value later (the resolver, the fetcher) takes it too.
#include "fuzz.hpp"

#include "base/nat64.hpp"
#include "config/listen_address.hpp"
#include "config/values.hpp"
#include "dns/resolv_conf.hpp"
#include "fetch/request.hpp"

#include <string>

namespace {

/// Words that can follow an option's name.
void check_words(std::string_view words) {
    fuzz::require(!words.empty() && fuzz::is_printable(words), "words");
}

void check_listen_address(std::string_view text) {
    const auto address = config::parse_listen_address(text);
    if (!address) return check_words(address.error());
    fuzz::require(config::parse_listen_address(to_string(*address)) == *address, "listen reads back");
    using Kind = net::ListenAddress::Kind;
    fuzz::require(address->kind == Kind::tcp || address->path.size() <= config::max_unix_path, "a path fits");
    fuzz::require(address->kind == Kind::unix_socket || address->host.empty() ||
                      config::canonical_address(address->host) == address->host,
                  "a host is an address");
}

void check_server(std::string_view text) {
    const auto server = config::parse_server(text);
    if (!server) return check_words(server.error());
    const std::string shown = config::to_string(*server);
    fuzz::require(config::parse_server(shown) == *server, "a server reads back");
    const auto used = dns::parse_server(shown);
    fuzz::require(used && used->port == server->port, "the resolver takes what the configuration takes");
}

void check_proxy(std::string_view text) {
    const auto proxy = config::parse_proxy(text);
    if (!proxy) return check_words(proxy.error());
    const std::string shown = config::to_string(*proxy);
    fuzz::require(config::parse_proxy(shown) == *proxy, "a proxy reads back");
    if (proxy->host.empty()) return;
    const auto used = fetch::parse_proxy(shown);
    fuzz::require(used && used->port == proxy->port, "the fetcher takes what the configuration takes");
}

void check_nat64_prefix(std::string_view text) {
    const auto prefix = base::parse_nat64_prefix(text);
    if (!prefix) return check_words(prefix.error());
    fuzz::require(base::parse_nat64_prefix(base::to_string(*prefix)) == *prefix, "a prefix reads back");
    fuzz::require(base::may_be_nat64(*prefix), "one that a network can have");
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = fuzz::view(data, size);
    check_listen_address(text);
    check_server(text);
    check_proxy(text);
    check_nat64_prefix(text);
    (void)fetch::parse_proxy(text);
    if (const auto time = config::parse_duration(text))
        fuzz::require(time->count() >= 0 && config::parse_duration(config::format_duration(*time)) == *time,
                      "a time reads back");
    else
        check_words(time.error());
    if (const auto mode = config::parse_file_mode(text))
        fuzz::require(mode->bits <= 0777 && config::parse_file_mode(config::to_string(*mode)) == *mode,
                      "a mode reads back");
    else
        check_words(mode.error());
    if (const auto parts = config::split_host_port(text); !parts) check_words(parts.error());
    if (const auto address = config::canonical_address(text))
        fuzz::require(config::canonical_address(*address) == *address, "canonical is canonical");
    return 0;
}
