// A lookup's event in the log's queue, and the line made from it.
#include "log/log_slot.hpp"

#include "base/text.hpp"
#include "events/render.hpp"
#include "log/log.hpp"
#include "log/log_format.hpp"
#include "support/log_lines.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <memory>
#include <string>

namespace {

using namespace app;
using namespace std::chrono_literals;
using base::Level;
using test::timestamp;

events::Lookup lookup(std::string_view domain) {
    events::Lookup event{.domain = domain, .answer = "secure", .source = "memory", .age = 86400s};
    event.took_ms = 0.0125;
    event.ended = std::chrono::floor<std::chrono::microseconds>(std::chrono::steady_clock::now());
    return event;
}

TEST(LogSlot, GivesBackWhatItTook) {
    events::Lookup event = lookup("a.example");
    event.reason = base::Reason::http_status;
    event.why = "override";
    event.would = "dane-only";
    event.next_hop = "[a.example]:587";
    event.detail = std::string_view{"a\0b\n", 4};
    event.is_parent = true;
    std::array<char, max_slot> buffer{};
    const auto slot = [&](bool json) {
        const char* const end = pack(event, json, buffer.data());
        return std::string_view{buffer.data(), static_cast<std::size_t>(end - buffer.data())};
    };
    const Unpacked out = unpack(slot(true));
    EXPECT_TRUE(out.json);
    EXPECT_EQ(out.event.domain, event.domain);
    EXPECT_EQ(out.event.answer, event.answer);
    EXPECT_EQ(out.event.source, event.source);
    EXPECT_EQ(out.event.age, event.age);
    EXPECT_EQ(out.event.took_ms, event.took_ms);
    EXPECT_EQ(out.event.reason, event.reason);
    EXPECT_EQ(out.event.why, event.why);
    EXPECT_EQ(out.event.would, event.would);
    EXPECT_EQ(out.event.next_hop, event.next_hop);
    EXPECT_EQ(out.event.detail, event.detail);
    EXPECT_EQ(out.event.ended, event.ended);
    EXPECT_TRUE(out.event.is_parent);
    event.age.reset();
    EXPECT_EQ(unpack(slot(false)).event.age, std::nullopt);
}

TEST(LogSlot, LongTextsAreCutWhereTheLineShowsNoMoreOfThem) {
    const std::string umlauts = [] {
        std::string text = "x";
        for (int i = 0; i < 500; ++i) text += "\xc3\xbc";
        return text;
    }();
    for (const std::string& text : {std::string(100'000, '\n'), std::string(203, 'a'), umlauts,
                                    std::string(300, '\x80'), std::string(205, '"')}) {
        events::Lookup event = lookup(text);
        event.why = event.next_hop = event.detail = text;
        std::array<char, max_slot> buffer{};
        const char* const end = pack(event, true, buffer.data());
        const auto size = static_cast<std::size_t>(end - buffer.data());
        EXPECT_LE(size, max_slot);
        const Unpacked out = unpack({buffer.data(), size});
        const auto fields = [](const events::Line& line) { return line.fields(); };
        const events::Line whole = events::render(event), cut = events::render(out.event);
        LogBuffer a, b;
        append_text_line(a, whole.name, fields(whole));
        append_text_line(b, cut.name, fields(cut));
        EXPECT_EQ(a.text(), b.text());
        a.clear();
        b.clear();
        append_json_line(a, LogTime{}, Level::info, whole.name, fields(whole));
        append_json_line(b, LogTime{}, Level::info, cut.name, fields(cut));
        EXPECT_EQ(a.text(), b.text());
    }
}

/// All that a log writes to a file.
template <class Write>
std::string written(const config::Log& settings, const Write& write) {
    std::FILE* file = std::tmpfile();
    EXPECT_NE(file, nullptr);
    {
        LogPlaces places;
        places.fd = fileno(file);
        LineLog log{settings, places};
        write(log);
    }
    std::string text;
    std::rewind(file);
    std::array<char, 4096> chunk{};
    for (std::size_t n = 0; (n = std::fread(chunk.data(), 1, chunk.size(), file)) > 0;)
        text.append(chunk.data(), n);
    std::fclose(file);
    return text;
}

TEST(LineLog, LookupsAndOtherEventsKeepTheirOrderAndTheirForm) {
    const config::Log as_text{}, as_json{Level::info, config::LogFormat::json, {}};
    const std::string text = written(as_text, [&](LineLog& log) {
        log.emit(lookup("one.example"));
        log.emit(events::Stopping{.signal = 15});
        log.emit(lookup("two.example"));
        log.configure(as_json);
        log.emit(lookup("three.example"));
        log.configure({Level::warning, config::LogFormat::text, {}});
        log.emit(lookup("four.example"));
        log.emit(events::CannotStart{.detail = "end"});
    });
    const std::size_t one = text.find(" info lookup: domain=one.example answer=secure source=memory "
                                      "age=86400 took_ms=0.013 reason=none\n"),
                      stop = text.find(" info stopping: signal=15\n"), two = text.find("domain=two.example"),
                      three = text.find("\"domain\":\"three.example\""), end = text.find("detail=end");
    ASSERT_NE(end, std::string::npos) << text;
    EXPECT_LT(one, stop);
    EXPECT_LT(stop, two);
    EXPECT_LT(two, three);
    EXPECT_LT(three, end);
    EXPECT_EQ(text.find("four.example"), std::string::npos) << "level warning";
}

TEST(LineLog, TheLineOfALookupHasTheTimeOfItsAnswer) {
    const auto before = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
    const std::string text = written({}, [](LineLog& log) { log.emit(lookup("a.example")); });
    const auto after = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
    ASSERT_GT(text.size(), 24u);
    // The two clocks are not read at the same moment.
    EXPECT_GE(text.substr(0, 24), timestamp(before - 2ms));
    EXPECT_LE(text.substr(0, 24), timestamp(after + 2ms));
}

TEST(LineLog, LookupsThatNobodyReadsAreDroppedAndCounted) {
    std::array<int, 2> ends{};
    ASSERT_EQ(pipe2(ends.data(), O_CLOEXEC), 0);
    const std::string detail(150, 'x');
    LogPlaces places;
    places.fd = ends[1];
    places.queue = 64;
    places.last_words = 100ms;
    auto log = std::make_unique<LineLog>(config::Log{}, places);
    for (int i = 0; i < 5000; ++i) {
        const std::string domain = "n" + std::to_string(i) + ".example";
        events::Lookup event = lookup(domain);
        event.detail = detail;
        log->emit(event);
    }
    std::string text;
    std::array<char, 4096> chunk{};
    while (text.find("n4999.example") == text.npos || text.find("log-overrun: lost=") == text.npos) {
        const ssize_t n = read(ends[0], chunk.data(), chunk.size());
        ASSERT_GT(n, 0);
        text.append(chunk.data(), static_cast<std::size_t>(n));
    }
    log.reset();
    close(ends[1]);
    for (ssize_t n = 0; (n = read(ends[0], chunk.data(), chunk.size())) > 0;)
        text.append(chunk.data(), static_cast<std::size_t>(n));
    close(ends[0]);
    std::size_t lines = 0, lost = 0;
    for (std::size_t from = 0; from < text.size(); from = text.find('\n', from) + 1) {
        const std::string line = text.substr(from, text.find('\n', from) - from);
        lines += line.find(" lookup: domain=n") != line.npos;
        if (const auto at = line.find("lost="); at != line.npos) lost += std::stoul(line.substr(at + 5));
    }
    EXPECT_EQ(lines + lost, 5000u) << "every line was written or counted";
    EXPECT_GT(lost, 0u);
}

} // namespace
