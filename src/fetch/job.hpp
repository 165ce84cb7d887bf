// fetch/job.hpp - one fetch, from its place in the queue to its outcome.
//
// Runs in a coroutine of its own, so that it ends cleanly even when the caller is cancelled; stop() ends all
// its waits. Belongs to its core's executor.
#pragma once

#include "base/event.hpp"
#include "fetch/core.hpp"
#include "fetch/dialer.hpp"
#include "fetch/exchange.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fetch {

/// While other addresses are left: a TCP connection without an octet for this long, or without a complete
/// handshake after this long, gives way to the next. A usual handshake takes two round trips and a few
/// milliseconds; slower addresses are tried again at the end, with the remaining time.
inline constexpr std::chrono::milliseconds silent_handshake{2500};
inline constexpr std::chrono::milliseconds slow_handshake{10000};

class Job : public std::enable_shared_from_this<Job> {
public:
    Job(std::shared_ptr<Core> core, std::string policy_host)
        : done(core->executor), core_(std::move(core)), policy_host_(std::move(policy_host)),
          event_(core_->executor), deadline_(core_->executor), patience_(core_->executor) {
        core_->jobs.insert(this);
    }
    ~Job() { core_->jobs.erase(this); }
    Job(const Job&) = delete;
    Job& operator=(const Job&) = delete;

    [[nodiscard]] boost::asio::awaitable<Result> run();
    /// Nobody wants the outcome any more.
    void stop() { end(End::abandoned); }
    void finish(std::exception_ptr error, Result fetched);

    base::Event done;
    std::optional<Result> result;

private:
    enum class End { no, deadline, abandoned };

    void end(End why);
    void arm_deadline();
    void pause_deadline();
    void arm_patience();
    void make_room();
    void look_up(const std::string& name, dns::Type type);
    void found(dns::Type type, std::exception_ptr error, dns::Result answer);
    [[nodiscard]] boost::asio::awaitable<bool> start();
    [[nodiscard]] boost::asio::awaitable<bool> lookups_ready();
    [[nodiscard]] boost::asio::awaitable<bool> place_at(Address address);
    [[nodiscard]] boost::asio::awaitable<Result> fetch();
    [[nodiscard]] boost::asio::awaitable<bool> find_addresses();
    void begin_exchange();
    [[nodiscard]] std::optional<Exchange::Patience> patience() const;
    [[nodiscard]] bool go_round_again();
    void keep_best(const Failure& failure, const Address& address);
    [[nodiscard]] Result ended() const;
    [[nodiscard]] Result no_addresses() const;
    [[nodiscard]] Result no_connection() const;
    [[nodiscard]] std::string at(const Address& address) const;
    [[nodiscard]] Result failed_at(Failure failure, const Address& address) const;

    std::shared_ptr<Core> core_;
    std::string policy_host_;
    Options options_; // as they were at the start
    std::shared_ptr<boost::asio::ssl::context> tls_;
    net::Proxy proxy_;

    base::Event event_;
    boost::asio::steady_timer deadline_;
    unsigned armed_ = 0; // tells a late expiry from the current one
    std::chrono::steady_clock::duration left_{};
    End end_ = End::no;
    Gate::Admission admission_;
    boost::asio::steady_timer patience_;
    std::optional<Counted> slow_; // gave its place up for good

    std::shared_ptr<Dialer> dialer_;
    std::unique_ptr<Connection> connection_; // the exchange's place
    std::shared_ptr<Exchange> exchange_;
    std::vector<Address> slow_addresses_; // out of patience with them
    bool second_round_ = false;           // those once more
    std::optional<Failure> best_;         // of the addresses that came further than connecting
    Address best_at_;
    std::shared_ptr<std::size_t> octets_left_ = std::make_shared<std::size_t>(max_fetch_octets);
    int lookups_ = 0; // not yet settled
    bool resolving_ = false;
    std::optional<std::chrono::steady_clock::time_point> have_v4_since_;
    std::string lookup_failures_; // "A: no such name, AAAA: dns-timeout"
    bool lookups_overloaded_ = false;
    std::string refused_; // an address that may not be connected to
};

} // namespace fetch
