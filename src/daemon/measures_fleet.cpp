#include "daemon/measures_fleet.hpp"

#include <cstddef>
#include <cstdint>

namespace app {

using metrics::Id;
using metrics::Snapshot;

namespace {

double number(std::uint64_t count) { return static_cast<double>(count); }

/// For a family whose one label has the values of the enum, in their order.
template <class Enum, std::size_t Size>
void set_each(Snapshot& all, Id id, const base::CountersOf<Enum, Size>& counters) {
    for (std::size_t at = 0; at < Size; ++at)
        all.set(id, {at}, number(counters.of(static_cast<Enum>(at)).value()));
}

void measure_engine(Snapshot& all, const valkey::Counts& engine) {
    all.set(Id::shared_up, number(engine.up.value()));
    all.set(Id::shared_commands_total, {0}, number(engine.replies.value() + engine.written.value()));
    for (std::size_t at = 0; at < valkey::troubles; ++at) {
        const auto trouble = static_cast<valkey::Trouble>(at);
        all.set(Id::shared_commands_total, {at + 1},
                number(engine.failed.of(trouble).value() + engine.unwritten.of(trouble).value()));
    }
    base::Histogram<base::engine_bounds>::Counts took;
    engine.took.add_to(took);
    all.set(Id::shared_command_duration_seconds, {}, took);
    all.set(Id::shared_connections_total, number(engine.connections.value()));
    set_each(all, Id::shared_connection_failures_total, engine.not_connected);
    all.set(Id::shared_breaker_opened_total, number(engine.breaker_opened.value()));
}

/// Writes may wait here, for the engine to be there, and in its client, for the connection.
void measure_policies(Snapshot& all, const valkey::Counts& engine, const valkey::FleetCounts& fleet) {
    set_each(all, Id::shared_values_refused_total, fleet.refused);
    all.set(Id::shared_offers_total, {0}, number(fleet.stored.value()));
    all.set(Id::shared_offers_total, {1}, number(fleet.not_stored.value()));
    all.set(Id::shared_offers_total, {2}, number(fleet.dropped.value()));
    all.set(Id::shared_waiting_writes, number(fleet.waiting.value() + engine.waiting.value()));
    all.set(Id::shared_waiting_bytes, number(fleet.waiting_octets.value() + engine.waiting_octets.value()));
    const std::uint64_t unreadable = fleet.unreadable_news.value(), messages = engine.messages.value();
    all.set(Id::shared_notifications_total, {0}, number(messages > unreadable ? messages - unreadable : 0));
    all.set(Id::shared_notifications_total, {1}, number(unreadable));
    all.set(Id::shared_syncs_total, {0}, number(fleet.syncs.value()));
    all.set(Id::shared_syncs_total, {1}, number(fleet.syncs_broken.value()));
    all.set(Id::shared_sync_policies_total, {0}, number(fleet.compared.value()));
    all.set(Id::shared_sync_policies_total, {1}, number(fleet.newer.value()));
    all.set(Id::shared_sync_policies_total, {2}, number(fleet.pushed.value()));
    all.set(Id::shared_last_sync_timestamp_seconds, number(fleet.synced_at.value()));
}

void measure_searches(Snapshot& all, const lookup::SharedCounts& searches) {
    set_each(all, Id::shared_finds_total, searches.finds);
    set_each(all, Id::shared_leases_total, searches.leases);
    set_each(all, Id::shared_values_total, searches.values);
    all.set(Id::shared_waits_in_vain_total, number(searches.waited_in_vain.value()));
}

} // namespace

void measure_fleet(Snapshot& all, const valkey::Counts& engine, const valkey::FleetCounts& fleet,
                   const lookup::SharedCounts* searches) {
    measure_engine(all, engine);
    measure_policies(all, engine, fleet);
    if (searches != nullptr) measure_searches(all, *searches);
}

} // namespace app
