// txt_records.json: the TXT RRset at _mta-sts.<domain>, or a failed question -> the policy's id, or none.
#include "lookup/record_outcome.hpp"
#include "vectors_runner/runner.hpp"

#include <algorithm>

namespace vectors {

namespace {

using base::Reason;

/// The resolver's result for a response code; it has already followed CNAMEs.
dns::Result answer_of(const json& input) {
    const std::string rcode = input.at("rcode").get<std::string>();
    dns::Answer answer;
    if (rcode == "TIMEOUT") return base::unexpected(Reason::dns_timeout);
    if (rcode == "REFUSED") return base::unexpected(Reason::dns_refused);
    if (rcode == "NXDOMAIN") {
        answer.kind = dns::Answer::Kind::nxdomain;
        return answer;
    }
    if (rcode != "NOERROR") return base::unexpected(Reason::dns_servfail);
    for (const json& rr : input.at("rr")) {
        std::string joined;
        for (const json& part : rr) joined += octets(part);
        answer.records.push_back(std::move(joined));
    }
    answer.kind = answer.records.empty() ? dns::Answer::Kind::nodata : dns::Answer::Kind::data;
    return answer;
}

std::string word_for(Reason reason) {
    if (base::is_dns_failure(reason)) return "temperror";
    switch (reason) {
    case Reason::no_record: return "none";
    case Reason::record_multiple: return "multiple";
    case Reason::record_invalid: return "invalid";
    default: return std::string{base::to_string(reason)};
    }
}

} // namespace

void run_txt_records(const json& vectors, Report& report) {
    for (const json& vector : vectors) {
        try {
            const auto id = lookup::record_outcome(answer_of(vector.at("input")));
            json got = json::object();
            got["result"] = id ? "id" : word_for(id.error());
            if (id) got["id"] = *id;
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
