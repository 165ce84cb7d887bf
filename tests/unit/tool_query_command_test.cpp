// `stsmap query` against a real server in the same process, with canned answers.
#include "base/version.hpp"
#include "tool/client/query_command.hpp"
#include "tool/tool.hpp"

#include "server/server.hpp"
#include "support/canned_handler.hpp"
#include "support/memory_log.hpp"
#include "support/raw_peer.hpp"
#include "support/temp_folder.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <chrono>
#include <future>
#include <map>
#include <optional>
#include <sstream>
#include <thread>

#include <poll.h>

namespace {

using namespace std::chrono_literals;
using nlohmann::json;

const std::string enforce =
    "OK secure match=mx1.a.example:.b.example servername=hostname policy_type=sts policy_domain=a.example "
    "mx_host_pattern=mx1.a.example mx_host_pattern=*.b.example { policy_string = version: STSv1 } "
    "{ policy_string = mode: enforce }";

struct Outcome {
    int status;
    std::string out, err;
};

/// A daemon's socket in a thread of its own, and the tool in ours.
struct Fixture {
    Fixture() {
        handler.replies = {{"a.example", enforce},
                           {"none.example", "NOTFOUND "},
                           {"trouble.example", "TEMP the store cannot be read"},
                           {"hostile.example", "OK secure match=\x1b[2Jx\xc3\xbc.example"},
                           {"perm.example", "PERM no"}};
        for (const net::ListenAddress& address :
             {net::ListenAddress{net::ListenAddress::Kind::unix_socket, folder / "s", {}, 0},
              net::ListenAddress{net::ListenAddress::Kind::tcp, "", net::parse_ip("127.0.0.1"), 0}})
            if (auto listening = served.listen(address, {}); !listening)
                throw std::runtime_error(listening.error());
        unix_name = served.addresses().at(0);
        tcp_name = served.addresses().at(1);
        thread = std::thread([this] { loop.run(); });
    }
    ~Fixture() {
        loop.post([this] { served.stop([this] { loop.stop(); }); });
        thread.join();
    }

    Outcome run(std::vector<std::string> arguments, const std::string& input = {}) const {
        std::istringstream in{input};
        std::ostringstream out, err;
        const auto find =
            [this](const std::string& file) -> base::Expected<std::vector<std::string>, std::string> {
            if (file == "bad") return base::unexpected(std::string("bad:1:1: no"));
            return std::vector<std::string>{"tcp:127.0.0.1:0", "tcp:127.0.0.1:1",
                                            "unix:" + folder / "not-there", unix_name};
        };
        tool::World world{.in = in, .out = out, .err = err, .find_addresses = find};
        const int status = tool::run_tool(arguments, world);
        return {status, out.str(), err.str()};
    }
    /// As run(), for one command at the unix socket.
    Outcome query(std::vector<std::string> arguments, const std::string& input = {}) const {
        arguments.insert(arguments.begin(), {"--socket", unix_name, "query"});
        return run(std::move(arguments), input);
    }

    const test::TempFolder folder;
    server::Loop loop;
    test::CannedHandler handler;
    test::MemoryLog log;
    server::Server served{loop, handler, {}, log};
    std::string unix_name, tcp_name;
    std::thread thread;
};

TEST(QueryCommand, PrintsJustTheReplyForOneDomain) {
    const Fixture f;
    const Outcome one = f.query({"a.example"});
    EXPECT_EQ(one.out, enforce + "\n");
    EXPECT_EQ(one.err, "");
    EXPECT_EQ(one.status, 0);
    EXPECT_EQ(f.query({"none.example"}).out, "NOTFOUND\n") << "without the blank of the wire";
    EXPECT_EQ(f.query({"none.example"}).status, 0);
    EXPECT_EQ(f.run({"--socket", f.tcp_name, "query", "a.example"}).out, enforce + "\n");
}

TEST(QueryCommand, PrintsDomainAndReplyForSeveral) {
    const Fixture f;
    const Outcome several = f.query({"x.example", "none.example"});
    EXPECT_EQ(several.out, "x.example: OK x.example\nnone.example: NOTFOUND\n");
    EXPECT_EQ(several.status, 0);
}

TEST(QueryCommand, ReadsDomainsFromItsInput) {
    const Fixture f;
    const std::string input = "x.example\n\n  none.example \r\ny.example";
    const std::string expected = "x.example: OK x.example\nnone.example: NOTFOUND\ny.example: OK y.example\n";
    EXPECT_EQ(f.query({}, input).out, expected);
    EXPECT_EQ(f.query({"-"}, input).out, expected);
    EXPECT_EQ(f.query({}, "").status, 0);
}

/// The documents of a control socket, by domain; which were asked for.
struct Documents {
    std::map<std::string, tool::Json> known;
    std::vector<std::string> asked{};

