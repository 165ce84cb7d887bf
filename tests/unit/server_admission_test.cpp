// Who may connect and which connection is closed to make room: the whole rule, without a socket or a clock.
#include "server/admission.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <climits>
#include <initializer_list>
#include <ostream>

namespace server {
void PrintTo(Admission::Room room, std::ostream* out) {
    *out << (room == Admission::Room::free               ? "free"
             : room == Admission::Room::connections_full ? "connections_full"
                                                         : "descriptors_full");
}
} // namespace server

namespace {

using namespace std::chrono_literals;
using server::AcceptError;
using server::Admission;
using Room = Admission::Room;
using Counts = std::vector<std::size_t>;
using Idle = std::optional<Admission::Duration>;
using Indices = std::vector<std::size_t>;

constexpr int any_descriptor = 10;
const Admission::Instant t0{1000s};

/// An admission with this many connections at each listener, none of them on a reserved descriptor.
Admission with(std::size_t max_connections, const Counts& counts, int descriptors = INT_MAX) {
    Admission admission{max_connections, descriptors};
    for (const std::size_t count : counts) {
        const std::size_t listener = admission.add_listener();
        for (std::size_t i = 0; i < count; ++i) (void)admission.admit(listener, any_descriptor);
    }
    return admission;
}

TEST(Admission, LeavesEachListenerItsPart) {
    struct Row {
        const char* name;
        std::size_t max_connections;
        Counts counts;
        std::vector<Room> room; ///< for a new connection at each listener
    };
    const Room full = Room::connections_full, free = Room::free;
    const Row table[] = {
        {"one listener, nobody", 2, {0}, {free}},
        {"one listener has all", 2, {1}, {free}},
        {"and no more", 2, {2}, {full}},
        {"a single connection", 1, {0}, {free}},
        {"which is taken", 1, {1}, {full}},
        {"two, a quarter set aside for the other", 16, {11, 0}, {free, free}},
        {"the first has taken all that is not", 16, {12, 0}, {full, free}},
        {"the other uses up its part", 16, {12, 3}, {full, free}},
        {"and all is taken", 16, {12, 4}, {full, full}},
        {"who uses its part has nothing set aside any more", 16, {11, 4}, {free, free}},
        {"both beyond their parts: first come, first served", 16, {8, 7}, {free, free}},
        {"until all is taken", 16, {8, 8}, {full, full}},
        {"more than all, after the limit was lowered", 16, {20, 0}, {full, full}},
        {"three: a sixth each", 12, {8, 0, 0}, {full, free, free}},
        {"three: one of the others has its part", 12, {7, 2, 0}, {free, free, free}},
        {"three: and then", 12, {8, 2, 0}, {full, full, free}},
        {"fewer connections than listeners: nothing can be set aside", 3, {2, 0}, {free, free}},
        {"and it is first come, first served", 3, {3, 0}, {full, full}},
    };
    for (const Row& row : table) {
        SCOPED_TRACE(row.name);
        const Admission admission = with(row.max_connections, row.counts);
        for (std::size_t listener = 0; listener < row.room.size(); ++listener)
            EXPECT_EQ(admission.room(listener), row.room[listener]) << "listener " << listener;
    }
}

TEST(Admission, LeavesTheReserveOfDescriptors) {
    Admission admission = with(1000, {3}, 20);
    EXPECT_EQ(admission.room(0), Room::free);
    const auto below = admission.admit(0, 19);
    EXPECT_FALSE(below.reserved);
    EXPECT_EQ(admission.room(0), Room::free);
    const auto first = admission.admit(0, 20); // the fifth
    EXPECT_TRUE(first.reserved);
    EXPECT_EQ(admission.room(0), Room::descriptors_full);
    admission.release(below);
    EXPECT_EQ(admission.room(0), Room::free) << "one fewer than when the reserve was reached";
    const auto next = admission.admit(0, 21);
    EXPECT_EQ(admission.room(0), Room::descriptors_full) << "as many as then";
    admission.release(first);
    EXPECT_EQ(admission.room(0), Room::free);
    (void)admission.admit(0, 19);
    EXPECT_EQ(admission.room(0), Room::descriptors_full) << "one of the reserve is still used";
    admission.release(next);
    EXPECT_EQ(admission.room(0), Room::free) << "none of the reserve is used";
    (void)admission.admit(0, 17);
    (void)admission.admit(0, 18);
    EXPECT_EQ(admission.room(0), Room::free) << "however many there are";
}

TEST(Admission, NamesTheDescriptorsWhenBothLimitsAreReached) {
    Admission admission{1, 20};
    (void)admission.add_listener();
    (void)admission.admit(0, 20);
    EXPECT_EQ(admission.room(0), Room::descriptors_full);
}

TEST(Admission, CountsWhatItAdmits) {
    Admission admission{10, INT_MAX};
    EXPECT_EQ(admission.add_listener(), 0u);
    EXPECT_EQ(admission.add_listener(), 1u);
    const auto a = admission.admit(0, 5);
    (void)admission.admit(1, 25);
    EXPECT_EQ(admission.connections(), 2u);
    EXPECT_EQ(admission.connections(0), 1u);
    EXPECT_EQ(admission.connections(1), 1u);
    admission.release(a);
    EXPECT_EQ(admission.connections(), 1u);
    EXPECT_EQ(admission.connections(0), 0u);
    EXPECT_EQ(admission.connections(1), 1u);
}

TEST(Admission, NewLimitsCountForWhatComesNext) {
    Admission admission = with(10, {2}, 20);
    const auto reserved = admission.admit(0, 20);
    admission.set_limits(3, INT_MAX);
    EXPECT_EQ(admission.room(0), Room::descriptors_full) << "of the reserve it stays until it ends";
    admission.release(reserved);
    EXPECT_EQ(admission.room(0), Room::free);
    EXPECT_FALSE(admission.admit(0, 20).reserved);
    EXPECT_EQ(admission.room(0), Room::connections_full);
    admission.set_limits(4, INT_MAX);
    EXPECT_EQ(admission.room(0), Room::free);
}

TEST(Admission, TakesRoomFromWhoHasMost) {
    struct Row {
        const char* name;
        Counts counts;
        std::size_t newcomer, from;
    };
    const Row table[] = {
        {"the only listener", {5}, 0, 0},
        {"it has most itself", {12, 4}, 0, 0},
        {"it has less than its share", {12, 4}, 1, 0},
        {"it has none", {12, 0}, 1, 0},
        {"it has exactly its share", {8, 8}, 1, 1},
        {"it has its share of three, another one has more", {4, 2, 6}, 0, 0},
        {"it has less than its share of three", {4, 2, 6}, 1, 2},
        {"two have as many: the first", {6, 0, 6}, 1, 0},
    };
    for (const Row& row : table) {
        SCOPED_TRACE(row.name);
        EXPECT_EQ(with(100, row.counts).makes_room(row.newcomer), row.from);
    }
}

/// `count` connections, idle for 10 s, 11 s, ...
std::vector<Idle> all_idle(std::size_t count) {
    std::vector<Idle> idle;
    for (std::size_t i = 0; i < count; ++i) idle.emplace_back(10s + std::chrono::seconds{i});
    return idle;
}

TEST(Admission, ClosesTheIdlestOnes) {
    struct Row {
        const char* name;
        std::vector<Idle> idle;
        Indices closed;
    };
    const Row table[] = {
        {"no connection at all", {}, {}},
        {"none is idle", {std::nullopt, std::nullopt}, {}},
        {"one waits, one has just asked", {std::nullopt, 999ms}, {}},
        {"a second is long enough", {1000ms}, {0}},
        {"a nanosecond less is not", {1s - 1ns}, {}},
        {"the idlest of them, no more", {2s, 5s, 3s}, {1}},
        {"whoever waits is not closed, however long", {std::nullopt, 2s, std::nullopt}, {1}},
        {"63: one", all_idle(63), {62}},
        {"64: two", all_idle(64), {63, 62}},
        {"200: four, idlest first", all_idle(200), {199, 198, 197, 196}},
    };
    for (const Row& row : table) {
        SCOPED_TRACE(row.name);
        EXPECT_EQ(with(10, {1}).choose(row.idle, t0), row.closed);
    }
    std::vector<Idle> busy(199, std::nullopt);
    busy.emplace_back(2s);
    EXPECT_EQ(with(10, {1}).choose(busy, t0), Indices{199}) << "fewer are idle than could be closed";
}

TEST(Admission, SearchesAgainAfterAPause) {
    Admission admission = with(10, {10});
    EXPECT_TRUE(admission.may_search(t0));
    const std::vector<Idle> none{std::nullopt}, one{2s};
    (void)admission.choose(one, t0);
    EXPECT_TRUE(admission.may_search(t0)) << "the search found one";
    (void)admission.choose(none, t0);
    EXPECT_FALSE(admission.may_search(t0));
    EXPECT_FALSE(admission.may_search(t0 + server::search_pause - 1ns));
    EXPECT_TRUE(admission.may_search(t0 + server::search_pause));
}

TEST(Admission, ReservesAQuarterOfTheDescriptorsAtMost) {
    struct Row {
        rlim_t limit;
        int left;
    };
    const Row table[] = {
        {0, 0},       {3, 3},       {4, 3},           {200, 150},         {1024, 768},
        {8192, 6144}, {8196, 6148}, {524288, 522240}, {1048576, 1046528}, {RLIM_INFINITY, INT_MAX},
    };
    for (const Row& row : table)
        EXPECT_EQ(server::descriptors_for_connections(row.limit), row.left) << row.limit;
}

TEST(Admission, KnowsWhatAcceptMeans) {
    struct Row {
        AcceptError meaning;
        std::initializer_list<int> errors;
    };
    const Row table[] = {
        {AcceptError::none_waiting, {EAGAIN, EWOULDBLOCK}},
        {AcceptError::try_next,
         {EINTR, ECONNABORTED, EPERM, ENETDOWN, EPROTO, ENOPROTOOPT, EHOSTDOWN, ENONET, EHOSTUNREACH,
          EOPNOTSUPP, ENETUNREACH}},
        {AcceptError::out_of_resources, {EMFILE, ENFILE, ENOBUFS, ENOMEM}},
        {AcceptError::out_of_resources, {EBADF, EINVAL, ENOTSOCK, EFAULT, 0}}, // never expected: no spinning
    };
    for (const Row& row : table)
        for (const int error : row.errors) EXPECT_EQ(server::meaning_of(error), row.meaning) << error;
}

} // namespace
