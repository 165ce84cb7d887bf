// tests/bench/histogram.hpp - latencies in nanoseconds, counted in buckets no wider than 1/64 of their value.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace bench {

class Histogram {
public:
    void add(std::uint64_t value) {
        ++buckets_[bucket(value)];
        ++count_;
        most_ = std::max(most_, value);
    }
    [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
    [[nodiscard]] std::uint64_t most() const noexcept { return most_; }

    /// The value that `share` of all (0 to 1) do not exceed.
    [[nodiscard]] std::uint64_t at(double share) const {
        const auto wanted = static_cast<std::uint64_t>(share * static_cast<double>(count_));
        std::uint64_t seen = 0;
        for (std::size_t i = 0; i < buckets_.size(); ++i)
            if ((seen += buckets_[i]) > wanted) return std::min(upper(i), most_);
        return most_;
    }

private:
    static constexpr unsigned bits = 6;
    static constexpr std::uint64_t exact = 1U << (bits + 1); ///< below, each value has its own bucket

    static std::size_t bucket(std::uint64_t value) noexcept {
        if (value < exact) return value;
        const auto shift = static_cast<unsigned>(std::bit_width(value)) - bits - 1;
        return (static_cast<std::size_t>(shift) << bits) + static_cast<std::size_t>(value >> shift);
    }
    static std::uint64_t upper(std::size_t i) noexcept {
        if (i < exact) return i;
        const std::size_t shift = (i >> bits) - 1;
        return (((i & ((1U << bits) - 1)) + (1U << bits) + 1) << shift) - 1;
    }

    std::vector<std::uint64_t> buckets_ = std::vector<std::uint64_t>(64U << bits);
    std::uint64_t count_ = 0, most_ = 0;
};

} // namespace bench
