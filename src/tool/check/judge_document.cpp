#include "tool/check/judge_document.hpp"

#include "tool/findings/show.hpp"

#include <nlohmann/json.hpp>

#include <utility>

namespace check {
namespace {

using explain::Json;

void put(Json& object, const char* name, const std::string& text) {
    if (!text.empty()) object[name] = text;
}

Json json_of(const Verdict& verdict) {
    Json made{{"outcome", to_string(verdict.outcome)}, {"guard", to_string(verdict.guard)}};
    if (verdict.enforced) made["enforced"] = to_string(*verdict.enforced);
    if (verdict.stuck_here) made["stuck_here"] = true;
    made["words"] = verdict.words;
    if (!verdict.deferred.empty()) made["deferred"] = verdict.deferred;
    put(made, "reason", verdict.reason);
    put(made, "level", verdict.level);
    put(made, "reply", verdict.reply);
    made["do"] = verdict.todo;
    made["here"] = verdict.here;
    return made;
}

Json json_of(const PolicyResult& policy) {
    return {{"mode", policy.mode}, {"max_age_s", policy.max_age_s}, {"mx", policy.mx}, {"idle", policy.idle}};
}

Json json_of(const HostResult& host) {
    Json made{{"host", host.host}, {"preference", host.preference}, {"outcome", to_string(host.outcome)}};
    put(made, "admitted_by", host.admitted_by);
    if (host.refused_name) made["refused_name"] = true;
    if (!host.in_reach) made["in_reach"] = false;
    if (!host.looked) made["looked"] = false;
    if (!host.deferred.empty()) made["deferred"] = host.deferred;
    if (host.returned) made["returned"] = true;
    put(made, "words", host.words);
    put(made, "finding", host.finding);
    return made;
}

} // namespace

void put_judgement(Json& object, const Judgement& judgement) {
    object["verdict"] = json_of(judgement.verdict);
    put(object, "txt_id", judgement.txt_id);
    if (judgement.policy) object["policy"] = json_of(*judgement.policy);
    object["hosts"] = Json::array();
    for (const HostResult& host : judgement.hosts) object["hosts"].push_back(json_of(host));
    object["findings"] = Json::array();
    for (const findings::Finding& each : judgement.findings) object["findings"].push_back(findings::to_json(each));
}

} // namespace check
