// tests/support/fleet_world.hpp - several hosts with the real learner and refresher over one fake shared cache, in
// one world of DNS and HTTPS and on one manual clock.
//
// Nothing moves but when the test calls run() or pass().
#pragma once

#include "cache/table.hpp"
#include "lookup/learner.hpp"
#include "lookup/refresher.hpp"
#include "support/fake_fetcher.hpp"
#include "support/fake_resolver.hpp"
#include "support/fake_shared.hpp"
#include "support/fake_store.hpp"
#include "support/lookup_world.hpp"
#include "support/manual_time.hpp"
#include "support/memory_log.hpp"

#include <boost/asio/async_result.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace test {

class FleetWorld {
public:
    enum class Sharing { no, yes };

    /// A fetcher of this host's own, over the world's: it counts, and its network can be cut.
    class HostFetcher final : public fetch::Fetcher {
    public:
        explicit HostFetcher(FleetWorld& world) : world_(world) {}
        bool cut = false;
        std::size_t gets = 0;
        boost::asio::awaitable<fetch::Result> get(std::string policy_host) override {
            ++gets;
            return cut ? fail() : world_.fetcher.get(std::move(policy_host));
        }

    private:
        static boost::asio::awaitable<fetch::Result> fail() {
            fetch::Failure failure{base::Reason::connect_failed, "cut"};
            co_return fetch::Result(base::unexpected(std::move(failure)));
        }
        FleetWorld& world_;
    };

    /// The name servers that a host asks: the world's, or none.
    class HostResolver final : public dns::Resolver {
    public:
        explicit HostResolver(FleetWorld& world) : world_(world) {}
        bool cut = false;
        FakeResolver* own = nullptr; ///< instead of the world's
        std::size_t txt_questions = 0;
        boost::asio::awaitable<dns::Result> resolve(std::string name, dns::Type type,
                                                    dns::Purpose purpose) override {
            txt_questions += type == dns::Type::txt;
            if (cut) return fail();
            return (own ? *own : world_.resolver).resolve(std::move(name), type, purpose);
        }

    private:
        static boost::asio::awaitable<dns::Result> fail() {
            co_return dns::failed(base::Reason::dns_timeout);
        }
        FleetWorld& world_;
    };

    struct Host {
        Host(FleetWorld& world, std::string name, Sharing sharing)
            : fetcher(world), resolver(world), shared(world.engine, std::move(name)),
              dane(world.io.get_executor(), resolver), learner({world.io.get_executor(),
                                                                resolver,
                                                                fetcher,
                                                                dane,
                                                                store,
                                                                table,
                                                                world.time,
                                                                world.time,
                                                                log,
                                                                {},
                                                                {},
                                                                sharing == Sharing::yes ? &shared : nullptr},
                                                               {}),
              refresher({learner, table, world.time, world.time, [&world] { return world.draw(); }, store},
                        {}, 32) {
            learner.on_new_policy([this](const base::Domain& about) { refresher.add(about); });
            refresher.start();
        }

        /// What is known of a domain, for a comparison: "id text", "absent REASON", or "nothing".
        [[nodiscard]] std::string known(const base::Domain& about) const {
            const cache::Knowledge found = table.find(about);
            if (const auto* entry = std::get_if<cache::Entry>(&found))
                return entry->txt_id + " " + entry->policy->text;
            if (const auto* absence = std::get_if<cache::Absence>(&found))
                return "absent " + std::string(to_string(absence->reason));
            return "nothing";
        }
        [[nodiscard]] cache::Entry entry(const base::Domain& about) const {
            return std::get<cache::Entry>(table.find(about));
        }

        HostFetcher fetcher;
        HostResolver resolver;
        FakeShared shared;
        FakeStore store;
        MemoryLog log;
        cache::Table table{cache::Limits{}};
        lookup::DaneLookup dane;
        lookup::Learner learner;
        lookup::Refresher refresher;
    };

    explicit FleetWorld(std::size_t hosts, Sharing sharing = Sharing::yes) {
        for (std::size_t i = 1; i <= hosts; ++i)
            hosts_.push_back(std::make_unique<Host>(*this, "mx" + std::to_string(i), sharing));
    }
    ~FleetWorld() {
        run();
        hosts_.clear();
        time.forget_calls(); // and what waits for them
    }
    FleetWorld(const FleetWorld&) = delete;
    FleetWorld& operator=(const FleetWorld&) = delete;

    Host& operator[](std::size_t i) { return *hosts_[i]; }
    [[nodiscard]] std::size_t size() const { return hosts_.size(); }

    void publish(const base::Domain& of, const std::string& id, std::string text) {
        resolver.txt(of.record_name(), {"v=STSv1; id=" + id + ";"}, base::seconds{300});
        fetcher.set(of.policy_host(), std::move(text));
    }
    /// GETs take this long from now on.
    void slow_gets(base::milliseconds by) {
        fetcher.delay = [this, by](std::string) { return sleep(by); };
    }

    /// A client of host `i` asks, as lookup/service does it. Does not wait.
    void ask(std::size_t i, const base::Domain& of) {
        Host& host = *hosts_[i];
        const cache::QueryResult found = host.table.ask(of, time.now());
        auto plan = cache::QueryPlan::resolve;
        if (const auto* policy = std::get_if<cache::QueriedPolicy>(&found))
            plan = cache::plan(*policy, time.now(), {});
        if (const auto* absence = std::get_if<cache::Absence>(&found))
            plan = cache::plan(*absence, time.now(), {});
        if (plan == cache::QueryPlan::serve_and_check) host.learner.learn(of, lookup::Why::txt_check, {});
        if (plan == cache::QueryPlan::resolve) learn(i, of, lookup::Why::query);
    }
    /// Starts a search whose outcome is kept in `outcomes`.
    void learn(std::size_t i, const base::Domain& of, lookup::Why why) {
        hosts_[i]->learner.learn(of, why,
                                 [this](const lookup::Outcome& outcome) { outcomes.push_back(outcome); });
    }

    /// Does what can be done without time passing.
    void run() {
        io.restart();
        io.poll();
    }
    /// Lets time pass, and makes every delayed call at its time.
    void pass(base::milliseconds by) {
        const auto end = time.passed() + by;
        run();
        while (time.next_call() && *time.next_call() <= end) {
            time.make_next_call();
            run();
        }
        time.move_to(end);
    }
    double draw() { return std::uniform_real_distribution<double>{0, 1}(generator_); }

    boost::asio::io_context io;
    ManualTime time;
    FakeResolver resolver;
    FakeFetcher fetcher;
    FakeEngine engine{io, time};
    std::vector<lookup::Outcome> outcomes;
    const base::Domain domain = *base::Domain::parse("a.example");

private:
    boost::asio::awaitable<void> sleep(base::milliseconds by) {
        auto initiate = [this, by](auto handler) {
            auto held = std::make_shared<decltype(handler)>(std::move(handler));
            (void)time.after(by, [held] { std::move (*held)(); });
        };
        auto woken = boost::asio::async_initiate<const boost::asio::use_awaitable_t<>, void()>(
            std::move(initiate), boost::asio::use_awaitable);
        co_await std::move(woken);
    }

    std::mt19937_64 generator_{1};
    std::vector<std::unique_ptr<Host>> hosts_;
};

} // namespace test
