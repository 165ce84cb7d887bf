#include "fetch/dialer.hpp"

#include <boost/asio/error.hpp>

#include <algorithm>
#include <utility>

namespace fetch {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using std::chrono::steady_clock;

struct Dialer::Attempt {
    explicit Attempt(const asio::any_io_executor& executor)
        : connection(std::make_unique<Connection>(tcp::socket(executor))) {}
    std::unique_ptr<Connection> connection; // null once the attempt is over
    bool gave_way = false;                  // its place was given to another host's connection
};

Dialer::Dialer(asio::any_io_executor executor, std::shared_ptr<AddressGates> gates, std::string policy_host,
               std::chrono::milliseconds attempt_delay, std::uint16_t port)
    : executor_(std::move(executor)), gates_(std::move(gates)), attempt_delay_(attempt_delay),
      policy_host_(std::move(policy_host)), port_(port), event_(executor_) {}

void Dialer::add(const std::vector<Address>& addresses) {
    candidates_.add(addresses);
    event_.notify();
}

void Dialer::expect_more(bool more) {
    more_ = more;
    event_.notify();
}

void Dialer::lend(const Address& address, AddressGate::Admission place) {
    lent_at_ = address;
    lent_ = std::move(place);
}

void Dialer::try_again(const Address& address) { candidates_.put_back(address); }

void Dialer::note(const Address& address, std::string_view outcome) { tried_.add(address, outcome); }

void Dialer::stop() {
    stopped_ = true;
    call_off();
    event_.notify();
}

/// The attempts in flight are given up undecided: their addresses may be tried again.
void Dialer::call_off() {
    for (const auto& attempt : std::exchange(in_flight_, {})) {
        candidates_.put_back(attempt->connection->address);
        attempt->connection.reset(); // closes the socket and leaves the gate
    }
}

bool Dialer::take_place(const Address& address) {
    if (!gates_) return true;
    if (lent_ && lent_at_ == address) {
        admission_ = std::move(lent_);
        return true;
    }
    admission_ = gates_->at(address)->try_enter(policy_host_);
    return static_cast<bool>(admission_);
}

void Dialer::start(const Address& address) {
    auto attempt = std::make_shared<Attempt>(executor_);
    Connection& connection = *attempt->connection;
    connection.address = address;
    connection.place = std::move(admission_);
    const tcp::endpoint remote{address, port_};
    error_code error;
    connection.socket.open(remote.protocol(), error);
    if (error) {
        note_failure(address, error);
        return;
    }
    in_flight_.push_back(attempt);
    const std::weak_ptr<Attempt> weak_attempt = attempt;
    connection.place.when_it_gives_way([weak_attempt] {
        const auto slow = weak_attempt.lock();
        if (!slow || !slow->connection) return;
        slow->gave_way = true;
        error_code ignored;
        slow->connection->socket.close(ignored);
    });
    next_start_ = steady_clock::now() + attempt_delay_;
    connection.socket.async_connect(remote, [weak = weak_from_this(), attempt](const error_code& result) {
        if (const auto dialer = weak.lock()) dialer->finished(attempt, result);
    });
}

void Dialer::finished(const std::shared_ptr<Attempt>& attempt, const error_code& error) {
    if (!attempt->connection) return; // called off
    std::erase(in_flight_, attempt);
    if (attempt->gave_way) {
        tried_.add(attempt->connection->address, gave_way);
        timed_out_ = true;
        attempt->connection.reset();
    } else if (error) {
        note_failure(attempt->connection->address, error);
        attempt->connection.reset();
    } else if (winner_) { // two in one turn of the loop
        candidates_.put_back(attempt->connection->address);
        attempt->connection.reset();
    } else {
        winner_ = std::move(attempt->connection);
        winner_->place.progress();
    }
    event_.notify();
}

void Dialer::note_failure(const Address& address, const error_code& error) {
    tried_.add(address, error.message());
    timed_out_ = timed_out_ || error == asio::error::timed_out;
    exhausted_us_ = exhausted_us_ || error == asio::error::no_descriptors ||
                    error == asio::error::no_buffer_space || error == asio::error::no_memory ||
                    error == boost::system::errc::too_many_files_open_in_system;
    next_start_ = {}; // the next one does not have to wait
}

asio::awaitable<Dialer::Next> Dialer::next() {
    const std::function<bool(const Address&)> usable = [this](const Address& a) { return take_place(a); };
    next_start_ = {};
    for (;;) {
        if (stopped_) co_return Next::stopped;
        if (winner_) {
            call_off();
            lent_.release();
            co_return Next::connected;
        }
        if (steady_clock::now() >= next_start_) {
            if (const auto address = candidates_.next(usable)) {
                start(*address);
                continue;
            }
        }
        if (in_flight_.empty() && !more_) {
            lent_.release();
            co_return candidates_.empty() ? Next::exhausted : Next::full;
        }
        // The candidates left after their time are at their limits: only an end or a new address changes
        // that.
        const auto now = steady_clock::now();
        const auto until =
            candidates_.empty() || next_start_ <= now ? steady_clock::time_point::max() : next_start_;
        co_await event_.wait_until(until);
    }
}

Failure Dialer::failure() const {
    Failure failure;
    failure.reason = exhausted_us_ ? base::Reason::overloaded
                     : timed_out_  ? base::Reason::connect_timeout
                                   : base::Reason::connect_failed;
    failure.detail = progress();
    return failure;
}

std::string Dialer::progress() const {
    std::string text =
        std::to_string(tried_.count()) + " of " + std::to_string(candidates_.seen()) + " addresses failed";
    if (tried_.count() > 0) text += ": " + tried_.text();
    return text;
}

} // namespace fetch
