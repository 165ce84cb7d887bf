// cache/valkey/shared_cache.hpp - the shared cache of a fleet in Valkey or Redis: the ports cache/shared.hpp and
// cache/fleet.hpp over an Engine.
//
// Values are checked (value.hpp) before anybody sees them. What is offered waits until the engine is there, and is
// compared with what it has before it is written. When the engine is there for the first time or again, what this host
// knows is compared with it: newer values are taken as if they had been notified, missing and older ones pushed. A
// heartbeat is written every 30 s.
//
// Threads: as the ports. The counts may be read by any thread. Blocking: make() reads the TLS files.
#pragma once

#include "base/clock.hpp"
#include "cache/fleet.hpp"
#include "cache/shared.hpp"
#include "cache/table.hpp"
#include "cache/valkey/counts.hpp"
#include "cache/valkey/engine.hpp"
#include "cache/valkey/fleet_counts.hpp"
#include "cache/valkey/key_ring.hpp"
#include "cache/valkey/keys.hpp"
#include "events/sink.hpp"

#include <boost/asio/any_io_executor.hpp>

#include <functional>
#include <memory>
#include <string>

namespace valkey {

struct FleetSettings {
    Options engine; ///< but for channel and expiry_key, which come from the prefix
    std::string prefix{default_prefix};
    Naming naming = Naming::plain;
    std::string host;               ///< is_host_name()
    std::string version;            ///< of the program
    base::milliseconds timeout{50}; ///< for find, lease, and each command of an offer
};

class SharedCache final : public cache::Shared, public cache::Fleet {
public:
    struct Parts { // all outlive it
        boost::asio::any_io_executor executor;
        base::Timers& timers;
        const base::Clock& clock;
        const cache::Table& table; ///< what this host knows
        events::Sink& events;
        std::function<double()> random; ///< in [0, 1)
    };

    /// The error is a sentence for an operator.
    [[nodiscard]] static base::Expected<std::unique_ptr<SharedCache>, std::string>
    make(Parts parts, FleetSettings settings, KeyRing keys);
    ~SharedCache() override;

    void start();
    /// Nothing is asked or written from now on; nothing waits for a network.
    void stop();
    /// After the key file was read again.
    void set_keys(KeyRing keys);

    void find(base::Domain domain, std::function<void(Found)> done) override;
    void lease(base::Domain domain, cache::Lease lease, std::function<void(Leased)> done) override;
    void offer(base::Domain domain, cache::SharedPolicy policy) override;
    void watch(News news) override;

    [[nodiscard]] cache::FleetStatus status() const override;
    void hosts(std::function<void(base::Expected<std::vector<cache::FleetHost>, std::string>)> done) override;
    [[nodiscard]] bool synchronise() override;
    void forget(base::Domain domain,
                std::function<void(base::Expected<std::size_t, std::string>)> done) override;

    [[nodiscard]] const FleetCounts& counts() const noexcept;
    [[nodiscard]] std::shared_ptr<const Counts> engine_counts() const noexcept;

private:
    struct Impl;
    explicit SharedCache(std::shared_ptr<Impl> impl);
    std::shared_ptr<Impl> impl_;
};

} // namespace valkey
