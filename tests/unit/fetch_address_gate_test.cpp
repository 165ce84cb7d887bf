#include "fetch/address_gate.hpp"

#include <boost/asio/io_context.hpp>

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace {

using boost::asio::ip::make_address;
using fetch::AddressGate;
using fetch::AtAddress;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

struct Row {
    const char* why;
    std::vector<int> idle; // for each connection inside: milliseconds since its last progress
    bool admit;
    int gives_way;  // -1: nobody
    int look_again; // milliseconds from now; -1: never by itself
};

TEST(AtAddress, CountsThoseThatMakeProgress) {
    AtAddress rule;
    rule.limit = 3;
    const std::vector<int> full(32, 500), stalled(32, 1000);
    std::vector<int> one_stalled = full, mixed = stalled;
    one_stalled[7] = 999;
    mixed[30] = 0;
    mixed[5] = 4000;
    const Row rows[] = {
        {"empty", {}, true, -1, -1},
        {"room", {0, 900}, true, -1, -1},
        {"full", {0, 900, 400}, false, -1, 100},
        {"one stalled", {0, 1000, 400}, true, -1, -1},
        {"just before", {999, 999, 999}, false, -1, 1},
        {"many stalled", {5000, 5000, 5000, 5000, 5000, 0, 1}, true, -1, -1},
        {"more than the limit after a change", {0, 1, 2, 3, 4}, false, -1, 996},
        {"the bound, all busy", full, false, -1, 500},
        {"the bound, all stalled", stalled, true, 0, -1},
        {"the bound, the longest without progress", mixed, true, 5, -1},
    };
    const auto now = steady_clock::now();
    for (const Row& row : rows) {
        std::vector<AtAddress::TimePoint> inside;
        for (const int idle : row.idle) inside.push_back(now - milliseconds{idle});
        const AtAddress::Next next = rule.next(inside, now);
        EXPECT_EQ(next.admit, row.admit) << row.why;
        EXPECT_EQ(next.gives_way ? static_cast<int>(*next.gives_way) : -1, row.gives_way) << row.why;
        if (row.look_again < 0)
            EXPECT_EQ(next.look_again, AtAddress::TimePoint::max()) << row.why;
        else
            EXPECT_EQ(next.look_again, now + milliseconds{row.look_again}) << row.why;
    }
    // In a crowd a connection counts for a shorter time, but none gives way earlier.
    rule.stalled = fetch::stalled_after_in_a_crowd;
    const std::vector<AtAddress::TimePoint> crowd(32, now - milliseconds{700});
    EXPECT_FALSE(rule.next(crowd, now).admit);
    EXPECT_EQ(rule.next(crowd, now).look_again, now + milliseconds{300});
}

struct AddressGateTest : testing::Test {
    boost::asio::io_context io;
    std::shared_ptr<AddressGate> gate = std::make_shared<AddressGate>(io.get_executor(), 2);
    std::string order;
    auto note(const char* name) {
        return [this, name] { order += name; };
    }
};

TEST_F(AddressGateTest, LetsWaitersInByPolicyHost) {
    AddressGate::Admission a1 = gate->try_enter("a"), a2 = gate->try_enter("a");
    EXPECT_TRUE(a1 && a2);
    EXPECT_FALSE(gate->try_enter("c"));
    const auto a3 = gate->wait("a", note("3"));
    const auto a4 = gate->wait("a", note("4"));
    const auto b1 = gate->wait("b", note("b"));
    auto b2 = gate->wait("b", note("B"));
    const auto c = gate->wait("c", note("c"));
    EXPECT_EQ(gate->waiting(), 5u);
    b2.reset(); // went away
    a1.release();
    EXPECT_EQ(order, "b") << "a has a place already";
    a2.release();
    EXPECT_EQ(order, "b3") << "a has none now, and came first";
    { const AddressGate::Admission gone = b1->take(); }
    EXPECT_EQ(order, "b3c");
    { const AddressGate::Admission gone = a3->take(); }
    EXPECT_EQ(order, "b3c4");
    EXPECT_EQ(gate->inside(), 2u);
    EXPECT_EQ(gate->waiting(), 0u);
}

TEST_F(AddressGateTest, AGrantedWaiterThatGoesAwayGivesItsPlaceOn) {
    AddressGate::Admission a = gate->try_enter("a");
    const AddressGate::Admission b = gate->try_enter("b");
    auto first = gate->wait("c", note("1"));
    const auto second = gate->wait("d", note("2"));
    a.release();
    EXPECT_TRUE(first->granted());
    first.reset();
    EXPECT_TRUE(second->granted());
}

TEST_F(AddressGateTest, ALimitCanChangeAndAGateCanClose) {
    AddressGate::Admission a = gate->try_enter("a");
    const AddressGate::Admission b = gate->try_enter("b");
    const auto waiting = gate->wait("c", note("1"));
    gate->set_limit(3);
    EXPECT_TRUE(waiting->granted());
    const auto never = gate->wait("d", note("2"));
    gate->close();
    a.release();
    EXPECT_FALSE(never->granted());
    EXPECT_FALSE(gate->try_enter("e"));
    io.run_for(milliseconds{1100}); // not even because those inside are stalled
    EXPECT_FALSE(never->granted());
}

TEST_F(AddressGateTest, ThoseWithoutProgressCountNoLongerAndGiveWayAtTheBound) {
    std::vector<AddressGate::Admission> places;
    std::vector<int> gone;
    const auto enter = [&](AddressGate::Admission place) {
        const int number = static_cast<int>(places.size());
        place.when_it_gives_way([&gone, number] { gone.push_back(number); });
        places.push_back(std::move(place));
    };
    const auto until_granted = [&](const AddressGate::Waiter& waiter) {
        const auto end = steady_clock::now() + std::chrono::seconds{10};
        while (!waiter.granted() && steady_clock::now() < end) {
            io.restart();
            io.run_for(milliseconds{1});
        }
        return waiter.granted();
    };
    const auto begun = steady_clock::now();
    while (places.size() < 2) enter(gate->try_enter("a"));
    {
        const auto third = gate->wait("b", [] {});
        ASSERT_TRUE(until_granted(*third));
        EXPECT_GE(steady_clock::now() - begun, fetch::stalled_after);
        enter(third->take());
    }
    gate->set_limit(64);
    while (places.size() < fetch::max_at_address) enter(gate->try_enter("h" + std::to_string(places.size())));
    gate->set_limit(2);
    EXPECT_TRUE(gone.empty());
    places[0].progress();
    places[2].progress();
    const auto waiter = gate->wait("last", [] {});
    ASSERT_TRUE(until_granted(*waiter));
    EXPECT_EQ(gone, std::vector<int>{1}) << "the one longest without progress";
    EXPECT_TRUE(places[1].gave_way());
    EXPECT_FALSE(places[0].gave_way());
    EXPECT_EQ(gate->inside(), fetch::max_at_address);
    places.clear();
    EXPECT_EQ(gate->inside(), 1u);
}

TEST_F(AddressGateTest, GatesAreOneAnAddress) {
    fetch::AddressGates gates{io.get_executor(), 1};
    AddressGate::Admission a = gates.at(make_address("192.0.2.1"))->try_enter("a");
    EXPECT_TRUE(a);
    EXPECT_FALSE(gates.at(make_address("192.0.2.1"))->try_enter("a"));
    EXPECT_TRUE(gates.at(make_address("192.0.2.2"))->try_enter("a"));
    for (std::uint32_t i = 0; i < 1000; ++i) (void)gates.at(boost::asio::ip::address_v4(i));
    a.progress(); // else a slow machine may no longer count it
    EXPECT_FALSE(gates.at(make_address("192.0.2.1"))->try_enter("a")) << "forgotten while somebody is inside";
}

} // namespace