    Outcome query(const Fixture& f, std::vector<std::string> domains, bool as_json = false) {
        tool::QueryOptions options;
        options.addresses = {f.unix_name};
        options.domains = std::move(domains);
        options.json = as_json;
        options.behind = [this](const std::string& domain) -> std::optional<tool::Behind> {
            asked.push_back(domain);
            const auto found = known.find(domain);
            if (found == known.end()) return std::nullopt;
            return tool::behind(found->second);
        };
        std::istringstream in;
        std::ostringstream out, err;
        const auto status = base::status(tool::query(options, in, out, err));
        return {status, out.str(), err.str()};
    }
};

TEST(QueryCommand, SaysTheReasonBehindAnAnswerWithoutPolicy) {
    const Fixture f;
    Documents documents{{{"none.example", {{"rule", "no-policy"}, {"reason", "no-record"}}},
                         {"trouble.example", {{"rule", "overload"}, {"reason", "overloaded"}}},
                         {"x.example", {{"rule", "policy"}}}}};
    EXPECT_EQ(documents.query(f, {"none.example"}).out, "NOTFOUND (no-record)\n");
    EXPECT_EQ(documents.query(f, {"x.example", "trouble.example"}).out,
              "x.example: OK x.example\ntrouble.example: TEMP the store cannot be read (overload)\n");
    EXPECT_EQ(documents.asked, (std::vector<std::string>{"none.example", "trouble.example"}));
}

TEST(QueryCommand, SaysNothingOfAReasonThatItCannotAskFor) {
    const Fixture f;
    Documents documents;
    const Outcome several = documents.query(f, {"none.example", "none.example"});
    EXPECT_EQ(several.out, "none.example: NOTFOUND\nnone.example: NOTFOUND\n");
    EXPECT_EQ(several.err, "");
    EXPECT_EQ(documents.asked.size(), 1U) << "not asked again";
}

TEST(QueryCommand, HasWhatStandsBehindInJson) {
    const Fixture f;
    Documents documents{
        {{"x.example",
          {{"rule", "policy"},
           {"txt", {{"id", "7"}}},
           {"policy", {{"mode", "enforce"}, {"age_s", 12}, {"expires_at", "2026-12-05T20:23:20Z"}}}}}}};
    const json object = json::parse(documents.query(f, {"x.example"}, true).out);
    EXPECT_EQ(object["rule"], "policy");
    EXPECT_EQ(object["mode"], "enforce");
    EXPECT_EQ(object["id"], "7");
    EXPECT_EQ(object["age_s"], 12);
    EXPECT_EQ(object["expires_at"], "2026-12-05T20:23:20Z");
    EXPECT_FALSE(object.contains("reason"));
}

TEST(Behind, HasWordsForEachRule) {
    struct {
        tool::Json document;
        const char* words;
    } const all[] = {
        {{{"rule", "no-policy"}, {"reason", "no-record"}}, "no-record"},
        {{{"rule", "no-policy"},
          {"reason", "http-status"},
          {"get", {{"reason", "http-status"}, {"detail", "status 404"}}}},
         "http-status: status 404"},
        {{{"rule", "no-policy"},
          {"reason", "no-record"},
          {"get", {{"reason", "http-status"}, {"detail", "status 404"}}}},
         "no-record"},
        {{{"rule", "no-domain"}, {"reason", "key-address-literal"}}, "key-address-literal"},
        {{{"rule", "mode"}, {"policy", {{"mode", "testing"}}}}, "mode testing"},
        {{{"rule", "observe"}, {"hidden", "secure"}}, "observe, hides secure"},
        {{{"rule", "override"}, {"hidden", "dane-only"}, {"override", {{"action", "off"}}}},
         "override off, hides dane-only"},
        {{{"rule", "loading"}}, "loading"},
        {{{"rule", 7}, {"reason", "a\x1b[2Jb"}}, "a\\x1b[2Jb"},
        {tool::Json::object(), ""},
    };
    for (const auto& each : all) EXPECT_EQ(tool::behind(each.document).words, each.words);
}

TEST(QueryCommand, TellsTroubleByItsStatus) {
    const Fixture f;
    const Outcome temp = f.query({"x.example", "trouble.example", "a.example"});
    EXPECT_EQ(temp.status, 1);
    EXPECT_NE(temp.out.find("trouble.example: TEMP the store cannot be read\na.example: OK"),
              std::string::npos);
    const Outcome perm = f.query({"perm.example", "x.example"});
    EXPECT_EQ(perm.out, "perm.example: PERM no\nx.example: OK x.example\n")
        << "goes on after the closed connection";
    EXPECT_EQ(perm.status, 1);
}

TEST(QueryCommand, PicksTheMapName) {
    const Fixture f;
    EXPECT_EQ(f.query({"--tlsrpt", "x.example"}).status, 0);
    EXPECT_EQ(f.query({"--map", "QUERY", "x.example"}).status, 0);
    EXPECT_EQ(f.query({"x.example"}).status, 0);
    EXPECT_EQ(f.handler.asked,
              (std::vector<std::string>{"sts-tlsrpt x.example", "QUERY x.example", "sts x.example"}));
}

TEST(QueryCommand, ShowsNoControlBytes) {
    const Fixture f;
    EXPECT_EQ(f.query({"hostile.example"}).out, "OK secure match=\\x1b[2Jx\\xc3\\xbc.example\n");
    const Outcome several = f.query({"hostile.example", "\x1b]0;evil\x07"});
    EXPECT_EQ(several.out.find('\x1b'), std::string::npos);
    const Outcome as_json = f.query({"--json", "hostile.example", "\x1b]0;evil\x07", "\xff"});
    for (const char c : as_json.out) EXPECT_TRUE((c >= 0x20 && c < 0x7f) || c == '\n') << static_cast<int>(c);
    EXPECT_EQ(as_json.status, 0);
}

TEST(QueryCommand, PrintsJson) {
    const Fixture f;
    const Outcome result = f.query({"--json", "a.example", "none.example", "trouble.example"});
    EXPECT_EQ(result.status, 1);
    std::istringstream lines{result.out};
    std::string line;
    ASSERT_TRUE(std::getline(lines, line));
    json object = json::parse(line);
    EXPECT_EQ(object["schema"], 1);
    EXPECT_EQ(object["domain"], "a.example");
    EXPECT_EQ(object["map"], "sts");
    EXPECT_EQ(object["reply"], enforce);
    EXPECT_EQ(object["status"], "OK");
    EXPECT_EQ(object["level"], "secure");
    EXPECT_EQ(object["match"], json({"mx1.a.example", ".b.example"}));
    EXPECT_EQ(object["attributes"], json({{"servername", "hostname"},
                                          {"policy_type", "sts"},
                                          {"policy_domain", "a.example"},
                                          {"mx_host_pattern", {"mx1.a.example", "*.b.example"}},
                                          {"policy_string", {"version: STSv1", "mode: enforce"}}}));
    EXPECT_TRUE(object["took_ms"].is_number());
    ASSERT_TRUE(std::getline(lines, line));
    object = json::parse(line);
    EXPECT_EQ(object["status"], "NOTFOUND");
    EXPECT_EQ(object["level"], nullptr);
    EXPECT_EQ(object["match"], json::array());
    EXPECT_EQ(object["attributes"], json::object());
    ASSERT_TRUE(std::getline(lines, line));
    object = json::parse(line);
    EXPECT_EQ(object["status"], "TEMP");
    EXPECT_EQ(object["words"], "the store cannot be read");
    EXPECT_FALSE(std::getline(lines, line));
}

TEST(QueryCommand, SaysWhyTheDaemonCannotBeReached) {
    const Fixture f;
    const std::string missing = "unix:" + f.folder / "missing";
    const Outcome gone = f.run({"--socket", missing, "query", "a.example"});
    EXPECT_EQ(gone.status, 3);
    EXPECT_EQ(gone.out, "");
    EXPECT_NE(gone.err.find(missing), std::string::npos) << gone.err;
    EXPECT_NE(gone.err.find("is the daemon running"), std::string::npos) << gone.err;
    const Outcome refused = f.run({"--socket", "tcp:127.0.0.1:1", "query", "a.example"});
    EXPECT_EQ(refused.status, 3);
    EXPECT_NE(refused.err.find("nobody listens there"), std::string::npos) << refused.err;
    if (::getuid() != 0) {
        ::chmod((f.folder / "s").c_str(), 0);
        const Outcome denied = f.query({"a.example"});
        EXPECT_EQ(denied.status, 3);
        EXPECT_NE(denied.err.find("postfix"), std::string::npos) << denied.err;
    }
}

TEST(QueryCommand, TakesTheFirstAddressThatCanBeReached) {
    const Fixture f;
    EXPECT_EQ(f.run({"query", "x.example"}).out, "OK x.example\n");
    EXPECT_EQ(f.run({"--config", "good", "query", "x.example"}).out, "OK x.example\n");
    const Outcome bad = f.run({"--config", "bad", "query", "x.example"});
    EXPECT_EQ(bad.status, 2);
    EXPECT_EQ(bad.err, "stsmap: bad:1:1: no\n");
}

TEST(QueryCommand, SendsBracketsAsTheyAre) {
    const Fixture f;
    const Outcome outcome = f.run({"query", "[192.0.2.1]", "[mx.example]:25", "[mx.example]"});
    EXPECT_EQ(outcome.out, "[192.0.2.1]: OK [192.0.2.1]\n"
                           "[mx.example]:25: OK [mx.example]:25\n"
                           "[mx.example]: OK [mx.example]\n");
}

TEST(QueryCommand, RefusesAWrongCommandLine) {
    const Fixture f;
    const std::vector<std::vector<std::string>> table = {
        {},
        {"--no-such-option"},
        {"no-such-command"},
        {"query", "--no-such-option", "x.example"},
        {"--socket", f.unix_name, "--config", "x", "query", "x.example"},
        {"--socket", f.unix_name, "query", "--tlsrpt", "--map", "x", "x.example"},
        {"--socket", f.unix_name, "query", "--map", "a b", "x.example"},
        {"--socket", f.unix_name, "query", "--map", "", "x.example"},
        {"--socket", f.unix_name, "query", "--timeout", "0", "x.example"},
        {"--socket", "/run/stsmapd/socket", "query", "x.example"},
        {"--socket", "tcp:127.0.0.1", "query", "x.example"},
        {"--socket", "tcp:127.0.0.1:0", "query", "x.example"},
        {"--socket", "tcp:::1:8461", "query", "x.example"},
        {"--socket", "unix:", "query", "x.example"},
    };
    for (const auto& arguments : table) {
        const Outcome outcome = f.run(arguments);
        EXPECT_EQ(outcome.status, 2) << json(arguments) << outcome.err;
        EXPECT_EQ(outcome.out, "") << json(arguments);
        EXPECT_NE(outcome.err, "") << json(arguments);
    }
}

TEST(QueryCommand, HelpsAndTellsItsVersion) {
    const Fixture f;
    const Outcome help = f.run({"--help"});
    EXPECT_EQ(help.status, 0);
    EXPECT_NE(help.out.find("query"), std::string::npos);
    EXPECT_NE(help.out.find("Exit status"), std::string::npos);
    const Outcome query = f.run({"query", "--help"});
    EXPECT_EQ(query.status, 0);
    EXPECT_NE(query.out.find("--tlsrpt"), std::string::npos);
    const Outcome version = f.run({"--version"});
    EXPECT_EQ(version.status, 0);
    EXPECT_EQ(version.out, "stsmap " + std::string(base::version()) + "\n");
}

/// A unix socket that accepts one connection and sends what the test wants, or nothing.
struct FakeDaemon {
    FakeDaemon() {
        fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        (folder / "s").copy(address.sun_path, sizeof address.sun_path - 1);
        if (::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 || ::listen(fd, 4) != 0)
            throw std::runtime_error("cannot listen");
    }
    ~FakeDaemon() { ::close(fd); }
    std::string name() const { return "unix:" + folder / "s"; }

