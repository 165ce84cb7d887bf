#include "wiring/settings.hpp"

#include <algorithm>

namespace app {

cache::Tuning tuning(const config::Config& config) {
    cache::Tuning tuning;
    tuning.forget_unasked_after = config.cache.forget_unasked_after;
    tuning.enforce_testing = config.strict_testing;
    tuning.dane.active = config.dane == config::Dane::automatic;
    return tuning;
}

cache::Limits cache_limits(const config::Config& config) {
    return {config.cache.max_policies, config.cache.max_absences};
}

dns::Options dns_options(const config::Config& config) {
    dns::Options options;
    options.servers = config.dns.servers;
    switch (config.dns.trust_ad) {
    case config::TrustAd::automatic: options.trust_ad = dns::TrustAd::automatic; break;
    case config::TrustAd::yes: options.trust_ad = dns::TrustAd::yes; break;
    case config::TrustAd::no: options.trust_ad = dns::TrustAd::no; break;
    }
    options.question_for = config.dns.timeout;
    options.try_for = config.dns.try_timeout;
    return options;
}

fetch::Options fetch_options(const config::Config& config) {
    fetch::Options options;
    options.ca_file = config.fetch.ca_file;
    options.allow_private_addresses = config.fetch.allow_private_addresses;
    options.nat64_prefixes = config.fetch.nat64_prefixes;
    options.proxy = config.fetch.proxy;
    options.timeout = config.fetch.timeout;
    options.max_concurrent = config.fetch.max_concurrent;
    options.max_per_address = config.fetch.max_per_address;
    return options;
}

lookup::ServerProbe::Options probe_options(const config::Config& config) {
    return {config.dns.signed_name, config.dns.broken_name};
}

lookup::ServiceOptions service_options(const config::Config& config, const dane::Validation& validation) {
    lookup::ServiceOptions options{config.deadline, tuning(config), "active"};
    options.observe = config.mode == config::Mode::observe;
    using State = dane::Validation::State;
    if (!options.tuning.dane.active) {
        options.dane_status = "inactive: dane = \"off\"";
        return options;
    }
    // While DNS does not answer, as in an outage after a restart, no lookup waits for what it could say about
    // DANE; but earlier results are still used.
    options.tuning.dane.active = validation.state == State::yes;
    options.tuning.dane.remembered = validation.state != State::no;
    if (validation.state == State::no) options.dane_status = "inactive: " + validation.why;
    if (validation.state == State::unknown)
        options.dane_status = "inactive: whether the resolver validates is not known yet";
    return options;
}

server::Options server_options(const config::Config& config, std::size_t threads) {
    server::Options options;
    options.max_request = config.limits.max_request;
    options.max_connections = std::max<std::size_t>(1, config.limits.max_connections / threads);
    options.idle = config.limits.idle;
    return options;
}

server::SocketOwner socket_owner(const config::Config& config) {
    return {static_cast<mode_t>(config.socket.mode.bits), config.socket.owner, config.socket.group};
}

server::SocketOwner control_owner(const config::Config& config) {
    return {static_cast<mode_t>(config.control.mode.bits), std::nullopt, config.control.group};
}

server::SocketOwner web_owner(const config::Config& config) {
    return {static_cast<mode_t>(config.web.mode.bits), std::nullopt, config.web.group};
}

net::ListenAddress control_address(const config::Config& config) {
    return {net::ListenAddress::Kind::unix_socket, config.control.socket, {}, 0};
}

std::size_t refreshes_at_once(const config::Config& config) {
    return std::max<std::size_t>(1, config.fetch.max_concurrent / 2);
}

} // namespace app
