#include "admin/page/overview.hpp"

#include "admin/json.hpp"
#include "admin/page/troubles.hpp"
#include "base/duration_bounds.hpp"
#include "base/utc.hpp"

#include <algorithm>
#include <string>
#include <tuple>
#include <utility>

namespace page {

namespace {

using admin::Json;
using metrics::Id;

std::uint64_t whole(double value) noexcept { return value > 0 ? static_cast<std::uint64_t>(value) : 0; }

/// As `"name": number` for each value of the family's only label.
Json by_label(const metrics::Snapshot& numbers, Id id) {
    Json all = Json::object();
    const auto values = numbers.values(id);
    for (std::size_t at = 0; at < values.size(); ++at)
        all[std::string{metrics::family(id).labels[0].values[at]}] = whole(values[at]);
    return all;
}

/// Of a family with two labels: the sum over the second.
Json by_first_label(const metrics::Snapshot& numbers, Id id) {
    Json all = Json::object();
    const auto labels = metrics::family(id).labels;
    for (std::size_t first = 0; first < labels[0].values.size(); ++first) {
        double sum = 0;
        for (std::size_t second = 0; second < labels[1].values.size(); ++second)
            sum += numbers.value(id, {first, second});
        all[std::string{labels[0].values[first]}] = whole(sum);
    }
    return all;
}

Json by_second_label(const metrics::Snapshot& numbers, Id id) {
    Json all = Json::object();
    const auto labels = metrics::family(id).labels;
    for (std::size_t second = 0; second < labels[1].values.size(); ++second) {
        double sum = 0;
        for (std::size_t first = 0; first < labels[0].values.size(); ++first)
            sum += numbers.value(id, {first, second});
        all[std::string{labels[1].values[second]}] = whole(sum);
    }
    return all;
}

double milliseconds(std::chrono::microseconds duration) {
    return static_cast<double>(duration.count()) / 1000;
}

Json to_json(const Quantiles& quantiles) {
    Json json = Json::object();
    json["count"] = quantiles.count;
    if (quantiles.count == 0) return json;
    json["p50_ms"] = milliseconds(quantiles.p50);
    json["p99_ms"] = milliseconds(quantiles.p99);
    if (quantiles.beyond) json["beyond"] = true;
    return json;
}

Json to_json(const Hour::Part& part) {
    Json answers = Json::object();
    for (std::size_t answer = 0; answer < page::answers; ++answer)
        answers[std::string{metrics::family(Id::queries_total).labels[0].values[answer]}] =
            part.by_answer[answer];
    Json json = Json::object();
    json["ago_s"] = part.ago.count();
    json["length_s"] = part.length.count();
    json["answers"] = std::move(answers);
    json["from_memory"] = to_json(part.memory);
    json["after_search"] = to_json(part.network);
    json["fetched"] = part.fetched;
    json["not_fetched"] = part.not_fetched;
    return json;
}

/// So that rates and durations of any time can be made from two replies.
Json durations(const metrics::Snapshot& numbers) {
    Json bounds = Json::array();
    for (const auto bound : base::answer_bounds) bounds.push_back(milliseconds(bound));
    Json json = Json::object();
    json["bounds_ms"] = std::move(bounds);
    const auto sources = metrics::family(Id::query_duration_seconds).labels[0].values;
    for (std::size_t source = 0; source < sources.size(); ++source)
        json[std::string{sources[source]}] = numbers.histograms(Id::query_duration_seconds)[source].counts;
    return json;
}

Json policies(const Overview& overview) {
    const lookup::Census& census = overview.census;
    Json modes = Json::object();
    const auto names = metrics::family(Id::policies).labels[0].values;
    for (std::size_t mode = 0; mode < lookup::Census::modes; ++mode)
        modes[std::string{names[mode]}] = census.by_mode[mode];
    Json failing = Json::object();
    for (const FailingFor& one : failing_by_reason(census))
        failing[std::string{base::to_string(one.reason)}] = one.policies;
    Json json = Json::object();
    admin::put_time(json, "counted_at", census.at);
    json["by_mode"] = std::move(modes);
    json["limit"] = whole(overview.numbers.value(Id::policies_limit));
    json["overdue"] = census.overdue;
    json["expiring"] = census.expiring;
    json["kept_expired"] = census.kept_expired;
    admin::put_time(json, "oldest_fetch", census.oldest_fetch);
    constexpr std::array<const char*, 5> ages{"1h", "6h", "26h", "3d", "older"};
    for (std::size_t age = 0; age < ages.size(); ++age) json["by_age"][ages[age]] = census.by_age[age];
    json["failing"] = std::move(failing);
    json["changes"] = by_label(overview.numbers, Id::policy_changes_total);
    return json;
}

Json to_json(const Failing& failing) {
    Json json = Json::object();
    json["domain"] = failing.policy.domain.name();
    json["mode"] = sts::to_string(failing.policy.mode);
    json["reason"] = base::to_string(failing.policy.reason);
    json["failures"] = failing.policy.failures;
    admin::put_time(json, "fetched_at", failing.policy.fetched_at);
    admin::put_time(json, "expires_at", failing.policy.expires_at);
    if (!failing.detail.empty()) json["detail"] = failing.detail;
    return json;
}

Json to_json(const Resolver& resolver) {
    using Validates = Resolver::Validates;
    Json json = Json::object();
    json["server"] = resolver.name;
    json["trusted"] = resolver.trusted;
    json["validates"] = resolver.validates == Validates::yes  ? "yes"
                        : resolver.validates == Validates::no ? "no"
                                                              : "unknown";
    json["silent"] = resolver.silent;
    return json;
}

Json override_json(const decision::Override& one) {
    Json json = admin::to_json(one);
    if (one.domain.empty()) json.erase("domain");
    if (one.reason.empty()) json.erase("reason");
    return json;
}

Json overrides(const Overview& overview) {
    Json json = Json::object();
    json["in_all"] = overview.overrides_in_all;
    json["by_action"] = by_first_label(overview.numbers, Id::overrides);
    json["weakening"] = whole(overview.numbers.value(Id::overrides_weakening));
    json["hits"] = by_label(overview.numbers, Id::override_hits_total);
    json["next"] = Json::array();
    for (const decision::Override& one : overview.overrides) json["next"].push_back(override_json(one));
    return json;
}

/// Gauges and counters by the names that they have here.
struct Member {
    const char* name;
    Id id;
};
template <std::size_t Size>
Json members(const metrics::Snapshot& numbers, const std::array<Member, Size>& all) {
    Json json = Json::object();
    for (const Member& member : all) json[member.name] = whole(numbers.value(member.id));
    return json;
}

Json searches(const metrics::Snapshot& numbers) {
    constexpr std::array<Member, 9> all{{{"flights", Id::flights},
                                         {"flights_waiting", Id::flights_waiting},
                                         {"refreshes", Id::refreshes_in_flight},
                                         {"fetches", Id::fetches_in_flight},
                                         {"fetches_waiting", Id::fetches_waiting},
                                         {"dns_questions", Id::dns_questions_in_flight},
                                         {"dns_questions_waiting", Id::dns_questions_waiting},
                                         {"absences", Id::absences},
                                         {"absences_limit", Id::absences_limit}}};
    Json json = members(numbers, all);
    json["fetched"] = by_label(numbers, Id::fetches_total);
    json["dns_results"] = by_second_label(numbers, Id::dns_questions_total);
    return json;
}

Json store(const metrics::Snapshot& numbers) {
    constexpr std::array<Member, 5> all{{{"bytes", Id::store_bytes},
                                         {"rows_written", Id::store_rows_total},
                                         {"rows_failed", Id::store_rows_failed_total},
                                         {"rows_waiting", Id::store_rows_waiting},
                                         {"waiting_bytes", Id::store_waiting_bytes}}};
    Json json = members(numbers, all);
    json["failing"] = numbers.value(Id::store_failing) > 0;
    json["commits"] = by_label(numbers, Id::store_commits_total);
    return json;
}

Json shared_cache(const metrics::Snapshot& numbers) {
    constexpr std::array<Member, 2> all{
        {{"writes_waiting", Id::shared_waiting_writes}, {"waiting_bytes", Id::shared_waiting_bytes}}};
    Json json = members(numbers, all);
    json["configured"] = numbers.value(Id::shared_configured) > 0;
    json["up"] = numbers.value(Id::shared_up) > 0;
    json["refused"] = by_label(numbers, Id::shared_values_refused_total);
    return json;
}

Json connections(const metrics::Snapshot& numbers) {
    constexpr std::array<Member, 3> all{{{"open", Id::connections},
                                         {"limit", Id::connections_limit},
                                         {"accepted", Id::connections_accepted_total}}};
    Json json = members(numbers, all);
    json["closed"] = by_label(numbers, Id::connections_closed_total);
    json["held_up"] = by_label(numbers, Id::connections_held_up_total);
    return json;
}

Json configuration(const Overview& overview) {
    Json json = Json::object();
    const auto read = base::seconds{
        static_cast<std::int64_t>(whole(overview.numbers.value(Id::config_last_reload_timestamp_seconds)))};
    admin::put_time(json, "read_at", base::Instant{read});
    json["reloads"] = by_label(overview.numbers, Id::config_reloads_total);
    json["needs_restart"] = overview.needs_restart;
    return json;
}

std::string_view state(const std::vector<Trouble>& troubles) {
    if (troubles.empty() || troubles.front().weight == Trouble::Weight::note) return "ok";
    return to_string(troubles.front().weight);
}

} // namespace

void without_names(Overview& overview) {
    overview.show_domains = false;
    overview.failing.clear();
    overview.census.first_to_expire.clear();
    for (decision::Override& one : overview.overrides) {
        one.domain.clear();
        one.match.clear();
        one.reason.clear();
        one.added_by.clear();
    }
}

std::vector<decision::Override> next_to_end(std::span<const decision::Override> all, base::Instant now,
                                            std::size_t& in_all) {
    std::vector<const decision::Override*> left;
    for (const decision::Override& one : all)
        if (!one.until || *one.until > now) left.push_back(&one);
    in_all = left.size();
    const auto shown = static_cast<std::ptrdiff_t>(std::min(left.size(), max_overrides_shown));
    const auto end = [](const decision::Override* one) {
        return std::pair{one->until.value_or(base::Instant::max()), std::string_view{one->domain}};
    };
    std::partial_sort(left.begin(), left.begin() + shown, left.end(),
                      [&](const auto* a, const auto* b) { return end(a) < end(b); });
    left.resize(static_cast<std::size_t>(shown));
    std::vector<decision::Override> next;
    next.reserve(left.size());
    for (const decision::Override* one : left) next.push_back(*one);
    return next;
}

std::vector<FailingFor> failing_by_reason(const lookup::Census& census) {
    std::vector<FailingFor> all;
    for (std::size_t reason = 0; reason < census.failing.size(); ++reason)
        if (census.failing[reason] > 0)
            all.push_back({static_cast<base::Reason>(reason), census.failing[reason]});
    std::stable_sort(all.begin(), all.end(),
                     [](const FailingFor& a, const FailingFor& b) { return a.policies > b.policies; });
    return all;
}

Json to_json(const Overview& overview) {
    const metrics::Snapshot& numbers = overview.numbers;
    const std::vector<Trouble> wrong = troubles(overview);
    Json json = Json::object();
    json["version"] = overview.version;
    json["libraries"] = {{"openssl", overview.openssl}, {"sqlite", overview.sqlite}};
    json["host"] = overview.host;
    json["pid"] = overview.pid;
    json["started"] = base::utc(overview.started);
    json["now"] = base::utc(overview.now);
    json["state"] = state(wrong);
    json["troubles"] = Json::array();
    for (const Trouble& trouble : wrong)
        json["troubles"].push_back({{"id", trouble.id},
                                    {"weight", to_string(trouble.weight)},
                                    {"words", trouble.words},
                                    {"advice", trouble.advice}});
    json["mode"] = numbers.value(Id::observing) > 0 ? "observe" : "enforce";
    json["would"] = by_label(numbers, Id::observe_would_total);
    json["loaded"] = overview.complete;
    json["memory_short"] = numbers.value(Id::memory_short) > 0;
    json["requests"] = whole(numbers.value(Id::requests_total));
    json["waiting"] = whole(numbers.value(Id::queries_waiting));
    json["deadlines_exceeded"] = whole(numbers.value(Id::deadlines_exceeded_total));
    json["answers"] = by_first_label(numbers, Id::queries_total);
    json["answers_from"] = by_second_label(numbers, Id::queries_total);
    json["durations"] = durations(numbers);
    json["hour"] = to_json(overview.hour.whole);
    json["minutes"] = Json::array();
    for (const Hour::Part& part : overview.hour.parts) json["minutes"].push_back(to_json(part));
    json["connections"] = connections(numbers);
    json["policies"] = policies(overview);
    if (overview.show_domains) {
        json["failing"] = Json::array();
        for (const Failing& one : overview.failing) json["failing"].push_back(to_json(one));
    }
    json["searches"] = searches(numbers);
    Json dane = Json::object();
    dane["active"] = overview.dane.empty();
    if (!overview.dane.empty()) dane["why"] = overview.dane;
    dane["verdicts"] = by_label(numbers, Id::dane_verdicts_total);
    json["dane"] = std::move(dane);
    json["resolvers"] = Json::array();
    for (const Resolver& resolver : overview.resolvers) json["resolvers"].push_back(to_json(resolver));
    json["overrides"] = overrides(overview);
    json["store"] = store(numbers);
    json["shared_cache"] = shared_cache(numbers);
    json["configuration"] = configuration(overview);
    json["log"] = {{"lines", by_label(numbers, Id::log_lines_total)},
                   {"dropped", whole(numbers.value(Id::log_lines_dropped_total))}};
    json["process"] = {{"resident_bytes", whole(numbers.value(Id::process_resident_memory_bytes))},
                       {"cpu_s", numbers.value(Id::process_cpu_seconds_total)},
                       {"open_files", whole(numbers.value(Id::process_open_fds))},
                       {"max_files", whole(numbers.value(Id::process_max_fds))}};
    return json;
}

} // namespace page
