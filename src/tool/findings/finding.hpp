// tool/findings/finding.hpp - what check, lint, publish and preview find: each kind has a stable id and one row here.
//
// man/stsmap-findings.7 is made from the rows; a test compares, and another looks that every id is used. An id never
// changes its meaning; "policy-..." is about the text of the policy, "txt-..." the _mta-sts record, "tlsrpt-..." the
// _smtp._tls record, "host-..." the policy host, "mx-..." mail servers, "dane-...", "dns-...", "publish-...".
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace findings {

enum class Severity : std::uint8_t {
    fine,    ///< worth knowing that it is right, e.g. "CRLF line ends are fine"
    note,    ///< no harm, and perhaps not what was meant
    warning, ///< works today, or only for some senders
    error,   ///< senders ignore the policy, or mail waits
};
[[nodiscard]] std::string_view to_string(Severity severity) noexcept;

struct Row {
    std::string_view id;
    Severity severity{};
    std::string_view title;  ///< one line, without a full stop
    std::string_view means;  ///< what it means: whole sentences
    std::string_view todo;   ///< what to do, for the owner of the domain; "" nothing
    std::string_view source; ///< "RFC 8461 section 3.2"; "" none
};

/// All rows, in the order of the manual.
[[nodiscard]] std::span<const Row> table();
/// nullptr: no such id.
[[nodiscard]] const Row* row(std::string_view id) noexcept;

/// One occurrence.
struct Finding {
    const Row* row = nullptr;         ///< never null
    std::string about;                ///< what it is about: "mx1.example.com", "192.0.2.1"; "" the whole
    std::string words;                ///< this case in one sentence, printable; "" the row's title says it
    std::size_t line = 0, column = 0; ///< of a text, from 1, in octets; 0: not about a place
    std::string quote;                ///< the line in question, raw, cut at max_quote
    std::string hint;                 ///< "did you mean \"mode: testing\"?"; "" none
    friend bool operator==(const Finding&, const Finding&) = default;
};
inline constexpr std::size_t max_quote = 200;

/// Throws std::logic_error for an id without a row.
[[nodiscard]] Finding found(std::string_view id);
[[nodiscard]] bool any_error(std::span<const Finding> findings) noexcept;

} // namespace findings
