// Octets of HTTP to requests, and replies to octets.
#include "admin/http_reply.hpp"
#include "admin/http_request.hpp"
#include "admin/limits.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace {

using namespace admin;

/// One request, or the error.
struct Read {
    std::optional<Head> head;
    std::string body;
    bool complete = false;
    std::optional<Error> error;
};

/// Feeds in pieces of `step` octets.
Read read(RequestReader& reader, std::string_view octets, std::size_t step) {
    Read out;
    for (;;) {
        if (!out.head) {
            auto head = reader.head();
            if (!head) {
                out.error = head.error();
                return out;
            }
            out.head = *head;
        }
        if (out.head) {
            auto body = reader.body();
            if (!body) {
                out.error = body.error();
                return out;
            }
            out.body += *body;
            if (reader.complete()) {
                out.complete = true;
                return out;
            }
        }
        const std::string_view piece = octets.substr(0, std::min(step, reader.room()));
        if (piece.empty()) return out;
        reader.feed(piece);
        octets.remove_prefix(piece.size());
    }
}

Read read(std::string_view octets, std::size_t step = 1000) {
    RequestReader reader;
    return read(reader, octets, step);
}

TEST(AdminHttp, ReadsRequestsInAnyPieces) {
    for (const std::size_t step : {1u, 2u, 7u, 1000u}) {
        const Read get = read("GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\n", step);
        ASSERT_TRUE(get.complete) << step;
        EXPECT_EQ(get.head->method, "GET");
        EXPECT_EQ(get.head->target, "/v1/status");
        EXPECT_FALSE(get.head->close || get.head->has_body || get.head->expects_continue);

        const Read sized = read("POST /v1/import HTTP/1.1\r\nContent-Length: 5\r\nConnection: close\r\n"
                                "Expect: 100-continue\r\n\r\nhello",
                                step);
        ASSERT_TRUE(sized.complete) << step;
        EXPECT_EQ(sized.body, "hello");
        EXPECT_TRUE(sized.head->close && sized.head->has_body && sized.head->expects_continue);
        EXPECT_EQ(sized.head->length, 5u);

        const Read chunked = read("POST /v1/import HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
                                  "3;x=y\r\nhel\r\n2\r\nlo\r\n0\r\nTrailer: z\r\n\r\n",
                                  step);
        ASSERT_TRUE(chunked.complete) << step;
        EXPECT_EQ(chunked.body, "hello");
        EXPECT_TRUE(chunked.head->has_body);
        EXPECT_FALSE(chunked.head->length.has_value());
    }
    for (const std::size_t step : {1u, 2u, 1000u})
        EXPECT_TRUE(read("\r\n\r\nGET / HTTP/1.1\r\n\r\n", step).complete) << "RFC 9112 section 2.2";
    EXPECT_FALSE(read("GET / HTTP/1.1\r\n\r").head.has_value());
}

TEST(AdminHttp, ReadsOneRequestAfterTheOther) {
    RequestReader reader;
    reader.feed("POST /a HTTP/1.1\r\nContent-Length: 2\r\n\r\nabGET /b HTTP/1.1\r\n\r\nGET /c");
    const Read first = read(reader, "", 1);
    ASSERT_TRUE(first.complete);
    EXPECT_EQ(first.body, "ab");
    reader.next();
    const Read second = read(reader, "", 1);
    ASSERT_TRUE(second.complete);
    EXPECT_EQ(second.head->target, "/b");
    reader.next();
    EXPECT_TRUE(reader.begun());
    const Read third = read(reader, " HTTP/1.1\r\n\r\n", 3);
    ASSERT_TRUE(third.complete);
    EXPECT_EQ(third.head->target, "/c");
    reader.next();
    EXPECT_FALSE(reader.begun());
}

