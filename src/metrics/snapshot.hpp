// metrics/snapshot.hpp - all metrics at one moment. Pure.
#pragma once

#include "base/counter.hpp"
#include "metrics/table.hpp"

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <vector>

namespace metrics {

/// A number for each series of each family of the table; 0 until it is set. Series are counted as the table's
/// labels' values are, the last label fastest.
class Snapshot {
public:
    Snapshot();

    /// `values`: an index into the values of each label, in the table's order. Throws std::out_of_range when there is
    /// no such series, std::logic_error for a histogram.
    void set(Id id, std::initializer_list<std::size_t> values, double value);
    void set(Id id, double value) { set(id, {}, value); }
    void add(Id id, std::initializer_list<std::size_t> values, double value);

    struct Buckets {
        std::vector<std::uint64_t> counts; ///< not cumulative; the last: longer than all bounds
        std::uint64_t sum_us = 0;
    };
    /// For a histogram. Throws as set(); std::logic_error also when the number of bounds is another.
    template <std::size_t Size>
    void set(Id id, std::initializer_list<std::size_t> values, const base::HistogramCounts<Size>& counts) {
        set_buckets(id, values, counts.buckets, counts.sum_us);
    }

    /// Of all series, in their order. Empty for a histogram.
    [[nodiscard]] std::span<const double> values(Id id) const { return values_[index(id)]; }
    [[nodiscard]] double value(Id id, std::initializer_list<std::size_t> values = {}) const;
    /// The sum over all series.
    [[nodiscard]] double sum(Id id) const;
    /// Of a histogram's series. Empty otherwise.
    [[nodiscard]] std::span<const Buckets> histograms(Id id) const { return histograms_[index(id)]; }

private:
    [[nodiscard]] static std::size_t place(Id id, std::initializer_list<std::size_t> values);
    void set_buckets(Id id, std::initializer_list<std::size_t> values, std::span<const std::uint64_t> counts,
                     std::uint64_t sum_us);

    std::vector<std::vector<double>> values_;
    std::vector<std::vector<Buckets>> histograms_;
};

} // namespace metrics
