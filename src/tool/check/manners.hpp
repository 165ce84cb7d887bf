// tool/check/manners.hpp - who may be connected to on port 25 now, so that a mail host's good name does not suffer.
// Pure: the time is an argument.
//
// One connection at a time, and 10 a minute, to one operator: a network (/24, /48) or the registrable part of an MX
// host's name, each counted for itself. So many a minute in all. Who answers 421, or refuses at the banner, is left
// alone for the rest of the run.
#pragma once

#include "base/net/address.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <string>

namespace check {

/// "192.0.2.0/24", "2001:db8:1::/48"; of an IPv4 address within an IPv6 one (::ffff:0:0/96) its own network.
[[nodiscard]] std::string network_of(const net::IpAddress& address);

/// Whose mail host it is: two names for one operator.
struct Operator {
    std::string network; ///< as of network_of()
    std::string name;    ///< the registrable part of the host's name; never looks like a network
};

class Manners {
public:
    using Time = std::chrono::steady_clock::time_point;
    static constexpr std::chrono::seconds minute{60};
    static constexpr std::size_t operator_a_minute = 10;
    static constexpr std::size_t all_a_minute = 60;

    /// `a_minute`: connections in all, 1 or more.
    explicit Manners(std::size_t a_minute = all_a_minute) : a_minute_(a_minute) {}

    enum class Turn : std::uint8_t {
        now,
        wait,  ///< until the time in `look_again`, or until some connection ends
        never, ///< this operator has refused us
    };
    struct Next {
        Turn turn = Turn::now;
        Time look_again = Time::max();
    };
    [[nodiscard]] Next next(const Operator& whose, Time now) const;

    /// A connection begins. Requires next() to be `now`.
    void begin(const Operator& whose, Time now);
    /// It is over. `refused`: with 421, or at the banner.
    void end(const Operator& whose, bool refused);

    /// It is over, and no packet left this host: it does not count.
    void take_back(const Operator& whose);

    [[nodiscard]] std::size_t begun() const noexcept { return begun_; } ///< so far

private:
    struct Known {
        std::deque<Time> begun; ///< within the last minute, oldest first
        std::size_t busy = 0;
        bool refused = false;
    };
    [[nodiscard]] Next next_of(const std::string& key, Time now) const;
    void sweep(Time now);

    std::size_t a_minute_, begun_ = 0;
    std::map<std::string, Known, std::less<>> known_;
    std::deque<Time> all_; ///< as Known::begun
    std::size_t sweep_at_ = 256;
};

} // namespace check
