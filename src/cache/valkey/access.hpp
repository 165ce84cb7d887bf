// cache/valkey/access.hpp - what the parts of the adapter share: the engine, names and keys, and how a value is read.
//
// Belongs to one single-threaded executor. The parts: offering (what this host has goes to the engine), comparison (both
// are compared), shared_cache (the ports).
#pragma once

#include "base/clock.hpp"
#include "base/domain.hpp"
#include "cache/shared.hpp"
#include "cache/valkey/compare.hpp"
#include "cache/valkey/engine.hpp"
#include "cache/valkey/fleet_counts.hpp"
#include "cache/valkey/key_ring.hpp"
#include "cache/valkey/keys.hpp"
#include "events/sink.hpp"

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace valkey {

/// Outlives all parts; they hold it by shared_ptr.
struct Access {
    Access(const base::Clock& clock_of, events::Sink& events_of, KeyRing ring) noexcept
        : clock(clock_of), events(events_of), keys(std::move(ring)) {}

    const base::Clock& clock;
    events::Sink& events;
    KeyRing keys;
    std::unique_ptr<Engine> engine; ///< null before make() is done, and after the end
    std::string prefix, host;
    Naming naming = Naming::plain;
    base::milliseconds timeout{50};
    bool read_only = false;
    FleetCounts counts;

    [[nodiscard]] std::vector<std::string> names(const base::Domain& domain) const {
        return names_of(domain, keys, naming);
    }
    /// Where this host writes.
    [[nodiscard]] std::string name(const base::Domain& domain) const {
        return name_of(domain, keys.sealing(), naming);
    }
    [[nodiscard]] std::string key_of(std::string_view name) const { return policy_key(prefix, name); }

    /// A value from the engine, or from a notification. Counts what is refused, and says so.
    [[nodiscard]] base::Expected<Opened, Refusal> read(std::string_view octets, std::string_view name);
    /// The reply to question().
    [[nodiscard]] std::vector<Lies> read(const Reply& reply, std::span<const std::string> names);
    /// What lies under all of `names`.
    [[nodiscard]] Arguments question(std::span<const std::string> names) const;
};

[[nodiscard]] cache::SharedPolicy shared_policy(Value value);
/// "timeout: the engine ..."
[[nodiscard]] std::string words(const Failure& failure);

} // namespace valkey
