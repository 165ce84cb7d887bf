// policies.json: the body of mta-sts.txt -> the policy, or none.
#include "base/text.hpp"
#include "sts/policy.hpp"
#include "vectors_runner/runner.hpp"

#include <algorithm>

namespace vectors {

namespace {

/// Compares mx lists in order, in lower case and without duplicates.
std::vector<std::string> distinct(const json& mx) {
    std::vector<std::string> out;
    for (const json& item : mx) {
        std::string name = base::ascii_lower(item.get<std::string>());
        if (std::ranges::find(out, name) == out.end()) out.push_back(std::move(name));
    }
    return out;
}

bool agrees(const json& want, const base::Expected<sts::Policy, sts::PolicyError>& got) {
    if (want.at("result") == "error") return !got; // the class is only a suggestion
    if (!got || want.at("mode") != sts::to_string(got->mode) || want.at("max_age") != got->max_age.count())
        return false;
    std::vector<std::string> mx;
    for (const sts::MxPattern& p : got->mx) mx.push_back((p.wildcard ? "*." : "") + p.name);
    return distinct(want.at("mx")) == mx;
}

std::string describe(const base::Expected<sts::Policy, sts::PolicyError>& got) {
    if (!got)
        return "error " + std::string{base::to_string(got.error().reason)} + " in line " +
               std::to_string(got.error().line) + " (" + std::string{got.error().problem} + ")";
    std::string out =
        "ok " + std::string{sts::to_string(got->mode)} + " " + std::to_string(got->max_age.count());
    for (const sts::MxPattern& p : got->mx) out += (p.wildcard ? " *." : " ") + p.name;
    return out;
}

} // namespace

void run_policies(const json& vectors, Report& report) {
    for (const json& vector : vectors) {
        try {
            const auto got = sts::parse_policy(from_base64(vector.at("body_b64").get<std::string>()));
            const auto wanted = outcomes(vector);
            if (std::ranges::any_of(wanted, [&](const json& want) { return agrees(want, got); }))
                report.pass(vector);
            else
                report.fail(vector,
                            base::printable(
                                "expected " + vector.at("expect").dump() + ", got " + describe(got), 1000));
        } catch (const std::exception& e) {
            report.fail(vector, e.what());
        }
    }
}

} // namespace vectors
