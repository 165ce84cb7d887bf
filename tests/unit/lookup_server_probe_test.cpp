// Each name server is probed separately, and each finding is reported at once.
#include "lookup/server_probe.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <gtest/gtest.h>

#include <map>
#include <set>

namespace {

namespace asio = boost::asio;
using base::Reason;
using lookup::ServerProbe;
using State = dane::Validation::State;

/// Servers with the result of each question in a map; without an entry, the question hangs until release().
class FakeServers final : public dns::Servers {
public:
    std::vector<dns::ServerState> list;
    std::map<std::pair<std::string, std::string>, dns::Result> answers; ///< (server, name)
    std::vector<std::string> asked, heard;

    std::vector<dns::ServerState> servers() override { return list; }
    asio::awaitable<dns::Result> ask(std::string server, std::string name, dns::Type type) override {
        EXPECT_EQ(type, dns::Type::soa);
        asked.push_back(server + " " + name);
        const std::pair<std::string, std::string> question{server, name};
        if (!answers.contains(question)) {
            const auto executor = co_await asio::this_coro::executor;
            asio::steady_timer released(executor, asio::steady_timer::time_point::max());
            waiting.insert(&released);
            co_await released.async_wait(asio::as_tuple(asio::use_awaitable));
            waiting.erase(&released);
        }
        const auto it = answers.find(question);
        if (it == answers.end()) co_return dns::failed(Reason::dns_timeout);
        co_return it->second;
    }
    void judged(const std::string& server, dns::Validates state, std::string_view) override {
        heard.push_back(server + " " + std::string{to_string(state)});
    }
    void release() {
        for (asio::steady_timer* each : waiting) each->cancel();
    }
    static dns::Result soa(dns::Worth worth) {
        dns::Answer answer;
        answer.kind = dns::Answer::Kind::data;
        answer.worth = worth;
        return answer;
    }

private:
    std::set<asio::steady_timer*> waiting;
};

class ServerProbeTest : public testing::Test {
protected:
    void make(ServerProbe::Options options = {}) {
        probe.emplace(io.get_executor(), servers, std::move(options), [this](const auto& findings) {
            std::string line;
            for (const dane::ServerFinding& each : findings)
                line += (line.empty() ? "" : " ") + each.server + "=" +
                        std::string{to_string(each.validation.state)};
            told.push_back(line);
        });
    }
    void run() {
        io.restart();
        io.poll();
    }
    asio::io_context io;
    FakeServers servers;
    std::optional<ServerProbe> probe;
    std::vector<std::string> told;
};

using Lines = std::vector<std::string>;

TEST_F(ServerProbeTest, AServerThatHangsKeepsNobodysFindingBack) {
    servers.list = {{"first", true, {}}, {"second", false, {}}};
    servers.answers.insert({{"second", ""}, FakeServers::soa(dns::Worth::insecure)});
    make();
    probe->run();
    run();
    EXPECT_EQ(servers.asked, (Lines{"first ", "second "}));
    EXPECT_EQ(told, (Lines{"first=unknown second=no"}));
    EXPECT_EQ(probe->running(), 1U);
    servers.answers.insert({{"first", ""}, FakeServers::soa(dns::Worth::secure)});
    servers.release();
    run();
    EXPECT_EQ(told.back(), "first=yes second=no");
    EXPECT_EQ(servers.heard, (Lines{"second no", "first yes"}));
    EXPECT_EQ(probe->running(), 0U);
}

TEST_F(ServerProbeTest, WhoIsBeingAskedIsAskedAgainAfterwards) {
    servers.list = {{"first", true, {}}};
    make();
    for (int i = 0; i < 3; ++i) probe->run();
    run();
    EXPECT_EQ(servers.asked.size(), 1U);
    servers.release();
    run();
    EXPECT_EQ(servers.asked.size(), 2U);
    EXPECT_EQ(told, (Lines{"first=unknown"}));
    servers.release();
    run();
    EXPECT_EQ(servers.asked.size(), 2U);
    EXPECT_EQ(probe->running(), 0U);
}

TEST_F(ServerProbeTest, ConfiguredNames) {
    servers.list = {{"first", true, {}}};
    servers.answers.insert({{"first", "signed.example"}, FakeServers::soa(dns::Worth::secure)});
    servers.answers.insert({{"first", "broken.example"}, dns::failed(Reason::dns_servfail)});
    make({"Signed.Example.", "broken.example"});
    probe->run();
    run();
    EXPECT_EQ(servers.asked, (Lines{"first signed.example", "first broken.example"}));
    EXPECT_EQ(told, (Lines{"first=yes"}));
    probe->configure({});
    servers.answers.insert({{"first", ""}, FakeServers::soa(dns::Worth::insecure)});
    probe->run();
    run();
    EXPECT_EQ(told.back(), "first=no");
}

TEST_F(ServerProbeTest, AServerThatIsGoneIsForgotten) {
    servers.list = {{"first", true, {}}, {"second", true, {}}};
    for (const char* server : {"first", "second"})
        servers.answers.insert({{server, ""}, FakeServers::soa(dns::Worth::secure)});
    make();
    probe->run();
    run();
    EXPECT_EQ(told.back(), "first=yes second=yes");
    servers.list = {{"third", true, {}}, {"second", true, {}}};
    probe->run();
    run();
    EXPECT_EQ(told.back(), "third=unknown second=yes");
}

TEST_F(ServerProbeTest, DestroyedWhileItAsks) {
    servers.list = {{"first", true, {}}};
    make();
    probe->run();
    run();
    probe.reset();
    servers.release();
    run();
    EXPECT_TRUE(told.empty());
    EXPECT_TRUE(servers.heard.empty());
}

} // namespace
