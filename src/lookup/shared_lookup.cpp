#include "lookup/shared_lookup.hpp"

#include <utility>

namespace lookup {

namespace asio = boost::asio;
using cache::Shared;

namespace {

constexpr cache::SharedTrouble no_answer{"no-answer"};

SharedFind kind_of(const Shared::Found& found) {
    if (!found) return SharedFind::trouble;
    return *found ? SharedFind::found : SharedFind::none;
}

SharedLease kind_of(const Shared::Leased& leased) {
    if (!leased) return SharedLease::trouble;
    return *leased ? SharedLease::won : SharedLease::lost;
}

/// What `done` of a question does.
template <class T>
auto teller(const std::shared_ptr<SharedLookup::Question<T>>& question) {
    return [question](T answer) {
        question->answer = std::move(answer);
        question->bell.ring();
    };
}

} // namespace

SharedLookup::Asked SharedLookup::ask(const base::Domain& domain) {
    auto asked = std::make_shared<Question<Shared::Found>>();
    shared_.find(domain, teller(asked));
    return asked;
}

asio::awaitable<Shared::Found> SharedLookup::answer(Asked asked) {
    if (!asked->answer) {
        auto told = asked->bell.wait(timers_, Shared::max_wait);
        co_await std::move(told);
    }
    Shared::Found found = base::unexpected(no_answer);
    if (asked->answer) found = *std::move(asked->answer);
    counts_.finds.of(kind_of(found)).add();
    co_return found;
}

asio::awaitable<Shared::Leased> SharedLookup::lease(base::Domain domain, cache::Lease lease) {
    const auto asked = std::make_shared<Question<Shared::Leased>>();
    shared_.lease(std::move(domain), lease, teller(asked));
    auto told = asked->bell.wait(timers_, Shared::max_wait);
    co_await std::move(told);
    Shared::Leased leased = base::unexpected(no_answer);
    if (asked->answer) leased = *std::move(asked->answer);
    counts_.leases.of(kind_of(leased)).add();
    co_return leased;
}

/// On the list as long as its coroutine lives.
class SharedLookup::Listed {
public:
    Listed(std::shared_ptr<Waiters> list, base::Domain domain)
        : list_(std::move(list)), domain_(std::move(domain)) {
        list_->insert_or_assign(domain_, waiter_);
    }
    ~Listed() { list_->erase(domain_); }
    Listed(const Listed&) = delete;
    Listed& operator=(const Listed&) = delete;
    [[nodiscard]] Waiter& waiter() noexcept { return *waiter_; }

private:
    std::shared_ptr<Waiters> list_;
    base::Domain domain_;
    std::shared_ptr<Waiter> waiter_ = std::make_shared<Waiter>();
};

asio::awaitable<std::optional<SharedLookup::News>> SharedLookup::news(base::Domain domain,
                                                                      base::milliseconds longest) {
    Listed listed(waiters_, std::move(domain));
    auto told = listed.waiter().bell.wait(timers_, longest);
    co_await std::move(told);
    std::optional<News> brought = std::move(listed.waiter().news);
    co_return brought;
}

bool SharedLookup::wake(const base::Domain& domain, const News& news) {
    const auto found = waiters_->find(domain);
    if (found == waiters_->end()) return false;
    const std::shared_ptr<Waiter> waiter = found->second; // the coroutine takes it off the list
    waiter->news = news;
    counts_.news.add();
    waiter->bell.ring();
    return true;
}

void SharedLookup::keep(const base::Domain& domain, News news) {
    counts_.news.add();
    const auto before = kept_.find(domain);
    if (before == kept_.end() && kept_.size() >= max_news) return;
    if (!news.policy) return drop_kept(domain);
    if (before == kept_.end())
        kept_.emplace(domain, *std::move(news.policy));
    else if (news.policy->fetched_at >= before->second.fetched_at)
        before->second = *std::move(news.policy);
}

std::optional<cache::SharedPolicy> SharedLookup::take_kept(const base::Domain& domain) {
    auto node = kept_.extract(domain);
    if (node.empty()) return std::nullopt;
    return std::move(node.mapped());
}

void SharedLookup::offer(const base::Domain& domain, cache::SharedPolicy policy) {
    counts_.offers.add();
    shared_.offer(domain, std::move(policy));
}

} // namespace lookup
