// The tables of a session's states: each state with each event, and what must be true in every sequence.
#include "server/session_state.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <vector>

namespace {

using namespace server;

template <class State, class Event>
struct Machine {
    State first, last_state;
    Event last_event;

    [[nodiscard]] std::vector<State> states() const { return all(last_state); }
    [[nodiscard]] std::vector<Event> events() const { return all(last_event); }

    /// The states that can follow `from`, including itself.
    [[nodiscard]] std::set<State> reached_from(State from) const {
        std::set<State> reached{from};
        for (std::vector<State> todo{from}; !todo.empty();) {
            const State state = todo.back();
            todo.pop_back();
            for (const Event event : events())
                if (reached.insert(next(state, event)).second) todo.push_back(next(state, event));
        }
        return reached;
    }

private:
    template <class Enum>
    static std::vector<Enum> all(Enum last) {
        std::vector<Enum> values;
        for (int i = 0; i <= static_cast<int>(last); ++i) values.push_back(static_cast<Enum>(i));
        return values;
    }
};

template <class State, class Event>
struct Row {
    State state;
    Event event;
    State after;
};

/// `rows` has all events that change something; every other event must not change the state.
template <class State, class Event>
void expect_exactly(const Machine<State, Event>& machine, const std::vector<Row<State, Event>>& rows) {
    for (const State state : machine.states())
        for (const Event event : machine.events()) {
            const auto row = std::ranges::find_if(
                rows, [&](const auto& some) { return some.state == state && some.event == event; });
            EXPECT_EQ(next(state, event), row == rows.end() ? state : row->after)
                << "state " << static_cast<int>(state) << ", event " << static_cast<int>(event);
        }
}

const Machine<Talk, TalkEvent> talk{Talk::reading, Talk::closed, TalkEvent::close};
const Machine<Turn, TurnEvent> turn{Turn::modest, Turn::spent, TurnEvent::end_much};
const Machine<Input, InputEvent> input{Input::drained, Input::ended_readable, InputEvent::read_end};

TEST(SessionState, TalkIsTheTable) {
    using E = TalkEvent;
    const std::vector<Row<Talk, TalkEvent>> rows = {
        {Talk::reading, E::ask, Talk::waiting},
        {Talk::reading, E::reply_cut, Talk::sending},
        {Talk::reading, E::perm_out, Talk::lingering},
        {Talk::reading, E::perm_cut, Talk::sending_perm},
        {Talk::reading, E::finish, Talk::closed},
        {Talk::waiting, E::reply_out, Talk::reading},
        {Talk::waiting, E::reply_cut, Talk::sending},
        {Talk::waiting, E::finish, Talk::waiting_last},
        {Talk::waiting_last, E::reply_out, Talk::closed},
        {Talk::waiting_last, E::reply_cut, Talk::sending_last},
        {Talk::sending, E::rest_out, Talk::reading},
        {Talk::sending, E::finish, Talk::sending_last},
        {Talk::sending_last, E::rest_out, Talk::closed},
        {Talk::sending_perm, E::rest_out, Talk::lingering},
        {Talk::reading, E::close, Talk::closed},
        {Talk::waiting, E::close, Talk::closed},
        {Talk::waiting_last, E::close, Talk::closed},
        {Talk::sending, E::close, Talk::closed},
        {Talk::sending_last, E::close, Talk::closed},
        {Talk::sending_perm, E::close, Talk::closed},
        {Talk::lingering, E::close, Talk::closed},
    };
    expect_exactly<Talk, TalkEvent>(talk, rows);
}

TEST(SessionState, TurnIsTheTable) {
    using E = TurnEvent;
    const std::vector<Row<Turn, TurnEvent>> rows = {
        {Turn::modest, E::go, Turn::at_once},          {Turn::greedy, E::go, Turn::queued},
        {Turn::queued, E::called, Turn::from_queue},   {Turn::at_once, E::spend, Turn::spent},
        {Turn::from_queue, E::spend, Turn::spent},     {Turn::at_once, E::end_none, Turn::modest},
        {Turn::at_once, E::end_little, Turn::modest},  {Turn::at_once, E::end_much, Turn::greedy},
        {Turn::from_queue, E::end_none, Turn::greedy}, {Turn::from_queue, E::end_little, Turn::modest},
        {Turn::from_queue, E::end_much, Turn::greedy}, {Turn::spent, E::end_none, Turn::greedy},
        {Turn::spent, E::end_little, Turn::greedy},    {Turn::spent, E::end_much, Turn::greedy},
    };
    expect_exactly<Turn, TurnEvent>(turn, rows);
}

TEST(SessionState, InputIsTheTable) {
    using E = InputEvent;
    const std::vector<Row<Input, InputEvent>> rows = {
        {Input::drained, E::edge, Input::readable},
        {Input::drained, E::hang_up, Input::readable_hung_up},
        {Input::readable, E::hang_up, Input::readable_hung_up},
        {Input::readable, E::read_part, Input::drained},
        {Input::readable, E::read_none, Input::drained},
        {Input::readable, E::read_end, Input::ended},
        {Input::drained_hung_up, E::edge, Input::readable_hung_up},
        {Input::drained_hung_up, E::hang_up, Input::readable_hung_up},
        {Input::readable_hung_up, E::read_none, Input::drained_hung_up},
        {Input::readable_hung_up, E::read_end, Input::ended},
        {Input::ended, E::edge, Input::ended_readable},
        {Input::ended, E::hang_up, Input::ended_readable},
        {Input::ended_readable, E::read_none, Input::ended},
        {Input::ended_readable, E::read_end, Input::ended},
    };
    expect_exactly<Input, InputEvent>(input, rows);
}

TEST(SessionState, EveryStateCanBeReached) {
    EXPECT_EQ(talk.reached_from(talk.first).size(), talk.states().size());
    EXPECT_EQ(turn.reached_from(turn.first).size(), turn.states().size());
    EXPECT_EQ(input.reached_from(input.first).size(), input.states().size());
}

TEST(SessionState, WhatIsOverStaysOver) {
    EXPECT_EQ(talk.reached_from(Talk::closed), std::set{Talk::closed});
    EXPECT_EQ(talk.reached_from(Talk::lingering), (std::set{Talk::lingering, Talk::closed}));
    for (const Talk state : {Talk::waiting_last, Talk::sending_last, Talk::sending_perm})
        EXPECT_FALSE(talk.reached_from(state).contains(Talk::reading))
            << static_cast<int>(state) << ": no further request is answered";
    for (const Input state : {Input::ended, Input::ended_readable})
        for (const Input after : input.reached_from(state)) EXPECT_TRUE(has_ended(after));
    for (const Input state : {Input::drained_hung_up, Input::readable_hung_up}) {
        EXPECT_FALSE(input.reached_from(state).contains(Input::drained));
        EXPECT_FALSE(input.reached_from(state).contains(Input::readable));
    }
}

TEST(SessionState, EveryEndIsPossible) {
    for (const Talk state : talk.states()) {
        EXPECT_EQ(next(state, TalkEvent::close), Talk::closed);
        const Talk finished = next(state, TalkEvent::finish);
        EXPECT_FALSE(talk.reached_from(finished).contains(Talk::reading)) << static_cast<int>(state);
        EXPECT_EQ(is_waiting(finished), is_waiting(state)) << "a pending reply still goes out";
        EXPECT_EQ(is_sending(finished), is_sending(state)) << "and so does the rest of one";
    }
}

TEST(SessionState, NoTurnIsLostAndNoneIsTakenTwice) {
    for (const Turn state : turn.states()) {
        const Turn after = next(state, TurnEvent::go);
        EXPECT_TRUE(in_turn(after) || after == Turn::queued) << "whoever has something to do gets a turn";
        for (const TurnEvent end : {TurnEvent::end_none, TurnEvent::end_little, TurnEvent::end_much})
            EXPECT_FALSE(in_turn(next(state, end)));
        if (state != Turn::queued) {
            EXPECT_EQ(next(state, TurnEvent::called), state);
        }
    }
    EXPECT_FALSE(in_turn(next(Turn::greedy, TurnEvent::go))) << "those who ask for little go first";
    EXPECT_EQ(next(next(Turn::at_once, TurnEvent::spend), TurnEvent::end_little), Turn::greedy);
}

TEST(SessionState, NothingReadableIsForgotten) {
    for (const Input state : input.states()) {
        EXPECT_TRUE(may_read(next(state, InputEvent::edge))) << static_cast<int>(state);
        EXPECT_TRUE(may_read(next(state, InputEvent::hang_up))) << static_cast<int>(state);
        if (may_read(state)) {
            EXPECT_TRUE(may_read(next(state, InputEvent::read_full))) << static_cast<int>(state);
        }
    }
    EXPECT_TRUE(may_read(next(Input::readable_hung_up, InputEvent::read_part)))
        << "no event comes for the end: it is read on until it shows";
}

TEST(SessionState, AsksNothingOfTwoAtOnce) {
    for (const Talk state : talk.states())
        EXPECT_LE(int{is_waiting(state)} + int{is_sending(state)} + int{takes_input(state)}, 1)
            << static_cast<int>(state);
}

} // namespace
