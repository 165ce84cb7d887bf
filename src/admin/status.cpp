#include "admin/status.hpp"

#include "base/utc.hpp"

namespace admin {

Json to_json(const Status& status) {
    Json dane = Json::object();
    const bool active = status.dane == "active";
    constexpr std::string_view inactive = "inactive: ";
    dane["active"] = active;
    if (!active)
        dane["why"] = status.dane.starts_with(inactive) ? status.dane.substr(inactive.size()) : status.dane;
    Json overrides = Json::object();
    overrides["configured"] = status.overrides_configured;
    overrides["run_time"] = status.overrides_run_time;
    Json reply = Json::object();
    reply["version"] = status.version;
    reply["pid"] = status.pid;
    reply["host"] = status.host;
    reply["started"] = base::utc(status.started);
    reply["now"] = base::utc(status.now);
    reply["mode"] = status.observe ? "observe" : "enforce";
    reply["dane"] = std::move(dane);
    reply["policies"] = status.policies;
    reply["absences"] = status.absences;
    reply["overrides"] = std::move(overrides);
    reply["control_connections"] = status.control_connections;
    reply["web_open"] = status.web_open;
    return reply;
}

} // namespace admin
