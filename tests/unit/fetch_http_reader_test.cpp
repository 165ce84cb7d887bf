#include "fetch/http_reader.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace {

using base::Reason;
using fetch::Fetched;
using fetch::HttpReader;

const std::string policy =
    "version: STSv1\nmode: enforce\nmx: mail.example.com\nmax_age: 604800\n"; // 66 octets
const std::string plain = "Content-Type: text/plain\r\n";

enum class Ending { open, clean, cut };

/// Feeds `octets` in pieces of `step`; then the connection ends as told.
Fetched read(std::string_view octets, Ending ending, std::size_t step) {
    HttpReader reader;
    for (std::size_t at = 0; at < octets.size(); at += step)
        if (auto fetched = reader.feed(octets.substr(at, step))) return *fetched;
    if (ending == Ending::open) return std::string("(still waiting)");
    return reader.finish(ending == Ending::clean);
}

std::string show(const Fetched& fetched) {
    return fetched ? "body: " + *fetched
                   : std::string(base::to_string(fetched.error().reason)) + ": " + fetched.error().detail;
}

std::string chunk(const std::string& data, const std::string& extension = "") {
    char size[20];
    std::snprintf(size, sizeof size, "%zx", data.size());
    return size + extension + "\r\n" + data + "\r\n";
}

std::string sized(const std::string& fields, const std::string& body = policy) {
    return "HTTP/1.1 200 OK\r\n" + fields + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
           body;
}

struct Good {
    const char* why;
    std::string octets;
    Ending ending;
    std::string body;
};

const std::vector<Good>& good() {
    static const std::string chunked = "HTTP/1.1 200 OK\r\n" + plain + "Transfer-Encoding: chunked\r\n\r\n";
    static const std::vector<Good> all = {
        {"Content-Length", sized(plain), Ending::open, policy},
        {"no reason phrase", "HTTP/1.1 200 \r\n" + plain + "Content-Length: 2\r\n\r\nab", Ending::open, "ab"},
        {"not even the space", "HTTP/1.1 200\r\n" + plain + "Content-Length: 2\r\n\r\nab", Ending::open,
         "ab"},
        {"HTTP/1.0, ended by close_notify", "HTTP/1.0 200 OK\r\n" + plain + "\r\n" + policy, Ending::clean,
         policy},
        {"HTTP/1.1, ended by close_notify", "HTTP/1.1 200 OK\r\n" + plain + "\r\n" + policy, Ending::clean,
         policy},
        {"empty, ended by close_notify", "HTTP/1.1 200 OK\r\n" + plain + "\r\n", Ending::clean, ""},
        {"Content-Length 0", sized(plain, ""), Ending::open, ""},
        {"octets after the body are not ours", sized(plain) + "HTTP/1.1 404 Gone\r\n\r\n", Ending::open,
         policy},
        {"the same length twice", sized(plain + "Content-Length: 66\r\n"), Ending::open, policy},
        {"chunked", chunked + chunk(policy) + "0\r\n\r\n", Ending::open, policy},
        {"chunked in pieces", chunked + chunk("a") + chunk("bc") + chunk("d") + "0\r\n\r\n", Ending::open,
         "abcd"},
        {"extensions and a trailer",
         chunked + chunk(policy, ";a=b;c=\"d\"") + "0;x=\"y\"\r\nX-T: 1\r\nContent-Type: text/html\r\n\r\n",
         Ending::open, policy},
        {"chunked in capitals", "HTTP/1.1 200 OK\r\n" + plain + "TRANSFER-ENCODING: CHUNKED\r\n\r\n0\r\n\r\n",
         Ending::open, ""},
        {"100 Continue first", "HTTP/1.1 100 Continue\r\n\r\n" + sized(plain), Ending::open, policy},
        {"two interim ones with fields",
         "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n" + sized(plain),
         Ending::open, policy},
        {"identity coding", sized(plain + "Content-Encoding: identity\r\n"), Ending::open, policy},
        {"any case, parameters", sized("CONTENT-TYPE: TEXT/Plain ; charset=x\r\n"), Ending::open, policy},
        {"line folding", sized(plain + "X-Long: a\r\n b\r\n"), Ending::open, policy},
    };
    return all;
}

