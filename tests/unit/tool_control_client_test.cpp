// The client of the control socket, against a peer that plays the daemon octet by octet.
#include "tool/client/control_client.hpp"
#include "tool/show/safe_text.hpp"

#include "support/control_peer.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;
using test::ControlPeer;
using tool::ControlClient;
using tool::ControlError;
using tool::ControlOptions;
using tool::Json;
using Kind = ControlError::Kind;
using Talk = ControlPeer::Talk;

ControlOptions options(const std::string& path) {
    ControlOptions all;
    all.path = path;
    return all;
}

/// The error of one question.
ControlError failure(const ControlOptions& options,
                     const tool::ControlRequest& request = {"GET", "/v1/status"}) {
    ControlClient client(options);
    const auto reply = client.ask(request);
    EXPECT_FALSE(reply) << (reply ? reply->dump() : "");
    return reply ? ControlError{} : reply.error();
}

/// The error of one stream, and how many lines came before it.
std::pair<std::optional<ControlError>, std::size_t> stream(const ControlOptions& options,
                                                           std::size_t enough = 1000) {
    ControlClient client(options);
    std::size_t count = 0;
    auto failed = client.lines({"GET", "/v1/export"}, [&](const Json&) { return ++count < enough; });
    return {std::move(failed), count};
}

TEST(ControlClient, AsksAndReadsAReply) {
    std::string seen;
    ControlPeer peer({[&](Talk& talk) {
        seen = talk.request();
        talk.reply(R"({"schema":1,"version":"0.1.0"})");
        seen += talk.request();
        talk.reply(R"({"schema":1,"a":2})");
    }});
    ControlOptions with = options(peer.path);
    with.by = "alice";
    ControlClient client(with);
    const auto reply = client.ask({"GET", "/v1/status"});
    ASSERT_TRUE(reply) << reply.error().words;
    EXPECT_EQ(reply->at("version"), "0.1.0");
    const auto second = client.ask({"POST", tool::domain_target("[mx.a.example]:25", "refresh"), "{}"});
    ASSERT_TRUE(second) << second.error().words;
    EXPECT_EQ(second->at("a"), 2);
    EXPECT_TRUE(seen.starts_with("GET /v1/status HTTP/1.1\r\nHost: stsmapd\r\n")) << seen;
    EXPECT_NE(seen.find("POST /v1/domains/%5Bmx.a.example%5D%3A25/refresh?by=alice HTTP/1.1\r\n"),
              std::string::npos)
        << seen;
    EXPECT_NE(seen.find("Content-Length: 2\r\n"), std::string::npos) << seen;
}

TEST(ControlClient, ReadsADocument) {
    const auto text = [](std::string_view body, std::string_view status, std::string_view type) {
        return "HTTP/1.1 " + std::string(status) + "\r\nContent-Type: " + std::string(type) +
               "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
    };
    ControlPeer peer({[&](Talk& talk) {
        talk.request();
        talk.send(text("a 1\n", "200 OK", "text/plain; charset=utf-8"));
        talk.request();
        talk.send(text("not ready\n", "503 Service Unavailable", "text/plain; charset=utf-8"));
        talk.request();
        talk.reply(R"({"schema":1,"error":{"code":"not-found","words":"nothing"}})", "404 Not Found");
        talk.request();
        talk.send(text("\x1b[2J", "200 OK", "text/plain"));
    }});
    ControlClient client(options(peer.path));
    const auto good = client.document("/metrics");
    ASSERT_TRUE(good) << good.error().words;
    EXPECT_EQ(good->status, 200u);
    EXPECT_EQ(good->text, "a 1\n");
    const auto red = client.document("/ready");
    ASSERT_TRUE(red) << red.error().words;
    EXPECT_EQ(red->status, 503u);
    const auto none = client.document("/none");
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().code, "not-found");
    const auto odd = client.document("/metrics");
    ASSERT_FALSE(odd);
    EXPECT_EQ(odd.error().kind, Kind::broken);
}

TEST(ControlClient, SaysThatThereIsNoDaemon) {
    const test::TempFolder folder;
    const ControlError missing = failure(options(folder / "none"));
    EXPECT_EQ(missing.kind, Kind::no_daemon);
    EXPECT_EQ(missing.words, "no daemon at " + (folder / "none") + ": no such socket");
    std::string path;
    {
        const ControlPeer gone({});
        path = folder / "left";
        std::filesystem::rename(gone.path, path);
    }
    const ControlError refused = failure(options(path));
    EXPECT_EQ(refused.kind, Kind::no_daemon);
    EXPECT_EQ(refused.words, "no daemon at " + path + ": nobody listens there");
    for (const std::string& bad : {std::string(), std::string(200, 'x')})
        EXPECT_EQ(failure(options(bad)).kind, Kind::bad_path);
}

