// base/counter.hpp - counters and histograms that one thread writes and any thread reads. Pure.
//
// Single writer: adding is a load, an addition and a store, all relaxed, and no locked instruction. Where several
// threads count the same thing, each has its own, and the reader adds them up. A reader sees each number as it was
// a moment ago, and no two of the same moment.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace base {

/// Only grows, from 0.
class Counter {
public:
    void add(std::uint64_t count = 1) noexcept {
        value_.store(value_.load(std::memory_order_relaxed) + count, std::memory_order_relaxed);
    }
    [[nodiscard]] std::uint64_t value() const noexcept { return value_.load(std::memory_order_relaxed); }

private:
    std::atomic<std::uint64_t> value_{0};
};

/// A number of now.
class Gauge {
public:
    void set(std::uint64_t value) noexcept { value_.store(value, std::memory_order_relaxed); }
    [[nodiscard]] std::uint64_t value() const noexcept { return value_.load(std::memory_order_relaxed); }

private:
    std::atomic<std::uint64_t> value_{0};
};

/// A counter for each value of an enum that begins with 0: counters.of(e).add().
template <class Enum, std::size_t Size>
class CountersOf {
public:
    static constexpr std::size_t size = Size;
    [[nodiscard]] Counter& of(Enum value) noexcept { return counters_[static_cast<std::size_t>(value)]; }
    [[nodiscard]] const Counter& of(Enum value) const noexcept {
        return counters_[static_cast<std::size_t>(value)];
    }

private:
    std::array<Counter, Size> counters_{};
};

/// A histogram's numbers at one moment.
template <std::size_t Size>
struct HistogramCounts {
    std::array<std::uint64_t, Size + 1> buckets{}; ///< not cumulative; the last: longer than all bounds
    std::uint64_t sum_us = 0;                      ///< of all durations, in microseconds
};

/// `bounds` is a static constexpr array of microseconds, ascending.
template <const auto& bounds>
class Histogram {
public:
    static constexpr std::size_t size = bounds.size();
    using Counts = HistogramCounts<size>;

    /// `count` durations of the same length; negative ones count as 0.
    void observe(std::chrono::nanoseconds duration, std::uint64_t count = 1) noexcept {
        const std::int64_t took = duration.count();
        std::size_t at = 0; // the shortest ones are by far the most: no search is faster for them
        while (at < size && took > limits[at]) ++at;
        buckets_[at].add(count);
        if (took > 0) sum_ns_.add(count * static_cast<std::uint64_t>(took));
    }
    void add_to(Counts& counts) const noexcept {
        for (std::size_t i = 0; i <= size; ++i) counts.buckets[i] += buckets_[i].value();
        counts.sum_us += sum_ns_.value() / 1000;
    }

private:
    static constexpr std::array<std::int64_t, size> limits = [] {
        std::array<std::int64_t, size> all{};
        for (std::size_t i = 0; i < size; ++i) all[i] = std::chrono::nanoseconds(bounds[i]).count();
        return all;
    }();

    std::array<Counter, size + 1> buckets_{};
    Counter sum_ns_;
};

} // namespace base
