#include "wiring/fleet_settings.hpp"

#include "base/version.hpp"
#include "cache/valkey/hosts.hpp"

#include <algorithm>

namespace app {

namespace {

bool is_tls(const config::EngineAddress& address) { return address.kind == config::EngineAddress::Kind::tls; }

} // namespace

valkey::Address engine_address(const config::EngineAddress& address) {
    return {address.path, address.host, address.port};
}

std::optional<valkey::TlsSettings> tls_settings(const config::Shared& shared) {
    if (!is_tls(shared.engine) && !is_tls(shared.replica) && std::ranges::none_of(shared.sentinels, is_tls))
        return std::nullopt;
    return valkey::TlsSettings{shared.tls_ca_file, shared.tls_name, shared.tls_certificate_file,
                               shared.tls_key_file};
}

valkey::FleetSettings fleet_settings(const config::Shared& shared, const FleetSurroundings& around) {
    valkey::FleetSettings settings;
    valkey::Options& engine = settings.engine;
    if (shared.engine) engine.engine = engine_address(shared.engine);
    for (const config::EngineAddress& sentinel : shared.sentinels)
        engine.sentinels.push_back(engine_address(sentinel));
    engine.primary_name = shared.primary;
    if (shared.replica) engine.replica = engine_address(shared.replica);
    engine.read_replicas = shared.read_replicas;
    engine.read_only = shared.read_only;
    engine.user = shared.user;
    engine.password = around.password;
    engine.sentinel_user = shared.sentinel_user;
    engine.sentinel_password = around.sentinel_password;
    engine.database = static_cast<int>(shared.database);
    engine.tls = tls_settings(shared);
    engine.resolve = around.resolve;
    settings.timeout = shared.timeout;
    settings.prefix = shared.prefix;
    settings.naming = shared.hide_domains ? valkey::Naming::hidden : valkey::Naming::plain;
    settings.host = shared.host.empty() ? valkey::host_name_of(around.system_name) : shared.host;
    settings.version = base::version();
    return settings;
}

} // namespace app
