// lookup/shared_steps.hpp - what a policy of the shared cache is worth, and who of a fleet fetches. Pure.
//
// The rules in short. A value is used where the TXT record shows its id, cannot be looked up, or is not there (as
// by a host that knew the policy before); another id means a GET. It is taken as if this host had fetched it then:
// RFC 8461 sections 3.3 and 5.1 apply from its time of fetch. Whoever gets the lease fetches; the others wait
// for its result, not long, and then fetch themselves. Trouble of the cache at any step is the same as having none.
// lookup/discovery.hpp asks and waits between these calls.
#pragma once

#include "base/clock.hpp"
#include "base/domain.hpp"
#include "base/keyed_hash.hpp"
#include "cache/entry.hpp"
#include "cache/shared.hpp"
#include "cache/table.hpp"
#include "lookup/outcome.hpp"
#include "lookup/steps.hpp"
#include "lookup/worth.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace lookup {

/// The clocks of two hosts may differ by this.
inline constexpr base::seconds max_ahead{300};

/// What a value is worth before its text is parsed. `txt`: what the record shows; null: nobody has asked (a
/// notification). Newer is the later fetch, of the same second the greater text, so that all hosts agree.
[[nodiscard]] Worth worth_parsing(const cache::SharedPolicy& found, const cache::Knowledge& known,
                                  const TxtOutcome* txt, base::Instant now);
/// The same after it was parsed and is a valid policy: take or expired.
[[nodiscard]] Worth worth_taking(const cache::SharedPolicy& found, const sts::Policy& policy,
                                 base::Instant now);

/// The domain after a value was taken: as if it had been fetched at its time, which is never after `now`. The TXT
/// record is due for a check at once, unless `txt` shows the id, or the text is what this host has already. In the
/// second case its own id stays, too; else hosts with resolvers of different age would fetch in turns.
[[nodiscard]] cache::Entry adopted(const cache::Knowledge& before, cache::PolicyPtr policy,
                                   const cache::SharedPolicy& found, const TxtOutcome* txt,
                                   base::Instant now);

/// Whether a search asks the shared cache beside the TXT question: this host knows no policy.
[[nodiscard]] bool ask_beside(const cache::Knowledge& known, Why why, base::Instant now);

/// The lease for a GET for `id`. refresh: the policy at hand is good for some time yet, so that nobody has to
/// wait.
[[nodiscard]] cache::Lease lease_for(const cache::Knowledge& known, Why why, std::string_view id,
                                     base::Instant now);

/// The way of one search to its GET, or to the GET of another host.
class SharedTurn {
public:
    enum class Step : std::uint8_t {
        find,  ///< ask the cache for the policy
        lease, ///< ask for the lease
        wait,  ///< for a notification, but not after until()
        take,  ///< take the value that was found
        get,   ///< fetch
        leave, ///< another host refreshes the policy; look again after look_again()
    };
    /// Of find(): a value to take; none, or one that is not to be taken; trouble.
    enum class Look : std::uint8_t { fits, nothing, trouble };
    enum class Won : std::uint8_t { yes, no, trouble };
    /// Of a notification: a value to take; another value; find() may have one.
    enum class News : std::uint8_t { fits, other, look };

    /// After the lease was lost: when to look again, and when to fetch.
    static constexpr std::array<base::milliseconds, 3> looks_after{
        base::milliseconds{250}, base::milliseconds{500}, base::milliseconds{1000}};
    static constexpr base::milliseconds fetch_after{1500};
    /// Notifications without a value that lead to a look.
    static constexpr unsigned max_extra_looks = 3;

    /// `ask_lease`: false when this host has waited long enough for others.
    SharedTurn(cache::Lease lease, bool ask_lease) : lease_(lease), ask_lease_(ask_lease) {}

    [[nodiscard]] Step looked(Look result, base::Steady now);
    [[nodiscard]] Step asked(Won result, base::Steady now);
    /// The wait is over, without a notification.
    [[nodiscard]] Step waited(base::Steady now);
    [[nodiscard]] Step heard(News news);
    [[nodiscard]] base::Steady until() const noexcept { return until_; }
    /// The lease was lost.
    [[nodiscard]] bool lost() const noexcept { return lost_; }

private:
    [[nodiscard]] Step next_wait(base::Steady now);

    cache::Lease lease_;
    bool ask_lease_, lost_ = false;
    base::Steady lost_at_{}, until_{};
    std::size_t looks_ = 0;
    unsigned extra_looks_ = 0;
};

/// How long after a lost refresh lease the refresher looks again: 30 to 120 s. `random` is in [0, 1).
[[nodiscard]] base::seconds look_again(double random);

/// The domains whose refresh lease another host holds, so that nobody keeps a policy from being refreshed by taking
/// leases: after a lease's time this host fetches without one. Belongs to one thread.
class LostLeases {
public:
    static constexpr base::seconds patience = cache::refresh_lease;
    static constexpr base::seconds remembered{600};
    static constexpr std::size_t max_remembered = 1 << 16; ///< about 60 octets each; further ones do not wait

    /// Whether the domain has waited long enough.
    [[nodiscard]] bool enough(const base::Domain& domain, base::Steady now);
    /// The lease was lost again, or for the first time.
    void note(const base::Domain& domain, base::Steady now);
    void forget(const base::Domain& domain) { first_.erase(base::keyed_hash(domain.name())); }
    [[nodiscard]] std::size_t size() const noexcept { return first_.size(); }

private:
    void forget_old(base::Steady now);

    std::unordered_map<std::uint64_t, base::Steady, base::HashedAlready> first_;
    std::deque<std::pair<base::Steady, std::uint64_t>> order_; ///< those forgotten included
};

} // namespace lookup
