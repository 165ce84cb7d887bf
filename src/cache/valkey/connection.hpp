// cache/valkey/connection.hpp - the driver of cache/valkey/link: looks the host up, connects, TLS, and then moves octets
// and time between the link and a stream.
//
// Belongs to one single-threaded executor; owned by a shared_ptr, because waiting operations report back. Handlers are
// called from the loop, never from within a member but close(); they must not throw, and may call any member.
#pragma once

#include "base/clock.hpp"
#include "base/event.hpp"
#include "base/net/address.hpp"
#include "cache/valkey/address.hpp"
#include "cache/valkey/link.hpp"
#include "cache/valkey/stream.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace valkey {

/// Now, as the timers have it.
[[nodiscard]] base::Steady steady_now() noexcept;
/// For a timer: the end of time stays the end of time, which a plain conversion to nanoseconds would overflow.
[[nodiscard]] std::chrono::steady_clock::time_point timer_time(base::Steady when) noexcept;

/// The addresses of a host; none: it has none, or they are not known in time.
using Resolve = std::function<boost::asio::awaitable<std::vector<net::IpAddress>>(std::string host)>;

/// How to connect, the same for all connections of an engine or of its Sentinels.
struct Dialing {
    base::milliseconds limit = base::seconds(2);    ///< look-up, connection, TLS and greeting together
    Resolve resolve;                                ///< null: hosts must be IP addresses
    std::shared_ptr<boost::asio::ssl::context> tls; ///< null: no TLS
    std::string tls_name;                           ///< "": the host
};

class Connection : public std::enable_shared_from_this<Connection> {
public:
    using Done = std::function<void(Answer)>;
    struct Handlers {
        std::function<void()> ready;
        std::function<void(const Failure&)> lost; ///< also instead of `ready`; the last call
        std::function<void()> subscribed;
        std::function<void(const Link::Message&)> message;
    };

    Connection(boost::asio::any_io_executor executor, Handlers handlers);
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    /// Once. `turn`: with which of a host's addresses to begin, so that each has its turn at the next attempts.
    void open(Address address, Dialing dialing, Login login, LinkTuning tuning, std::size_t turn = 0);
    /// Not taken, and `done` not called, when there is a trouble.
    [[nodiscard]] std::optional<Trouble> command(std::string_view octets, base::Steady deadline, Done done);
    /// When ready, before any command.
    void subscribe(const std::string& channel);
    /// Unanswered commands get `failure` at once; no other handler is called any more.
    void close(Failure failure);

    [[nodiscard]] bool ready() const noexcept;
    /// At any time, or is now.
    [[nodiscard]] bool was_ready() const noexcept { return told_ready_; }
    [[nodiscard]] std::optional<Role> role() const noexcept;
    [[nodiscard]] std::size_t pending() const noexcept { return handlers_of_.size(); }

private:
    [[nodiscard]] boost::asio::awaitable<void> run(Address address, Dialing dialing, Login login,
                                                   LinkTuning tuning, std::size_t turn);
    [[nodiscard]] boost::asio::awaitable<Failure> connect(Address address, Dialing dialing, std::size_t turn);
    [[nodiscard]] boost::asio::awaitable<void> read();
    [[nodiscard]] boost::asio::awaitable<void> write();
    [[nodiscard]] boost::asio::awaitable<void> watch();
    void spawn(boost::asio::awaitable<void> work);
    void pump();
    void hand_out();
    void end(const Failure& failure);
    void shut() noexcept;

    boost::asio::any_io_executor executor_;
    Handlers handlers_;
    Stream stream_;
    base::Event output_, time_;
    base::Steady connected_by_{};
    base::Steady watched_ = base::Steady::max(); // what watch() waits for
    std::optional<Link> link_;                   // once connected
    bool told_ready_ = false, told_subscribed_ = false;
    bool closed_ = false;
    Link::Id last_id_ = 0;
    std::map<Link::Id, Done> handlers_of_;
};

} // namespace valkey
