#include "fetch/http_reader.hpp"
#include "support/sanitized.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <string>
#include <utility>
#include <vector>

namespace {

using base::Reason;
using fetch::HttpReader;
using fetch::Response;

const std::string policy =
    "version: STSv1\nmode: enforce\nmx: mail.example.com\nmax_age: 604800\n"; // 66 octets
const std::string plain = "Content-Type: text/plain\r\n";

enum class Ending { open, clean, cut };

/// Feeds `octets` in pieces of `step`, then ends the connection as requested.
Response read(std::string_view octets, Ending ending, std::size_t step) {
    HttpReader reader;
    for (std::size_t at = 0; at < octets.size(); at += step)
        if (auto fetched = reader.feed(octets.substr(at, step))) return *fetched;
    if (ending == Ending::open) return std::string("(still waiting)");
    return reader.finish(ending == Ending::clean);
}

std::string show(const Response& fetched) {
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
        {"a folded Content-Type", sized("Content-Type: text/plain;\r\n\tcharset=utf-8\r\n"), Ending::open,
         policy},
        {"a blank line that continues a length",
         "HTTP/1.1 200 OK\r\n" + plain + "Content-Length: 2\r\n \r\n\r\nab", Ending::open, "ab"},
        {"two blanks before the status", "HTTP/1.1  200 OK\r\n" + plain + "Content-Length: 2\r\n\r\nab",
         Ending::open, "ab"},
        {"lower case", "http/1.1 200 ok\r\ncontent-type:text/plain\r\ncontent-length:2\r\n\r\nab",
         Ending::open, "ab"},
        {"no reason at all", "HTTP/1.1 200\n" + plain + "Content-Length: 2\r\n\r\nab", Ending::open, "ab"},
        {"LF alone", "HTTP/1.1 200 OK\nContent-Type: text/plain\nContent-Length: 2\n\nab", Ending::open,
         "ab"},
        {"LF here and there", "HTTP/1.1 200 OK\nContent-Type: text/plain\r\nX: y\nContent-Length: 2\r\n\nab",
         Ending::open, "ab"},
        {"CR CR LF", "HTTP/1.1 200 OK\r\r\nContent-Type: text/plain\r\r\nContent-Length: 2\r\n\r\r\nab",
         Ending::open, "ab"},
        {"LF alone, interim one too",
         "HTTP/1.1 103 Early Hints\nLink: x\n\nHTTP/1.1 200 OK\n" + plain + "\n" + policy, Ending::clean,
         policy},
        {"a blank before another colon", sized(plain + "X-Powered-By : y\r\nServer\t: z\r\n"), Ending::open,
         policy},
        {"names that are no tokens", sized(plain + "X Y@: z\r\n: v\r\n\xc3\xa4: w\r\n"), Ending::open,
         policy},
        {"a bare CR in a value", sized(plain + "X: a\rb\r\n"), Ending::open, policy},
        {"text/plain twice", sized(plain + plain), Ending::open, policy},
        {"leading zeros",
         "HTTP/1.1 200 OK\r\n" + plain + "Content-Length: 0002\r\nContent-Length: 2\r\n\r\nab", Ending::open,
         "ab"},
        {"chunked, named twice",
         "HTTP/1.1 200 OK\r\n" + plain +
             "Transfer-Encoding: chunked\r\nTransfer-Encoding: , Chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
         Ending::open, "x"},
        {"chunks with LF alone", chunked + "1\nx\n2\nyz\n0\n\n", Ending::open, "xyz"},
        {"chunks with LF here and there", chunked + "1\r\nx\n2\nyz\r\n0\nX: y\r\n\n", Ending::open, "xyz"},
        {"blanks behind sizes", chunked + "1  \r\nx\r\n2\t\r\nyz\r\n0      \r\n\r\n", Ending::open, "xyz"},
        {"blanks before extensions", chunked + "1 ; a = \"b;\\\"c\"\r\nx\r\n0 ;d\r\n\r\n", Ending::open, "x"},
        {"leading zeros of a size", chunked + "0000000000000001\r\nx\r\n0000\r\n\r\n", Ending::open, "x"},
        {"anything behind a size, as curl", chunked + "1 bytes\r\nx\r\n0!\r\n\r\n", Ending::open, "x"},
        {"capitals in a size", chunked + "A\r\n0123456789\r\n0\r\n\r\n", Ending::open, "0123456789"},
        {"a folded trailer", chunked + "0\r\nX: a\r\n b\r\nContent-Length: 7\r\n\r\n", Ending::open, ""},
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
            const Response cut = read(part, Ending::cut, part.size() + 1);
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
    std::string tiny; // 64 KiB and one octet, with one octet per chunk
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
         "Content-Type text/html"},
        {"no type", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", Ending::open, http_media_type,
         "Content-Type none"},
        {"two types", open + "Content-Type: text/html\r\n\r\n", Ending::open, http_media_type,
         "Content-Type text/plain, text/html"},
        {"gzip", open + "Content-Encoding: gzip\r\n\r\n", Ending::open, http_encoding,
         "Content-Encoding gzip"},
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
         http_malformed, "Content-Length \"99999999999999999999999\" is no number"},
        {"length of 10 GB", open + "Content-Length: 10000000000\r\n\r\n", Ending::open, http_too_large,
         "Content-Length 10000000000, over"},
        {"identity transfer", open + "Transfer-Encoding: identity\r\n\r\n", Ending::open, http_malformed,
         "Transfer-Encoding identity"},
        {"gzip transfer", open + "Transfer-Encoding: gzip, chunked\r\n\r\n", Ending::open, http_malformed,
         "gzip, chunked"},
        {"gzip transfer apart", open + "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n",
         Ending::open, http_malformed, "gzip, chunked"},
        {"chunked in HTTP/1.0", "HTTP/1.0 200 OK\r\n" + plain + "Transfer-Encoding: chunked\r\n\r\n",
         Ending::open, http_malformed, "Transfer-Encoding chunked with HTTP/1.0"},
        {"identity, then chunked", open + "Transfer-Encoding: identity, chunked\r\n\r\n", Ending::open,
         http_malformed, "not chunked alone"},
        {"chunked with a parameter", open + "Transfer-Encoding: chunked;q=1\r\n\r\n", Ending::open,
         http_malformed, "chunked;q=1"},
        {"no transfer coding", open + "Transfer-Encoding:\r\n\r\n", Ending::open, http_malformed,
         "not chunked alone"},
        {"folded transfer coding", open + "Transfer-Encoding:\r\n chunked\r\n\r\n", Ending::open,
         http_malformed, "Transfer-Encoding is folded"},
        {"folded length", open + "Content-Length:\r\n 66\r\n\r\n", Ending::open, http_malformed,
         "Content-Length is folded"},
        {"a list of lengths", open + "Content-Length: 66, 66\r\n\r\n", Ending::open, http_malformed,
         "Content-Length \"66, 66\""},
        {"no digits", open + "Content-Length:\r\n\r\n", Ending::open, http_malformed, "Content-Length \"\""},
        {"a CR in a length", open + "Content-Length: 6\r6\r\n\r\n", Ending::open, http_malformed,
         "Content-Length"},
        {"a blank before the colon of Content-Length", open + "Content-Length : 66\r\n\r\n", Ending::open,
         http_malformed, "before the colon of Content-Length"},
        {"a tab before that of Transfer-Encoding", open + "Transfer-encoding\t: chunked\r\n\r\n",
         Ending::open, http_malformed, "before the colon of Transfer-Encoding"},
        {"a CR before that of Content-Length", open + "Content-Length\r: 66\r\n\r\n", Ending::open,
         http_malformed, "a bare CR before the colon"},
        {"a blank before that of Content-Type", "HTTP/1.1 200 OK\r\nContent-Type : text/plain\r\n\r\n",
         Ending::open, http_malformed, "before the colon of Content-Type"},
        {"a blank before that of Content-Encoding", open + "content-encoding  : gzip\r\n\r\n", Ending::open,
         http_malformed, "before the colon of Content-Encoding"},
        {"a line without a colon", open + "X-Long\r\n\r\n", Ending::open, http_malformed,
         "a line without a colon: line 3 of the head, \"X-Long\""},
        {"its continuation has one", open + "X-Long\r\n : y\r\n\r\n", Ending::open, http_malformed,
         "without a colon"},
        {"folded first line", "HTTP/1.1 200 OK\r\n X: y\r\n" + plain + "\r\n", Ending::open, http_malformed,
         "without a field before it"},
        {"a line that begins with CR", open + "\rX: y\r\n\r\n", Ending::open, http_malformed,
         "begins with CR"},
        {"NUL in a name", open + std::string("X\0: b\r\n\r\n", 9), Ending::open, http_malformed,
         "NUL in line 3"},
        {"an empty line before", "\r\nHTTP/1.1 200 OK\r\n", Ending::open, http_malformed, "not an HTTP/1"},
        {"a tab before the status", "HTTP/1.1\t200 OK\r\n", Ending::open, http_malformed, "status line"},
        {"chunk size with a sign", chunked + "-1\r\n", Ending::open, http_malformed,
         "no chunk size where one must be: \"-\""},
        {"chunk size with a prefix", chunked + "0x42\r\n", Ending::open, http_malformed, "no number: \"0x\""},
        {"a blank before a chunk size", chunked + " 1\r\nx\r\n", Ending::open, http_malformed,
         "no chunk size"},
        {"chunk size of 17 digits", chunked + "00000000000000001\r\nx\r\n", Ending::open, http_malformed,
         "over 16 digits"},
        {"huge chunk size", chunked + "ffffffffffffffff\r\n", Ending::open, http_too_large, "body over"},
        {"no line end behind a chunk", chunked + "1\r\nx0\r\n\r\n", Ending::open, http_malformed,
         "no line end"},
        {"a blank behind a chunk", chunked + "1\r\nx \r\n0\r\n\r\n", Ending::open, http_malformed,
         "no line end"},
        {"trailer without a colon", chunked + "0\r\nfoo\r\n\r\n", Ending::open, http_malformed,
         "trailer without a colon: \"foo"},
        {"CR in a trailer", chunked + "0\r\nX: a\rb\r\n\r\n", Ending::open, http_malformed, "bare CR"},
        {"chunk longer than told", chunked + "5\r\n" + policy + "\r\n0\r\n\r\n", Ending::open, http_malformed,
         "longer than its size"},
        {"no chunk size", chunked + "xyz\r\n", Ending::open, http_malformed,
         "no chunk size where one must be: \"x\""},
        {"NUL in a field", open + std::string("X: a\0b\r\n\r\n", 11), Ending::open, http_malformed,
         "NUL in line 3"},
        {"SMTP", "220 mail.example.com ESMTP\r\n", Ending::open, http_malformed, "not an HTTP/1"},
        {"HTTP/2", std::string("\0\0\x12\4\0\0\0\0\0", 9), Ending::open, http_malformed, "not an HTTP/1"},
        {"HTTP/2.0", "HTTP/2.0 200 OK\r\n", Ending::open, http_malformed, "not an HTTP/1"},
        {"HTTP/1.2", "HTTP/1.2 200 OK\r\n" + plain + "\r\n", Ending::open, http_malformed,
         "no version 1.0 or 1.1"},
        {"no version, no status", "HTTP/1.\r\n\r\n", Ending::open, http_malformed, "in the status line"},
        {"no status", "HTTP/1.1\r\n\r\n", Ending::open, http_malformed, "in the status line"},
        {"half a status", "HTTP/1.1 20\r\n\r\n", Ending::open, http_malformed, "in the status line"},
        {"ICY", "ICY 200 OK\r\n", Ending::open, http_malformed, "not an HTTP/1"},
        {"four digits", "HTTP/1.1 2000 OK\r\n" + plain + "\r\n", Ending::open, http_malformed,
         "three digits in the status line \"HTTP/1.1 2000 OK"},
        {"endless interim ones", interim, Ending::open, http_malformed, "over 64 interim responses"},
        {"announced too large", open + "Content-Length: 65537\r\n\r\n", Ending::open, http_too_large,
         "Content-Length 65537, over 65536"},
        {"open end too large", open + "\r\n" + std::string(65537, 'x'), Ending::open, http_too_large,
         "body over 65536"},
        {"one chunk too large", chunked + chunk(std::string(65537, 'x')) + "0\r\n\r\n", Ending::open,
         http_too_large, "body over"},
        {"many chunks too large", chunked + tiny, Ending::open, http_too_large, "body over"},
        {"endless extension", chunked + "1;a=" + std::string(70000, 'x'), Ending::open, http_too_large,
         "chunk's line over 65536"},
        {"endless trailer", chunked + "0\r\nX: " + std::string(70000, 'x'), Ending::open, http_too_large,
         "trailer over 65536"},
        {"one long field", open + "X: " + std::string(66000, 'x'), Ending::open, http_too_large,
         "head over 65536"},
        {"endless status line", "HTTP/1.1 200 " + std::string(66000, 'x'), Ending::open, http_too_large,
         "head over"},
    };
    for (const Bad& row : rows) {
        for (const std::size_t step : {row.octets.size() + 1, std::size_t{1}}) {
            if (step == 1 && row.octets.size() > 100000) continue;
            SCOPED_TRACE(std::string(row.why) + ", step " + std::to_string(step));
            const Response fetched = read(row.octets, row.ending, step);
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
    for (const std::size_t size : {fetch::max_head, fetch::max_head + 1}) {
        std::string head = "HTTP/1.1 200 OK\r\n" + plain + "Content-Length: 1\r\n";
        while (head.size() + 200 < size) head += "X-Pad: " + std::string(91, 'p') + "\r\n";
        head += "X-Pad: " + std::string(size - head.size() - 7 - 4, 'p') + "\r\n\r\n";
        ASSERT_EQ(head.size(), size);
        for (const std::size_t step : {head.size() + 1, std::size_t{100}, std::size_t{1}}) {
            const Response fetched = read(head + "x", Ending::open, step);
            EXPECT_EQ(fetched.has_value(), size == fetch::max_head) << show(fetched);
            if (!fetched) {
                EXPECT_EQ(fetched.error().reason, Reason::http_too_large);
            }
        }
    }
    // This many interim responses are accepted.
    std::string interim;
    for (std::size_t i = 0; i < fetch::max_interim; ++i) interim += "HTTP/1.1 102 Processing\r\n\r\n";
    EXPECT_TRUE(read(interim + sized(plain), Ending::open, 7));
    // Extensions around every octet: 64 KiB of body must not need a gigabyte on the wire.
    std::string wordy = "HTTP/1.1 200 OK\r\n" + plain + "Transfer-Encoding: chunked\r\n\r\n";
    while (wordy.size() < 3 * fetch::max_wire) wordy += chunk("x", ";e=" + std::string(8000, 'e'));
    const Response fetched = read(wordy, Ending::open, 4096);
    ASSERT_FALSE(fetched);
    EXPECT_EQ(fetched.error().reason, Reason::http_too_large);
}

TEST(HttpReader, CutsWhatAPeerSays) {
    const Response fetched =
        read("HTTP/1.1 200 OK\r\nContent-Type: " + std::string(9000, 'x') + "\r\n\r\n", Ending::open, 512);
    ASSERT_FALSE(fetched);
    EXPECT_LT(fetched.error().detail.size(), 200u);
}

// In any form, the work for a megabyte grows only with its octets: the back thread must not be blocked.
TEST(HttpReader, TakesTimeInProportionToTheOctets) {
    const std::string open = "HTTP/1.1 200 OK\r\n" + plain,
                      chunked = open + "Transfer-Encoding: chunked\r\n\r\n";
    const auto repeated = [](const std::string& piece, std::size_t octets) {
        std::string text;
        while (text.size() + piece.size() <= octets) text += piece;
        return text;
    };
    std::string interim;
    for (std::size_t i = 0; i < fetch::max_interim; ++i)
        interim +=
            "HTTP/1.1 102 x\n" + repeated("Date:\n", fetch::max_wire / fetch::max_interim - 200) + "\n";
    const std::pair<const char*, std::string> rows[] = {
        {"tiny fields", open + repeated("Date:\n", fetch::max_head - 100) + "\n"},
        {"tiny types", open + repeated("Content-Type:,\n", fetch::max_head - 100) + "\n"},
        {"folded lines", open + "X: y\n" + repeated(" \n", fetch::max_head - 100) + "\n"},
        {"folded types", open + repeated(" ,\n", fetch::max_head - 100) + "\n"},
        {"a list of types",
         open + "Content-Type: " + repeated("text/plain;x=\",\",", fetch::max_head - 100) + "\n\n"},
        {"open quotes",
         open + "Content-Type: " + repeated("text/plain;x=\"\\,", fetch::max_head - 100) + "\n\n"},
        {"interim ones", interim},
        {"tiny chunks", chunked + repeated("1\nx\n", fetch::max_body * 4)},
        {"wordy chunks", chunked + repeated("1;" + std::string(30, 'e') + "\r\nx\r\n", fetch::max_wire)},
        {"a long line of a chunk", chunked + "1" + repeated(" ", fetch::max_trailer - 10)},
        {"a long trailer", chunked + "0\n" + repeated("a:\n", fetch::max_trailer - 10)},
    };
    const auto clock = [] {
        timespec now{};
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
        return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
    };
    double dearest = 0;
    for (const auto& [why, octets] : rows)
        for (const std::size_t step : {std::size_t{1}, std::size_t{16384}}) {
            const double before = clock();
            (void)read(octets, Ending::clean, step);
            const double ms = (clock() - before) * 65536 / static_cast<double>(octets.size());
            dearest = std::max(dearest, step == 1 ? 0 : ms);
            // Ten times the longest time without optimisation.
            if (step > 1) std::printf("%-24s %.2f ms for 64 KiB\n", why, ms);
            EXPECT_LT(ms, 200 * test::slowness)
                << why << " in pieces of " << step << ": " << ms << " ms for 64 KiB";
        }
    RecordProperty("dearest_ms_for_64_KiB", std::to_string(dearest));
    std::printf("dearest 64 KiB: %.2f ms\n", dearest);
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
        EXPECT_TRUE(
            reply("SSH-2.0-x\r\n", step)
                .starts_with("proxy-failed reply to CONNECT: not an HTTP/1 response: begins with \"S"));
        EXPECT_EQ(reply("HTTP/1.1 200 OK\r\nX: " + std::string(66000, 'x'), step),
                  "proxy-failed reply to CONNECT: head over 65536 octets");
    }
    EXPECT_EQ(reply("HTTP/1.1 200 OK\r\n\r\nhello", 10000), "proxy-failed octets after the reply to CONNECT");
}

} // namespace
