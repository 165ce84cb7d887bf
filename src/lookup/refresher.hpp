// lookup/refresher.hpp - the daily GET of every wanted policy, and the end of the expired ones (RFC 8461
// section 10.2).
//
// The agenda is in the table: each domain is due at its entry's agenda_at. One timer runs for the earliest;
// nothing is polled or scanned. Due times are jittered. What is overdue at the start, as after a week offline,
// is spread out. At most `max_running` domains are refreshed at once, so that there is always room for the
// fetches that clients wait for. The agenda is rebuilt from the entries at each start, and also after a jump
// of the wall clock (it was set, or the machine was suspended); changed entries are stored. Expired policies
// are forgotten when the clock can be trusted (lookup/expiry.hpp), and looked at from time to time until then.
// Where another host of a fleet is refreshing a policy, it is looked at again soon (lookup/shared_steps.hpp).
// Threads: lives on the back io_context.
#pragma once

#include "base/clock.hpp"
#include "base/domain.hpp"
#include "cache/store.hpp"
#include "cache/table.hpp"
#include "lookup/learner.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

namespace lookup {

class Refresher {
public:
    /// A uniform random number in [0, 1).
    using Random = std::function<double()>;

    struct Parts {
        Learner& learner;
        cache::Table& table;
        base::Clock& clock;
        base::Timers& timers;
        Random random;
        cache::Store& store;
    };
    /// Domains looked at in one go; then other work of the thread gets its turn.
    static constexpr std::size_t slice = 1000;

    Refresher(Parts parts, cache::Tuning tuning, std::size_t max_running);
    ~Refresher();
    Refresher(const Refresher&) = delete;
    Refresher& operator=(const Refresher&) = delete;

    /// Puts every policy of the table on the agenda. Call once, when the table is complete.
    void start();
    /// Puts a domain with a first policy on the agenda.
    void add(const base::Domain& domain);
    void configure(const cache::Tuning& tuning, std::size_t max_running);

    /// Starts no further refresh. Those under way continue.
    void stop();

    [[nodiscard]] std::size_t running() const noexcept { return *running_; }

private:
    class Turn;
    void schedule_all();
    void schedule_strays();
    void lost_one() noexcept;
    void put_on_agenda(const base::Domain& domain);
    void recount_newest();
    void keep_expired(const base::Domain& domain, const cache::Entry& entry);
    void store_times(const base::Domain& domain);
    [[nodiscard]] base::Instant look_at(const cache::Entry& entry, base::Instant now);
    [[nodiscard]] base::Instant not_before(const base::Domain& domain, const cache::Entry& entry,
                                           base::Instant when, base::Instant now);
    [[nodiscard]] bool clock_jumped();
    void schedule(const base::Domain& domain, base::Instant when);
    void arm();
    void wake();
    void tick();
    void look(const base::Domain& domain);

    Parts parts_;
    cache::Tuning tuning_;
    std::size_t max_running_;
    std::shared_ptr<std::size_t> running_ = std::make_shared<std::size_t>(0); ///< counted by Turns
    bool strays_ = false; ///< memory ran out: a domain could not be put back on the agenda
    bool stopped_ = false;
    base::Timers::Id timer_ = 0;
    base::Instant armed_for_{};
    std::uint64_t jumps_ = 0;            ///< wall clock jumps after which it was rebuilt
    base::Steady recounted_{}, noted_{}; ///< when the newest fetch was counted; the running time stored
    std::shared_ptr<Refresher*> self_ = std::make_shared<Refresher*>(this);
};

/// When a domain that is overdue at the start is looked at. `random` spreads the domains evenly over one
/// second per domain, at most three hours, and ends well before the policy expires. Pure.
[[nodiscard]] base::Instant spread(base::Instant now, base::Instant expires, std::size_t overdue,
                                   double random);

} // namespace lookup
