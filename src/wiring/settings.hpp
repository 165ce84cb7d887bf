// wiring/settings.hpp - translates the configuration into the options of each part. Pure.
#pragma once

#include "cache/entry.hpp"
#include "cache/table.hpp"
#include "config/config.hpp"
#include "dns/stub_resolver.hpp"
#include "fetch/https_fetcher.hpp"
#include "lookup/server_probe.hpp"
#include "lookup/service.hpp"
#include "server/listener.hpp"
#include "server/server.hpp"

#include <cstddef>

namespace app {

[[nodiscard]] cache::Tuning tuning(const config::Config& config);
[[nodiscard]] cache::Limits cache_limits(const config::Config& config);
[[nodiscard]] dns::Options dns_options(const config::Config& config);
[[nodiscard]] fetch::Options fetch_options(const config::Config& config);
[[nodiscard]] lookup::ServerProbe::Options probe_options(const config::Config& config);
/// `validation`: what is known about the resolver; without a validating one DANE is not looked up.
[[nodiscard]] lookup::ServiceOptions service_options(const config::Config& config,
                                                     const dane::Validation& validation);
/// The options of each of `threads` servers: they share the limit on connections.
[[nodiscard]] server::Options server_options(const config::Config& config, std::size_t threads);
[[nodiscard]] server::SocketOwner socket_owner(const config::Config& config);
[[nodiscard]] server::SocketOwner control_owner(const config::Config& config);
[[nodiscard]] server::SocketOwner web_owner(const config::Config& config);
/// The address of the control socket; only when there is one.
[[nodiscard]] net::ListenAddress control_address(const config::Config& config);
/// How many daily GETs run at the same time: half of all fetches, so that there is always room for those that
/// clients wait for.
[[nodiscard]] std::size_t refreshes_at_once(const config::Config& config);

} // namespace app
