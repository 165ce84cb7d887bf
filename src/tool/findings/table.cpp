#include "tool/findings/finding.hpp"
#include "tool/findings/rows.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <vector>

namespace findings {

namespace {

const std::vector<Row>& all_rows() {
    static const std::vector<Row> all = [] {
        std::vector<Row> rows;
        for (const std::span<const Row> part :
             {policy_rows(), record_rows(), host_rows(), mail_rows(), publish_rows()})
            rows.insert(rows.end(), part.begin(), part.end());
        return rows;
    }();
    return all;
}

} // namespace

std::string_view to_string(Severity severity) noexcept {
    switch (severity) {
    case Severity::fine: return "fine";
    case Severity::note: return "note";
    case Severity::warning: return "warning";
    case Severity::error: return "error";
    }
    return "unknown";
}

std::span<const Row> table() { return all_rows(); }

const Row* row(std::string_view id) noexcept {
    const auto found = std::ranges::find(all_rows(), id, &Row::id);
    return found == all_rows().end() ? nullptr : &*found;
}

Finding found(std::string_view id) {
    const Row* const its = row(id);
    if (its == nullptr) throw std::logic_error("no finding has the id " + std::string(id));
    Finding finding;
    finding.row = its;
    return finding;
}

bool any_error(std::span<const Finding> findings) noexcept {
    return std::ranges::any_of(findings,
                               [](const Finding& one) { return one.row->severity == Severity::error; });
}

} // namespace findings