TEST(HttpReader, ReadsGoodResponsesHoweverTheyAreCut) {
    for (const Good& row : good()) {
        SCOPED_TRACE(row.why);
        EXPECT_EQ(show(read(row.octets, row.ending, row.octets.size())), "body: " + row.body);
        EXPECT_EQ(show(read(row.octets, row.ending, 1)), "body: " + row.body);
        for (std::size_t cut = 1; cut < row.octets.size(); ++cut) {
            HttpReader reader;
            auto fetched = reader.feed(std::string_view(row.octets).substr(0, cut));
            if (!fetched) fetched = reader.feed(std::string_view(row.octets).substr(cut));
            if (!fetched && row.ending == Ending::clean) fetched = reader.finish(true);
            ASSERT_TRUE(fetched) << "cut at " << cut;
            ASSERT_EQ(show(*fetched), "body: " + row.body) << "cut at " << cut;
        }
    }
}

TEST(HttpReader, TakesNoPartOfAGoodResponseForAWhole) {
    for (const Good& row : good()) {
        SCOPED_TRACE(row.why);
        for (std::size_t end = 0; end < row.octets.size(); ++end) {
            const std::string_view part = std::string_view(row.octets).substr(0, end);
            const Fetched cut = read(part, Ending::cut, part.size() + 1);
            if (cut) { // only what follows the response may be missing
                ASSERT_EQ(*cut, row.body) << "ended at " << end;
                ASSERT_EQ(row.why, std::string("octets after the body are not ours"));
            } else {
                ASSERT_EQ(cut.error().reason, Reason::http_truncated) << "ended at " << end;
            }
        }
    }
}

struct Bad {
    const char* why;
    std::string octets;
    Ending ending;
    Reason reason;
    const char* detail;
};

