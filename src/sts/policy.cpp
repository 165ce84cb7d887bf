#include "sts/policy.hpp"

#include "base/text.hpp"
#include "sts/lines.hpp"
#include "sts/match.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <tuple>
#include <vector>

namespace sts {

namespace {

using base::Reason;

constexpr std::size_t max_age_digits = 10; // RFC 8461 section 3.2: 1*10(DIGIT)

/// The first line with its key; later ones are ignored (section 3.2, last paragraph).
struct Field {
    std::string_view value;
    std::size_t line = 0; ///< 0: not there
    void take(std::string_view v, std::size_t number) {
        if (line == 0) *this = {v, number};
    }
};

struct MxFields {
    std::vector<MxPattern> patterns;
    std::size_t first_line = 0; ///< of any mx field; 0: there is none
    std::size_t bad_line = 0;   ///< of the first mx that is not a valid pattern; 0: all are valid

    void take(std::string_view value, std::size_t number) {
        if (first_line == 0) first_line = number;
        auto pattern = parse_mx(value);
        if (!pattern) {
            if (bad_line == 0) bad_line = number;
            return;
        }
        if (patterns.empty() || patterns.back() != *pattern) patterns.push_back(std::move(*pattern));
    }
};

/// Keeps the first of equal patterns, in the order of the file. Sorts instead of hashing: strangers choose the
/// names, and could choose them so that a hash table becomes slow.
void drop_repeated(std::vector<MxPattern>& patterns) {
    const auto less = [](const MxPattern* a, const MxPattern* b) {
        return std::tie(a->name, a->wildcard, a) < std::tie(b->name, b->wildcard, b);
    };
    std::vector<MxPattern*> sorted;
    sorted.reserve(patterns.size());
    for (MxPattern& pattern : patterns) sorted.push_back(&pattern);
    std::ranges::sort(sorted, less);
    std::vector<bool> repeated(patterns.size());
    for (std::size_t i = 1; i < sorted.size(); ++i)
        repeated[static_cast<std::size_t>(sorted[i] - patterns.data())] = *sorted[i] == *sorted[i - 1];
    std::size_t kept = 0;
    for (std::size_t i = 0; i < patterns.size(); ++i) {
        if (repeated[i]) continue;
        if (kept != i) patterns[kept] = std::move(patterns[i]);
        ++kept;
    }
    patterns.erase(patterns.begin() + static_cast<std::ptrdiff_t>(kept), patterns.end());
}

auto fail(Reason reason, std::size_t line, std::string_view problem) {
    return base::unexpected(PolicyError{reason, line, problem});
}

/// HTAB is white space. Every other control byte, such as NUL or a CR inside a line, means that the file is
/// damaged.
bool has_control_byte(std::string_view line) {
    return std::ranges::any_of(
        line, [](char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f; });
}

std::optional<Mode> mode_named(std::string_view name) {
    for (Mode mode : {Mode::none, Mode::testing, Mode::enforce})
        if (name == to_string(mode)) return mode;
    return std::nullopt;
}

std::optional<std::chrono::seconds> max_age_in(std::string_view digits) {
    if (digits.empty() || digits.size() > max_age_digits) return std::nullopt;
    std::int64_t number = 0;
    if (!std::ranges::all_of(digits, [](char c) { return c >= '0' && c <= '9'; })) return std::nullopt;
    std::from_chars(digits.data(), digits.data() + digits.size(), number);
    return std::min(std::chrono::seconds{number}, max_max_age);
}

} // namespace

std::string_view to_string(Mode mode) noexcept {
    switch (mode) {
    case Mode::none: return "none";
    case Mode::testing: return "testing";
    case Mode::enforce: return "enforce";
    }
    return "unknown";
}

base::Expected<Policy, PolicyError> parse_policy(std::string_view body) {
    Field version, mode, max_age;
    MxFields mx;
    bool any = false;

    Lines lines{body};
    while (const auto line = lines.next()) {
        const std::size_t number = lines.number();
        if (line->empty()) continue; // not in the ABNF, but common and harmless
        if (has_control_byte(*line)) return fail(Reason::policy_syntax, number, "control byte in the line");
        if (!base::valid_utf8(*line)) return fail(Reason::policy_syntax, number, "line is not UTF-8");
        const std::size_t colon = line->find(':');
        if (colon == std::string_view::npos)
            return fail(Reason::policy_syntax, number, "line without a colon");
        // White space before the colon is not in the ABNF; ignoring such a line could lose an mx.
        const std::string_view key = base::trim_wsp(line->substr(0, colon));
        const std::string_view value = base::trim_wsp(line->substr(colon + 1));
        if (key.empty()) return fail(Reason::policy_syntax, number, "line without a key");
        any = true;
        if (key == "version")
            version.take(value, number);
        else if (key == "mode")
            mode.take(value, number);
        else if (key == "max_age")
            max_age.take(value, number);
        else if (key == "mx")
            mx.take(value, number);
        // Everything else is an unknown field and SHALL be ignored, in any form.
    }
    if (!any) return fail(Reason::policy_syntax, 0, "file has no field");

    if (version.line == 0) return fail(Reason::policy_version, 0, "version is missing");
    if (version.value != "STSv1") return fail(Reason::policy_version, version.line, "version is not STSv1");

    Policy policy;
    if (mode.line == 0) return fail(Reason::policy_mode, 0, "mode is missing");
    const auto known_mode = mode_named(mode.value);
    if (!known_mode) return fail(Reason::policy_mode, mode.line, "mode is not enforce, testing or none");
    policy.mode = *known_mode;

    if (max_age.line == 0) return fail(Reason::policy_max_age, 0, "max_age is missing");
    const auto age = max_age_in(max_age.value);
    if (!age) return fail(Reason::policy_max_age, max_age.line, "max_age is not a number of 1 to 10 digits");
    policy.max_age = *age;

    // Section 8.3: a policy of mode none withdraws the one before it, so it must not be refused for a bad mx.
    if (policy.mode != Mode::none) {
        if (mx.first_line == 0) return fail(Reason::policy_mx_missing, 0, "mx is missing");
        if (mx.bad_line != 0)
            return fail(Reason::policy_mx_invalid, mx.bad_line, "mx is no host name and no *. pattern");
        if (std::ranges::all_of(mx.patterns, is_address))
            return fail(Reason::policy_mx_invalid, mx.first_line,
                        "mx has only addresses, which no MX host can match");
    }
    drop_repeated(mx.patterns);
    policy.mx = std::move(mx.patterns);
    return policy;
}

} // namespace sts
