// cache/shared.hpp - the port to the cache that the hosts of a fleet share: policies, as one of them fetched
// them.
//
// It makes a host learn earlier and spares policy hosts GETs, nothing else. Memory table and store stay the truth
// of each host, no answer about a known domain waits for this, and trouble here is the same as having no shared
// cache. A value is a claim with evidence: the adapter has checked that a host of the fleet made it for this
// domain; lookup/shared_steps.hpp decides what it is worth. Absences, failures and DANE are not shared.
//
// Threads: lives on the back io_context. Every member is called there. Each `done` is called there, once and never
// from within the call, and may call any member. Time: the adapter answers each question within its own time-out; the
// caller waits no longer than max_wait. Errors: trouble is a value, only memory running out is thrown. Ends: a
// question that is not answered when the cache is destroyed never is. The tests' fake is
// tests/support/fake_shared.hpp.
#pragma once

#include "base/clock.hpp"
#include "base/domain.hpp"
#include "base/expected.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace cache {

/// A policy as a host of the fleet fetched it. Of a value that comes from the cache the lengths are the adapter's
/// promise, the rest is not checked.
struct SharedPolicy {
    std::string policy_text;    ///< as served, at most 64 KiB (RFC 8461 section 3.3)
    std::string txt_id;         ///< of the record that led to it, at most 32 octets
    base::Instant fetched_at{}; ///< by the clock of that host
    std::string host;           ///< its name, printable, at most 255 octets; offer() takes no notice of it
};

/// Why the cache did not answer. The caller goes on at once as if there were none.
struct SharedTrouble {
    std::string_view word; ///< one of the adapter's own, for example "timeout"; lives as long as the program
};

/// A promise to fetch, so that one host does it for all. It ends by itself, and is only a hint.
enum class Lease : std::uint8_t {
    fetch,   ///< others wait for the policy; for 15 s
    refresh, ///< the daily GET of a policy that is in use; for 120 s
};
inline constexpr std::size_t leases = 2;
inline constexpr base::seconds fetch_lease{15}, refresh_lease{120};
[[nodiscard]] constexpr base::seconds lease_time(Lease lease) noexcept {
    return lease == Lease::fetch ? fetch_lease : refresh_lease;
}

class Shared {
public:
    static constexpr base::milliseconds max_wait{1000};

    /// The domain's value, or none; none also for a value that the adapter refuses.
    using Found = base::Expected<std::optional<SharedPolicy>, SharedTrouble>;
    /// Whether the lease is now this host's. A host that holds it already does not get it again.
    using Leased = base::Expected<bool, SharedTrouble>;
    /// A host has offered a policy. None: it was too large for the message, and find() may have it.
    using News = std::function<void(const base::Domain&, std::optional<SharedPolicy>)>;

    virtual ~Shared() = default;

    virtual void find(base::Domain domain, std::function<void(Found)> done) = 0;
    virtual void lease(base::Domain domain, Lease lease, std::function<void(Leased)> done) = 0;
    /// Queues a policy that this host has fetched, and returns at once. It is kept until the policy expires, unless
    /// the cache has a newer one (one from the future is none), and all hosts that watch get it. May be lost.
    virtual void offer(base::Domain domain, SharedPolicy policy) = 0;
    /// From now on calls `news` for each offer of any host, also for this host's own and for domains that nobody here
    /// asks for. Some may be lost. Replaces the one before; empty: none.
    virtual void watch(News news) = 0;
};

} // namespace cache