TEST(HttpReader, RefusesWithItsReason) {
    using enum Reason;
    const std::string chunked = "HTTP/1.1 200 OK\r\n" + plain + "Transfer-Encoding: chunked\r\n\r\n";
    const std::string open = "HTTP/1.1 200 OK\r\n" + plain;
    std::string tiny; // 64 KiB and one octet, an octet a chunk
    for (std::size_t i = 0; i <= fetch::max_body; ++i) tiny += "1\r\nx\r\n";
    tiny += "0\r\n\r\n";
    std::string interim;
    for (std::size_t i = 0; i <= fetch::max_interim; ++i) interim += "HTTP/1.1 102 Processing\r\n\r\n";
    const std::vector<Bad> rows = {
        {"before the body", "HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\n", Ending::open, http_status,
         "status 404"},
        {"whatever its length", "HTTP/1.1 404 Not Found\r\nContent-Length: 99999999\r\n\r\n", Ending::open,
         http_status, "404"},
        {"201", "HTTP/1.1 201 Created\r\n" + plain + "\r\n", Ending::open, http_status, "status 201"},
        {"204", "HTTP/1.1 204 No Content\r\n\r\n", Ending::open, http_status, "status 204"},
        {"101 was not asked for", "HTTP/1.1 101 Switching Protocols\r\n\r\n", Ending::open, http_status,
         "status 101"},
        {"never followed", "HTTP/1.1 302 Found\r\nLocation: https://x.example/\r\n\r\n", Ending::open,
         http_redirect, "status 302 to https://x.example/"},
        {"304 without a cache", "HTTP/1.1 304 Not Modified\r\n\r\n", Ending::open, http_redirect,
         "status 304"},
        {"html", "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n", Ending::open, http_media_type,
         "content type text/html"},
        {"no type", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", Ending::open, http_media_type,
         "missing"},
        {"two types", open + plain + "\r\n", Ending::open, http_media_type, "text/plain, text/plain"},
        {"gzip", open + "Content-Encoding: gzip\r\n\r\n", Ending::open, http_encoding, "content coding gzip"},
        {"cut in the head", "HTTP/1.1 200 OK\r\nConte", Ending::clean, http_truncated, "within the head"},
        {"nothing at all", "", Ending::clean, http_truncated, "no response"},
        {"after an interim one", "HTTP/1.1 100 Continue\r\n\r\n", Ending::clean, http_truncated,
         "within the head"},
        {"short body", open + "Content-Length: 200\r\n\r\n" + policy, Ending::clean, http_truncated,
         "within the body"},
        {"no last chunk", chunked + chunk(policy), Ending::clean, http_truncated, "within the body"},
        {"no final CRLF", chunked + chunk(policy) + "0\r\n", Ending::clean, http_truncated,
         "within the body"},
        {"no close_notify", open + "\r\n" + policy, Ending::cut, http_truncated, "without close_notify"},
        {"length and coding", open + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", Ending::open,
         http_malformed, ""},
        {"coding and length", open + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", Ending::open,
         http_malformed, ""},
        {"two lengths", open + "Content-Length: 66\r\nContent-Length: 5\r\n\r\n", Ending::open,
         http_malformed, ""},
        {"signed length", open + "Content-Length: +66\r\n\r\n", Ending::open, http_malformed, ""},
        {"negative length", open + "Content-Length: -1\r\n\r\n", Ending::open, http_malformed, ""},
        {"length with a tail", open + "Content-Length: 66abc\r\n\r\n", Ending::open, http_malformed, ""},
        {"huge length", open + "Content-Length: 99999999999999999999999\r\n\r\n", Ending::open,
         http_malformed, ""},
        {"identity transfer", open + "Transfer-Encoding: identity\r\n\r\n", Ending::open, http_malformed,
         "transfer coding identity"},
        {"gzip transfer", open + "Transfer-Encoding: gzip, chunked\r\n\r\n", Ending::open, http_malformed,
         "gzip, chunked"},
        {"gzip transfer apart", open + "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n",
         Ending::open, http_malformed, "gzip, chunked"},
        {"chunked in HTTP/1.0", "HTTP/1.0 200 OK\r\n" + plain + "Transfer-Encoding: chunked\r\n\r\n",
         Ending::open, http_malformed, "transfer coding"},
        {"chunk longer than told", chunked + "5\r\n" + policy + "\r\n0\r\n\r\n", Ending::open, http_malformed,
         "body"},
        {"no chunk size", chunked + "xyz\r\n", Ending::open, http_malformed, "body"},
        {"space before the colon", open + "X : y\r\n\r\n", Ending::open, http_malformed, "head"},
        {"NUL in a field", open + std::string("X: a\0b\r\n\r\n", 11), Ending::open, http_malformed, "head"},
        {"bare LF", "HTTP/1.1 200 OK\nContent-Type: text/plain\n\n", Ending::open, http_malformed,
         "without CR"},
        {"SMTP", "220 mail.example.com ESMTP\r\n", Ending::open, http_malformed, "not an HTTP/1"},
        {"HTTP/2", std::string("\0\0\x12\4\0\0\0\0\0", 9), Ending::open, http_malformed, "not an HTTP/1"},
        {"HTTP/2.0", "HTTP/2.0 200 OK\r\n", Ending::open, http_malformed, "not an HTTP/1"},
        {"HTTP/1.2", "HTTP/1.2 200 OK\r\n" + plain + "\r\n", Ending::open, http_malformed, "head"},
        {"no version, no status", "HTTP/1.\r\n\r\n", Ending::open, http_malformed, "head"},
        {"no status", "HTTP/1.1\r\n\r\n", Ending::open, http_malformed, "head"},
        {"half a status", "HTTP/1.1 20\r\n\r\n", Ending::open, http_malformed, "head"},
        {"ICY", "ICY 200 OK\r\n", Ending::open, http_malformed, "not an HTTP/1"},
        {"four digits", "HTTP/1.1 2000 OK\r\n" + plain + "\r\n", Ending::open, http_malformed, "head"},
        {"endless interim ones", interim, Ending::open, http_malformed, "too many interim"},
        {"announced too large", open + "Content-Length: 65537\r\n\r\n", Ending::open, http_too_large,
         "announced body of 65537"},
        {"open end too large", open + "\r\n" + std::string(65537, 'x'), Ending::open, http_too_large,
         "body over 65536"},
        {"one chunk too large", chunked + chunk(std::string(65537, 'x')) + "0\r\n\r\n", Ending::open,
         http_too_large, "body over"},
        {"many chunks too large", chunked + tiny, Ending::open, http_too_large, "body over"},
        {"endless extension", chunked + "1;a=" + std::string(20000, 'x'), Ending::open, http_too_large,
         "body over"},
        {"endless trailer", chunked + "0\r\nX: " + std::string(20000, 'x'), Ending::open, http_too_large,
         "body over"},
        {"one long field", open + "X: " + std::string(17000, 'x'), Ending::open, http_too_large,
         "head over 16384"},
        {"endless status line", "HTTP/1.1 200 " + std::string(17000, 'x'), Ending::open, http_too_large,
         "head over"},
    };
    for (const Bad& row : rows) {
        for (const std::size_t step : {row.octets.size() + 1, std::size_t{1}}) {
            if (step == 1 && row.octets.size() > 100000) continue;
            SCOPED_TRACE(std::string(row.why) + ", step " + std::to_string(step));
            const Fetched fetched = read(row.octets, row.ending, step);
            ASSERT_FALSE(fetched) << *fetched;
            EXPECT_EQ(base::to_string(fetched.error().reason), base::to_string(row.reason))
                << fetched.error().detail;
            EXPECT_NE(fetched.error().detail.find(row.detail), std::string::npos) << fetched.error().detail;
        }
    }
}

