#include "fetch/gate.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace {

using fetch::Gate;

TEST(Gate, LetsWaitersInInOrder) {
    const auto gate = std::make_shared<Gate>(2);
    Gate::Admission a = gate->try_enter(), b = gate->try_enter();
    EXPECT_TRUE(a && b);
    EXPECT_FALSE(gate->try_enter());
    std::string order;
    const auto first = gate->wait([&] { order += "1"; });
    auto second = gate->wait([&] { order += "2"; });
    const auto third = gate->wait([&] { order += "3"; });
    const auto hasty = gate->wait([&] { order += "0"; }, true);
    EXPECT_EQ(gate->waiting(), 4u);
    a.release();
    EXPECT_EQ(order, "0");
    EXPECT_TRUE(hasty->granted());
    second.reset(); // went away
    b.release();
    EXPECT_EQ(order, "01");
    { const Gate::Admission used = hasty->take(); }
    EXPECT_EQ(order, "013");
    EXPECT_EQ(gate->inside(), 2u);
    EXPECT_EQ(gate->waiting(), 0u);
}

TEST(Gate, AGrantedWaiterThatGoesAwayGivesItsPlaceOn) {
    const auto gate = std::make_shared<Gate>(1);
    Gate::Admission a = gate->try_enter();
    auto first = gate->wait([] {});
    const auto second = gate->wait([] {});
    a.release();
    EXPECT_TRUE(first->granted());
    first.reset();
    EXPECT_TRUE(second->granted());
}

TEST(Gate, ALimitCanChangeAndAGateCanClose) {
    const auto gate = std::make_shared<Gate>(1);
    Gate::Admission a = gate->try_enter();
    const auto waiting = gate->wait([] {});
    gate->set_limit(2);
    EXPECT_TRUE(waiting->granted());
    const auto never = gate->wait([] {});
    gate->close();
    a.release();
    EXPECT_FALSE(never->granted());
    EXPECT_FALSE(gate->try_enter());
}

} // namespace
