// One text as each kind of value that a configuration has: an accepted value, written out, reads back as the
// same.
#include "fuzz.hpp"

#include "base/nat64.hpp"
#include "config/listen_address.hpp"
#include "config/values.hpp"

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
}

void check_web_host(std::string_view text) {
    const auto host = config::parse_web_host(text);
    if (!host) return check_words(host.error());
    fuzz::require(config::parse_web_host(*host) == *host, "a host reads back");
    fuzz::require(fuzz::is_printable(*host) && host->find_first_of("/@, ") == host->npos, "a host is clean");
}

void check_server(std::string_view text) {
    const auto server = config::parse_server(text);
    if (!server) return check_words(server.error());
    fuzz::require(config::parse_server(config::format_server(*server)) == *server, "a server reads back");
    fuzz::require(net::parse_endpoint(to_string(*server), 53) == *server, "in its long form, too");
}

void check_proxy(std::string_view text) {
    const auto proxy = config::parse_proxy(text);
    if (!proxy) return check_words(proxy.error());
    fuzz::require(config::parse_proxy(config::format_proxy(*proxy)) == *proxy, "a proxy reads back");
    fuzz::require(!*proxy || proxy->name.empty() == proxy->address.has_value(), "a name or an address");
}

void check_engine(std::string_view text) {
    for (const auto parse : {config::parse_engine, config::parse_sentinel}) {
        const auto engine = parse(text);
        if (!engine) {
            check_words(engine.error());
            continue;
        }
        fuzz::require(parse(to_string(*engine)) == *engine, "an engine reads back");
        fuzz::require(engine->path.size() <= config::max_unix_path && engine->host.size() <= 253,
                      "it is short");
    }
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
    check_web_host(text);
    check_listen_address(text);
    check_server(text);
    check_proxy(text);
    check_nat64_prefix(text);
    check_engine(text);
    if (const auto time = config::parse_short_duration(text))
        fuzz::require(time->count() >= 0 &&
                          config::parse_short_duration(config::format_short_duration(*time)) == *time,
                      "a short time reads back");
    else
        check_words(time.error());
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
    if (const auto parts = net::split_host_port(text); !parts) check_words(parts.error());
    if (const auto address = net::parse_ip(text))
        fuzz::require(net::parse_ip(to_string(*address)) == *address, "an address reads back");
    return 0;
}
