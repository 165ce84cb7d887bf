#include "metrics/exposition.hpp"

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <chrono>
#include <cstddef>
#include <vector>

namespace metrics {

namespace {

using Metric = prometheus::ClientMetric;

prometheus::MetricType type_of(Type type) {
    switch (type) {
    case Type::counter: return prometheus::MetricType::Counter;
    case Type::gauge: return prometheus::MetricType::Gauge;
    case Type::histogram: break;
    }
    return prometheus::MetricType::Histogram;
}

double seconds(std::chrono::microseconds duration) { return std::chrono::duration<double>(duration).count(); }

/// The labels of a family's series number `at`: the last label's values change fastest.
std::vector<Metric::Label> labels(const Family& family, std::size_t at) {
    std::vector<Metric::Label> all(family.labels.size());
    for (std::size_t i = all.size(); i-- > 0;) {
        const Label& label = family.labels[i];
        all[i] = {std::string{label.name}, std::string{label.values[at % label.values.size()]}};
        at /= label.values.size();
    }
    return all;
}

Metric::Histogram histogram(const Family& family, const Snapshot::Buckets& buckets) {
    Metric::Histogram made;
    for (std::size_t i = 0; i < family.bounds.size(); ++i) {
        made.sample_count += buckets.counts[i];
        made.bucket.push_back({made.sample_count, seconds(family.bounds[i])});
    }
    made.sample_count += buckets.counts.back(); // the serializer makes +Inf of it
    made.sample_sum = static_cast<double>(buckets.sum_us) / 1e6;
    return made;
}

class Collected final : public prometheus::Collectable {
public:
    explicit Collected(const Snapshot& snapshot) : snapshot_(snapshot) {}

    [[nodiscard]] std::vector<prometheus::MetricFamily> Collect() const override {
        std::vector<prometheus::MetricFamily> all;
        all.reserve(table().size());
        for (const Family& family : table()) {
            prometheus::MetricFamily& made = all.emplace_back();
            made.name = family.name;
            made.help = family.help;
            made.type = type_of(family.type);
            made.metric.resize(family.series());
            for (std::size_t at = 0; at < made.metric.size(); ++at) fill(family, at, made.metric[at]);
        }
        return all;
    }

private:
    void fill(const Family& family, std::size_t at, Metric& metric) const {
        metric.label = labels(family, at);
        switch (family.type) {
        case Type::counter: metric.counter.value = snapshot_.values(family.id)[at]; break;
        case Type::gauge: metric.gauge.value = snapshot_.values(family.id)[at]; break;
        case Type::histogram:
            metric.histogram = histogram(family, snapshot_.histograms(family.id)[at]);
            break;
        }
    }

    const Snapshot& snapshot_;
};

} // namespace

std::string exposition(const Snapshot& snapshot) {
    return prometheus::TextSerializer{}.Serialize(Collected{snapshot}.Collect());
}

} // namespace metrics
