#include "cache/valkey/hosts.hpp"

#include "base/text.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace valkey {

namespace {

using Json = nlohmann::ordered_json;

constexpr int schema = 1;
constexpr int max_depth = 2; // an object with one of counters in it
// The last second of 9999: what can be shown.
constexpr std::uint64_t latest = 253'402'300'799;

bool is_host_octet(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
}

std::string word(std::string_view text) { return base::printable(text, max_heartbeat_word); }

std::optional<std::uint64_t> number_of(const Json& object, const char* name) {
    const auto found = object.find(name);
    if (found == object.end() || !found->is_number_unsigned()) return std::nullopt;
    return found->get<std::uint64_t>();
}

} // namespace

bool is_host_name(std::string_view text) noexcept {
    return !text.empty() && text.size() <= max_host_name && std::ranges::all_of(text, is_host_octet);
}

std::string host_name_of(std::string_view system) {
    std::string name{system.substr(0, max_host_name)};
    std::ranges::replace_if(
        name, [](char c) { return !is_host_octet(c); }, '-');
    return name.empty() ? "unnamed" : name;
}

std::string write_heartbeat(const Heartbeat& beat) {
    Json counters = Json::object();
    for (const auto& [name, count] : beat.counters) {
        if (counters.size() == max_heartbeat_counters) break;
        counters[word(name)] = count;
    }
    const std::int64_t at = beat.at.time_since_epoch().count();
    return Json{{"schema", schema},
                {"version", word(beat.version)},
                {"at", std::clamp<std::int64_t>(at, 0, latest)},
                {"entries", beat.entries},
                {"counters", std::move(counters)}}
        .dump();
}

std::optional<Heartbeat> read_heartbeat(std::string_view record) {
    if (record.size() > max_heartbeat) return std::nullopt;
    const auto shallow = [](int depth, Json::parse_event_t, Json&) { return depth <= max_depth; };
    const Json object = Json::parse(record, shallow, false);
    if (object.is_discarded() || !object.is_object()) return std::nullopt;
    const auto at = number_of(object, "at"), entries = number_of(object, "entries");
    const auto version = object.find("version"), counters = object.find("counters");
    if (number_of(object, "schema") != schema || !at || *at > latest || !entries || version == object.end() ||
        !version->is_string())
        return std::nullopt;
    Heartbeat beat{word(version->get_ref<const std::string&>()),
                   base::Instant{base::seconds{static_cast<std::int64_t>(*at)}},
                   *entries,
                   {}};
    if (counters == object.end()) return beat;
    if (!counters->is_object()) return std::nullopt;
    for (const auto& [name, count] : counters->items()) {
        if (beat.counters.size() == max_heartbeat_counters) break;
        if (count.is_number_unsigned()) beat.counters[word(name)] = count.get<std::uint64_t>();
    }
    return beat;
}

std::vector<Host> read_hosts(std::span<const std::pair<std::string, std::string>> fields) {
    std::vector<Host> hosts;
    for (const auto& [name, record] : fields.first(std::min(fields.size(), max_hosts)))
        hosts.push_back({base::printable(name, max_host_name), read_heartbeat(record)});
    std::ranges::sort(hosts, {}, &Host::name);
    return hosts;
}

std::string_view to_string(Presence presence) noexcept {
    switch (presence) {
    case Presence::here: return "here";
    case Presence::silent: return "silent";
    case Presence::gone: return "gone";
    case Presence::other_clock: return "other-clock";
    }
    return "unknown";
}

Presence presence(const Heartbeat& beat, base::Instant now) {
    using namespace std::chrono_literals;
    if (beat.at > now + 5min) return Presence::other_clock;
    const base::seconds age = now - beat.at;
    if (age > 7 * 24h) return Presence::gone;
    return age > 3 * heartbeat_every ? Presence::silent : Presence::here;
}

} // namespace valkey