    const test::TempFolder folder;
    int fd;
};

/// Accepts connections one after the other: closes the first `breaks` of them after their question, with
/// `part` of a reply, and answers on the next.
std::size_t serve(const FakeDaemon& daemon, int breaks, const std::string& part) {
    std::size_t taken = 0;
    for (; breaks >= 0; --breaks) {
        pollfd ready{daemon.fd, POLLIN, 0};
        if (::poll(&ready, 1, 5000) != 1) break; // nobody came again
        const int fd = ::accept4(daemon.fd, nullptr, nullptr, SOCK_CLOEXEC);
        ++taken;
        std::string question = postfix::frame("sts a.example");
        (void)::recv(fd, question.data(), question.size(), MSG_WAITALL);
        const std::string reply = breaks > 0 ? part : postfix::frame("OK again");
        (void)::send(fd, reply.data(), reply.size(), MSG_NOSIGNAL);
        ::close(fd);
    }
    return taken;
}

TEST(QueryCommand, AsksOnceMoreWhenTheConnectionBreaks) {
    const auto query = [](const FakeDaemon& daemon) {
        std::istringstream in;
        std::ostringstream out, err;
        tool::World world{.in = in, .out = out, .err = err};
        const int status = tool::run_tool({"--socket", daemon.name(), "query", "a.example"}, world);
        return Outcome{status, out.str(), err.str()};
    };
    for (const std::string part : {"", "8:OK a", "nonsense"}) {
        const FakeDaemon daemon;
        auto served = std::async(std::launch::async, [&] { return serve(daemon, 1, part); });
        const Outcome outcome = query(daemon);
        EXPECT_EQ(served.get(), 2u);
        EXPECT_EQ(outcome.out, "OK again\n") << part;
        EXPECT_EQ(outcome.err, "");
        EXPECT_EQ(outcome.status, 0);
    }
    const FakeDaemon daemon;
    auto served = std::async(std::launch::async, [&] { return serve(daemon, 2, ""); });
    const Outcome twice = query(daemon);
    EXPECT_EQ(twice.status, 3) << "once, not for ever";
    EXPECT_EQ(twice.out, "");
    test::RawPeer end = test::RawPeer::to_unix(daemon.folder / "s"); // shows that no other client comes
    end.send(postfix::frame("sts a.example"));
    EXPECT_EQ(served.get(), 3u);
}

TEST(SocketmapClient, GivesUpOnASilentDaemon) {
    const FakeDaemon daemon;
    auto client = tool::SocketmapClient::connect(daemon.name(), 1s);
    ASSERT_TRUE(client) << client.error().words;
    const auto began = std::chrono::steady_clock::now();
    auto reply = client->ask("sts", "a.example", 50ms);
    ASSERT_FALSE(reply);
    EXPECT_EQ(reply.error().kind, tool::ClientError::Kind::timeout);
    EXPECT_NE(reply.error().words.find(daemon.name()), std::string::npos);
    EXPECT_LT(std::chrono::steady_clock::now() - began, 5s);
}

TEST(SocketmapClient, TellsABrokenReplyFromASilentOne) {
    const std::string table[] = {"", "5:OK a", "x", "6:OK a,", "100001:"};
    for (const std::string& bytes : table) {
        const FakeDaemon daemon;
        auto client = tool::SocketmapClient::connect(daemon.name(), 1s);
        ASSERT_TRUE(client);
        test::RawPeer accepted{::accept4(daemon.fd, nullptr, nullptr, SOCK_CLOEXEC)};
        accepted.send(bytes);
        accepted.shut_sending();
        auto reply = client->ask("sts", "a.example", 5s);
        ASSERT_FALSE(reply) << bytes;
        EXPECT_EQ(reply.error().kind, tool::ClientError::Kind::broken) << bytes;
    }
}

TEST(SocketmapClient, TakesAReplyInPieces) {
    const FakeDaemon daemon;
    auto client = tool::SocketmapClient::connect(daemon.name(), 1s);
    ASSERT_TRUE(client);
    test::RawPeer accepted{::accept4(daemon.fd, nullptr, nullptr, SOCK_CLOEXEC)};
    auto reply = std::async(std::launch::async, [&] { return client->ask("sts", "a.example", 5s); });
    const std::string big(100000 - 3, 'x');
    const std::string wire = postfix::frame("OK " + big);
    for (std::size_t sent = 0; sent < wire.size();)
        sent += accepted.send(std::string_view(wire).substr(sent, 1 + sent % 7000));
    const auto got = reply.get();
    ASSERT_TRUE(got) << got.error().words;
    EXPECT_EQ(*got, "OK " + big);
}

TEST(ParseReply, TakesRepliesApart) {
    const tool::Reply braces = tool::parse_reply(
        "OK Secure MATCH=a:b::c match={d} , servername=hostname{ policy_string = mx: a, b=c { } }\t{ x");
    EXPECT_EQ(braces.level, "secure");
    EXPECT_EQ(braces.match, (std::vector<std::string>{"a", "b", "c", "{d}"}));
    using Pairs = std::vector<std::pair<std::string, std::string>>;
    EXPECT_EQ(tool::parse_reply("OK may { policy_string = mx: a, b=c { } }\t{ x").attributes,
              (Pairs{{"policy_string", "mx: a, b=c { }"}, {"{", ""}, {"x", ""}}));
    EXPECT_EQ(tool::parse_reply("TEMP a b").words, "a b");
    EXPECT_EQ(tool::parse_reply("NOTFOUND ").status, "NOTFOUND");
    EXPECT_EQ(tool::parse_reply("").status, "");
    EXPECT_EQ(tool::parse_reply("OK ").level, "");
    EXPECT_EQ(tool::parse_reply("OK dane-only").level, "dane-only");
}

} // namespace
