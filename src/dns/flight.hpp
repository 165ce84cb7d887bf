// dns/flight.hpp - one running question: opens sockets, reads, feeds Exchange, and does what Exchange says.
//
// Threads: that of its executor's io_context. Owned by shared_ptr: each socket's coroutine keeps it alive
// until it is over.
#pragma once

#include "base/clock.hpp"
#include "dns/exchange.hpp"
#include "dns/server_list.hpp"
#include "dns/udp_sockets.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace dns {

class Flight : public std::enable_shared_from_this<Flight> {
public:
    /// What a flight asks, and which servers.
    struct Errand {
        std::string name;
        Type type{};
        bool worth_matters = false;
        std::vector<Candidate> candidates;
        base::Steady deadline{};
    };
    /// `doubt` is called when a server must be judged again (ServerList::learn).
    Flight(boost::asio::any_io_executor executor, base::Clock& clock, std::shared_ptr<ServerList> servers,
           std::shared_ptr<UdpSockets> sockets, Errand errand, std::function<void()> doubt);

    /// Asks until there is a result. If the caller is cancelled, it ends as after stop().
    [[nodiscard]] static boost::asio::awaitable<Result> run(std::shared_ptr<Flight> self);
    [[nodiscard]] std::optional<std::size_t> answered_by() const { return exchange_.answered_by(); }
    /// Closes every socket; run() ends with Reason::shutting_down unless it has a result already.
    void stop() noexcept;

private:
    [[nodiscard]] static boost::asio::awaitable<void> over_udp(std::shared_ptr<Flight> self, Send send);
    [[nodiscard]] static boost::asio::awaitable<void> over_tcp(std::shared_ptr<Flight> self, Send send);
    void leave(const std::shared_ptr<UdpSocket>& udp);
    void act(Actions actions);
    void send(Send send);
    void lost(std::size_t attempt, const boost::system::error_code& error);

    boost::asio::any_io_executor executor_;
    base::Clock& clock_;
    std::shared_ptr<ServerList> servers_;
    std::shared_ptr<UdpSockets> sockets_;
    std::string name_;
    std::function<void()> doubt_;
    Exchange exchange_;
    boost::asio::steady_timer wake_; ///< until wake_at_; cancelled when something happened before
    base::Steady wake_at_{};
    std::optional<Result> result_;
    std::vector<std::weak_ptr<UdpSocket>> udp_; ///< sockets on which a coroutine waits
    std::vector<std::weak_ptr<boost::asio::ip::tcp::socket>> tcp_;
};

} // namespace dns
