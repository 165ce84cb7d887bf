// mx_match.json: does an mx pattern from a policy match an MX host name from DNS?
#include "sts/match.hpp"
#include "vectors_runner/runner.hpp"

#include <algorithm>

namespace vectors {

void run_mx_match(const json& vectors, Report& report) {
    for (const json& vector : vectors) {
        try {
            const auto pattern = sts::parse_mx(octets(vector.at("pattern")));
            const bool got = pattern && sts::matches(*pattern, octets(vector.at("host")));
            json same = vector; // this file calls the expected outcome "match"
            same["expect"] = vector.at("match");
            const auto wanted = outcomes(same);
            if (std::ranges::find(wanted, json(got)) != wanted.end())
                report.pass(vector);
            else
                report.fail(vector, got ? "expected no match, got one" : "expected a match, got none");
        } catch (const std::exception& e) {
            report.fail(vector, e.what());
        }
    }
}

} // namespace vectors
