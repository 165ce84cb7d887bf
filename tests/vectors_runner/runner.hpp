// tests/vectors_runner/runner.hpp - runs a folder of vector files through the real code.
//
// One function per file name; main.cpp holds the table. A vector passes when the code's outcome is the
// expected one or, where the vector is ambiguous, any acceptable one.
#pragma once

#include <nlohmann/json.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace vectors {

using nlohmann::json;

/// Collects outcomes of one file; prints a line for each failure.
class Report {
public:
    explicit Report(std::string file) : file_(std::move(file)) {}
    void pass(const json& vector);
    /// `why` is printed on the failing vector's line: what was expected, what came.
    void fail(const json& vector, std::string_view why);
    [[nodiscard]] std::size_t passed() const noexcept { return passed_; }
    [[nodiscard]] std::size_t failed() const noexcept { return failed_; }

private:
    std::string file_;
    std::size_t passed_ = 0, failed_ = 0;
};

/// expect and, for an ambiguous vector, every acceptable entry.
[[nodiscard]] std::vector<json> outcomes(const json& vector);

/// Standard base64; throws std::invalid_argument for anything else.
[[nodiscard]] std::string from_base64(std::string_view text);
/// A vector's octets: a plain JSON string, or {"b64": "..."}.
[[nodiscard]] std::string octets(const json& value);

void run_txt_records(const json& vectors, Report& report);
void run_policies(const json& vectors, Report& report);
void run_mx_match(const json& vectors, Report& report);
void run_postfix_reply(const json& vectors, Report& report);
void run_http_responses(const json& vectors, Report& report);
void run_tls_fetch(const json& vectors, Report& report);
void run_tlsrpt_records(const json& vectors, Report& report);
void run_scenario(const json& vectors, Report& report);

} // namespace vectors
