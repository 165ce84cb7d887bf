// fetch/turns.hpp - shares the loop's time between the connections whose octets strangers decide.
//
// A turn is the work of all of them together between two visits of the loop to its timers and sockets. It
// ends after max_turn_octets of input, or max_turn_cpu of the thread's time for any work. A connection with
// work left then waits; each later turn starts with the connection that had the fewest turns, so that a flood
// delays itself and not others.
//
// Belongs to one single-threaded executor.
#pragma once

#include "base/event.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <set>

namespace fetch {

inline constexpr std::size_t max_turn_octets = 64 * 1024;
/// A piece of work that has started (Wire::piece octets, or one handshake's public-key work) is finished
/// first.
inline constexpr std::chrono::microseconds max_turn_cpu{500};

class Turns : public std::enable_shared_from_this<Turns> {
public:
    explicit Turns(boost::asio::any_io_executor executor) : executor_(std::move(executor)) {}

    /// One connection's share of it.
    class Turn {
    public:
        explicit Turn(std::shared_ptr<Turns> turns);
        Turn(const Turn&) = delete;
        Turn& operator=(const Turn&) = delete;
        ~Turn();

        /// True while the current turn has room and nobody waits: call it between pieces of work.
        [[nodiscard]] bool room() { return turns_->room(); }
        void took(std::size_t octets) noexcept { turns_->octets_ += octets; }
        /// Waits until it is this one's turn; then the first piece may be done even without room().
        [[nodiscard]] boost::asio::awaitable<void> wait();
        /// This connection has no work for now: another one may continue if there is room.
        void pass_on() { turns_->pass_on(); }
        /// Makes wait() return soon.
        void cancel();

    private:
        friend class Turns;
        std::shared_ptr<Turns> turns_;
        base::Event event_;
        std::uint64_t served_ = 0; // turns it had to wait for
        std::uint64_t number_ = 0;
        bool waits_ = false;
    };

    [[nodiscard]] std::size_t waiting() const noexcept { return waiting_.size(); }

private:
    struct Before {
        bool operator()(const Turn* a, const Turn* b) const noexcept {
            return a->served_ != b->served_ ? a->served_ < b->served_ : a->number_ < b->number_;
        }
    };
    [[nodiscard]] bool room();
    [[nodiscard]] bool left() const;
    void pass_on();
    void begin();
    void next();
    void call_first();

    boost::asio::any_io_executor executor_;
    bool on_ = false; // a turn has begun, and its end is posted
    std::chrono::nanoseconds begun_at_{};
    std::size_t octets_ = 0;
    std::set<Turn*, Before> waiting_;
    std::uint64_t numbers_ = 0;
};

} // namespace fetch
