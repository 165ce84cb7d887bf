#include "daemon/measures.hpp"

#include "daemon/measures_fleet.hpp"
#include "daemon/process.hpp"
#include "events/event.hpp"

#include <array>
#include <cstddef>
#include <utility>

namespace app {

using metrics::Id;
using metrics::Snapshot;

namespace {

double number(std::size_t count) { return static_cast<double>(count); }
double flag(bool set) { return set ? 1 : 0; }
/// For a family whose one label has reasons among its values.
void add_reasons(Snapshot& all, Id id, const base::ReasonCounters& counters) {
    for (std::size_t at = 0; at < base::ReasonCounters::size; ++at) {
        const auto reason = static_cast<base::Reason>(at);
        if (const auto value = metrics::value_of(id, 0, reason))
            all.add(id, {*value}, number(counters.of(reason).value()));
    }
}

/// The epoch is 0.
double seconds(base::Instant at) { return static_cast<double>(at.time_since_epoch().count()); }

} // namespace

Measures::Measures(Parts parts)
    : parts_(std::move(parts)),
      walk_({parts_.table, parts_.clock, [this] { return parts_.options().tuning; }, parts_.later}),
      configured_(parts_.clock.now()), started_(process_figures().start_time) {}

Snapshot Measures::snapshot() {
    Snapshot all;
    daemon(all);
    answers(all);
    events(all);
    connections(all);
    policies(all);
    overrides(all);
    searches(all);
    dns(all);
    fleet(all);
    store(all);
    log(all);
    http(all);
    process(all);
    return all;
}

std::uint64_t Measures::events_of(events::Id kind) const {
    std::uint64_t count = parts_.state.recorder().counts().of(kind);
    for (const events::Recorder* recorder : parts_.recorders) count += recorder->counts().of(kind);
    for (const auto& front : parts_.fronts) count += front->recorder.counts().of(kind);
    return count;
}

void Measures::daemon(Snapshot& all) const {
    all.set(Id::build_info, {0}, 1);
    all.set(Id::config_reloads_total, {0}, number(events_of(events::id_of<events::Reload>())));
    all.set(Id::config_reloads_total, {1}, number(events_of(events::id_of<events::ReloadFailed>())));
    all.set(Id::config_last_reload_timestamp_seconds, seconds(configured_));
    const lookup::ServiceOptions options = parts_.options();
    all.set(Id::observing, flag(options.observe));
    all.set(Id::dane_active, flag(options.tuning.dane.active));
    all.set(Id::memory_short, flag(memory_short()));
}

void Measures::events(Snapshot& all) const {
    for (std::size_t kind = 0; kind < events::kinds; ++kind)
        all.set(Id::events_total, {kind}, number(events_of(static_cast<events::Id>(kind))));
    // Each answer is a lookup; it becomes an event only where somebody wants it.
    all.set(Id::events_total, {static_cast<std::size_t>(events::id_of<events::Lookup>())},
            all.sum(Id::queries_total));
}

/// The requests are added up last: while requests are at work they are rather too many than too few.
void Measures::answers(Snapshot& all) const {
    std::array<base::Histogram<base::answer_bounds>::Counts, lookup::sources> took;
    for (const auto& front : parts_.fronts) {
        const lookup::AnswerCounts& counts = front->service->counts();
        const server::Counts& server = front->server->counts();
        for (std::size_t source = 0; source < lookup::sources; ++source) {
            counts.took[source].add_to(took[source]);
            for (std::size_t kind = 0; kind < decision::kinds; ++kind)
                all.add(Id::queries_total, {kind, source},
                        number(counts.queries[source].of(static_cast<decision::Kind>(kind)).value()));
        }
        add_reasons(all, Id::keys_rejected_total, counts.keys_rejected);
        all.add(Id::status_queries_total, {}, number(counts.status.value()));
        all.add(Id::malformed_requests_total, {}, number(counts.malformed.value() + server.broken.value()));
        all.add(Id::unanswered_requests_total, {}, number(counts.unanswered.value()));
        all.add(Id::queries_waiting, {}, number(counts.waiting.value()));
        all.add(Id::deadlines_exceeded_total, {}, number(counts.deadlines.value()));
        for (std::size_t action = 0; action < lookup::actions; ++action)
            all.add(Id::override_hits_total, {action},
                    number(counts.override_hits.of(static_cast<decision::Action>(action)).value()));
        for (std::size_t kind = 0; kind < decision::kinds; ++kind)
            all.add(Id::observe_would_total, {kind},
                    number(counts.observed.of(static_cast<decision::Kind>(kind)).value()));
        all.add(Id::requests_total, {}, number(counts.requests.value() + server.broken.value()));
    }
    for (std::size_t source = 0; source < lookup::sources; ++source)
        all.set(Id::query_duration_seconds, {source}, took[source]);
}

void Measures::connections(Snapshot& all) const {
    all.set(Id::connections_limit, number(parts_.config.limits.max_connections));
    for (const auto& front : parts_.fronts) {
        const server::Counts& counts = front->server->counts();
        all.add(Id::connections, {}, number(counts.connections.value()));
        all.add(Id::connections_accepted_total, {}, number(counts.accepted.value()));
        // Each violation ends its connection.
        const std::uint64_t violations = front->service->counts().malformed.value() + counts.broken.value();
        all.add(Id::connections_closed_total, {0}, number(counts.idle.value()));
        all.add(Id::connections_closed_total, {1}, number(counts.room.value()));
        all.add(Id::connections_closed_total, {2}, number(violations));
        for (std::size_t reason = 0; reason < server::held_up_reasons; ++reason)
            all.add(Id::connections_held_up_total, {reason},
                    number(counts.held_up.of(static_cast<server::HeldUp>(reason)).value()));
    }
}

void Measures::policies(Snapshot& all) {
    all.set(Id::policies_limit, number(parts_.config.cache.max_policies));
    all.set(Id::absences, number(parts_.table.absence_count()));
    all.set(Id::absences_limit, number(parts_.config.cache.max_absences));
    for (std::size_t change = 0; change < events::policy_changes; ++change)
        all.set(Id::policy_changes_total, {change},
                number(parts_.changes.of(static_cast<events::PolicyChange>(change))));

    const lookup::Census& census = walk_.latest();
    for (std::size_t mode = 0; mode < census.by_mode.size(); ++mode)
        all.set(Id::policies, {mode}, number(census.by_mode[mode]));
    all.set(Id::policies_kept_expired, number(census.kept_expired));
    all.set(Id::policies_overdue, number(census.overdue));
    all.set(Id::policies_expiring, number(census.expiring));
    all.set(Id::policies_oldest_fetch_timestamp_seconds, seconds(census.oldest_fetch));
    all.set(Id::policies_counted_timestamp_seconds, seconds(census.at));
    for (std::size_t reason = 0; reason < census.failing.size(); ++reason)
        if (const auto value = metrics::value_of(Id::policies_failing, 0, static_cast<base::Reason>(reason)))
            all.set(Id::policies_failing, {*value}, number(census.failing[reason]));
}

void Measures::overrides(Snapshot& all) const {
    const auto& set = parts_.state.overrides();
    if (!set) return;
    const base::Instant now = parts_.clock.now();
    base::Instant next{};
    for (const decision::Override& one : set->all()) {
        if (one.until && *one.until <= now) continue;
        all.add(Id::overrides, {static_cast<std::size_t>(one.action), one.configured ? 0U : 1U}, 1);
        if (one.weakens) all.add(Id::overrides_weakening, {}, 1);
        if (one.until && (next == base::Instant{} || *one.until < next)) next = *one.until;
    }
    all.set(Id::override_next_end_timestamp_seconds, seconds(next));
}

void Measures::searches(Snapshot& all) const {
    all.set(Id::flights, number(parts_.learner.aloft()));
    all.set(Id::flights_waiting, number(parts_.learner.standby()));
    all.set(Id::refreshes_in_flight, number(parts_.refresher.running()));
    const lookup::SearchCounts& counts = parts_.learner.counts();
    all.set(Id::fetches_total, {0}, number(counts.fetches.of(base::Reason::none).value()));
    add_reasons(all, Id::fetches_total, counts.fetches);
    base::Histogram<base::network_bounds>::Counts took;
    counts.fetch_took.add_to(took);
    all.set(Id::fetch_duration_seconds, {}, took);
    const lookup::DaneCounts& dane = parts_.dane.counts();
    constexpr std::array verdicts{dane::Advice::dane_only, dane::Advice::sts, dane::Advice::no_verdict};
    for (std::size_t at = 0; at < verdicts.size(); ++at)
        all.set(Id::dane_verdicts_total, {at}, number(dane.of(verdicts[at]).value()));
    all.set(Id::fetches_in_flight, number(parts_.fetcher.running()));
    all.set(Id::fetches_waiting, number(parts_.fetcher.queued()));
}

void Measures::dns(Snapshot& all) const {
    const dns::Counts& counts = parts_.resolver.counts();
    for (std::size_t type = 0; type < counts.questions.size(); ++type) {
        const dns::Counts::Of& of = counts.questions[type];
        for (const auto kind :
             {dns::Answer::Kind::data, dns::Answer::Kind::nodata, dns::Answer::Kind::nxdomain})
            all.set(Id::dns_questions_total, {type, static_cast<std::size_t>(kind)},
                    number(of.answers.of(kind).value()));
        for (std::size_t at = 0; at < base::ReasonCounters::size; ++at) {
            const auto reason = static_cast<base::Reason>(at);
            if (const auto result = metrics::value_of(Id::dns_questions_total, 1, reason))
                all.set(Id::dns_questions_total, {type, *result}, number(of.failures.of(reason).value()));
        }
    }
    base::Histogram<base::network_bounds>::Counts took;
    counts.took.add_to(took);
    all.set(Id::dns_duration_seconds, {}, took);
    all.set(Id::dns_questions_in_flight, number(parts_.resolver.in_flight()));
    all.set(Id::dns_questions_waiting, number(parts_.resolver.waiting()));
    for (const dns::ServerState& server : parts_.resolver.servers()) {
        const std::size_t validates = server.validates == dns::Validates::yes  ? 0
                                      : server.validates == dns::Validates::no ? 1
                                                                               : 2;
        all.add(Id::dns_servers, {validates}, 1);
        if (server.silent) all.add(Id::dns_servers_silent, {}, 1);
    }
}

void Measures::fleet(Snapshot& all) const {
    if (parts_.fleet_wanted) all.set(Id::shared_configured, 1);
    if (parts_.fleet == nullptr) return;
    measure_fleet(all, *parts_.fleet->engine_counts(), parts_.fleet->counts(),
                  parts_.learner.shared_counts());
}

void Measures::store(Snapshot& all) const {
    if (!parts_.store) return;
    const cache::SqliteStore::Counters counters = parts_.store->counters();
    all.set(Id::store_commits_total, {0}, number(counters.commits));
    all.set(Id::store_commits_total, {1}, number(counters.failed_commits));
    all.set(Id::store_commit_duration_seconds, {}, counters.took);
    all.set(Id::store_bytes, number(counters.octets));
    all.set(Id::store_rows_total, number(counters.saved));
    all.set(Id::store_rows_failed_total, number(counters.failed));
    all.set(Id::store_rows_waiting, number(counters.kept));
    all.set(Id::store_waiting_bytes, number(counters.waiting_octets + counters.kept_octets));
    all.set(Id::store_failing, flag(counters.failing));
}

void Measures::log(Snapshot& all) const {
    for (const auto level : {base::Level::debug, base::Level::info, base::Level::warning, base::Level::error})
        all.set(Id::log_lines_total, {static_cast<std::size_t>(level)}, number(parts_.log.lines(level)));
    all.set(Id::log_lines_dropped_total, number(parts_.log.lost()));
}

void Measures::http(Snapshot& all) const {
    const admin::Server* const server = parts_.http();
    if (server == nullptr) return;
    for (std::size_t at = 0; at < admin::entrances; ++at) {
        const auto entrance = static_cast<admin::Entrance>(at);
        const admin::Counts& counts = server->counts(entrance);
        for (std::size_t status = 0; status < admin::status_classes; ++status)
            all.set(Id::http_requests_total, {at, status},
                    number(counts.replies.of(static_cast<admin::StatusClass>(status)).value()));
        all.set(Id::http_refused_total, {at}, number(counts.refused.value()));
        all.set(Id::http_connections, {at}, number(server->connections(entrance)));
    }
}

void Measures::process(Snapshot& all) const {
    const ProcessFigures figures = process_figures();
    all.set(Id::process_cpu_seconds_total, figures.cpu_seconds);
    all.set(Id::process_start_time_seconds, started_);
    all.set(Id::process_resident_memory_bytes, number(figures.resident_bytes));
    all.set(Id::process_virtual_memory_bytes, number(figures.virtual_bytes));
    all.set(Id::process_open_fds, number(figures.open_fds));
    all.set(Id::process_max_fds, number(figures.max_fds));
    all.set(Id::process_threads, number(figures.threads));
}

} // namespace app
