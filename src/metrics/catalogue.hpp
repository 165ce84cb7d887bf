// metrics/catalogue.hpp - the table of metrics for people and for programs. Pure.
#pragma once

#include <string>

namespace metrics {

/// The list of stsmapd-metrics(7) in mdoc(7), for the place between its markers. Ends with a newline.
[[nodiscard]] std::string man_metrics();

/// The table as one JSON document, the file packaging/monitoring/metrics.json: {"schema": 1, "families": [{"name",
/// "type", "help", "since", "labels": [{"name", "values"}], "buckets"}]}. `values` is null where the label is the
/// version; `buckets`, in seconds and without +Inf, are those of a histogram. Ends with a newline.
[[nodiscard]] std::string table_json();

} // namespace metrics
