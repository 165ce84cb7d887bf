// tlsrpt_records.json: the TXT RRset at _smtp._tls.<domain>, or a failed question -> where reports go, or none.
#include "tlsrpt/record.hpp"
#include "vectors_runner/runner.hpp"

#include <algorithm>

namespace vectors {

namespace {

using base::Reason;

/// What became of the question: the records, or "temperror".
json outcome_of(const json& input) {
    const std::string rcode = input.at("rcode").get<std::string>();
    json got = json::object();
    if (rcode != "NOERROR" && rcode != "NXDOMAIN") {
        got["result"] = "temperror";
        return got;
    }
    std::vector<std::string> records;
    for (const json& rr : input.at("rr")) {
        std::string joined;
        for (const json& part : rr) joined += octets(part);
        records.push_back(std::move(joined));
    }
    const auto record = tlsrpt::find_record(records);
    if (record) {
        got["result"] = "rua";
        got["rua"] = record->rua;
        return got;
    }
    got["result"] = record.error() == Reason::no_record         ? "none"
                    : record.error() == Reason::record_multiple ? "multiple"
                                                                : "invalid";
    return got;
}

} // namespace

void run_tlsrpt_records(const json& vectors, Report& report) {
    for (const json& vector : vectors) {
        try {
            const json got = outcome_of(vector.at("input"));
            const auto wanted = outcomes(vector);
            if (std::ranges::find(wanted, got) != wanted.end())
                report.pass(vector);
            else
                report.fail(vector, "expected " + vector.at("expect").dump() + ", got " + got.dump());
        } catch (const std::exception& e) {
            report.fail(vector, e.what());
        }
    }
}

} // namespace vectors
