// The connections of a run: each mail server once, with manners, and port 25 that is closed here.
#include "tool/check/connections.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <string>
#include <vector>

namespace {

namespace asio = boost::asio;
using check::Connections;
using smtp::Sighting;
using smtp::Stage;
using smtp::Trouble;
using namespace std::chrono_literals;

/// Mail servers that answer as the test says.
class ConnectionsTest : public testing::Test {
protected:
    Connections::Options options(std::size_t a_minute = 1000) {
        Connections::Options made;
        made.probe = [this](const std::string& host, net::IpAddress address) {
            return probe(host, to_string(address));
        };
        made.registrable = [](std::string_view host) { return std::string(host); };
        made.a_minute = a_minute;
        return made;
    }

    void look(Connections& connections, const std::string& host, const std::string& address,
              const std::string& domain = "a.test") {
        asio::co_spawn(context_, keep(&connections, host, address, domain), [](const std::exception_ptr& error) {
            if (error) std::rethrow_exception(error);
        });
    }

    asio::awaitable<void> keep(Connections* connections, std::string host, std::string address, std::string domain) {
        const Connections::Seen seen = co_await connections->look(host, *net::parse_ip(address), domain);
        seen_[domain + ' ' + host + ' ' + address] = seen;
    }

    asio::awaitable<Sighting> probe(std::string host, std::string address) {
        connected_.push_back(host + ' ' + address);
        most_ = std::max(most_, ++open_);
        asio::steady_timer wait(context_, host == slow_ ? 100 * takes_ : takes_);
        co_await wait.async_wait(asio::use_awaitable);
        --open_;
        Sighting sighting = how_.contains(host) ? how_[host] : otherwise_;
        sighting.host = host;
        sighting.address = address;
        co_return sighting;
    }

    static Sighting at(Stage stage, Trouble trouble = Trouble::none, std::string words = {}) {
        Sighting made;
        made.stage = stage;
        made.trouble = trouble;
        made.words = std::move(words);
        return made;
    }

