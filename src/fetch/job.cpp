#include "fetch/job.hpp"

#include "base/net/asio_address.hpp"
#include "fetch/address.hpp"

#include <boost/asio/co_spawn.hpp>

#include <algorithm>
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

Result failed(Reason reason, std::string detail) {
    return base::unexpected(failure(reason, std::move(detail)));
}

} // namespace

void Job::end(End why) {
    if (end_ != End::no) return;
    end_ = why;
    deadline_.cancel();
    if (dialer_) dialer_->stop();
    if (exchange_) exchange_->stop();
    event_.notify();
}

void Job::arm_deadline() {
    deadline_.expires_after(left_);
    deadline_.async_wait(
        [weak = weak_from_this(), round = ++armed_](const boost::system::error_code& cancelled) {
            const auto job = weak.lock();
            if (!cancelled && job && round == job->armed_) job->end(End::deadline);
        });
}

/// Restarts the time after which this fetch makes room for another.
void Job::arm_patience() {
    if (slow_) return;
    patience_.expires_after(options_.patience);
    patience_.async_wait([weak = weak_from_this()](const boost::system::error_code& cancelled) {
        const auto job = weak.lock();
        if (!cancelled && job) job->make_room();
    });
}

void Job::make_room() {
    if (slow_ || !admission_ || end_ != End::no || core_->slow >= slow_factor * options_.max_concurrent)
        return;
    slow_.emplace(core_->slow);
    admission_.release();
}

void Job::pause_deadline() {
    left_ = std::max(deadline_.expiry() - steady_clock::now(), steady_clock::duration::zero());
    ++armed_;
    deadline_.cancel();
}

void Job::finish(std::exception_ptr error, Result fetched) {
    deadline_.cancel();
    patience_.cancel();
    admission_.release();
    slow_.reset();
    if (error) {
        try {
            std::rethrow_exception(error);
        } catch (const std::exception& e) {
            fetched = failed(Reason::overloaded, e.what()); // out of memory; only that throws
        }
    }
    result = std::move(fetched);
    done.notify();
}

/// Waits for a turn; false when the queue is full or the fetch has ended.
asio::awaitable<bool> Job::start() {
    admission_ = core_->starts->try_enter();
    if (!admission_) {
        if (core_->queued >= max_queued) co_return false;
        const Counted queued(core_->queued);
        const auto waiter = core_->starts->wait([this] { event_.notify(); });
        while (!waiter->granted() && end_ == End::no) {
            co_await event_.wait();
        }
        if (end_ != End::no) co_return false;
        admission_ = waiter->take();
    }
    options_ = core_->options;
    tls_ = core_->tls;
    proxy_ = core_->options.proxy;
    left_ = options_.timeout;
    arm_deadline();
    arm_patience();
    co_return true;
}

/// All addresses are at their limits of connections: waits for a place at one. Meanwhile other fetches may
/// start, and the deadline does not run. False when the queue is full or the fetch has ended.
asio::awaitable<bool> Job::place_at(Address address) {
    if (core_->queued >= max_queued) co_return false;
    const Counted queued(core_->queued);
    pause_deadline();
    admission_.release();
    const auto notify = [this] { event_.notify(); };
    const auto at_address = core_->addresses->at(address)->wait(policy_host_, notify);
    while (!at_address->granted() && end_ == End::no) {
        co_await event_.wait();
    }
    if (end_ == End::no && !slow_) {
        const auto again = core_->starts->wait(notify, true);
        while (!again->granted() && end_ == End::no) {
            co_await event_.wait();
        }
        if (again->granted()) admission_ = again->take();
    }
    if (end_ != End::no) co_return false;
    dialer_->lend(address, at_address->take());
    arm_deadline();
    arm_patience();
    co_return true;
}

void Job::look_up(const std::string& name, dns::Type type) {
    ++lookups_;
    asio::co_spawn(core_->executor, core_->resolver.resolve(name, type, dns::Purpose::address),
                   [weak = weak_from_this(), type](std::exception_ptr error, dns::Result answer) {
                       if (const auto job = weak.lock()) job->found(type, error, std::move(answer));
                   });
}

