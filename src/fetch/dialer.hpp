// fetch/dialer.hpp - TCP connections to one host's addresses, one after the other but not waiting for the
// slow ones (RFC 8305 section 5): the next attempt starts when one has failed, or after the attempt delay.
//
// If a connection is useless, next() can be called again and continues with the remaining addresses. Lives on
// one single-threaded executor; owned by a shared_ptr because running attempts report back.
#pragma once

#include "base/event.hpp"
#include "fetch/address.hpp"
#include "fetch/address_gate.hpp"
#include "fetch/fetcher.hpp"
#include "fetch/tried.hpp"

#include <boost/asio/ip/tcp.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fetch {

/// An open connection, and the place it takes at its remote address.
struct Connection {
    explicit Connection(boost::asio::ip::tcp::socket s) : socket(std::move(s)) {}
    boost::asio::ip::tcp::socket socket;
    Address address;
    AddressGate::Admission place;
};

/// The error of a connection whose place was given to another host (see AddressGate): closed by our limit,
/// because the peer sent nothing.
inline constexpr std::string_view gave_way =
    "no octet from it for a second or more, gave way to another policy host at this address";

class Dialer : public std::enable_shared_from_this<Dialer> {
public:
    enum class Next {
        connected, ///< take() has it
        full,      ///< all remaining addresses are at their limits; wait for blocked_at(), then lend()
        exhausted, ///< no address is left
        stopped,   ///< stop() was called
    };

    /// `gates` limits the connections to each address; null for no limit. `policy_host`: whose connections
    /// these are.
    Dialer(boost::asio::any_io_executor executor, std::shared_ptr<AddressGates> gates,
           std::string policy_host, std::chrono::milliseconds attempt_delay, std::uint16_t port);

    /// Adds addresses; also while next() is waiting.
    void add(const std::vector<Address>& addresses);
    /// While true, next() waits for more addresses instead of being exhausted.
    void expect_more(bool more);

    /// Requires that no other next() is waiting. The dialer must outlive the wait.
    [[nodiscard]] boost::asio::awaitable<Next> next();
    [[nodiscard]] std::unique_ptr<Connection> take() { return std::move(winner_); }
    [[nodiscard]] const Address& blocked_at() const { return candidates_.front(); }
    void lend(const Address& address, AddressGate::Admission place);
    /// An address that next() gave before will be tried once more.
    void try_again(const Address& address);
    /// Notes the result of an address after the connection was made.
    void note(const Address& address, std::string_view outcome);

    /// Ends all attempts; next() returns soon.
    void stop();

    [[nodiscard]] bool empty() const noexcept { return candidates_.empty(); }
    [[nodiscard]] bool has_v6() const noexcept { return candidates_.has_v6(); }
    /// True if there are addresses left, should a connection prove useless.
    [[nodiscard]] bool more_to_try() const noexcept { return !candidates_.empty() || more_; }
    /// Why no attempt succeeded.
    [[nodiscard]] Failure failure() const;
    /// The result of each address, e.g. "1 of 3 addresses failed: 192.0.2.1: Connection refused".
    [[nodiscard]] std::string progress() const;
    [[nodiscard]] const Tried& tried() const noexcept { return tried_; }

private:
    struct Attempt;
    void start(const Address& address);
    void finished(const std::shared_ptr<Attempt>& attempt, const boost::system::error_code& error);
    void note_failure(const Address& address, const boost::system::error_code& error);
    [[nodiscard]] bool take_place(const Address& address);
    void call_off();

    boost::asio::any_io_executor executor_;
    std::shared_ptr<AddressGates> gates_;
    std::chrono::milliseconds attempt_delay_;
    std::string policy_host_;
    std::uint16_t port_;

    base::Event event_;
    Candidates candidates_;
    std::vector<std::shared_ptr<Attempt>> in_flight_;
    std::unique_ptr<Connection> winner_;
    AddressGate::Admission admission_; // for the attempt about to start
    std::optional<Address> lent_at_;
    AddressGate::Admission lent_;
    std::chrono::steady_clock::time_point next_start_{};
    bool more_ = false;
    bool stopped_ = false;

    Tried tried_;
    bool timed_out_ = false;
    bool exhausted_us_ = false; // we had no descriptor or buffer left
};

} // namespace fetch
