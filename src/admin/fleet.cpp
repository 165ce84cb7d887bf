#include "admin/fleet.hpp"

#include "admin/json.hpp"
#include "admin/told.hpp"
#include "base/text.hpp"
#include "base/utc.hpp"

#include <algorithm>
#include <memory>
#include <utility>

namespace admin {

namespace asio = boost::asio;

namespace {

// Octets of what others say.
constexpr std::size_t max_name = 260, max_word = 60, max_words = 400;
constexpr std::size_t max_hosts = 4096, max_counters = 32;

/// The port's texts are printable already; what is not, or is longer, is made so.
std::string shown(std::string_view text, std::size_t limit) {
    const bool printable = std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
    return printable && text.size() <= limit ? std::string{text} : base::printable(text, limit);
}

Error no_fleet() {
    return {409, "no-fleet", "there is no shared cache here: the section [shared] names no engine", {}};
}

Error away(std::string_view words) {
    return {503,
            "fleet-away",
            "the engine of the shared cache cannot be asked" + std::string(words.empty() ? "" : ": ") +
                shown(words, max_words),
            {}};
}

constexpr std::string_view no_answer = "no answer in time";

} // namespace

Json to_json(const cache::FleetSync& sync) {
    Json json{{"running", sync.running}};
    if (sync.begun) put_time(json, "begun", *sync.begun);
    if (sync.ended) put_time(json, "ended", *sync.ended);
    json["compared"] = sync.compared;
    json["newer"] = sync.newer;
    json["pushed"] = sync.pushed;
    json["unreadable"] = sync.unreadable;
    if (!sync.trouble.empty()) json["trouble"] = shown(sync.trouble, max_words);
    return json;
}

Json to_json(const cache::FleetHost& host) {
    Json json{{"name", shown(host.name, max_name)}, {"presence", host.presence}};
    if (host.version.empty()) return json;
    json["version"] = shown(host.version, max_word);
    put_time(json, "at", host.at);
    json["policies"] = host.policies;
    Json counters = Json::object();
    for (const auto& [name, number] : host.counters) {
        if (counters.size() == max_counters) break;
        counters[shown(name, max_word)] = number;
    }
    json["counters"] = std::move(counters);
    return json;
}

Json to_json(const cache::FleetStatus& status) {
    Json json{{"engine", shown(status.engine, max_words)}, {"up", status.up}};
    if (status.since) put_time(json, "since", *status.since);
    if (!status.trouble.empty()) json["trouble"] = shown(status.trouble, max_words);
    if (status.trouble_at) put_time(json, "trouble_at", *status.trouble_at);
    json["subscribed"] = status.subscribed;
    if (status.lag) json["lag_ms"] = status.lag->count();
    json["host"] = shown(status.host, max_name);
    json["prefix"] = status.prefix;
    json["hidden"] = status.hidden;
    json["read_only"] = status.read_only;
    json["keys"] = status.key_ids;
    json["waiting"] =
        Json{{"writes", status.waiting}, {"octets", status.waiting_octets}, {"dropped", status.dropped}};
    json["sync"] = to_json(status.sync);
    Json refused = Json::object();
    for (const auto& [reason, number] : status.refused) refused[std::string{reason}] = number;
    json["refused"] = std::move(refused);
    return json;
}

asio::awaitable<Fleet::Hosts> Fleet::hosts() const {
    const auto told = std::make_shared<Told<Hosts>>(parts_.executor);
    parts_.fleet->hosts([told](Hosts hosts) { told->tell(std::move(hosts)); });
    const base::Timers::Id limit =
        parts_.timers.after(hosts_patience, [told] { told->tell(base::unexpected(std::string{no_answer})); });
    Hosts hosts = co_await heard(told);
    parts_.timers.cancel(limit);
    co_return hosts;
}

asio::awaitable<Fleet::Result> Fleet::show(const Request& request) const {
    const std::string_view wanted = request.parameter("hosts");
    if (!wanted.empty() && wanted != "0" && wanted != "1")
        co_return base::unexpected(Error{400, "bad-request", "hosts is 0 or 1", "hosts"});
    Reply reply;
    reply.body["configured"] = parts_.fleet != nullptr;
    if (parts_.fleet == nullptr) co_return reply;
    std::optional<Hosts> all;
    if (wanted != "0") {
        Hosts seen = co_await hosts();
        all.emplace(std::move(seen));
    }
    const cache::FleetStatus status = parts_.fleet->status();
    reply.body["version"] = parts_.version;
    reply.body["now"] = base::utc(parts_.clock.now());
    reply.body.update(to_json(status));
    if (all && !*all) reply.body["hosts_trouble"] = shown(all->error(), max_words);
    if (all && *all) {
        Json listed = Json::array();
        for (const cache::FleetHost& host : **all) {
            if (listed.size() == max_hosts) break;
            listed.push_back(to_json(host));
        }
        reply.body["hosts"] = std::move(listed);
    }
    co_return reply;
}

Fleet::Result Fleet::sync() const {
    if (parts_.fleet == nullptr) return base::unexpected(no_fleet());
    if (!parts_.fleet->synchronise()) return base::unexpected(away(parts_.fleet->status().trouble));
    Reply reply;
    reply.body["sync"] = to_json(parts_.fleet->status().sync);
    return reply;
}

asio::awaitable<base::Expected<std::size_t, Error>> Fleet::forget(base::Domain domain) const {
    if (parts_.fleet == nullptr) co_return base::unexpected(no_fleet());
    using Gone = base::Expected<std::size_t, std::string>;
    const auto told = std::make_shared<Told<Gone>>(parts_.executor);
    parts_.fleet->forget(std::move(domain), [told](Gone gone) { told->tell(std::move(gone)); });
    const base::Timers::Id limit = parts_.timers.after(
        forget_patience, [told] { told->tell(base::unexpected(std::string{no_answer})); });
    const Gone gone = co_await heard(told);
    parts_.timers.cancel(limit);
    if (!gone) co_return base::unexpected(away(gone.error()));
    co_return *gone;
}

} // namespace admin
