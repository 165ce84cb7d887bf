#include "metrics/snapshot.hpp"

#include <numeric>
#include <stdexcept>

namespace metrics {

Snapshot::Snapshot() : values_(families), histograms_(families) {
    for (const Family& family : table()) {
        if (family.type != Type::histogram)
            values_[index(family.id)].resize(family.series());
        else
            histograms_[index(family.id)].assign(
                family.series(), {.counts = std::vector<std::uint64_t>(family.bounds.size() + 1)});
    }
}

std::size_t Snapshot::place(Id id, std::initializer_list<std::size_t> values) {
    const Family& of = family(id);
    if (values.size() != of.labels.size()) throw std::out_of_range("labels");
    std::size_t at = 0;
    auto label = of.labels.begin();
    for (const std::size_t value : values) {
        if (value >= label->values.size()) throw std::out_of_range("a label's value");
        at = at * label->values.size() + value;
        ++label;
    }
    return at;
}

void Snapshot::set(Id id, std::initializer_list<std::size_t> values, double value) {
    if (family(id).type == Type::histogram) throw std::logic_error("a histogram has no value");
    values_[index(id)][place(id, values)] = value;
}

void Snapshot::add(Id id, std::initializer_list<std::size_t> values, double value) {
    set(id, values, this->value(id, values) + value);
}

double Snapshot::value(Id id, std::initializer_list<std::size_t> values) const {
    if (family(id).type == Type::histogram) throw std::logic_error("a histogram has no value");
    return values_[index(id)][place(id, values)];
}

double Snapshot::sum(Id id) const {
    const auto& all = values_[index(id)];
    return std::accumulate(all.begin(), all.end(), 0.0);
}

void Snapshot::set_buckets(Id id, std::initializer_list<std::size_t> values,
                           std::span<const std::uint64_t> counts, std::uint64_t sum_us) {
    const Family& of = family(id);
    if (of.type != Type::histogram || counts.size() != of.bounds.size() + 1)
        throw std::logic_error("no histogram with so many buckets");
    histograms_[index(id)][place(id, values)] = {{counts.begin(), counts.end()}, sum_us};
}

} // namespace metrics