void Job::found(dns::Type type, std::exception_ptr error, dns::Result answer) {
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
    std::string without; // why this lookup gave no address
    if (error) {
        without = "internal error";
        lookups_overloaded_ = true;
    } else if (!answer) {
        without = base::to_string(answer.error().reason);
        if (!answer.error().detail.empty()) without += " (" + answer.error().detail.substr(0, 200) + ")";
        lookups_overloaded_ = lookups_overloaded_ || answer.error() == Reason::overloaded;
    } else {
        without = answer->kind == dns::Answer::Kind::nxdomain ? "no such name" : "no address";
        for (const Address& address : addresses) {
            without.clear();
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
        lookup_failures_ += (type == dns::Type::aaaa ? "AAAA: " : "A: ") + without;
    }
    if (!usable.empty() && type == dns::Type::a) have_v4_since_ = steady_clock::now();
    dialer_->add(usable);
    dialer_->expect_more(lookups_ > 0);
    event_.notify();
}

/// Waits for a first address; false when there will be none.
asio::awaitable<bool> Job::lookups_ready() {
    while (end_ == End::no && lookups_ > 0 && !dialer_->has_v6()) {
        auto until = steady_clock::time_point::max();
        if (have_v4_since_) until = *have_v4_since_ + resolution_delay;
        if (until <= steady_clock::now()) break;
        co_await event_.wait_until(until);
    }
    co_return end_ == End::no && !dialer_->empty();
}

/// Where the octets of a failure came from: " at 192.0.2.1".
std::string Job::at(const Address& address) const {
    return (proxy_ ? " through proxy " : " at ") + address.to_string();
}

/// Adds the results of the addresses before it.
Result Job::failed_at(Failure failure, const Address& address) const {
    failure.detail += at(address);
    if (dialer_->tried().count() > 0) failure.detail += "; before that " + dialer_->tried().text();
    return base::unexpected(std::move(failure));
}

Result Job::ended() const {
    if (end_ == End::abandoned) return failed(Reason::shutting_down, "the fetch was given up");
    const std::string after = " after " + std::to_string(options_.timeout.count()) + " ms";
    if (resolving_)
        return proxy_ ? failed(Reason::proxy_failed, "no tunnel" + after)
                      : failed(Reason::fetch_timeout, "in the address lookup" + after);
    if (!exchange_)
        return failed(proxy_ ? Reason::proxy_failed : Reason::connect_timeout,
                      "no connection" + after + ", " + dialer_->progress());
    switch (exchange_->stage()) {
    case Exchange::Stage::proxy:
        return failed_at(failure(Reason::proxy_failed, "no tunnel" + after), connection_->address);
    case Exchange::Stage::handshake:
        return failed_at(failure(Reason::fetch_timeout, "in the TLS handshake" + after),
                         connection_->address);
    case Exchange::Stage::response: break;
    }
    return failed_at(failure(Reason::fetch_timeout, "in the response" + after), connection_->address);
}

Result Job::no_addresses() const {
    if (lookups_overloaded_) return failed(Reason::overloaded, "address lookup: " + lookup_failures_);
    if (proxy_) return failed(Reason::proxy_failed, "proxy's address: " + lookup_failures_);
    if (!refused_.empty()) return failed(Reason::host_refused_address, refused_);
    return failed(Reason::host_unresolvable, lookup_failures_);
}

Result Job::no_connection() const {
    if (best_) {
        Failure why = *best_;
        // All addresses with their results; the reason is that of the one that came furthest.
        if (dialer_->tried().count() > 1)
            why.detail = dialer_->tried().text();
        else
            why.detail += at(best_at_);
        return base::unexpected(std::move(why));
    }
    Failure why = dialer_->failure();
    if (proxy_ && why.reason != Reason::overloaded) why.reason = Reason::proxy_failed;
    return base::unexpected(std::move(why));
}

asio::awaitable<Result> Job::run() {
    const bool started = co_await start();
    if (!started) {
        if (end_ == End::no) co_return failed(Reason::overloaded, "too many fetches wait for their turn");
        co_return failed(Reason::shutting_down, "the fetch was given up");
    }
    const auto since = steady_clock::now();
    Result fetched = co_await fetch();
    if (core_->closed) co_return fetched;
    events::Fetch event{.host = policy_host_, .octets = {}, .reason = {}, .detail = {}};
    event.took_ms = std::chrono::duration_cast<milliseconds>(steady_clock::now() - since).count();
    if (fetched) {
        event.octets = fetched->body.size();
    } else {
        event.reason = fetched.error().reason;
        event.detail = fetched.error().detail;
    }
    core_->sink.emit(event);
    co_return fetched;
}

/// False when there is none, or the fetch has ended.
asio::awaitable<bool> Job::find_addresses() {
    dialer_ = std::make_shared<Dialer>(core_->executor, proxy_ ? nullptr : core_->addresses, policy_host_,
                                       options_.attempt_delay, proxy_ ? proxy_.port : options_.port);
    if (proxy_.address) {
        const std::vector<Address> only(1, net::to_asio(*proxy_.address));
        dialer_->add(only);
        co_return true;
    }
    const std::string& name = proxy_ ? proxy_.name : policy_host_;
    resolving_ = true;
    dialer_->expect_more(true);
    look_up(name, dns::Type::aaaa);
    look_up(name, dns::Type::a);
    const bool ready = co_await lookups_ready();
    if (end_ == End::no) resolving_ = false;
    co_return ready;
}

void Job::begin_exchange() {
    connection_ = dialer_->take();
    TlsStream::Shared shared;
    shared.turns = core_->turns;
    shared.thread = core_->thread;
    shared.octets_left = octets_left_;
    shared.progress = [this] { connection_->place.progress(); }; // lives as long as the exchange
    exchange_ =
        std::make_shared<Exchange>(std::move(connection_->socket), tls_, policy_host_, std::move(shared));
    const std::weak_ptr<Exchange> weak = exchange_;
    connection_->place.when_it_gives_way([weak] {
        if (const auto exchange = weak.lock()) exchange->give_way();
    });
    if (connection_->place.gave_way()) exchange_->give_way();
}

/// How long a handshake may take: an address that accepts connections and then sends nothing must leave time
/// for the others.
std::optional<Exchange::Patience> Job::patience() const {
    const bool last = !dialer_->more_to_try() && (second_round_ || slow_addresses_.empty());
    if (proxy_ || last) return std::nullopt;
    const auto left = std::chrono::duration_cast<milliseconds>(deadline_.expiry() - steady_clock::now());
    if (second_round_) return Exchange::Patience{left / 2, left / 2};
    return Exchange::Patience{std::min(silent_handshake, left / 4), std::min(slow_handshake, left / 2)};
}

/// No address is left: those that we gave up as too slow get the rest of the time.
bool Job::go_round_again() {
    if (second_round_ || slow_addresses_.empty()) return false;
    second_round_ = true;
    for (auto it = slow_addresses_.rbegin(); it != slow_addresses_.rend(); ++it) dialer_->try_again(*it);
    return true;
}

void Job::keep_best(const Failure& failure, const Address& address) {
    // A wrong certificate is a better reason than a failed handshake, and that is better than silence.
    const auto rank = [](Reason reason) {
        return reason == Reason::fetch_timeout ? 0 : reason == Reason::tls_handshake ? 1 : 2;
    };
    if (best_ && rank(best_->reason) >= rank(failure.reason)) return;
    best_ = failure;
    best_at_ = address;
}

asio::awaitable<Result> Job::fetch() {
    const bool found = co_await find_addresses();
    if (end_ != End::no) co_return ended();
    if (!found) co_return no_addresses();
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
            if (go_round_again()) continue;
            co_return no_connection();
        }

        begin_exchange();
        const Address address = connection_->address;
        if (proxy_) {
            std::optional<Failure> refusal = co_await exchange_->tunnel(options_.port);
            if (end_ != End::no) co_return ended();
            if (refusal) co_return failed_at(std::move(*refusal), address);
        }
        const auto limits = patience();
        Exchange::Outcome outcome = co_await exchange_->get(limits);
        if (end_ != End::no) co_return ended();
        exchange_.reset();
        connection_.reset();
        if (outcome.fetched) {
            Fetched fetched{*std::move(outcome.fetched), std::move(outcome.how)};
            fetched.how.address = (proxy_ ? "proxy " : "") + address.to_string();
            co_return std::move(fetched);
        }
        Failure& why = outcome.fetched.error();
        if (proxy_ || !outcome.try_elsewhere || *octets_left_ == 0)
            co_return failed_at(std::move(why), address);
        if (outcome.out_of_patience) slow_addresses_.push_back(address);
        dialer_->note(address, why.detail);
        keep_best(why, address);
    }
}

} // namespace fetch
