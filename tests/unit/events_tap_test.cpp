// Events as they happen.
#include "events/tap.hpp"

#include "events/recorder.hpp"
#include "events/render.hpp"
#include "support/manual_time.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace events;
using base::Instant;

constexpr Instant at(long second) { return Instant{base::seconds{second}}; }

std::string text(const Happened& happened, std::string_view field) {
    for (const auto& [key, value] : happened.fields)
        if (key == field) return std::get<std::string>(value);
    return "(none)";
}

/// Wants warnings only.
class QuietLog final : public Sink {
public:
    void emit(const Event& event) override { written += level(event) >= base::Level::warning ? 1 : 0; }
    [[nodiscard]] bool wants(base::Level level) const noexcept override {
        return level >= base::Level::warning;
    }
    void count(Id) noexcept override {}
    int written = 0;
};

TEST(Tap, GivesEachReaderItsCopy) {
    Tap tap;
    EXPECT_FALSE(tap.watched());
    int woken = 0;
    const auto all = tap.watch("", [&] { ++woken; });
    const auto one = tap.watch("a.example", nullptr);
    EXPECT_TRUE(tap.watched());
    {
        const std::string id = "1\x01";
        tap.note(PolicyLearnt{"a.example", sts::Mode::enforce, 2, base::seconds{7}, id}, at(5));
        tap.note(PolicyLearnt{"b.example", sts::Mode::none, 0, base::seconds{8}, id}, at(6));
    }
    EXPECT_EQ(woken, 1) << "for the first after take()";
    const Tap::Reader::Taken taken = all->take();
    ASSERT_EQ(taken.events.size(), 2u);
    EXPECT_EQ(taken.lost, 0u);
    EXPECT_EQ(taken.events[0].name, "policy-learnt");
    EXPECT_EQ(taken.events[0].at, at(5));
    EXPECT_EQ(text(taken.events[0], "id"), "1\\x01");
    EXPECT_EQ(text(taken.events[1], "domain"), "b.example");
    ASSERT_EQ(one->take().events.size(), 1u);
    EXPECT_TRUE(all->take().events.empty());
    tap.note(Stopping{15}, at(7));
    EXPECT_EQ(woken, 2);
}

TEST(Tap, ASlowReaderLosesWhatDoesNotFitAndIsTold) {
    Tap tap;
    const auto slow = tap.watch("", nullptr);
    for (std::size_t i = 0; i < Tap::max_queued + 10; ++i) tap.note(Stopping{static_cast<int>(i)}, at(1));
    Tap::Reader::Taken taken = slow->take();
    EXPECT_EQ(taken.events.size(), Tap::max_queued);
    EXPECT_EQ(taken.lost, 10u);
    EXPECT_EQ(std::get<std::int64_t>(taken.events.back().fields[0].second), 255) << "in order, then the loss";
    const std::string big(10'000, 'x');
    for (std::size_t i = 0; i < Tap::max_queued; ++i)
        tap.note(DnsTryFailed{big, big, big, base::Reason::dns_timeout, big}, at(1));
    taken = slow->take();
    EXPECT_EQ(taken.events.size() + taken.lost, Tap::max_queued);
    EXPECT_LT(taken.events.size(), Tap::max_queued) << "over max_octets";
    EXPECT_GT(taken.events.size(), Tap::max_queued / 2);
    EXPECT_EQ(text(taken.events[0], "server").size(), Tap::max_value);
}

TEST(Tap, HasOnlySoManyReaders) {
    Tap tap;
    std::vector<std::unique_ptr<Tap::Reader>> readers;
    for (std::size_t i = 0; i < Tap::max_readers; ++i) readers.push_back(tap.watch("", nullptr));
    EXPECT_TRUE(readers.back());
    EXPECT_FALSE(tap.watch("", nullptr));
    readers.pop_back();
    EXPECT_TRUE(tap.watch("", nullptr)) << "a place is free again";
    readers.clear();
    EXPECT_FALSE(tap.watched());
}

TEST(Tap, ARecorderPassesOnWhatTheLogDoesNotWant) {
    QuietLog log;
    test::ManualTime time;
    Tap tap;
    Recorder recorder{log, time, nullptr, &tap};
    EXPECT_FALSE(recorder.wants(base::Level::info));
    const auto reader = tap.watch("", nullptr);
    EXPECT_TRUE(recorder.wants(base::Level::info)) << "somebody watches";
    EXPECT_FALSE(recorder.wants(base::Level::debug));
    for (int i = 0; i < 3; ++i)
        recorder.emit(LookupAborted{.domain = "a.example", .reason = "out of memory"});
    recorder.emit(DnsRetry{"127.0.0.1:53", "a.example", "truncated"});
    EXPECT_EQ(reader->take().events.size(), 3u) << "each, and no step";
    EXPECT_EQ(log.written, 1) << "the log has one a minute";
}

// Under ThreadSanitizer, too.
TEST(Tap, AnyThreadMayNoteWhileReadersComeAndGo) {
    Tap tap;
    std::atomic<bool> stop{false};
    std::atomic<unsigned> woken{0};
    std::vector<std::thread> noters;
    for (int i = 0; i < 3; ++i)
        noters.emplace_back([&] {
            while (!stop)
                if (tap.watched()) tap.note(Stopping{1}, at(1));
        });
    std::uint64_t seen = 0;
    for (int i = 0; i < 200; ++i) {
        const auto reader = tap.watch("", [&] { ++woken; });
        while (true) {
            const auto taken = reader->take();
            seen += taken.events.size() + taken.lost;
            if (!taken.events.empty()) break;
            std::this_thread::yield();
        }
    }
    stop = true;
    for (std::thread& noter : noters) noter.join();
    EXPECT_GE(seen, 200u);
    EXPECT_GE(woken, 200u);
}

} // namespace