    asio::io_context context_;
    std::chrono::milliseconds takes_{1};
    std::string slow_; ///< a host
    std::map<std::string, Sighting> how_;
    Sighting otherwise_ = at(Stage::done);
    std::vector<std::string> connected_;
    std::size_t open_ = 0, most_ = 0;
    std::map<std::string, Connections::Seen> seen_;
};

TEST_F(ConnectionsTest, AHostAndAddressIsConnectedToOnceHoweverManyDomainsNameIt) {
    Connections connections(context_.get_executor(), options());
    look(connections, "mx.test", "192.0.2.1", "a.test");
    look(connections, "mx.test", "192.0.2.1", "b.test");
    context_.run();
    context_.restart();
    look(connections, "mx.test", "192.0.2.1", "c.test");
    context_.run();
    EXPECT_EQ(connected_.size(), 1U);
    ASSERT_EQ(seen_.size(), 3U);
    EXPECT_EQ(seen_["a.test mx.test 192.0.2.1"].see_domain, "");
    for (const char* domain : {"b.test", "c.test"}) {
        const auto& seen = seen_[std::string(domain) + " mx.test 192.0.2.1"];
        EXPECT_EQ(seen.see_domain, "a.test");
        EXPECT_TRUE(seen.sighting);
    }
}

TEST_F(ConnectionsTest, OneAtATimeToAnOperatorAndManyToMany) {
    Connections connections(context_.get_executor(), options());
    for (int i = 1; i <= 5; ++i) look(connections, "mx" + std::to_string(i) + ".test", "192.0.2." + std::to_string(i));
    context_.run();
    EXPECT_EQ(most_, 1U);
    EXPECT_EQ(connected_.size(), 5U);
    context_.restart();
    for (int i = 1; i <= 5; ++i)
        look(connections, "other" + std::to_string(i) + ".test", "198.51." + std::to_string(i) + ".1");
    context_.run();
    EXPECT_EQ(most_, 5U);
    EXPECT_EQ(connections.port_25(), Connections::Port::open);
}

TEST_F(ConnectionsTest, ARefusalEndsTheOperator) {
    how_["busy.test"] = at(Stage::ehlo, Trouble::reply_4xx, "421 4.7.0 too many");
    how_["blocked.test"] = at(Stage::banner, Trouble::reply_5xx, "554 no");
    how_["greylisted.test"] = at(Stage::ehlo, Trouble::reply_4xx, "450 later");
    Connections connections(context_.get_executor(), options());
    const std::vector<std::pair<std::string, std::string>> hosts{
        {"busy.test", "192.0.2."}, {"blocked.test", "198.51.100."}, {"greylisted.test", "203.0.113."}};
    for (const auto& [host, network] : hosts)
        for (const char* last : {"1", "2"}) look(connections, host, network + last);
    context_.run();
    EXPECT_EQ(seen_["a.test busy.test 192.0.2.2"].skipped, "operator-refused");
    EXPECT_EQ(seen_["a.test blocked.test 198.51.100.2"].skipped, "operator-refused");
    EXPECT_EQ(seen_["a.test greylisted.test 203.0.113.2"].skipped, "");
    EXPECT_EQ(connected_.size(), 4U);
}

TEST_F(ConnectionsTest, Port25IsClosedWhenNobodyOfSeveralCanBeReached) {
    for (const auto& [trouble, tried] : {std::pair{Trouble::timeout, 3U}, {Trouble::refused, 6U}}) {
        connected_.clear();
        seen_.clear();
        otherwise_ = at(Stage::connect, trouble);
        Connections connections(context_.get_executor(), options());
        for (int i = 1; i <= 20; ++i)
            look(connections, "mx.test", "192.0." + std::to_string(i) + ".1"); // one after the other
        context_.restart();
        context_.run();
        EXPECT_EQ(connections.port_25(), Connections::Port::closed);
        EXPECT_EQ(connected_.size(), tried);
        std::size_t skipped = 0;
        for (const auto& [what, seen] : seen_) skipped += seen.skipped == "port-25-closed-here";
        EXPECT_EQ(skipped, 20 - tried);
    }
}

TEST_F(ConnectionsTest, AHostWithoutIPv6IsNotOneWithoutPort25) {
    otherwise_ = at(Stage::connect, Trouble::unreachable, "Network is unreachable");
    Connections connections(context_.get_executor(), options(5));
    for (int i = 1; i <= 20; ++i)
        look(connections, "mx" + std::to_string(i) + ".test", "2001:db8:" + std::to_string(i) + "::1");
    context_.run();
    EXPECT_EQ(connections.port_25(), Connections::Port::unknown);
    EXPECT_EQ(connected_.size(), 20U) << "and these do not count for the rate";
    Connections::Options only_v6 = options();
    only_v6.v4 = false;
    otherwise_ = at(Stage::connect, Trouble::timeout);
    Connections others(context_.get_executor(), std::move(only_v6));
    for (int i = 1; i <= 5; ++i)
        look(others, "mx" + std::to_string(i) + ".test", "2001:db8:" + std::to_string(i) + "::1");
    context_.restart();
    context_.run();
    EXPECT_EQ(others.port_25(), Connections::Port::closed);
}

TEST_F(ConnectionsTest, OnlyWhatWasNeverSentDoesNotCount) {
    otherwise_ = at(Stage::connect, Trouble::unreachable, "Cannot assign requested address");
    how_["mx3.test"] = at(Stage::connect, Trouble::unreachable, "No route to host");
    Connections connections(context_.get_executor(), options());
    for (int i = 1; i <= 5; ++i)
        look(connections, "mx" + std::to_string(i) + ".test", "2001:db8:" + std::to_string(i) + "::1");
    context_.run();
    EXPECT_EQ(connected_.size(), 5U);
    EXPECT_EQ(connections.begun(), 1U) << "somebody on the way said that there is no route";
}

TEST_F(ConnectionsTest, AConnectionThatIsMadeLateOpensThePortAgain) {
    otherwise_ = at(Stage::connect, Trouble::timeout);
    how_["up.test"] = at(Stage::done);
    slow_ = "up.test";
    Connections connections(context_.get_executor(), options());
    look(connections, "up.test", "203.0.113.1");
    for (int i = 1; i <= 3; ++i)
        look(connections, "mx" + std::to_string(i) + ".test", "192.0." + std::to_string(i) + ".1");
    context_.run();
    EXPECT_EQ(connections.port_25(), Connections::Port::open);
    context_.restart();
    look(connections, "mx4.test", "192.0.4.1");
    context_.run();
    EXPECT_EQ(connected_.size(), 5U);
}

TEST_F(ConnectionsTest, OneOperatorThatIsDownSaysNothingAboutThePort) {
    otherwise_ = at(Stage::connect, Trouble::timeout);
    Connections connections(context_.get_executor(), options());
    for (int i = 1; i <= 5; ++i) look(connections, "mx.test", "192.0.2." + std::to_string(i));
    context_.run();
    EXPECT_EQ(connections.port_25(), Connections::Port::unknown);
    EXPECT_EQ(connected_.size(), 5U);
}

TEST_F(ConnectionsTest, OnceSomebodyAnsweredThePortIsOpen) {
    how_["up.test"] = at(Stage::starttls, Trouble::not_offered);
    otherwise_ = at(Stage::connect, Trouble::refused);
    Connections connections(context_.get_executor(), options());
    look(connections, "up.test", "203.0.113.1");
    context_.run();
    context_.restart();
    for (int i = 1; i <= 20; ++i) look(connections, "mx.test", "192.0." + std::to_string(i) + ".1");
    takes_ = 0ms;
    while (connected_.size() < 11 && context_.run_one_for(5s) > 0) {
    }
    EXPECT_EQ(connections.port_25(), Connections::Port::open);
    EXPECT_EQ(connections.waiting(), 10U) << "ten a minute to one name";
    connections.stop();
    context_.run();
    EXPECT_EQ(seen_.size(), 21U);
}

TEST_F(ConnectionsTest, AStopEndsWhatWaitsAndLeavesWhatIsOpen) {
    Connections connections(context_.get_executor(), options());
    look(connections, "mx.test", "192.0.2.1");
    look(connections, "mx.test", "192.0.2.2");
    context_.poll();
    EXPECT_EQ(connections.open(), 1U);
    connections.stop();
    context_.run();
    look(connections, "mx.test", "192.0.2.3");
    context_.restart();
    context_.run();
    EXPECT_TRUE(seen_["a.test mx.test 192.0.2.1"].sighting);
    EXPECT_EQ(seen_["a.test mx.test 192.0.2.2"].skipped, "stopped");
    EXPECT_EQ(seen_["a.test mx.test 192.0.2.3"].skipped, "stopped");
    EXPECT_EQ(connected_.size(), 1U);
}

TEST_F(ConnectionsTest, TheRateOfAllIsKept) {
    Connections connections(context_.get_executor(), options(3));
    for (int i = 1; i <= 5; ++i)
        look(connections, "mx" + std::to_string(i) + ".test", "192.0." + std::to_string(i) + ".1");
    while (connected_.size() < 3 && context_.run_one_for(5s) > 0) {
    }
    context_.run_for(50ms); // no more than those
    EXPECT_EQ(connected_.size(), 3U);
    EXPECT_EQ(connections.waiting(), 2U);
    connections.stop();
    context_.run();
}

} // namespace
