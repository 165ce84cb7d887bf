#include "fetch/https_fetcher.hpp"

#include "fetch/address.hpp"
#include "fetch/certificate.hpp"
#include "fetch/dialer.hpp"
#include "fetch/exchange.hpp"
#include "fetch/gate.hpp"
#include "fetch/nat64.hpp"
#include "fetch/request.hpp"

#include <boost/asio/co_spawn.hpp>

#include <algorithm>
#include <set>
#include <stdexcept>
#include <utility>

namespace fetch {

namespace asio = boost::asio;
using base::Reason;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {

/// How long an IPv4 address waits for the IPv6 lookup to settle (RFC 8305 section 3, "Resolution Delay").
constexpr milliseconds resolution_delay{50};

Failure failure(Reason reason, std::string detail) {
    Failure f;
    f.reason = reason;
    f.detail = std::move(detail);
    return f;
}

Fetched failed(Reason reason, std::string detail) {
    return base::unexpected(failure(reason, std::move(detail)));
}

} // namespace

/// What all fetches share. Outlives the fetcher while some of them are still winding up.
struct HttpsFetcher::Core {
    Core(asio::any_io_executor e, dns::Resolver& r, base::Log& l)
        : executor(std::move(e)), resolver(r), log(l), nat64(std::make_shared<Nat64>(executor, r)) {}

    asio::any_io_executor executor;
    dns::Resolver& resolver;
    base::Log& log;
    std::shared_ptr<Nat64> nat64;
    Options options;
    std::shared_ptr<asio::ssl::context> tls;
    std::optional<Proxy> proxy;
    std::shared_ptr<Gate> starts = std::make_shared<Gate>(0);
    std::shared_ptr<AddressGates> addresses = std::make_shared<AddressGates>(0);
    std::size_t queued = 0;
    std::size_t slow = 0; // fetches that gave their place up and still run
    std::set<Job*> jobs;
    bool closed = false;
};

/// One fetch, from its place in the queue to its outcome. Runs in a coroutine of its own, so that a cancelled
/// caller does not disturb its winding up; everything it waits for is ended by stop().
class HttpsFetcher::Job : public std::enable_shared_from_this<Job> {
public:
    Job(std::shared_ptr<Core> core, std::string policy_host)
        : done(core->executor), core_(std::move(core)), policy_host_(std::move(policy_host)),
          event_(core_->executor), deadline_(core_->executor), patience_(core_->executor) {
        core_->jobs.insert(this);
    }
    ~Job() { core_->jobs.erase(this); }
    Job(const Job&) = delete;
    Job& operator=(const Job&) = delete;

    [[nodiscard]] asio::awaitable<Fetched> run();
    /// The outcome is no longer wanted.
    void stop() { end(End::abandoned); }
    void finish(std::exception_ptr error, Fetched fetched);

    base::Event done;
    std::optional<Fetched> result;

private:
    enum class End { no, deadline, abandoned };

    void end(End why);
    void arm_deadline();
    void pause_deadline();
    void arm_patience();
    void make_room();
    void look_up(const std::string& name, dns::Type type);
    void found(dns::Type type, std::exception_ptr error, dns::Result answer);
    [[nodiscard]] asio::awaitable<bool> start();
    [[nodiscard]] asio::awaitable<bool> lookups_ready();
    [[nodiscard]] asio::awaitable<bool> place_at(Address address);
    [[nodiscard]] asio::awaitable<Fetched> fetch();
    [[nodiscard]] Fetched ended() const;
    [[nodiscard]] Fetched no_connection() const;

    std::shared_ptr<Core> core_;
    std::string policy_host_;
    Options options_; // as they were at the start
    std::shared_ptr<asio::ssl::context> tls_;
    std::optional<Proxy> proxy_;

    base::Event event_;
    asio::steady_timer deadline_;
    unsigned armed_ = 0; // tells a late expiry from the current one
    steady_clock::duration left_{};
    End end_ = End::no;
    Gate::Place place_;
    asio::steady_timer patience_;
    bool slow_ = false; // gave its place up for good