TEST(AdminHttp, RefusesWhatIsNoRequest) {
    const std::string nul(1, '\0');
    struct Row {
        std::string octets;
        unsigned status;
    };
    const Row rows[] = {
        {"GET / HTTP/1.0\r\n\r\n", 505},
        {"GET / HTTP/2.0\r\n\r\n", 505},
        {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505}, // HTTP/2 with prior knowledge
        {"GET /\r\n\r\n", 400},                    // HTTP/0.9
        {"GET / HTTP/1.1 x\r\n\r\n", 505},
        {"GET  / HTTP/1.1\r\n\r\n", 400},
        {"\x16\x03\x01\x02\x01", 400}, // TLS
        {"13:sts example.com,", 400},  // socketmap
        {"GET /" + nul + " HTTP/1.1\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nA: " + nul + "\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nA : b\r\n\r\n", 400},
        {"POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
        {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", 400},
        {"POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", 400},
        {"POST / HTTP/1.1\r\nContent-Length: -5\r\n\r\n", 400},
        {"POST / HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n", 400},
        {"POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", 400},
        {"POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 400},
        {"POST / HTTP/1.1\r\nExpect: coffee\r\n\r\n", 417},
        {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", 400},
        {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloX\r\n0\r\n\r\n", 400},
        {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n", 400},
        {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n", 400},
        {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5;" + std::string(max_input + 10, 'x'), 400},
        {"GET / HTTP/1.1\r\nA: " + std::string(max_head, 'x') + "\r\n\r\n", 431},
        {"GET /" + std::string(max_head, 'x') + " HTTP/1.1\r\n\r\n", 431},
        {std::string(max_input + 100, 'x'), 431},
    };
    for (const Row& row : rows)
        for (const std::size_t step : {std::size_t{1}, std::size_t{1000}, row.octets.size()}) {
            const Read got = read(row.octets, step);
            ASSERT_TRUE(got.error.has_value()) << row.octets.substr(0, 80);
            EXPECT_EQ(got.error->status, row.status) << row.octets.substr(0, 80) << ": " << got.error->words;
            EXPECT_FALSE(got.error->code.empty());
        }
}

TEST(AdminHttp, LimitsAreExact) {
    const std::string line = "GET / HTTP/1.1\r\n", end = "\r\n\r\n";
    const auto head = [&](std::size_t size) {
        return line + "A: " + std::string(size - line.size() - 3 - end.size(), 'x') + end;
    };
    EXPECT_TRUE(read(head(max_head)).complete);
    EXPECT_EQ(read(head(max_head + 1)).error.value().status, 431u);
}

TEST(AdminHttp, ALongBodyComesInPieces) {
    RequestReader reader;
    reader.feed("POST / HTTP/1.1\r\nContent-Length: 10000000\r\n\r\n");
    ASSERT_TRUE(reader.head().value().has_value());
    std::size_t total = 0;
    while (!reader.complete()) {
        const std::string piece(std::min(reader.room(), 10'000'000 - total), 'x');
        ASSERT_GT(piece.size(), 0u);
        reader.feed(piece);
        const auto body = reader.body();
        ASSERT_TRUE(body.has_value());
        ASSERT_LE(body->size(), max_input);
        total += body->size();
    }
    EXPECT_EQ(total, 10'000'000u);
}

TEST(AdminHttp, TheLengthOfABodyTakesNoMemory) {
    RequestReader reader;
    reader.feed("POST / HTTP/1.1\r\nContent-Length: 18000000000000000000\r\n\r\nhello");
    ASSERT_TRUE(reader.head().value().has_value());
    EXPECT_EQ(reader.body().value(), "hello");
    EXPECT_FALSE(reader.complete());
}

TEST(AdminReply, HasItsHeadAndItsLine) {
    const base::Instant now{base::seconds{1'795'898'120}};
    EXPECT_EQ(to_octets({.status = 200, .length = 3}, now),
              "HTTP/1.1 200 OK\r\nDate: Sat, 28 Nov 2026 20:35:20 GMT\r\nContent-Type: application/json\r\n"
              "Cache-Control: no-store\r\nContent-Length: 3\r\n\r\n");
    EXPECT_EQ(to_octets({.status = 200, .close = true}, now),
              "HTTP/1.1 200 OK\r\nDate: Sat, 28 Nov 2026 20:35:20 GMT\r\nContent-Type: application/jsonl\r\n"
              "Cache-Control: no-store\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n");
    const std::string wait =
        to_octets({.status = 429, .length = 0, .allow = "GET", .retry_after = base::seconds{9}}, now);
    EXPECT_NE(wait.find("429 Too Many Requests\r\n"), wait.npos);
    EXPECT_NE(wait.find("\r\nAllow: GET\r\nRetry-After: 9\r\n"), wait.npos);

    Json object = Json::object();
    object["b"] = 1;
    object["a"] = "\xff";
    EXPECT_EQ(line_of(object), "{\"schema\":1,\"b\":1,\"a\":\"\xEF\xBF\xBD\"}\n");
    EXPECT_EQ(line_of(Error{400, "bad-request", "no", "x"}),
              "{\"schema\":1,\"error\":{\"code\":\"bad-request\",\"words\":\"no\",\"field\":\"x\"}}\n");
    EXPECT_EQ(line_of(Error{429, "wait", "later", {}, base::seconds{5}}),
              "{\"schema\":1,\"error\":{\"code\":\"wait\",\"words\":\"later\",\"retry_after_s\":5}}\n");
    EXPECT_EQ(chunk(std::string(26, 'x')), "1a\r\n" + std::string(26, 'x') + "\r\n");
}

} // namespace