TEST(HttpReader, LimitsAreExact) {
    const std::string largest(65536, 'x');
    EXPECT_TRUE(read(sized(plain, largest), Ending::open, 4096));
    EXPECT_TRUE(read("HTTP/1.1 200 OK\r\n" + plain + "\r\n" + largest, Ending::clean, 4096));
    EXPECT_TRUE(read("HTTP/1.1 200 OK\r\n" + plain + "Transfer-Encoding: chunked\r\n\r\n" + chunk(largest) +
                         "0\r\n\r\n",
                     Ending::open, 4096));
    // Many small fields, so that none is near the limit by itself.
    for (const std::size_t size : {std::size_t{16384}, std::size_t{16385}}) {
        std::string head = "HTTP/1.1 200 OK\r\n" + plain + "Content-Length: 1\r\n";
        while (head.size() + 200 < size) head += "X-Pad: " + std::string(91, 'p') + "\r\n";
        head += "X-Pad: " + std::string(size - head.size() - 7 - 4, 'p') + "\r\n\r\n";
        ASSERT_EQ(head.size(), size);
        for (const std::size_t step : {head.size() + 1, std::size_t{100}, std::size_t{1}}) {
            const Fetched fetched = read(head + "x", Ending::open, step);
            EXPECT_EQ(fetched.has_value(), size == 16384) << show(fetched);
            if (!fetched) {
                EXPECT_EQ(fetched.error().reason, Reason::http_too_large);
            }
        }
    }
    // Sixteen interim responses pass.
    std::string interim;
    for (std::size_t i = 0; i < fetch::max_interim; ++i) interim += "HTTP/1.1 102 Processing\r\n\r\n";
    EXPECT_TRUE(read(interim + sized(plain), Ending::open, 7));
    // Extensions around every octet: 64 KiB of body may not cost a gigabyte of wire.
    std::string wordy = "HTTP/1.1 200 OK\r\n" + plain + "Transfer-Encoding: chunked\r\n\r\n";
    while (wordy.size() < 3 * fetch::max_wire) wordy += chunk("x", ";e=" + std::string(8000, 'e'));
    const Fetched fetched = read(wordy, Ending::open, 4096);
    ASSERT_FALSE(fetched);
    EXPECT_EQ(fetched.error().reason, Reason::http_too_large);
}

TEST(HttpReader, CutsWhatAPeerSays) {
    const Fetched fetched =
        read("HTTP/1.1 200 OK\r\nContent-Type: " + std::string(9000, 'x') + "\r\n\r\n", Ending::open, 512);
    ASSERT_FALSE(fetched);
    EXPECT_LT(fetched.error().detail.size(), 200u);
}

TEST(HttpReader, KnowsWhetherAnythingCame) {
    HttpReader reader;
    EXPECT_TRUE(reader.untouched());
    EXPECT_FALSE(reader.feed("H"));
    EXPECT_FALSE(reader.untouched());
}

TEST(ConnectReader, TakesAny2xxAndNothingElse) {
    const auto reply = [](std::string_view octets, std::size_t step) -> std::string {
        fetch::ConnectReader reader;
        for (std::size_t at = 0; at < octets.size(); at += step) {
            const auto outcome = reader.feed(octets.substr(at, step));
            if (outcome)
                return *outcome ? "tunnel"
                                : std::string(base::to_string(outcome->error().reason)) + " " +
                                      outcome->error().detail;
        }
        return "waiting";
    };
    for (const std::size_t step : {std::size_t{1}, std::size_t{10000}}) {
        EXPECT_EQ(reply("HTTP/1.1 200 Connection established\r\n\r\n", step), "tunnel");
        EXPECT_EQ(reply("HTTP/1.0 204 X\r\nVia: y\r\n\r\n", step), "tunnel");
        EXPECT_EQ(
            reply("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", step),
            "tunnel");
        EXPECT_EQ(reply("HTTP/1.1 407 Who\r\nContent-Length: 5\r\n\r\n", step), "proxy-failed status 407");
        EXPECT_EQ(reply("HTTP/1.1 200 OK\r\n", step), "waiting");
        EXPECT_EQ(reply("SSH-2.0-x\r\n", step), "proxy-failed reply to CONNECT: not an HTTP/1 response");
        EXPECT_EQ(reply("HTTP/1.1 200 OK\r\nX: " + std::string(17000, 'x'), step),
                  "proxy-failed reply to CONNECT: head over 16384 octets");
    }
    EXPECT_EQ(reply("HTTP/1.1 200 OK\r\n\r\nhello", 10000), "proxy-failed octets after the reply to CONNECT");
}

} // namespace
