#include "cache/valkey/lane.hpp"

#include <boost/asio/co_spawn.hpp>

#include <exception>
#include <utility>

namespace valkey {

namespace asio = boost::asio;

namespace {

constexpr std::string_view ping_command = "*1\r\n$4\r\nPING\r\n";

} // namespace

Lane::Lane(asio::any_io_executor executor, LaneSettings settings, Locate locate, Handlers handlers,
           std::shared_ptr<Counts> counts)
    : executor_(std::move(executor)), settings_(std::move(settings)), locate_(std::move(locate)),
      handlers_(std::move(handlers)), counts_(std::move(counts)), wake_(executor_),
      backoff_(settings_.backoff), breaker_(settings_.backoff), random_(std::random_device{}()) {}

double Lane::chance() { return std::uniform_real_distribution<double>(0, 1)(random_); }

/// run() ends by an exception only without memory: then it begins again after a pause.
void Lane::start() {
    asio::co_spawn(executor_, run(), [self = shared_from_this()](std::exception_ptr error) {
        if (!error || self->stopped_) return;
        self->lost(Failure{Trouble::overloaded, "out of memory"});
        self->start();
    });
}

void Lane::stop() {
    if (std::exchange(stopped_, true)) return;
    confirmed_ = false;
    const auto connection = std::exchange(connection_, nullptr);
    if (connection) connection->close(Failure{Trouble::stopping, "the daemon is stopping"});
    wake_.notify();
}

bool Lane::up() const noexcept { return confirmed_ && breaker_.closed(); }

asio::awaitable<void> Lane::run() {
    while (!stopped_) {
        if (!failure_) {
            co_await stay_connected();
        }
        if (stopped_ || !failure_) continue;
        const base::Steady until = steady_now() + pause_after(*failure_);
        failure_.reset();
        while (!stopped_ && steady_now() < until) {
            co_await wake_.wait_until(timer_time(until));
        }
    }
}

/// One connection from the search for the engine to its end, which is in failure_ then.
asio::awaitable<void> Lane::stay_connected() {
    const base::Expected<Address, Failure> located = co_await locate_();
    if (stopped_) co_return;
    address_ = located ? *located : Address{};
    if (!located) {
        lost(located.error());
        co_return;
    }
    open();
    while (!stopped_ && !failure_) {
        if (breaker_.try_now(steady_now())) half_open();
        const bool waits = breaker_.state() == Breaker::State::open;
        const base::Steady until = waits ? breaker_.due() : base::Steady::max();
        co_await wake_.wait_until(timer_time(until));
    }
}

void Lane::open() {
    const std::weak_ptr<Lane> weak = weak_from_this();
    Connection::Handlers handlers;
    handlers.ready = [weak] {
        const auto self = weak.lock();
        if (!self || self->stopped_) return;
        self->counts_->connections.add();
        if (!self->settings_.channel.empty()) return self->connection_->subscribe(self->settings_.channel);
        self->confirmed_ = true;
        self->confirmed_at_ = steady_now();
        if (self->handlers_.up) self->handlers_.up(self->address_);
    };
    handlers.subscribed = [weak] {
        const auto self = weak.lock();
        if (!self || self->stopped_) return;
        self->confirmed_ = true;
        self->confirmed_at_ = steady_now();
        if (self->handlers_.up) self->handlers_.up(self->address_);
    };
    handlers.lost = [weak](const Failure& failure) {
        if (const auto self = weak.lock(); self && !self->stopped_) self->lost(failure);
    };
    handlers.message = [weak](const Link::Message& message) {
        const auto self = weak.lock();
        if (self && !self->stopped_ && self->handlers_.message) self->handlers_.message(message);
    };
    breaker_.reset();
    connection_ = std::make_shared<Connection>(executor_, std::move(handlers));
    connection_->open(address_, settings_.dialing, settings_.login, settings_.link, attempts_++);
}

/// A connection, or the attempt to make one, has ended.
void Lane::lost(const Failure& failure) {
    if (failure_) return;
    failure_ = failure;
    const bool had_one = connection_ && connection_->was_ready();
    if (had_one)
        counts_->lost.add();
    else
        counts_->not_connected.of(failure.trouble).add();
    const auto connection = std::exchange(connection_, nullptr);
    if (std::exchange(confirmed_, false) && steady_now() - confirmed_at_ >= settled) backoff_.reset();
    if (connection) connection->close(failure);
    wake_.notify();
    if (handlers_.down) handlers_.down(failure);
}

void Lane::reconnect(const Failure& why) {
    if (connection_) lost(why);
}

/// What an operator must repair, or time alone does not, is not tried often.
base::milliseconds Lane::pause_after(const Failure& failure) {
    switch (failure.trouble) {
    case Trouble::auth:
    case Trouble::noperm:
    case Trouble::protocol:
    case Trouble::too_large:
    case Trouble::refused: return backoff_.longest(chance());
    default: return backoff_.next(chance());
    }
}

std::optional<Trouble> Lane::command(std::string_view octets, base::Steady deadline, bool counts,
                                     Connection::Done done) {
    if (stopped_) return Trouble::stopping;
    if (!up() || !connection_) return Trouble::down;
    const std::weak_ptr<Lane> weak = weak_from_this();
    const std::weak_ptr<Connection> over = connection_;
    return connection_->command(
        octets, deadline, [weak, over, counts, done = std::move(done)](Answer answer) {
            // Of an earlier connection it says nothing about this one.
            if (const auto self = weak.lock(); self && self->connection_ && self->connection_ == over.lock())
                self->answered(counts, answer);
            if (done) done(std::move(answer));
        });
}

void Lane::answered(bool counts, const Answer& answer) {
    if (answer || answer.error().trouble != Trouble::timeout) return breaker_.answered();
    if (!counts || !breaker_.timed_out(steady_now(), chance())) return;
    counts_->breaker_opened.add();
    wake_.notify();
    if (handlers_.down)
        handlers_.down(Failure{Trouble::timeout,
                               std::to_string(timeouts_to_open) + " commands in a row had no reply in time"});
}

void Lane::half_open() {
    if (!connection_) return;
    const std::weak_ptr<Lane> weak = weak_from_this();
    const std::weak_ptr<Connection> over = connection_;
    const base::Steady deadline = steady_now() + settings_.ping_limit;
    const auto trouble = connection_->command(ping_command, deadline, [weak, over](const Answer& answer) {
        const auto self = weak.lock();
        if (!self || !self->connection_ || self->connection_ != over.lock()) return;
        if (!self->connection_->ready()) return; // lost, which says so itself
        if (answer || answer.error().trouble != Trouble::timeout) {
            self->breaker_.ponged();
            if (self->confirmed_ && self->handlers_.up) self->handlers_.up(self->address_);
        } else {
            self->breaker_.not_ponged(steady_now(), self->chance());
        }
        self->wake_.notify();
    });
    if (trouble) breaker_.not_ponged(steady_now(), chance());
}

} // namespace valkey
