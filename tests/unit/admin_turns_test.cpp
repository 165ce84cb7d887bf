// One after the other, and on after a failure.
#include "admin/turns.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include <exception>
#include <new>
#include <string>

namespace {

namespace asio = boost::asio;

asio::awaitable<void> work(admin::Turns& turns, std::string& log, char name, bool fails) {
    co_await turns.take();
    const admin::Turns::Held held(turns);
    log += name;
    if (fails) throw std::bad_alloc();
}

TEST(AdminTurns, OneThatFailsHoldsUpNobody) {
    asio::io_context loop;
    admin::Turns turns(loop.get_executor());
    std::string log;
    const auto ignore = [](const std::exception_ptr&) {};
    asio::co_spawn(loop, work(turns, log, 'a', true), ignore);
    asio::co_spawn(loop, work(turns, log, 'b', true), ignore);
    asio::co_spawn(loop, work(turns, log, 'c', false), ignore);
    loop.run();
    EXPECT_EQ(log, "abc");
    asio::co_spawn(loop, work(turns, log, 'd', false), ignore);
    loop.restart();
    loop.run();
    EXPECT_EQ(log, "abcd");
}

} // namespace
