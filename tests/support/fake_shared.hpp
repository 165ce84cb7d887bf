// tests/support/fake_shared.hpp - a shared cache in memory, for several hosts on one thread and one manual clock.
//
// Answers and notifications come through the io_context, as from a real one, and take no time. Each step can be
// put out of order on its own.
#pragma once

#include "cache/shared.hpp"
#include "support/manual_time.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace test {

/// What all hosts share.
class FakeEngine {
public:
    enum class State {
        well,
        trouble, ///< says at once that it does not work
        hangs,   ///< never answers
    };

    FakeEngine(boost::asio::io_context& io, ManualTime& time) : io_(io), time_(time) {}

    State find = State::well, lease = State::well;
    bool offers_lost = false;    ///< neither kept nor told to anybody
    bool news_lost = false;      ///< kept, but told to nobody
    bool news_too_large = false; ///< told without the policy
    void all(State state) {
        find = lease = state;
        offers_lost = news_lost = state != State::well;
    }

    std::map<std::string, cache::SharedPolicy>
        values; ///< by domain; as somebody who holds the key could set them
    /// As if another host had the lease from now on.
    void take_lease(const base::Domain& domain, cache::Lease kind) {
        leases_[{domain.name(), kind}] = time_.steady() + cache::lease_time(kind);
    }
    /// Tells all hosts.
    void publish(const base::Domain& domain, std::optional<cache::SharedPolicy> policy) {
        for (const auto& host : hosts_)
            boost::asio::post(io_, [host, domain, policy] {
                if (*host) (*host)(domain, policy);
            });
    }

    struct Counts {
        std::size_t finds = 0, hits = 0, leases = 0, won = 0, offers = 0;
    } counts;

private:
    friend class FakeShared;
    using Watcher = std::shared_ptr<cache::Shared::News>;

    template <class T>
    void answer(State state, std::function<void(base::Expected<T, cache::SharedTrouble>)> done, T value) {
        if (state == State::hangs) return;
        base::Expected<T, cache::SharedTrouble> result = std::move(value);
        if (state == State::trouble) result = base::unexpected(cache::SharedTrouble{"down"});
        boost::asio::post(
            io_, [done = std::move(done), result = std::move(result)]() mutable { done(std::move(result)); });
    }

    boost::asio::io_context& io_;
    ManualTime& time_;
    std::map<std::pair<std::string, cache::Lease>, base::Steady> leases_; ///< until when
    std::vector<Watcher> hosts_;
};

/// One host's way to it.
class FakeShared final : public cache::Shared {
public:
    FakeShared(FakeEngine& engine, std::string host) : engine_(engine), host_(std::move(host)) {
        engine_.hosts_.push_back(watcher_);
    }
    ~FakeShared() override { *watcher_ = nullptr; }

    void find(base::Domain domain, std::function<void(Found)> done) override {
        ++engine_.counts.finds;
        std::optional<cache::SharedPolicy> value;
        if (const auto at = engine_.values.find(domain.name()); at != engine_.values.end())
            value = at->second;
        engine_.counts.hits += value.has_value();
        engine_.answer(engine_.find, std::move(done), std::move(value));
    }
    void lease(base::Domain domain, cache::Lease kind, std::function<void(Leased)> done) override {
        ++engine_.counts.leases;
        base::Steady& until = engine_.leases_[{domain.name(), kind}];
        const bool won = engine_.lease == FakeEngine::State::well && until <= engine_.time_.steady();
        if (won) until = engine_.time_.steady() + cache::lease_time(kind);
        engine_.counts.won += won;
        engine_.answer(engine_.lease, std::move(done), won);
    }
    void offer(base::Domain domain, cache::SharedPolicy policy) override {
        ++engine_.counts.offers;
        if (engine_.offers_lost) return;
        policy.host = host_;
        const auto known = engine_.values.find(domain.name());
        if (known != engine_.values.end() && known->second.fetched_at > policy.fetched_at) return;
        engine_.values.insert_or_assign(domain.name(), policy);
        if (engine_.news_lost) return;
        if (engine_.news_too_large) return engine_.publish(domain, std::nullopt);
        engine_.publish(domain, std::move(policy));
    }
    void watch(News news) override { *watcher_ = std::move(news); }

private:
    FakeEngine& engine_;
    std::string host_;
    FakeEngine::Watcher watcher_ = std::make_shared<News>();
};

} // namespace test
