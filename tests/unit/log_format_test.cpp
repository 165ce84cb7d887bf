// Log lines: the two forms, and that no value can break out of its place.
#include "log/log_format.hpp"

#include "support/log_lines.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cmath>
#include <limits>
#include <string>

namespace {

using namespace app;
using namespace std::chrono_literals;
using base::Field;
using base::Level;
using test::json_line;
using test::text_line;
using test::timestamp;

TEST(LogFormat, TimeIsUtcWithMilliseconds) {
    EXPECT_EQ(timestamp(LogTime{0ms}), "1970-01-01T00:00:00.000Z");
    EXPECT_EQ(timestamp(LogTime{1'787'393'472'045ms}), "2026-08-22T10:11:12.045Z");
    EXPECT_EQ(timestamp(LogTime{-1ms}), "1969-12-31T23:59:59.999Z");
}

TEST(LogFormat, Levels) {
    EXPECT_EQ(to_string(Level::debug), "debug");
    EXPECT_EQ(to_string(Level::info), "info");
    EXPECT_EQ(to_string(Level::warning), "warning");
    EXPECT_EQ(to_string(Level::error), "error");
    EXPECT_EQ(priority(Level::debug), 7);
    EXPECT_EQ(priority(Level::info), 6);
    EXPECT_EQ(priority(Level::warning), 4);
    EXPECT_EQ(priority(Level::error), 3);
}

TEST(TextLine, HasEventAndFieldsInOrder) {
    EXPECT_EQ(text_line("lookup", {{"domain", "example.com"}, {"age", 12}, {"took_ms", 0.25}}),
              "lookup: domain=example.com age=12 took_ms=0.250");
    EXPECT_EQ(text_line("stop", {}), "stop:");
    EXPECT_EQ(text_line("x", {{"n", std::numeric_limits<std::int64_t>::min()}}), "x: n=-9223372036854775808");
    EXPECT_EQ(text_line("x", {{"n", 1e300}}).size(), 5 + 301u + 4);
    EXPECT_EQ(text_line("x", {{"n", std::nan("")}}), "x: n=nan");
}

TEST(TextLine, QuotesWhatIsNotPlain) {
    const std::pair<std::string, std::string> rows[] = {
        {"", "\"\""},
        {"two words", "\"two words\""},
        {"a=b", "\"a=b\""},
        {"a,b", "\"a,b\""},
        {"[::1]:8461", "[::1]:8461"},
        {"/var/lib/x_y-z.1", "/var/lib/x_y-z.1"},
        {"say \"hi\"", R"("say \"hi\"")"},
        {"back\\slash", R"("back\\slash")"},
    };
    for (const auto& [value, want] : rows) EXPECT_EQ(text_line("e", {{"v", value}}), "e: v=" + want) << value;
}

/// Reads a line of ours back the way a strict reader does; fails the test when the line is malformed.
std::vector<std::pair<std::string, std::string>> fields_of(std::string_view line) {
    std::vector<std::pair<std::string, std::string>> found;
    line.remove_prefix(line.find(':') + 1);
    while (!line.empty()) {
        EXPECT_EQ(line.front(), ' ');
        line.remove_prefix(1);
        const auto equals = line.find('=');
        std::string key{line.substr(0, equals)}, value;
        line.remove_prefix(equals + 1);
        if (line.starts_with('"')) {
            std::size_t i = 1;
            for (; i < line.size() && line[i] != '"'; ++i) {
                value += line[i];
                if (line[i] == '\\') value += line[++i];
            }
            EXPECT_LT(i, line.size()) << "a quote stays open";
            line.remove_prefix(std::min(i + 1, line.size()));
        } else {
            const auto end = std::min(line.find(' '), line.size());
            value = line.substr(0, end);
            line.remove_prefix(end);
        }
        found.emplace_back(std::move(key), std::move(value));
    }
    return found;
}

const std::string hostile[] = {
    "a\nlookup: domain=victim.example answer=OK",
    "a\r\n<3>error",
    "x\" answer=\"OK",
    "x\\\" answer=OK",
    "x\\",
    "x\" ",
    "answer=OK",
    " answer=OK",
    "\x1b[2J\x1b]0;title\x07",
    std::string("nul\0inside", 10),
    "\xc2\x85next line \xe2\x80\xa8 separator \xe2\x80\xae direction",
    "\xff\xfe no utf-8 \xc0\xaf",
    "B\xc3\xbc"
    "cher",
    "\xf0\x9f\x93\xa7 mail",
    std::string(100'000, 'A'),
    std::string(100'000, '\n'),
    std::string(199, 'A') + "\xc3\xbc",
    std::string(100'000, '"'),
    std::string(199, 'A') + "\\",
};

TEST(TextLine, ValuesCannotBreakOut) {
    for (const std::string& value : hostile) {
        const std::string line = text_line("lookup", {{"domain", value}, {"answer", "NOTFOUND"}});
        for (const char c : line) ASSERT_TRUE(c >= 0x20 && c < 0x7f) << line;
        EXPECT_LE(line.size(), max_log_value + 50);
        const auto fields = fields_of(line);
        ASSERT_EQ(fields.size(), 2u) << line;
        EXPECT_EQ(fields[0].first, "domain");
        EXPECT_EQ(fields[1], (std::pair<std::string, std::string>{"answer", "NOTFOUND"})) << line;
    }
}

TEST(JsonLine, KeepsTheTypesOfFields) {
    const std::string line = json_line(
        LogTime{0ms}, Level::info, "lookup",
        {{"domain", "example.com"}, {"age", 12}, {"took_ms", 0.25}, {"bad", std::nan("")}, {"empty", ""}});
    EXPECT_EQ(line,
              R"({"time":"1970-01-01T00:00:00.000Z","level":"info","event":"lookup","domain":"example.com",)"
              R"("age":12,"took_ms":0.250,"bad":null,"empty":""})");
}

TEST(JsonLine, IsOneObjectWhateverTheValues) {
    for (const std::string& value : hostile) {
        const std::string line =
            json_line(LogTime{0ms}, Level::error, "lookup", {{"domain", value}, {"age", 1}});
        for (const char c : line) ASSERT_TRUE(c >= 0x20 && c < 0x7f) << line;
        EXPECT_LE(line.size(), 6 * max_log_value + 120);
        const auto object = nlohmann::json::parse(line, nullptr, false);
        ASSERT_TRUE(object.is_object()) << line;
        EXPECT_EQ(object.size(), 5u) << line;
        EXPECT_EQ(object["age"], 1);
        EXPECT_TRUE(object["domain"].is_string());
    }
}

TEST(JsonLine, GivesValidTextBackUnchanged) {
    for (const std::string value : {"B\xc3\xbc"
                                    "cher",
                                    "\xf0\x9f\x93\xa7 mail", "a\n\"b\"\\\t", "\xe2\x80\xae", "\x7f"}) {
        const auto object = nlohmann::json::parse(json_line(LogTime{0ms}, Level::info, "e", {{"v", value}}));
        EXPECT_EQ(object["v"], value);
    }
}

TEST(JsonLine, CutsBetweenCodePoints) {
    const auto object = nlohmann::json::parse(
        json_line(LogTime{0ms}, Level::info, "e", {{"v", std::string(max_log_value - 1, 'A') + "\xc3\xbc"}}));
    EXPECT_EQ(object["v"], std::string(max_log_value - 1, 'A') + "...");
}

} // namespace