TEST(ControlClient, SaysWhoMayConnect) {
    const ControlPeer peer({});
    ASSERT_EQ(::chmod(peer.path.c_str(), 0), 0);
    ASSERT_EQ(::chmod(peer.folder.path().c_str(), 0755), 0);
    const bool root = ::geteuid() == 0;
    if (root) {
        ASSERT_EQ(::seteuid(65534), 0);
    }
    const ControlError error = failure(options(peer.path));
    if (root) {
        ASSERT_EQ(::seteuid(0), 0);
        EXPECT_EQ(error.words, "no permission to connect to " + peer.path + ": group root or root");
    }
    EXPECT_EQ(error.kind, Kind::no_permission);
    EXPECT_EQ(error.words.find("no daemon"), std::string::npos);
}

TEST(ControlClient, HandsOnARefusal) {
    ControlPeer peer({[](Talk& talk) {
        talk.request();
        talk.reply(
            R"({"schema":1,"error":{"code":"needs-yes","words":"loses\u001b[2J \u00fcber","field":"yes"},"retry_after_s":7})",
            "409 Conflict");
    }});
    const ControlError error = failure(options(peer.path), {"POST", "/v1/overrides", "{}"});
    EXPECT_EQ(error.kind, Kind::refused);
    EXPECT_EQ(error.status, 409U);
    EXPECT_EQ(error.code, "needs-yes");
    EXPECT_EQ(error.field, "yes");
    EXPECT_EQ(error.words, "loses\\x1b[2J \u00fcber");
    EXPECT_EQ(error.retry_after_s, 7);
}

TEST(ControlClient, KnowsWhatIsNoReplyOfTheDaemon) {
    const std::string head = "HTTP/1.1 200 OK\r\nContent-Length: ";
    const std::pair<std::string, Kind> table[] = {
        {"garbage\r\n\r\n", Kind::broken},
        {"\x1b[2J\x1b[2J\r\n", Kind::broken},
        {"", Kind::broken},
        {"HTTP/1.1 200", Kind::broken},
        {head + "20\r\n\r\n{\"schema\":1}", Kind::broken}, // the connection ends first
        {head + "4\r\n\r\nnope", Kind::broken},
        {head + "2\r\n\r\n[]", Kind::broken},
        {head + "2\r\n\r\n{}", Kind::broken},                  // no schema
        {head + "12\r\n\r\n{\"schema\":2}", Kind::broken},     // another schema
        {head + "14\r\n\r\n{\"schema\":\"1\"}", Kind::broken}, // of another type
        {"HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n", Kind::broken},
        {"HTTP/1.1 200 OK\r\n" + std::string(20000, 'x') + "\r\n\r\n", Kind::broken},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", Kind::broken},
    };
    for (const auto& [octets, kind] : table) {
        ControlPeer peer({[&sent = octets](Talk& talk) {
            talk.request();
            talk.send(sent);
        }});
        const ControlError error = failure(options(peer.path));
        EXPECT_EQ(error.kind, kind) << octets.substr(0, 60);
        EXPECT_TRUE(error.words.starts_with(peer.path + ": ")) << error.words;
        EXPECT_EQ(error.words.find('\x1b'), std::string::npos);
    }
}

TEST(ControlClient, LimitsWhatItTakesIn) {
    const std::string many(std::size_t{1} << 20, '[');
    ControlPeer peer({[&](Talk& talk) { // JSON without an end
                          talk.request();
                          talk.begin_lines();
                          while (talk.chunk(many)) {
                          }
                      },
                      [&](Talk& talk) { // a line without an end
                          talk.request();
                          talk.begin_lines();
                          while (talk.chunk(many)) {
                          }
                      },
                      [&](Talk& talk) { // an object that nests too deep
                          talk.request();
                          talk.reply("{\"schema\":1,\"a\":" + std::string(100'000, '[') +
                                     std::string(100'000, ']') + "}");
                      }});
    EXPECT_NE(failure(options(peer.path)).words.find("longer than 64 MiB"), std::string::npos);
    const auto [error, lines] = stream(options(peer.path));
    ASSERT_TRUE(error);
    EXPECT_NE(error->words.find("a line longer than 1 MiB"), std::string::npos) << error->words;
    EXPECT_EQ(lines, 0U);
    EXPECT_NE(failure(options(peer.path)).words.find("nests too deep"), std::string::npos);
}

TEST(ControlClient, HasALimitForEachStep) {
    ControlPeer peer({[](Talk& talk) { talk.until_closed(); }, // reads, and says nothing
                      [](Talk& talk) {                         // begins a reply
                          talk.request();
                          talk.send("HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{");
                          talk.until_closed();
                      },
                      [](Talk& talk) { // begins a stream
                          talk.request();
                          talk.begin_lines();
                          talk.chunk("{\"schema\":1}\n");
                          talk.until_closed();
                      }});
    ControlOptions hasty = options(peer.path);
    hasty.reply_limit = hasty.idle_limit = 50ms;
    const ControlError silent = failure(hasty);
    EXPECT_EQ(silent.kind, Kind::timeout);
    EXPECT_NE(silent.words.find("no reply within 50 ms"), std::string::npos) << silent.words;
    EXPECT_EQ(failure(hasty).kind, Kind::timeout);
    const auto [error, lines] = stream(hasty);
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind, Kind::timeout);
    EXPECT_EQ(lines, 1U);
}

TEST(ControlClient, GivesAStreamLineByLine) {
    const auto play = [](Talk& talk) {
        talk.request();
        talk.begin_lines();
        talk.chunk("{\"schema\":1,\"n\":1}\n{\"sche");
        talk.chunk("ma\":1,\"n\":2}\n");
        talk.end_lines();
    };
    ControlPeer peer({play, [](Talk& talk) {
                          talk.request();
                          talk.begin_lines();
                          while (talk.chunk("{\"schema\":1}\n")) {
                          }
                      }});
    const auto [error, lines] = stream(options(peer.path));
    EXPECT_FALSE(error) << error->words;
    EXPECT_EQ(lines, 2U);
    const auto [enough, some] = stream(options(peer.path), 5);
    EXPECT_FALSE(enough);
    EXPECT_EQ(some, 5U);
}

TEST(ControlClient, NoticesThatAStreamBroke) {
    const std::string line = "{\"schema\":1}\n";
    const std::tuple<std::string, std::string, bool> table[] = {
        {line, "not all of it came", false},
        {line + "{\"schema\":1}", "last line is not whole", true},
        {line + "nonsense\n", "not JSON", true},
        {line + "\n", "not JSON", true},
    };
    for (const auto& [octets, words, end] : table) {
        ControlPeer peer({[&sent = octets, whole = end](Talk& talk) {
            talk.request();
            talk.begin_lines();
            talk.chunk(sent);
            if (whole) talk.end_lines();
        }});
        const auto [error, lines] = stream(options(peer.path));
        ASSERT_TRUE(error) << octets;
        EXPECT_EQ(error->kind, Kind::broken);
        EXPECT_NE(error->words.find(words), std::string::npos) << error->words;
        EXPECT_EQ(lines, 1U);
    }
    ControlPeer peer({[&](Talk& talk) { // ends with the connection: nobody can tell whether it is whole
        talk.request();
        talk.send("HTTP/1.1 200 OK\r\n\r\n" + line);
    }});
    const auto [error, lines] = stream(options(peer.path));
    ASSERT_TRUE(error);
    EXPECT_EQ(lines, 0U);
}

TEST(ControlClient, SendsALongBodyInPieces) {
    std::string seen;
    ControlPeer peer({[&](Talk& talk) {
        seen = talk.read_to("\r\n0\r\n\r\n");
        talk.reply(R"({"schema":1,"taken":2})");
    }});
    ControlClient client(options(peer.path));
    int left = 3;
    const auto reply = client.ask({"POST", "/v1/import", "", [&]() -> std::optional<std::string> {
                                       if (left-- == 0) return std::nullopt;
                                       return left == 1 ? "" : "line\n";
                                   }});
    ASSERT_TRUE(reply) << reply.error().words;
    EXPECT_EQ(reply->at("taken"), 2);
    EXPECT_NE(seen.find("Transfer-Encoding: chunked\r\n"), std::string::npos) << seen;
    EXPECT_NE(seen.find("\r\n\r\n5\r\nline\n\r\n5\r\nline\n\r\n0\r\n\r\n"), std::string::npos) << seen;
}

TEST(ControlClient, TakesARefusalInTheMiddleOfABody) {
    ControlPeer peer({[](Talk& talk) { // keeps the connection open and does not read any more
        talk.request();
        talk.reply(R"({"schema":1,"error":{"code":"too-large","words":"too large"}})",
                   "413 Content Too Large");
        talk.read_to("never");
    }});
    ControlClient client(options(peer.path));
    const auto reply =
        client.ask({"POST", "/v1/import", "", [] { return std::optional(std::string(65536, 'x')); }});
    ASSERT_FALSE(reply);
    EXPECT_EQ(reply.error().code, "too-large") << reply.error().words;
}

TEST(ControlClient, ConnectsAgainWhenTheDaemonClosedInBetween) {
    ControlPeer peer(
        {[](Talk& talk) {
             talk.request();
             talk.reply(R"({"schema":1,"n":1})");
         },
         [](Talk& talk) {
             talk.request();
             talk.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 12\r\n\r\n{\"schema\":1}");
         },
         [](Talk& talk) {
             talk.request();
             talk.reply(R"({"schema":1,"n":3})");
         }});
    ControlClient client(options(peer.path));
    for (int i = 0; i < 3; ++i) {
        const auto reply = client.ask({"GET", "/v1/status"});
        EXPECT_TRUE(reply) << reply.error().words;
    }
}

TEST(ControlClient, CanBeStopped) {
    std::stop_source source;
    ControlPeer peer({[&](Talk& talk) {
        talk.request();
        talk.begin_lines();
        talk.chunk("{\"schema\":1}\n");
        source.request_stop();
        talk.until_closed();
    }});
    ControlOptions with = options(peer.path);
    with.stop = source.get_token();
    const auto [error, lines] = stream(with);
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind, Kind::stopped);
    EXPECT_LE(lines, 1U);
    EXPECT_EQ(failure(with).kind, Kind::stopped) << "and stays so";
}

TEST(ControlText, EncodesAndBuildsTargets) {
    EXPECT_EQ(tool::percent_encoded("a-Z0._~ /?&\xff"), "a-Z0._~%20%2F%3F%26%FF");
    EXPECT_EQ(tool::with_query("/v1/domains", {{"mode", "enforce"}, {"dane", ""}, {"sort", "a b"}}),
              "/v1/domains?mode=enforce&sort=a%20b");
    EXPECT_EQ(tool::with_query("/x?a=1", {{"by", "me"}}), "/x?a=1&by=me");
}

TEST(ControlText, ReadsMembersOfTheTypeThatIsMeant) {
    const auto object =
        tool::parse_object(R"({"schema":1,"s":"x","n":-5,"big":18446744073709551615,"b":true,"o":{}})");
    ASSERT_TRUE(object);
    EXPECT_EQ(tool::text_of(*object, "s"), "x");
    EXPECT_EQ(tool::text_of(*object, "n"), "");
    EXPECT_EQ(tool::number_of(*object, "n"), -5);
    EXPECT_EQ(tool::number_of(*object, "big"), std::nullopt);
    EXPECT_EQ(tool::number_of(*object, "s"), std::nullopt);
    EXPECT_TRUE(tool::flag_of(*object, "b"));
    EXPECT_FALSE(tool::flag_of(*object, "s"));
    EXPECT_TRUE(tool::member_of(*object, "none").is_null());
}

TEST(SafeText, LeavesNothingThatATerminalObeys) {
    const std::pair<std::string, std::string> table[] = {
        {"plain", "plain"},
        {"\xc3\xbc", "\xc3\xbc"},
        {"a\x1b[2J", "a\\x1b[2J"},
        {"\r\n\t\x7f", "\\x0d\\x0a\\x09\\x7f"},
        {"\xc2\x9b", "\\xc2\\x9b"},          // CSI as a C1 control
        {"\xe2\x80\xae", "\\xe2\\x80\\xae"}, // right-to-left override
        {"\xff\xc3", "\\xff\\xc3"},          // not UTF-8
        {"\xed\xa0\x80", "\\xed\\xa0\\x80"}, // a surrogate
        {"\xc0\x9b", "\\xc0\\x9b"},          // overlong
        {"\xe6\x97\xa5", "\xe6\x97\xa5"},
    };
    for (const auto& [text, want] : table) EXPECT_EQ(tool::safe_text(text), want);
    EXPECT_EQ(tool::safe_text("abcdef", 3), "abc...");
    EXPECT_EQ(tool::columns("a\xc3\xbc\xe6\x97\xa5"), 4U);
    EXPECT_EQ(tool::fitted("abcdef", 6), "abcdef");
    EXPECT_EQ(tool::fitted("abcdefg", 6), "abc...");
    EXPECT_EQ(tool::fitted("\xe6\x97\xa5\xe6\x97\xa5\xe6\x97\xa5", 5), "\xe6\x97\xa5...");
}

} // namespace
