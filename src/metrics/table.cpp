#include "metrics/table.hpp"

#include "base/duration_bounds.hpp"
#include "base/reason.hpp"
#include "base/version.hpp"
#include "cache/valkey/trouble.hpp"
#include "cache/valkey/value.hpp"
#include "decision/decide.hpp"
#include "decision/override.hpp"
#include "events/table.hpp"
#include "lookup/worth.hpp"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

namespace metrics {

namespace {

using base::Reason;
using Values = std::vector<std::string_view>;

/// The names of reasons, first and last included.
Values reasons(Reason first, Reason last) {
    Values names;
    for (int at = static_cast<int>(first); at <= static_cast<int>(last); ++at)
        names.push_back(to_string(static_cast<Reason>(at)));
    return names;
}

Values joined(Values first, const Values& second) {
    first.insert(first.end(), second.begin(), second.end());
    return first;
}

/// What a fetch ended with. The order is that of Reason, "ok" first.
Values fetch_results() {
    return joined(joined({"ok"}, reasons(Reason::host_unresolvable, Reason::policy_mx_invalid)),
                  reasons(Reason::overloaded, Reason::shutting_down));
}

/// What a search for a policy can fail with.
Values search_failures() {
    return joined(reasons(Reason::no_record, Reason::policy_mx_invalid), {to_string(Reason::overloaded)});
}

Values dns_results() {
    return joined(joined({"data", "nodata", "nxdomain"}, reasons(Reason::dns_timeout, Reason::dns_network)),
                  reasons(Reason::overloaded, Reason::shutting_down));
}

Values actions() {
    using decision::Action;
    Values names;
    for (int at = 0; at <= static_cast<int>(Action::dane_only); ++at)
        names.push_back(to_string(static_cast<Action>(at)));
    return names;
}

Values kinds() {
    Values names;
    for (std::size_t at = 0; at < decision::kinds; ++at)
        names.push_back(to_string(static_cast<decision::Kind>(at)));
    return names;
}

Values event_names() {
    Values names;
    for (std::size_t kind = 0; kind < events::kinds; ++kind)
        names.push_back(events::entry(static_cast<events::Id>(kind)).name);
    return names;
}

/// The words of an enum that begins with 0.
template <class Enum>
Values words(std::size_t size) {
    Values names;
    for (std::size_t at = 0; at < size; ++at) names.push_back(to_string(static_cast<Enum>(at)));
    return names;
}

Values shared_troubles() { return words<valkey::Trouble>(valkey::troubles); }

struct LabelSource {
    std::string_view name;
    Values values;
};

/// One row, as it is written below.
struct Row {
    Id id{};
    std::string_view name;
    Type type{};
    std::string_view help;
    std::vector<LabelSource> labels{};
    std::span<const std::chrono::microseconds> bounds{};
    std::string_view since = "0.1.0";
};

std::vector<Row> rows() {
    using enum Type;
    const Values answers = kinds();
    const Values sources{"memory", "network", "key"};
    const Values modes{"none", "testing", "enforce"};
    return {
        {Id::build_info,
         "stsmapd_build_info",
         gauge,
         "Always 1; the label is the version that runs.",
         {{"version", {base::version()}}}},
        {Id::config_reloads_total,
         "stsmapd_config_reloads_total",
         counter,
         "Reloads of the configuration. After a failed one the old configuration stays in use.",
         {{"result", {"ok", "failed"}}}},
        {Id::config_last_reload_timestamp_seconds, "stsmapd_config_last_reload_timestamp_seconds", gauge,
         "When the configuration in use was read."},
        {Id::observing, "stsmapd_observing", gauge,
         "1 while the daemon only observes: Postfix gets no policy for any domain. 0 otherwise."},
        {Id::memory_short, "stsmapd_memory_short", gauge,
         "1 while memory is short, so that no further searches begin. 0 otherwise."},
        {Id::events_total,
         "stsmapd_events_total",
         counter,
         "Events of each kind, as described in stsmapd(8), whether or not they are logged.",
         {{"event", event_names()}}},

        {Id::requests_total, "stsmapd_requests_total", counter,
         "Requests of Postfix that were read. Each becomes one of `stsmapd_queries_total`, "
         "`stsmapd_status_queries_total`, `stsmapd_malformed_requests_total` or "
         "`stsmapd_unanswered_requests_total`, or still waits: `stsmapd_queries_waiting`."},
        {Id::queries_total,
         "stsmapd_queries_total",
         counter,
         "Questions about next hops that were answered, by what Postfix got and from where: memory; "
         "network, after a search; or key, when the question itself says that no policy can exist. An answer "
         "after a search that left a known policy in use is one of network, and has "
         "source=memory in the log.",
         {{"answer", answers}, {"source", sources}}},
        {Id::query_duration_seconds,
         "stsmapd_query_duration_seconds",
         histogram,
         "How long answers took. From memory and key: until the end of the turn in which a thread answered, "
         "which may be a little longer than the client waited.",
         {{"source", sources}},
         base::answer_bounds},
        {Id::keys_rejected_total,
         "stsmapd_keys_rejected_total",
         counter,
         "Questions that no policy can exist for, by reason. Postfix gets NOTFOUND, nothing is looked up.",
         {{"reason", reasons(Reason::key_parent_domain, Reason::key_not_a_domain)}}},
        {Id::status_queries_total, "stsmapd_status_queries_total", counter,
         "Questions to the map `stsmapd.status`, about the daemon itself."},
        {Id::malformed_requests_total, "stsmapd_malformed_requests_total", counter,
         "Requests that break the socketmap protocol and were answered PERM."},
        {Id::unanswered_requests_total, "stsmapd_unanswered_requests_total", counter,
         "Requests that got no reply, because there was no memory for it."},
        {Id::queries_waiting, "stsmapd_queries_waiting", gauge, "Clients that wait for a search now."},
        {Id::deadlines_exceeded_total, "stsmapd_deadlines_exceeded_total", counter,
         "Questions that were answered at the deadline, before their search had ended."},
        {Id::override_hits_total,
         "stsmapd_override_hits_total",
         counter,
         "Answers that an override gave, by its action.",
         {{"kind", actions()}}},
        {Id::observe_would_total,
         "stsmapd_observe_would_total",
         counter,
         "Questions that were only observed, by what Postfix would have got.",
         {{"answer", answers}}},

        {Id::connections, "stsmapd_connections", gauge,
         "Connections of Postfix that are open; those that `/ready` asks over are among them."},
        {Id::connections_limit, "stsmapd_connections_limit", gauge, "The option `limits.max_connections`."},
        {Id::connections_accepted_total, "stsmapd_connections_accepted_total", counter,
         "Connections that were accepted."},
        {Id::connections_closed_total,
         "stsmapd_connections_closed_total",
         counter,
         "Connections that were closed by the daemon, by reason: idle; room, to make room for others; "
         "violation of the protocol.",
         {{"reason", {"idle", "room", "violation"}}}},
        {Id::connections_held_up_total,
         "stsmapd_connections_held_up_total",
         counter,
         "How often new connections had to wait, because there were too many, no file descriptors were "
         "left, or accepting failed.",
         {{"reason", {"connections", "descriptors", "error"}}}},

        {Id::policies,
         "stsmapd_policies",
         gauge,
         "Policies in memory that have not expired, by mode. Counted about once a minute.",
         {{"mode", modes}}},
        {Id::policies_kept_expired, "stsmapd_policies_kept_expired", gauge,
         "Expired policies that are kept because the clock is not trusted, or are about to be forgotten. "
         "They are not answered."},
        {Id::policies_limit, "stsmapd_policies_limit", gauge, "The option `cache.max_policies`."},
        {Id::absences, "stsmapd_absences", gauge,
         "Domains that are remembered for having no policy, or none that could be found out."},
        {Id::absences_limit, "stsmapd_absences_limit", gauge, "The option `cache.max_absences`."},
        {Id::policies_overdue, "stsmapd_policies_overdue", gauge,
         "Policies in use whose daily fetch is overdue."},
        {Id::policies_expiring, "stsmapd_policies_expiring", gauge,
         "Enforced policies that expire within a day and whose last fetch failed: unless one succeeds, mail "
         "to these domains loses its protection."},
        {Id::policies_failing,
         "stsmapd_policies_failing",
         gauge,
         "Policies in use whose last fetch failed, by reason.",
         {{"reason", search_failures()}}},
        {Id::policies_oldest_fetch_timestamp_seconds, "stsmapd_policies_oldest_fetch_timestamp_seconds",
         gauge, "When the policy in use that was fetched longest ago was fetched; 0: there is none."},
        {Id::policies_counted_timestamp_seconds, "stsmapd_policies_counted_timestamp_seconds", gauge,
         "When the policies were last counted; 0: not yet."},
        {Id::policy_changes_total,
         "stsmapd_policy_changes_total",
         counter,
         "What became of policies: learnt; replaced by another; weakened, from enforce to less; expired; "
         "record-vanished, when the domain of a policy in use no longer shows a record; evicted to make "
         "room; forgotten by an administrator. Weakened and record-vanished may be an attack.",
         {{"change",
           {"learnt", "replaced", "weakened", "expired", "record-vanished", "evicted", "forgotten"}}}},
        {Id::overrides,
         "stsmapd_overrides",
         gauge,
         "Overrides that have not ended, by action and where they come from.",
         {{"kind", actions()}, {"origin", {"configuration", "run-time"}}}},
        {Id::overrides_weakening, "stsmapd_overrides_weakening", gauge,
         "Overrides that have not ended and may give less than DANE or an enforced policy."},
        {Id::override_next_end_timestamp_seconds, "stsmapd_override_next_end_timestamp_seconds", gauge,
         "When the next override ends; 0: none does."},

        {Id::flights, "stsmapd_flights", gauge, "Searches for a domain's policy that are under way."},
        {Id::flights_waiting, "stsmapd_flights_waiting", gauge, "Searches that wait for another to end."},
        {Id::refreshes_in_flight, "stsmapd_refreshes_in_flight", gauge, "Daily fetches that are under way."},
        {Id::fetches_total,
         "stsmapd_fetches_total",
         counter,
         "Fetches of policies over HTTPS, by result: ok, or the reason why no valid policy came.",
         {{"result", fetch_results()}}},
        {Id::fetch_duration_seconds,
         "stsmapd_fetch_duration_seconds",
         histogram,
         "How long fetches took, of whatever result, with the wait for their turn.",
         {},
         base::network_bounds},
        {Id::fetches_in_flight, "stsmapd_fetches_in_flight", gauge, "Fetches that are under way."},
        {Id::fetches_waiting, "stsmapd_fetches_waiting", gauge, "Fetches that wait for their turn."},
        {Id::dns_questions_total,
         "stsmapd_dns_questions_total",
         counter,
         "DNS questions that ended, by type and result.",
         {{"type", {"A", "AAAA", "CNAME", "MX", "SOA", "TLSA", "TXT"}}, {"result", dns_results()}}},
        {Id::dns_duration_seconds,
         "stsmapd_dns_duration_seconds",
         histogram,
         "How long DNS questions took, of whatever result, without waiting for a place.",
         {},
         base::network_bounds},
        {Id::dns_questions_in_flight, "stsmapd_dns_questions_in_flight", gauge,
         "DNS questions that are under way."},
        {Id::dns_questions_waiting, "stsmapd_dns_questions_waiting", gauge,
         "DNS questions that wait for a place."},
        {Id::dns_servers,
         "stsmapd_dns_servers",
         gauge,
         "Name servers in use, by whether they have shown that they validate DNSSEC.",
         {{"validates", {"yes", "no", "unknown"}}}},
        {Id::dns_servers_silent, "stsmapd_dns_servers_silent", gauge,
         "Name servers that did not answer and are asked last for a while."},
        {Id::dane_active, "stsmapd_dane_active", gauge,
         "1 when DANE is looked for, 0 when it is not. `stsmap doctor` says why."},
        {Id::dane_verdicts_total,
         "stsmapd_dane_verdicts_total",
         counter,
         "Lookups of DANE that ended, by verdict: dane-only, DANE secures the next hop; sts, it does not; "
         "unknown.",
         {{"verdict", {"dane-only", "sts", "unknown"}}}},

        {Id::shared_configured, "stsmapd_shared_configured", gauge,
         "1 when the configuration names a shared cache, 0 otherwise."},
        {Id::shared_up, "stsmapd_shared_up", gauge,
         "1 while the engine of the shared cache takes commands, 0 otherwise and without a shared cache."},
        {Id::shared_commands_total,
         "stsmapd_shared_commands_total",
         counter,
         "Commands for the engine that ended, by result: ok, or the kind of trouble, as in stsmapd(8), "
         "SHARED "
         "CACHE.",
         {{"result", joined({"ok"}, shared_troubles())}}},
        {Id::shared_command_duration_seconds,
         "stsmapd_shared_command_duration_seconds",
         histogram,
         "How long the engine took for the commands that it was sent, until the reply or the time limit.",
         {},
         base::engine_bounds},
        {Id::shared_connections_total, "stsmapd_shared_connections_total", counter,
         "Connections to engines that were made and logged in."},
        {Id::shared_connection_failures_total,
         "stsmapd_shared_connection_failures_total",
         counter,
         "Attempts to connect to an engine that failed, by the kind of trouble.",
         {{"trouble", shared_troubles()}}},
        {Id::shared_breaker_opened_total, "stsmapd_shared_breaker_opened_total", counter,
         "How often the engine was left alone for a while, because three commands in a row had no reply in "
         "time."},
        {Id::shared_finds_total,
         "stsmapd_shared_finds_total",
         counter,
         "Questions of searches for a domain's policy to the shared cache, by what came: found, none, or "
         "trouble, and the search went on without it.",
         {{"result", {"found", "none", "trouble"}}}},
        {Id::shared_leases_total,
         "stsmapd_shared_leases_total",
         counter,
         "Leases that were asked for, so that one host fetches for all: won, and this host fetched; lost, "
         "and it waited for another; trouble, and it fetched.",
         {{"result", {"won", "lost", "trouble"}}}},
        {Id::shared_waits_in_vain_total, "stsmapd_shared_waits_in_vain_total", counter,
         "Searches that waited for another host to fetch, and fetched in the end."},
        {Id::shared_values_total,
         "stsmapd_shared_values_total",
         counter,
         "Policies of other hosts that a search or a notification brought, by what became of them. Only "
         "taken "
         "ones are used.",
         {{"result", words<lookup::Worth>(lookup::worths)}}},
        {Id::shared_values_refused_total,
         "stsmapd_shared_values_refused_total",
         counter,
         "Values of the shared cache that were not believed, by reason, as in stsmapd(8), SHARED CACHE.",
         {{"reason", words<valkey::Refusal>(valkey::refusals)}}},
        {Id::shared_offers_total,
         "stsmapd_shared_offers_total",
         counter,
         "Policies offered to the other hosts: stored; not stored, because the engine has the same, a newer "
         "one or one that must be left alone, or did not take it; dropped, because too many waited for it.",
         {{"result", {"stored", "not-stored", "dropped"}}}},
        {Id::shared_waiting_writes, "stsmapd_shared_waiting_writes", gauge,
         "Writes that wait until the engine takes them, most of them policies."},
        {Id::shared_waiting_bytes, "stsmapd_shared_waiting_bytes", gauge,
         "Octets of the writes that wait for the engine."},
        {Id::shared_notifications_total,
         "stsmapd_shared_notifications_total",
         counter,
         "Notifications of the engine, this host's own among them: ok, or unreadable.",
         {{"result", {"ok", "unreadable"}}}},
        {Id::shared_syncs_total,
         "stsmapd_shared_syncs_total",
         counter,
         "Comparisons of what this host knows with what the engine has, by result.",
         {{"result", {"ok", "failed"}}}},
        {Id::shared_sync_policies_total,
         "stsmapd_shared_sync_policies_total",
         counter,
         "Policies in comparisons: all that were compared; of them, those of which the engine had a newer "
         "one, and those that were pushed.",
         {{"result", {"compared", "newer", "pushed"}}}},
        {Id::shared_last_sync_timestamp_seconds, "stsmapd_shared_last_sync_timestamp_seconds", gauge,
         "When a comparison last came to its end; 0: none has."},

        {Id::store_commits_total,
         "stsmapd_store_commits_total",
         counter,
         "Transactions of the store, by result.",
         {{"result", {"ok", "failed"}}}},
        {Id::store_commit_duration_seconds,
         "stsmapd_store_commit_duration_seconds",
         histogram,
         "How long transactions of the store took, of whatever result.",
         {},
         base::disk_bounds},
        {Id::store_rows_total, "stsmapd_store_rows_total", counter, "Policies written to the store."},
        {Id::store_rows_failed_total, "stsmapd_store_rows_failed_total", counter,
         "Policies that the disk did not take at once. They are tried again."},
        {Id::store_rows_waiting, "stsmapd_store_rows_waiting", gauge,
         "Policies that wait until the disk takes them again."},
        {Id::store_waiting_bytes, "stsmapd_store_waiting_bytes", gauge,
         "Octets of policies that wait to be written."},
        {Id::store_bytes, "stsmapd_store_bytes", gauge, "Octets of the store's file and its log."},
        {Id::store_failing, "stsmapd_store_failing", gauge,
         "1 while the last write to the store failed or the present one takes over 10 s, 0 otherwise."},

        {Id::log_lines_total,
         "stsmapd_log_lines_total",
         counter,
         "Lines of the log, by level.",
         {{"level", {"debug", "info", "warning", "error"}}}},
        {Id::log_lines_dropped_total, "stsmapd_log_lines_dropped_total", counter,
         "Lines of the log that were lost because their reader did not take them."},

        {Id::http_requests_total,
         "stsmapd_http_requests_total",
         counter,
         "Requests to the administration's server that were answered, by listener and class of the status.",
         {{"listener", {"control", "web"}}, {"status", {"2xx", "4xx", "5xx"}}}},
        {Id::http_connections,
         "stsmapd_http_connections",
         gauge,
         "Open connections to the administration's server, by listener.",
         {{"listener", {"control", "web"}}}},
        {Id::http_refused_total,
         "stsmapd_http_refused_total",
         counter,
         "Connections to the administration's server that were closed because there were too many, or "
         "because no host is admitted there, by listener.",
         {{"listener", {"control", "web"}}}},

        {Id::process_cpu_seconds_total, "process_cpu_seconds_total", counter,
         "Processor time of the process, user and system, in seconds."},
        {Id::process_start_time_seconds, "process_start_time_seconds", gauge, "When the process started."},
        {Id::process_resident_memory_bytes, "process_resident_memory_bytes", gauge,
         "Resident memory of the process."},
        {Id::process_virtual_memory_bytes, "process_virtual_memory_bytes", gauge,
         "Virtual memory of the process."},
        {Id::process_open_fds, "process_open_fds", gauge, "Open file descriptors of the process."},
        {Id::process_max_fds, "process_max_fds", gauge, "The limit on open file descriptors."},
        {Id::process_threads, "process_threads", gauge, "Threads of the process."},
    };
}

/// The rows, and what the families' spans point to.
struct Table {
    std::vector<Row> rows = metrics::rows();
    std::vector<std::vector<Label>> labels;
    std::vector<Family> families;

    Table() {
        labels.reserve(rows.size());
        for (const Row& row : rows) {
            auto& of_row = labels.emplace_back();
            for (const LabelSource& label : row.labels) of_row.push_back({label.name, label.values});
            families.push_back({row.id, row.name, row.type, row.help, row.since, of_row, row.bounds});
        }
    }
    Table(const Table&) = delete;
    Table& operator=(const Table&) = delete;
};

} // namespace

std::string_view to_string(Type type) noexcept {
    switch (type) {
    case Type::counter: return "counter";
    case Type::gauge: return "gauge";
    case Type::histogram: return "histogram";
    }
    return "";
}

std::span<const Family> table() noexcept {
    static const Table whole;
    return whole.families;
}

const Family& family(Id id) noexcept { return table()[index(id)]; }

std::optional<std::size_t> value_of(Id id, std::size_t label, std::string_view value) noexcept {
    const auto values = family(id).labels[label].values;
    const auto at = std::ranges::find(values, value);
    if (at == values.end()) return std::nullopt;
    return static_cast<std::size_t>(at - values.begin());
}

} // namespace metrics
