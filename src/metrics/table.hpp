// metrics/table.hpp - the table of metrics: each family with its type, its help, its labels and all their values.
// Pure.
//
// The exposition, the manual (stsmapd-metrics(7)), the dashboard's and the alerts' tests are all made of it. No
// label is about a domain, a host or a peer: each has a closed set of values, and all series exist from the start.
// Within `since`'s version a family is never renamed, nor does a label lose a value.
#pragma once

#include "base/reason.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace metrics {

enum class Type : std::uint8_t { counter, gauge, histogram };
[[nodiscard]] std::string_view to_string(Type type) noexcept; ///< as Prometheus writes it

struct Label {
    std::string_view name;
    std::span<const std::string_view> values; ///< each once
};

/// The families, in the order of the table.
enum class Id : std::uint8_t {
    // the daemon
    build_info,
    config_reloads_total,
    config_last_reload_timestamp_seconds,
    observing,
    memory_short,
    events_total,
    // answers
    requests_total,
    queries_total,
    query_duration_seconds,
    keys_rejected_total,
    status_queries_total,
    malformed_requests_total,
    unanswered_requests_total,
    queries_waiting,
    deadlines_exceeded_total,
    override_hits_total,
    observe_would_total,
    // connections
    connections,
    connections_limit,
    connections_accepted_total,
    connections_closed_total,
    connections_held_up_total,
    // policies
    policies,
    policies_kept_expired,
    policies_limit,
    absences,
    absences_limit,
    policies_overdue,
    policies_expiring,
    policies_failing,
    policies_oldest_fetch_timestamp_seconds,
    policies_counted_timestamp_seconds,
    policy_changes_total,
    overrides,
    overrides_weakening,
    override_next_end_timestamp_seconds,
    // searches
    flights,
    flights_waiting,
    refreshes_in_flight,
    fetches_total,
    fetch_duration_seconds,
    fetches_in_flight,
    fetches_waiting,
    dns_questions_total,
    dns_duration_seconds,
    dns_questions_in_flight,
    dns_questions_waiting,
    dns_servers,
    dns_servers_silent,
    dane_active,
    dane_verdicts_total,
    // the shared cache
    shared_configured,
    shared_up,
    shared_commands_total,
    shared_command_duration_seconds,
    shared_connections_total,
    shared_connection_failures_total,
    shared_breaker_opened_total,
    shared_finds_total,
    shared_leases_total,
    shared_waits_in_vain_total,
    shared_values_total,
    shared_values_refused_total,
    shared_offers_total,
    shared_waiting_writes,
    shared_waiting_bytes,
    shared_notifications_total,
    shared_syncs_total,
    shared_sync_policies_total,
    shared_last_sync_timestamp_seconds,
    // the store
    store_commits_total,
    store_commit_duration_seconds,
    store_rows_total,
    store_rows_failed_total,
    store_rows_waiting,
    store_waiting_bytes,
    store_bytes,
    store_failing,
    // the log
    log_lines_total,
    log_lines_dropped_total,
    // the administration
    http_requests_total,
    http_connections,
    http_refused_total,
    // the process
    process_cpu_seconds_total,
    process_start_time_seconds,
    process_resident_memory_bytes,
    process_virtual_memory_bytes,
    process_open_fds,
    process_max_fds,
    process_threads,
};
inline constexpr std::size_t families = static_cast<std::size_t>(Id::process_threads) + 1;
[[nodiscard]] constexpr std::size_t index(Id id) noexcept { return static_cast<std::size_t>(id); }

inline constexpr std::size_t max_labels = 2;

struct Family {
    Id id{};
    std::string_view name; ///< with the prefix stsmapd_, but those of the process
    Type type{};
    std::string_view help;         ///< a sentence or two, for people
    std::string_view since;        ///< the first version that has it
    std::span<const Label> labels; ///< at most max_labels
    /// Of a histogram: the upper bounds, ascending; without +Inf.
    std::span<const std::chrono::microseconds> bounds;

    /// How many series it has (a histogram's buckets not counted): the product of its labels' values.
    [[nodiscard]] constexpr std::size_t series() const noexcept {
        std::size_t product = 1;
        for (const Label& label : labels) product *= label.values.size();
        return product;
    }
};

/// All families, each at its id's index.
[[nodiscard]] std::span<const Family> table() noexcept;
[[nodiscard]] const Family& family(Id id) noexcept;

/// The place of a value among those of the family's label number `label`; none: the label does not have it.
[[nodiscard]] std::optional<std::size_t> value_of(Id id, std::size_t label, std::string_view value) noexcept;
[[nodiscard]] inline std::optional<std::size_t> value_of(Id id, std::size_t label,
                                                         base::Reason reason) noexcept {
    return value_of(id, label, to_string(reason));
}

} // namespace metrics
