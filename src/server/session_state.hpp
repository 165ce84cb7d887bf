// server/session_state.hpp - the states of a session, and how events change them, as tables. Pure.
//
// Three machines, independent of each other: Talk is where the conversation is, Turn is the session's share
// of the thread's time, Input is what the socket may still give. next(state, event) is the state after the
// event. An event that has no meaning in a state (or cannot happen) does not change it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace server {

/// Where the conversation is. Requests are read in `reading` only.
enum class Talk : std::uint8_t {
    reading,
    waiting,      ///< for the handler's answer
    waiting_last, ///< the same; closes after it
    sending,      ///< waits for the socket to take the rest of a reply
    sending_last, ///< the same; closes after it
    sending_perm, ///< the same, of a PERM: lingers after it
    lingering,    ///< our side is shut; what still comes is read and dropped
    closed,
};
enum class TalkEvent : std::uint8_t {
    ask,       ///< the handler will answer later
    reply_out, ///< the socket took a whole reply
    reply_cut, ///< the socket took a part of a reply
    perm_out,  ///< as reply_out, of the PERM after a protocol error, which ends the connection
    perm_cut,
    rest_out, ///< the socket took the rest of a reply
    finish,   ///< answer no further request
    close,
};

/// When the session has its turn. Sessions that ask for little go before those that ask for much.
enum class Turn : std::uint8_t {
    modest,     ///< between two turns; the next one starts at once
    greedy,     ///< between two turns; the next one starts in the loop's queue
    queued,     ///< in the loop's queue
    at_once,    ///< in a turn, with a small share
    from_queue, ///< in a turn, with a larger share
    spent,      ///< in a turn whose share is used up
};
enum class TurnEvent : std::uint8_t {
    go,         ///< there is something to do
    called,     ///< by the loop's queue
    spend,      ///< the share is used up
    end_none,   ///< the turn ends without an answer
    end_little, ///< the turn ends; its answers are less than a small share
    end_much,
};

/// What the socket may still give. It is watched edge-triggered: being readable is not reported twice.
enum class Input : std::uint8_t {
    drained,
    readable,         ///< there may be something
    drained_hung_up,  ///< the peer will send no more
    readable_hung_up, ///< the same; there may be something before the end
    ended,            ///< the end has been read
    ended_readable,   ///< and an event came after it
};
enum class InputEvent : std::uint8_t {
    edge,      ///< epoll: there is something to read
    hang_up,   ///< epoll: the peer has shut its side, or there is an error
    read_full, ///< a read filled its buffer
    read_part, ///< a read did not: it has emptied the socket (epoll(7))
    read_none, ///< a read found nothing, or failed
    read_end,  ///< a read found the end
};

namespace session_tables {

template <class State, std::size_t events, std::size_t states>
using Table = std::array<std::array<State, events>, states>;

// clang-format off
constexpr Table<Talk, 8, 8> talk = [] {
    using enum Talk;
    return Table<Talk, 8, 8>{{
        // ask           reply_out     reply_cut     perm_out      perm_cut      rest_out      finish        close
        {{ waiting,      reading,      sending,      lingering,    sending_perm, reading,      closed,       closed }},  // reading
        {{ waiting,      reading,      sending,      waiting,      waiting,      waiting,      waiting_last, closed }},  // waiting
        {{ waiting_last, closed,       sending_last, waiting_last, waiting_last, waiting_last, waiting_last, closed }},  // waiting_last
        {{ sending,      sending,      sending,      sending,      sending,      reading,      sending_last, closed }},  // sending
        {{ sending_last, sending_last, sending_last, sending_last, sending_last, closed,       sending_last, closed }},  // sending_last
        {{ sending_perm, sending_perm, sending_perm, sending_perm, sending_perm, lingering,    sending_perm, closed }},  // sending_perm
        {{ lingering,    lingering,    lingering,    lingering,    lingering,    lingering,    lingering,    closed }},  // lingering
        {{ closed,       closed,       closed,       closed,       closed,       closed,       closed,       closed }},  // closed
    }};
}();

constexpr Table<Turn, 6, 6> turn = [] {
    using enum Turn;
    return Table<Turn, 6, 6>{{
        // go          called      spend    end_none    end_little  end_much
        {{ at_once,    modest,     modest,  modest,     modest,     modest }},  // modest
        {{ queued,     greedy,     greedy,  greedy,     greedy,     greedy }},  // greedy
        {{ queued,     from_queue, queued,  queued,     queued,     queued }},  // queued
        {{ at_once,    at_once,    spent,   modest,     modest,     greedy }},  // at_once
        {{ from_queue, from_queue, spent,   greedy,     modest,     greedy }},  // from_queue
        {{ spent,      spent,      spent,   greedy,     greedy,     greedy }},  // spent
    }};
}();

constexpr Table<Input, 6, 6> input = [] {
    using enum Input;
    return Table<Input, 6, 6>{{
        // edge              hang_up           read_full         read_part         read_none        read_end
        {{ readable,         readable_hung_up, drained,          drained,          drained,         drained }},          // drained
        {{ readable,         readable_hung_up, readable,         drained,          drained,         ended }},            // readable
        {{ readable_hung_up, readable_hung_up, drained_hung_up,  drained_hung_up,  drained_hung_up, drained_hung_up }},  // drained_hung_up
        {{ readable_hung_up, readable_hung_up, readable_hung_up, readable_hung_up, drained_hung_up, ended }},            // readable_hung_up
        {{ ended_readable,   ended_readable,   ended,            ended,            ended,           ended }},            // ended
        {{ ended_readable,   ended_readable,   ended_readable,   ended_readable,   ended,           ended }},            // ended_readable
    }};
}();
// clang-format on

} // namespace session_tables

[[nodiscard]] constexpr Talk next(Talk state, TalkEvent event) noexcept {
    return session_tables::talk[static_cast<std::size_t>(state)][static_cast<std::size_t>(event)];
}
[[nodiscard]] constexpr Turn next(Turn state, TurnEvent event) noexcept {
    return session_tables::turn[static_cast<std::size_t>(state)][static_cast<std::size_t>(event)];
}
[[nodiscard]] constexpr Input next(Input state, InputEvent event) noexcept {
    return session_tables::input[static_cast<std::size_t>(state)][static_cast<std::size_t>(event)];
}

/// The handler has not answered yet.
[[nodiscard]] constexpr bool is_waiting(Talk state) noexcept {
    return state == Talk::waiting || state == Talk::waiting_last;
}
/// Watch the socket for room to send.
[[nodiscard]] constexpr bool is_sending(Talk state) noexcept {
    return state == Talk::sending || state == Talk::sending_last || state == Talk::sending_perm;
}
/// Input is read: as requests, or to be dropped.
[[nodiscard]] constexpr bool takes_input(Talk state) noexcept {
    return state == Talk::reading || state == Talk::lingering;
}
[[nodiscard]] constexpr bool in_turn(Turn state) noexcept {
    return state == Turn::at_once || state == Turn::from_queue || state == Turn::spent;
}
[[nodiscard]] constexpr bool may_read(Input state) noexcept {
    return state == Input::readable || state == Input::readable_hung_up || state == Input::ended_readable;
}
[[nodiscard]] constexpr bool has_ended(Input state) noexcept {
    return state == Input::ended || state == Input::ended_readable;
}

} // namespace server
