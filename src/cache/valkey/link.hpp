// cache/valkey/link.hpp - one connection to an engine once it is made: log in, commands in a row, their replies and
// limits of time, PING, messages of a subscription. A state machine without I/O.
//
// Commands are sent at once, whatever is still unanswered (pipelining), and replies come in their order. A command whose
// time is over is answered `timeout`, and its reply is dropped when it comes. A PING is sent when nothing has come for
// `idle`; the engine counts as deaf, and the connection as lost, only if a PING was sent and is not answered.
//
// The driver: sends output(), hands over what came, calls tick() when next_tick() is over, and takes done() and messages()
// after each of these. After `over` it closes the connection.
#pragma once

#include "base/clock.hpp"
#include "cache/valkey/greeting.hpp"
#include "cache/valkey/resp.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace valkey {

struct LinkTuning {
    base::milliseconds idle = base::seconds(15); ///< without an octet of the engine
    base::milliseconds deaf = base::seconds(5);  ///< for the answer to a PING
    std::size_t max_pending = 1024;           ///< commands without a reply, those that timed out among them
    std::size_t max_output = 4 * 1024 * 1024; ///< octets that wait to be sent
    ReplyLimits replies{};
};

class Link {
public:
    using Id = std::uint64_t; ///< the caller's, one for each command

    /// The greeting must be over at `greeted_by`.
    Link(const Login& login, LinkTuning tuning, base::Steady now, base::Steady greeted_by);

    enum class State : std::uint8_t {
        greeting,
        ready, ///< commands may be sent
        over,  ///< failure() says why; all commands are answered
    };
    [[nodiscard]] State state() const noexcept { return state_; }
    [[nodiscard]] const Failure& failure() const noexcept { return failure_; }
    /// Of the engine, when ready, if it was asked.
    [[nodiscard]] std::optional<Role> role() const noexcept { return greeting_.role(); }

    /// `command` as format() made it. Not taken unless ready: the trouble is then `down`, or `overloaded` above a limit.
    [[nodiscard]] std::optional<Trouble> send(Id id, std::string_view command, base::Steady deadline);
    /// From now on all that comes are messages and confirmations. Only when ready, before any command, and once.
    void subscribe(const std::string& channel, base::Steady now);
    /// The engine has confirmed the subscription.
    [[nodiscard]] bool subscribed() const noexcept { return subscribed_; }

    /// What must be sent; it is forgotten here.
    [[nodiscard]] std::string output() { return std::exchange(output_, {}); }
    [[nodiscard]] bool has_output() const noexcept { return !output_.empty(); }

    void received(std::string_view octets, base::Steady now);
    /// The connection has ended, or must end. Words as in Failure.
    void lost(Failure failure);
    void tick(base::Steady now);
    [[nodiscard]] base::Steady next_tick() const noexcept;

    struct Done {
        Id id = 0;
        Answer answer;
    };
    [[nodiscard]] std::vector<Done> done() { return std::exchange(done_, {}); }
    struct Message {
        std::string channel, payload;
    };
    [[nodiscard]] std::vector<Message> messages() { return std::exchange(messages_, {}); }
    /// Commands without a reply.
    [[nodiscard]] std::size_t pending() const noexcept { return pending_.size(); }

private:
    struct Pending {
        Id id = 0;
        base::Steady deadline{};
        bool answered = false; // `timeout`: the reply is dropped
        bool ping = false;     // our own
    };

    void take(Reply& reply);
    void take_reply(Reply& reply);
    void take_push(Reply& reply);
    void ping(base::Steady now);
    void answer(Pending& pending, Answer what);
    [[nodiscard]] Failure failure_of(const std::string& error) const;

    LinkTuning tuning_;
    std::array<std::string, 2> secrets_; // password and user: so that no words ever show them
    Greeting greeting_;
    base::Steady greeted_by_;
    State state_ = State::greeting;
    Failure failure_;

    ReplyReader reader_;
    std::string output_;
    std::deque<Pending> pending_;
    std::uint64_t first_ = 0;                                 ///< the number of pending_.front()
    std::set<std::pair<base::Steady, std::uint64_t>> limits_; ///< deadline and number of each unanswered one
    base::Steady heard_;                                      ///< when an octet came last
    std::optional<base::Steady> pinged_;                      ///< a PING is unanswered since then
    std::string channel_;                                     ///< "": no subscription
    bool subscribed_ = false;
    std::vector<Done> done_;
    std::vector<Message> messages_;
};

} // namespace valkey
