// cache/fleet.hpp - the port for those who look after a shared cache: what is known of the fleet, and what an
// administrator may do.
//
// Threads: lives on the back io_context. Every member is called there. Each `done` is called there, once and never from
// within the call. Errors: words for an operator, printable. Ends: a question that is not answered when the cache is
// destroyed never is.
#pragma once

#include "base/clock.hpp"
#include "base/domain.hpp"
#include "base/expected.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cache {

/// What a host of the fleet said of itself. Not sealed: whoever can write to the engine can write it. Printable.
struct FleetHost {
    std::string name;
    std::string version;        ///< of the program; "": its record cannot be read, and all else is 0
    base::Instant at{};         ///< by its own clock
    std::string_view presence;  ///< here, silent, gone, other-clock; unreadable
    std::uint64_t policies = 0; ///< that it knows
    std::map<std::string, std::uint64_t> counters; ///< since its start
};

/// The last comparison of what this host has with what the engine has, or the one that runs.
struct FleetSync {
    bool running = false;
    std::optional<base::Instant> begun, ended; ///< the latter of the last that ended
    std::uint64_t compared = 0;                ///< policies of this host
    std::uint64_t newer = 0;                   ///< of them, newer in the engine
    std::uint64_t pushed = 0;                  ///< of them, missing or older in the engine
    std::uint64_t unreadable = 0;              ///< of them, with a value in the engine that is refused
    std::string trouble;                       ///< why the last one did not come to its end; "": it did
};

struct FleetStatus {
    std::string engine;                 ///< where it is now, or was tried last
    bool up = false;                    ///< it is asked now
    std::optional<base::Instant> since; ///< up or down; none: not tried yet
    std::string trouble;                ///< the last: "timeout: words"; "" none since the start
    std::optional<base::Instant> trouble_at;
    bool subscribed = false; ///< notifications come
    std::string host;        ///< what this host calls itself
    std::string prefix;
    bool hidden = false; ///< hide_domains
    bool read_only = false;
    std::vector<std::string> key_ids;            ///< the first seals
    std::size_t waiting = 0, waiting_octets = 0; ///< writes
    std::uint64_t dropped = 0;                   ///< of them, because too many waited
    FleetSync sync;
    std::vector<std::pair<std::string_view, std::uint64_t>> refused; ///< values, by reason, each reason once
    std::optional<base::milliseconds>
        lag; ///< a notification of our own came back after this; none: not known yet
};

class Fleet {
public:
    virtual ~Fleet() = default;

    [[nodiscard]] virtual FleetStatus status() const = 0;
    /// All that have said something, this one, too.
    virtual void hosts(std::function<void(base::Expected<std::vector<FleetHost>, std::string>)> done) = 0;
    /// Begins to compare what this host has with what the engine has. False: the engine is away. Does nothing while a
    /// comparison runs.
    [[nodiscard]] virtual bool synchronise() = 0;
    /// Removes what the engine has of the domain: how many keys there were. Other hosts may offer it again.
    virtual void forget(base::Domain domain,
                        std::function<void(base::Expected<std::size_t, std::string>)> done) = 0;
};

} // namespace cache
