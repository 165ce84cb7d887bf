// lookup/shared_lookup.hpp - what searches ask of the shared cache, with a limit on every wait; who waits for a
// notification; what notifications have brought.
//
// lookup/shared_steps.hpp decides; this only asks and counts. Bounds: a question is waited for no longer than
// cache::Shared::max_wait; at most max_news policies are kept until their search takes them. Threads: lives on the
// back io_context.
#pragma once

#include "base/clock.hpp"
#include "base/domain.hpp"
#include "cache/shared.hpp"
#include "lookup/bell.hpp"
#include "lookup/counts.hpp"

#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <unordered_map>

namespace lookup {

class SharedLookup {
public:
    /// Policies that have come and are not taken yet; searches for further ones ask the cache again.
    static constexpr std::size_t max_news = 1024;

    /// A notification. No policy: it was too large for the message.
    struct News {
        std::optional<cache::SharedPolicy> policy;
    };
    /// A question under way.
    template <class T>
    struct Question {
        std::optional<T> answer;
        Bell bell;
    };
    using Asked = std::shared_ptr<Question<cache::Shared::Found>>;

    SharedLookup(cache::Shared& shared, base::Timers& timers) : shared_(shared), timers_(timers) {}
    SharedLookup(const SharedLookup&) = delete;
    SharedLookup& operator=(const SharedLookup&) = delete;

    /// Asks for the domain's policy; the answer is waited for later.
    [[nodiscard]] Asked ask(const base::Domain& domain);
    [[nodiscard]] boost::asio::awaitable<cache::Shared::Found> answer(Asked asked);

    [[nodiscard]] boost::asio::awaitable<cache::Shared::Leased> lease(base::Domain domain,
                                                                      cache::Lease lease);
    /// Waits for a notification about the domain, no longer than `longest`; none: the time is over. At most one
    /// coroutine waits for a domain.
    [[nodiscard]] boost::asio::awaitable<std::optional<News>> news(base::Domain domain,
                                                                   base::milliseconds longest);
    /// A notification came: wakes who waits for it. False: nobody does.
    [[nodiscard]] bool wake(const base::Domain& domain, const News& news);

    /// Keeps what a notification brought until the domain's search takes it. The newer of two.
    void keep(const base::Domain& domain, News news);
    [[nodiscard]] std::optional<cache::SharedPolicy> take_kept(const base::Domain& domain);
    void drop_kept(const base::Domain& domain) { kept_.erase(domain); }

    void offer(const base::Domain& domain, cache::SharedPolicy policy);

    /// Notes what a value was worth; `take`: it was taken.
    void judged(Worth worth) noexcept { counts_.values.of(worth).add(); }
    /// A lease was lost, and the policy fetched here in the end.
    void waited_in_vain() noexcept { counts_.waited_in_vain.add(); }
    [[nodiscard]] const SharedCounts& counts() const noexcept { return counts_; } ///< any thread

private:
    struct Waiter {
        std::optional<News> news;
        Bell bell;
    };
    using Waiters = std::unordered_map<base::Domain, std::shared_ptr<Waiter>>;
    class Listed;

    cache::Shared& shared_;
    base::Timers& timers_;
    std::shared_ptr<Waiters> waiters_ = std::make_shared<Waiters>(); ///< coroutines may outlive this
    std::unordered_map<base::Domain, cache::SharedPolicy> kept_;
    SharedCounts counts_;
};

} // namespace lookup
