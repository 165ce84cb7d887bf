// cache/valkey/lane.hpp - keeps one connection to an engine: finds the engine, connects, waits after a failure, connects
// again, and leaves the engine alone while its breaker is open.
//
// Belongs to one single-threaded executor; owned by a shared_ptr. Handlers are called from the loop, never from within a
// member but stop(); they must not throw.
#pragma once

#include "base/event.hpp"
#include "cache/valkey/breaker.hpp"
#include "cache/valkey/connection.hpp"
#include "cache/valkey/counts.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>

namespace valkey {

/// After a connection that has lasted so long the back-off starts from its beginning.
inline constexpr base::seconds settled{10};

struct LaneSettings {
    Dialing dialing;
    Login login;
    LinkTuning link;
    Backoff backoff;                   ///< of connections and of the breaker
    base::milliseconds ping_limit{50}; ///< for the PING that closes the breaker
    std::string channel;               ///< subscribe to it; "": a connection for commands
};

class Lane : public std::enable_shared_from_this<Lane> {
public:
    /// Where to connect to now; asked before each connection.
    using Locate = std::function<boost::asio::awaitable<base::Expected<Address, Failure>>()>;
    struct Handlers {
        std::function<void(const Address&)> up;   ///< commands are taken; of a subscription: it is confirmed
        std::function<void(const Failure&)> down; ///< after each up, and after each attempt that failed
        std::function<void(const Link::Message&)> message;
    };

    Lane(boost::asio::any_io_executor executor, LaneSettings settings, Locate locate, Handlers handlers,
         std::shared_ptr<Counts> counts);
    Lane(const Lane&) = delete;
    Lane& operator=(const Lane&) = delete;

    void start();
    /// For good. Unanswered commands are answered `stopping`.
    void stop();

    [[nodiscard]] bool up() const noexcept;
    /// Where it is, or was tried last; empty when no address was found.
    [[nodiscard]] const Address& address() const noexcept { return address_; }

    /// Not taken, and `done` not called, when there is a trouble. `counts`: its time-out counts for the breaker.
    [[nodiscard]] std::optional<Trouble> command(std::string_view octets, base::Steady deadline, bool counts,
                                                 Connection::Done done);
    /// Gives the connection up, and connects again after the usual pause.
    void reconnect(const Failure& why);

private:
    [[nodiscard]] boost::asio::awaitable<void> run();
    [[nodiscard]] boost::asio::awaitable<void> stay_connected();
    void open();
    void lost(const Failure& failure);
    void half_open();
    void answered(bool counts, const Answer& answer);
    [[nodiscard]] base::milliseconds pause_after(const Failure& failure);
    [[nodiscard]] double chance();

    boost::asio::any_io_executor executor_;
    LaneSettings settings_;
    Locate locate_;
    Handlers handlers_;
    std::shared_ptr<Counts> counts_;

    base::Event wake_;
    Backoff backoff_;
    Breaker breaker_;
    std::minstd_rand random_;
    Address address_;
    std::size_t attempts_ = 0;
    std::shared_ptr<Connection> connection_;
    base::Steady confirmed_at_{};
    std::optional<Failure> failure_; // the connection's, until run() has taken it
    bool confirmed_ = false;         // ready, or subscribed
    bool stopped_ = false;
};

} // namespace valkey
