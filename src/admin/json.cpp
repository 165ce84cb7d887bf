#include "admin/json.hpp"

#include "base/utc.hpp"

namespace admin {

void put_time(Json& object, std::string_view name, base::Instant at) {
    if (at != base::Instant{}) object[std::string{name}] = base::utc(at);
}

Json names(std::span<const sts::MxPattern> patterns) {
    Json all = Json::array();
    for (const sts::MxPattern& pattern : patterns)
        all.push_back((pattern.wildcard ? "*." : "") + pattern.name);
    return all;
}

Json to_json(const decision::Override& one) {
    Json json{{"domain", one.domain}, {"action", to_string(one.action)}};
    if (!one.match.empty()) json["match"] = names(one.match);
    if (one.until) json["until"] = base::utc(*one.until);
    json["reason"] = one.reason;
    json["weakens"] = one.weakens;
    json["source"] = one.configured ? "configuration" : "run-time";
    put_time(json, "added_at", one.added_at);
    if (!one.added_by.empty()) json["added_by"] = one.added_by;
    return json;
}

std::string line(const Json& object) {
    std::string out = R"({"schema":)" + std::to_string(schema) + ',';
    return out.append(object.dump(-1, ' ', false, Json::error_handler_t::replace), 1).append("\n");
}

} // namespace admin
