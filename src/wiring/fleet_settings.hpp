// wiring/fleet_settings.hpp - translates [shared] into the settings of the shared cache. Pure.
#pragma once

#include "cache/valkey/shared_cache.hpp"
#include "cache/valkey/tls_context.hpp"
#include "config/config.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace app {

/// What is not in the configuration itself.
struct FleetSurroundings {
    std::string_view password, sentinel_password; ///< what is in the files
    std::string_view system_name;                 ///< gethostname(2)
    valkey::Resolve resolve;
};

/// The way to an engine; only of one that is set.
[[nodiscard]] valkey::Address engine_address(const config::EngineAddress& address);
/// None: nothing is reached over TLS.
[[nodiscard]] std::optional<valkey::TlsSettings> tls_settings(const config::Shared& shared);
/// Only when shared.on().
[[nodiscard]] valkey::FleetSettings fleet_settings(const config::Shared& shared,
                                                   const FleetSurroundings& around);

} // namespace app
