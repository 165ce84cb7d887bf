#include "cache/valkey/connection.hpp"

#include "base/net/asio_address.hpp"
#include "base/text.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>

#include <array>
#include <exception>
#include <new>
#include <utility>

namespace valkey {

namespace asio = boost::asio;

namespace {

constexpr std::size_t read_size = 16 * 1024;
/// Of a host, that are tried.
constexpr std::size_t max_addresses = 8;
/// Of a unix socket's path (sun_path without its final NUL, unix(7)).
constexpr std::size_t max_path = 107;

/// '@' in front stands for a NUL: the abstract namespace.
std::string socket_path(std::string path) {
    if (path.starts_with('@')) path.front() = '\0';
    return path;
}

Failure down(std::string words) { return {Trouble::down, std::move(words)}; }

} // namespace

base::Steady steady_now() noexcept {
    return std::chrono::floor<std::chrono::microseconds>(std::chrono::steady_clock::now());
}

std::chrono::steady_clock::time_point timer_time(base::Steady when) noexcept {
    using Time = std::chrono::steady_clock::time_point;
    const auto last = std::chrono::floor<std::chrono::microseconds>(Time::max());
    return when >= last ? Time::max() : Time(when);
}

Connection::Connection(asio::any_io_executor executor, Handlers handlers)
    : executor_(std::move(executor)), handlers_(std::move(handlers)), stream_(executor_), output_(executor_),
      time_(executor_) {}

/// What ends by an exception (no memory) ends the connection.
void Connection::spawn(asio::awaitable<void> work) {
    asio::co_spawn(executor_, std::move(work), [self = shared_from_this()](std::exception_ptr error) {
        if (error) self->end(Failure{Trouble::overloaded, "out of memory"});
    });
}

void Connection::open(Address address, Dialing dialing, Login login, LinkTuning tuning, std::size_t turn) {
    connected_by_ = steady_now() + dialing.limit;
    spawn(watch());
    spawn(run(std::move(address), std::move(dialing), std::move(login), tuning, turn));
}

asio::awaitable<void> Connection::run(Address address, Dialing dialing, Login login, LinkTuning tuning,
                                      std::size_t turn) {
    const Failure failure = co_await connect(std::move(address), std::move(dialing), turn);
    if (closed_) co_return;
    if (!failure.words.empty()) {
        end(failure);
        co_return;
    }
    link_.emplace(login, tuning, steady_now(), connected_by_);
    spawn(write());
    spawn(read());
    pump();
}

/// Without words: connected.
asio::awaitable<Failure> Connection::connect(Address address, Dialing dialing, std::size_t turn) {
    std::vector<Stream::Endpoint> endpoints;
    if (!address.path.empty()) {
        if (address.path.size() > max_path) co_return down("the path of the socket is too long");
        endpoints.emplace_back(asio::local::stream_protocol::endpoint(socket_path(address.path)));
    } else {
        std::vector<net::IpAddress> addresses;
        if (const auto ip = net::parse_scoped_ip(address.host)) {
            addresses.push_back(*ip);
        } else if (dialing.resolve) {
            addresses = co_await dialing.resolve(address.host);
        }
        if (addresses.size() > max_addresses) addresses.resize(max_addresses);
        for (std::size_t i = 0; i < addresses.size(); ++i) {
            const net::IpAddress& ip = addresses[(i + turn) % addresses.size()];
            endpoints.emplace_back(asio::ip::tcp::endpoint(net::to_asio(ip), address.port));
        }
        if (endpoints.empty()) co_return down("the host has no address");
    }
    Stream::error_code error;
    for (const Stream::Endpoint& endpoint : endpoints) {
        if (closed_) co_return down("given up");
        error = co_await stream_.connect(endpoint);
        if (!error) break;
    }
    if (error) co_return down(base::printable(error.message(), 100));
    Failure failure{Trouble::down, ""};
    if (dialing.tls && address.path.empty()) {
        std::string name = dialing.tls_name.empty() ? address.host : dialing.tls_name;
        failure.words = co_await stream_.shake(dialing.tls, std::move(name));
    }
    co_return failure;
}

asio::awaitable<void> Connection::read() {
    std::array<char, read_size> octets{};
    while (!closed_) {
        const Stream::Read got = co_await stream_.read_some(octets);
        if (closed_) co_return;
        if (got.error)
            link_->lost(down("the connection was lost: " + base::printable(got.error.message(), 100)));
        else
            link_->received({octets.data(), got.octets}, steady_now());
        pump();
    }
}

asio::awaitable<void> Connection::write() {
    std::string octets;
    while (!closed_) {
        octets = link_->output();
        if (octets.empty()) {
            co_await output_.wait();
            continue;
        }
        const Stream::error_code error = co_await stream_.write(octets);
        if (closed_) co_return;
        // What the engine said last is still to be read, and says more.
        if (error) co_return;
    }
}

asio::awaitable<void> Connection::watch() {
    while (!closed_) {
        watched_ = link_ ? link_->next_tick() : connected_by_;
        co_await time_.wait_until(timer_time(watched_));
        if (closed_) co_return;
        const base::Steady now = steady_now();
        if (link_) {
            link_->tick(now);
            pump();
        } else if (now >= connected_by_) {
            end(Failure{Trouble::timeout, "no connection in time"});
        }
    }
}

std::optional<Trouble> Connection::command(std::string_view octets, base::Steady deadline, Done done) {
    if (!ready()) return Trouble::down;
    const Link::Id id = ++last_id_;
    const auto handler = handlers_of_.emplace(id, std::move(done)).first; // first: it may find no memory
    if (const auto trouble = link_->send(id, octets, deadline)) {
        handlers_of_.erase(handler);
        return trouble;
    }
    output_.notify();
    if (link_->next_tick() < watched_) time_.notify();
    return std::nullopt;
}

void Connection::subscribe(const std::string& channel) {
    if (!ready()) return;
    link_->subscribe(channel, steady_now());
    output_.notify();
    time_.notify();
}

bool Connection::ready() const noexcept { return !closed_ && link_ && link_->state() == Link::State::ready; }
std::optional<Role> Connection::role() const noexcept { return link_ ? link_->role() : std::nullopt; }

/// After whatever may have changed the link.
void Connection::pump() {
    const auto self = shared_from_this(); // a handler may drop us
    hand_out();
    if (closed_) return;
    if (link_->state() == Link::State::ready && !std::exchange(told_ready_, true)) {
        if (handlers_.ready) handlers_.ready();
        if (closed_) return;
    }
    if (link_->subscribed() && !std::exchange(told_subscribed_, true)) {
        if (handlers_.subscribed) handlers_.subscribed();
        if (closed_) return;
    }
    for (const Link::Message& message : link_->messages()) {
        if (handlers_.message) handlers_.message(message);
        if (closed_) return;
    }
    if (link_->state() == Link::State::over) return end(link_->failure());
    if (link_->has_output()) output_.notify();
    if (link_->next_tick() < watched_) time_.notify();
}

void Connection::hand_out() {
    if (!link_) return;
    std::exception_ptr thrown;
    for (Link::Done& done : link_->done()) {
        auto found = handlers_of_.extract(done.id);
        if (found.empty() || !found.mapped()) continue;
        try {
            found.mapped()(std::move(done.answer));
        } catch (const std::bad_alloc&) { // the others get theirs all the same
            thrown = std::current_exception();
        }
    }
    if (thrown) std::rethrow_exception(thrown);
}

void Connection::shut() noexcept {
    closed_ = true;
    stream_.close();
    output_.notify();
    time_.notify();
}

void Connection::end(const Failure& failure) {
    if (closed_) return;
    const auto self = shared_from_this();
    const Failure why = failure;
    shut();
    if (link_) link_->lost(why);
    hand_out();
    if (handlers_.lost) handlers_.lost(why);
    handlers_ = {};
}

void Connection::close(Failure failure) {
    if (closed_) return;
    const auto self = shared_from_this();
    shut();
    if (link_) link_->lost(std::move(failure));
    hand_out();
}

} // namespace valkey