    std::shared_ptr<Dialer> dialer_;
    std::shared_ptr<Exchange> exchange_;
    int lookups_ = 0; // not yet settled
    bool resolving_ = false;
    std::optional<steady_clock::time_point> have_v4_since_;
    std::string lookup_failures_; // "A: no such name, AAAA: dns-timeout"
    bool lookups_overloaded_ = false;
    std::string refused_; // an address that may not be connected to
};

void HttpsFetcher::Job::end(End why) {
    if (end_ != End::no) return;
    end_ = why;
    deadline_.cancel();
    if (dialer_) dialer_->stop();
    if (exchange_) exchange_->stop();
    event_.notify();
}

void HttpsFetcher::Job::arm_deadline() {
    deadline_.expires_after(left_);
    deadline_.async_wait(
        [weak = weak_from_this(), round = ++armed_](const boost::system::error_code& cancelled) {
            const auto job = weak.lock();
            if (!cancelled && job && round == job->armed_) job->end(End::deadline);
        });
}

/// Restarts the time after which this fetch makes room for another.
void HttpsFetcher::Job::arm_patience() {
    if (slow_) return;
    patience_.expires_after(options_.patience);
    patience_.async_wait([weak = weak_from_this()](const boost::system::error_code& cancelled) {
        const auto job = weak.lock();
        if (!cancelled && job) job->make_room();
    });
}

void HttpsFetcher::Job::make_room() {
    if (slow_ || !place_ || end_ != End::no || core_->slow >= slow_factor * options_.max_concurrent) return;
    slow_ = true;
    ++core_->slow;
    place_.release();
}

void HttpsFetcher::Job::pause_deadline() {
    left_ = std::max(deadline_.expiry() - steady_clock::now(), steady_clock::duration::zero());
    ++armed_;
    deadline_.cancel();
}

void HttpsFetcher::Job::finish(std::exception_ptr error, Fetched fetched) {
    deadline_.cancel();
    patience_.cancel();
    place_.release();
    if (slow_) --core_->slow;
    slow_ = false;
    if (error) {
        try {
            std::rethrow_exception(error);
        } catch (const std::exception& e) {
            fetched = failed(Reason::overloaded, e.what()); // out of memory; nothing else throws
        }
    }
    result = std::move(fetched);
    done.notify();
}

/// Waits for a turn; false when the queue is full or the fetch has ended.
asio::awaitable<bool> HttpsFetcher::Job::start() {
    place_ = core_->starts->try_enter();
    if (!place_) {
        if (core_->queued >= max_queued) co_return false;
        ++core_->queued;
        const auto waiter = core_->starts->wait([this] { event_.notify(); });
        while (!waiter->granted() && end_ == End::no) {
            co_await event_.wait();
        }
        --core_->queued;
        if (end_ != End::no) co_return false;
        place_ = waiter->take();
    }
    options_ = core_->options;
    tls_ = core_->tls;
    proxy_ = core_->proxy;
    left_ = options_.timeout;
    arm_deadline();
    arm_patience();
    co_return true;
}

/// All addresses have their limit of connections: waits for a place at one, neither keeping others from
/// starting nor spending the deadline. False when the queue is full or the fetch has ended.
asio::awaitable<bool> HttpsFetcher::Job::place_at(Address address) {
    if (core_->queued >= max_queued) co_return false;
    ++core_->queued;
    pause_deadline();
    place_.release();
    const auto notify = [this] { event_.notify(); };
    const auto at_address = core_->addresses->at(address)->wait(notify);
    while (!at_address->granted() && end_ == End::no) {
        co_await event_.wait();
    }
    if (end_ == End::no && !slow_) {
        const auto again = core_->starts->wait(notify, true);
        while (!again->granted() && end_ == End::no) {
            co_await event_.wait();
        }
        if (again->granted()) place_ = again->take();
    }
    --core_->queued;
    if (end_ != End::no) co_return false;
    dialer_->lend(address, at_address->take());
    arm_deadline();
    arm_patience();
    co_return true;
}

void HttpsFetcher::Job::look_up(const std::string& name, dns::Type type) {
    ++lookups_;
    asio::co_spawn(core_->executor, core_->resolver.resolve(name, type, dns::Purpose::address),
                   [weak = weak_from_this(), type](std::exception_ptr error, dns::Result answer) {
                       if (const auto job = weak.lock()) job->found(type, error, std::move(answer));
                   });
}

void HttpsFetcher::Job::found(dns::Type type, std::exception_ptr error, dns::Result answer) {
    std::vector<Address> addresses, usable;
    if (answer) {
        for (const std::string& rdata : answer->records)
            if (const auto address = from_rdata(rdata);
                address && address->is_v6() == (type == dns::Type::aaaa))
                addresses.push_back(*address);
    }
    const bool any_address = proxy_ || options_.allow_private_addresses;
    if (!any_address && core_->nat64->must_ask(addresses)) { // then once more
        return core_->nat64->ask([weak = weak_from_this(), type, answer = std::move(answer)] {
            if (const auto job = weak.lock()) job->found(type, nullptr, answer);
        });
    }
    --lookups_;
    std::string_view without; // why this lookup gave no address
    if (error) {
        without = "internal error";
        lookups_overloaded_ = true;
    } else if (!answer) {
        without = base::to_string(answer.error().reason);
        lookups_overloaded_ = lookups_overloaded_ || answer.error() == Reason::overloaded;
    } else {
        without = answer->kind == dns::Answer::Kind::nxdomain ? "no such name" : "no address";
        for (const Address& address : addresses) {
            without = {};
            const std::string_view what =
                any_address ? std::string_view{} : core_->nat64->not_public(address);
            if (what.empty())
                usable.push_back(address);
            else if (refused_.empty())
                refused_ = address.to_string() + " is " + std::string(what);
        }
    }
    if (!without.empty()) {
        if (!lookup_failures_.empty()) lookup_failures_ += ", ";
        lookup_failures_ += (type == dns::Type::aaaa ? "AAAA: " : "A: ") + std::string(without);
        if (!error && !answer && !answer.error().detail.empty())
            lookup_failures_ += " (" + answer.error().detail + ")";
    }
    if (!usable.empty() && type == dns::Type::a) have_v4_since_ = steady_clock::now();
    dialer_->add(usable);
    dialer_->expect_more(lookups_ > 0);
    event_.notify();
}

/// Waits until there is an address to begin with; false when there will be none.
asio::awaitable<bool> HttpsFetcher::Job::lookups_ready() {
    while (end_ == End::no && lookups_ > 0 && !dialer_->has_v6()) {
        auto until = steady_clock::time_point::max();
        if (have_v4_since_) until = *have_v4_since_ + resolution_delay;
        if (until <= steady_clock::now()) break;
        co_await event_.wait_until(until);
    }
    co_return end_ == End::no && !dialer_->empty();
}

Fetched HttpsFetcher::Job::ended() const {
    if (end_ == End::abandoned) return failed(Reason::shutting_down, "the fetch was given up");
    const std::string after = " after " + std::to_string(options_.timeout.count()) + " ms";
    const Exchange::Stage stage = exchange_ ? exchange_->stage() : Exchange::Stage::proxy;
    if (proxy_ && stage == Exchange::Stage::proxy) return failed(Reason::proxy_failed, "no tunnel" + after);
    if (resolving_) return failed(Reason::fetch_timeout, "in the address lookup" + after);
    if (!exchange_)
        return failed(Reason::connect_timeout, "no connection" + after + ", " + dialer_->progress());
    return failed(Reason::fetch_timeout,
                  (stage == Exchange::Stage::handshake ? "in the TLS handshake" : "in the response") + after);
}

Fetched HttpsFetcher::Job::no_connection() const {
    Failure why = dialer_->failure();
    if (proxy_ && why.reason != Reason::overloaded) why.reason = Reason::proxy_failed;
    return base::unexpected(std::move(why));
}

asio::awaitable<Fetched> HttpsFetcher::Job::run() {
    const bool started = co_await start();
    if (!started) {
        if (end_ == End::no) co_return failed(Reason::overloaded, "too many fetches wait for their turn");
        co_return failed(Reason::shutting_down, "the fetch was given up");
    }
    const auto since = steady_clock::now();
    Fetched fetched = co_await fetch();
    if (core_->closed) co_return fetched;
    if (core_->log.enabled(base::Level::debug)) {
        const auto took = std::chrono::duration_cast<milliseconds>(steady_clock::now() - since).count();
        if (fetched) {
            core_->log.write(base::Level::debug, "fetch",
                             {{"host", policy_host_}, {"octets", fetched->size()}, {"took_ms", took}});
        } else {
            core_->log.write(base::Level::debug, "fetch",
                             {{"host", policy_host_},
                              {"reason", base::to_string(fetched.error().reason)},
                              {"detail", fetched.error().detail},
                              {"took_ms", took}});
        }
    }
    co_return fetched;
}

asio::awaitable<Fetched> HttpsFetcher::Job::fetch() {
    dialer_ = std::make_shared<Dialer>(core_->executor, proxy_ ? nullptr : core_->addresses,
                                       options_.attempt_delay, proxy_ ? proxy_->port : options_.port);
    if (proxy_ && proxy_->address) {
        const std::vector<Address> only(1, *proxy_->address);
        dialer_->add(only);
    } else {
        const std::string& name = proxy_ ? proxy_->host : policy_host_;
        resolving_ = true;
        dialer_->expect_more(true);
        look_up(name, dns::Type::aaaa);
        look_up(name, dns::Type::a);
        const bool ready = co_await lookups_ready();
        if (end_ != End::no) co_return ended();
        resolving_ = false;
        if (!ready) {
            if (lookups_overloaded_)
                co_return failed(Reason::overloaded, "address lookup: " + lookup_failures_);
            if (proxy_) co_return failed(Reason::proxy_failed, "proxy's address: " + lookup_failures_);
            if (!refused_.empty()) co_return failed(Reason::host_refused_address, refused_);
            co_return failed(Reason::host_unresolvable, lookup_failures_);
        }
    }

    std::optional<Fetched> best; // the failure of an address that came further than connecting
    for (;;) {
        const Dialer::Next next = co_await dialer_->next();
        if (end_ != End::no) co_return ended();
        if (next == Dialer::Next::full) {
            const Address address = dialer_->blocked_at();
            const bool placed = co_await place_at(address);
            if (end_ != End::no) co_return ended();
            if (!placed) co_return failed(Reason::overloaded, "too many fetches wait for their turn");
            continue;
        }
        if (next != Dialer::Next::connected) {
            if (best) co_return std::move(*best);
            co_return no_connection();
        }

        const std::unique_ptr<Connection> connection = dialer_->take();
        exchange_ = std::make_shared<Exchange>(std::move(connection->socket), tls_, policy_host_);
        if (proxy_) {
            std::optional<Failure> refusal = co_await exchange_->tunnel(options_.port);
            if (end_ != End::no) co_return ended();
            if (refusal) co_return Fetched(base::unexpected(std::move(*refusal)));
        }
        // An address that accepts connections and then says nothing must leave time for the others.
        std::optional<steady_clock::duration> handshake_limit;
        if (!proxy_ && dialer_->more_to_try())
            handshake_limit = (deadline_.expiry() - steady_clock::now()) / 2;
        Exchange::Outcome outcome = co_await exchange_->get(handshake_limit);
        if (end_ != End::no) co_return ended();
        exchange_.reset();
        if (proxy_ || outcome.fetched || !outcome.try_elsewhere) co_return std::move(outcome.fetched);
        if (!best) best = std::move(outcome.fetched);
    }
}

HttpsFetcher::HttpsFetcher(asio::any_io_executor executor, dns::Resolver& resolver, Options options,
                           base::Log& log)
    : core_(std::make_shared<Core>(std::move(executor), resolver, log)) {
    if (auto set = configure(std::move(options)); !set) throw std::runtime_error(set.error());
}

HttpsFetcher::~HttpsFetcher() {
    core_->closed = true;
    core_->starts->close();
    core_->addresses->close();
    std::vector<std::shared_ptr<Job>> jobs;
    for (Job* job : core_->jobs)
        if (auto alive = job->weak_from_this().lock()) jobs.push_back(std::move(alive));
    for (const auto& job : jobs) job->stop();
}

base::Expected<void, std::string> HttpsFetcher::configure(Options options) {
    std::optional<Proxy> proxy;
    if (!options.proxy.empty()) {
        auto parsed = parse_proxy(options.proxy);
        if (!parsed) return base::unexpected(parsed.error());
        proxy = std::move(*parsed);
    }
    if (options.max_concurrent == 0 || options.max_per_address == 0)
        return base::unexpected(std::string("the limits of concurrent fetches must be at least 1"));
    auto tls = make_client_context(options.ca_file);
    if (!tls) return base::unexpected(tls.error());
    core_->tls = std::move(*tls);
    core_->proxy = std::move(proxy);
    core_->nat64->configure(options.nat64_prefixes);
    core_->options = std::move(options);
    core_->addresses->set_limit(core_->options.max_per_address);
    core_->starts->set_limit(core_->options.max_concurrent);
    return {};
}

std::size_t HttpsFetcher::running() const noexcept { return core_->starts->inside(); }
std::size_t HttpsFetcher::queued() const noexcept { return core_->queued; }

asio::awaitable<Fetched> HttpsFetcher::get(std::string policy_host) {
    return await_job(core_, std::move(policy_host));
}

asio::awaitable<Fetched> HttpsFetcher::await_job(std::shared_ptr<Core> core, std::string policy_host) {
    if (core->closed) co_return failed(Reason::shutting_down, "the fetcher is gone");
    if (policy_host.ends_with('.')) policy_host.pop_back();
    const auto job = std::make_shared<Job>(core, std::move(policy_host));
    // Ends the job when this frame goes away before it: its caller was cancelled or destroyed.
    struct Leash {
        explicit Leash(std::shared_ptr<Job> j) : job(std::move(j)) {}
        ~Leash() { job->stop(); }
        std::shared_ptr<Job> job;
    };
    const Leash leash(job);
    asio::co_spawn(core->executor, job->run(), [job](std::exception_ptr error, Fetched fetched) {
        job->finish(error, std::move(fetched));
    });
    if (!job->result) {
        co_await job->done.wait();
    }
    if (!job->result) co_return failed(Reason::shutting_down, "the fetch was given up");
    co_return std::move(*job->result);
}

} // namespace fetch
