// admin/status.hpp - GET /v1/status: what the daemon says of itself. Pure.
#pragma once

#include "admin/exchange.hpp"
#include "base/clock.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace admin {

struct Status {
    std::string_view version;
    pid_t pid = 0;
    std::string host; ///< its name
    base::Instant started{}, now{};
    bool observe = false; ///< only observes, for all domains
    std::string dane;     ///< "active", or "inactive: " and why
    std::size_t policies = 0, absences = 0;
    std::size_t overrides_configured = 0, overrides_run_time = 0;
    std::size_t control_connections = 0;
    /// Addresses of web listeners that other hosts can reach and are served at.
    std::vector<std::string> web_open{};
};

[[nodiscard]] Json to_json(const Status& status);

} // namespace admin
