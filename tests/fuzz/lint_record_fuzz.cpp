// Lint of TXT records (one a line), of both kinds: an error or "missing" if and only if there is no valid record.
#include "fuzz.hpp"

#include "tool/findings/show.hpp"
#include "tool/lint/tlsrpt_text.hpp"
#include "tool/lint/txt_text.hpp"

#include <algorithm>
#include <vector>

namespace {

void check(bool good, const std::vector<findings::Finding>& all, const std::string& kind) {
    const auto has = [&](const std::string& id) {
        return std::ranges::any_of(all, [&](const findings::Finding& one) { return one.row->id == id; });
    };
    fuzz::require(good == has(kind + "-good"), "good is said of good ones");
    fuzz::require(good == (!findings::any_error(all) && !has(kind + "-missing")), "and nothing bad");
    for (const findings::Finding& one : all)
        fuzz::require(findings::shown_in("", one).size() < 5000, "bound");
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = fuzz::view(data, size);
    std::vector<std::string> records(1);
    for (const char c : text) {
        if (c == '\n')
            records.emplace_back();
        else
            records.back().push_back(c);
    }
    for (const bool meant : {false, true}) {
        const auto txt = lint::txt_records(records, meant);
        check(txt.id.has_value(), txt.findings, "txt");
        const auto tlsrpt = lint::tlsrpt_records(records, meant);
        check(tlsrpt.record.has_value(), tlsrpt.findings, "tlsrpt");
    }
    check(lint::txt_text(text).id.has_value(), lint::txt_text(text).findings, "txt");
    return 0;
}
