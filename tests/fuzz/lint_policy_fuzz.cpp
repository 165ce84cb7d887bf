// Lint of a policy: an error if and only if senders cannot use it; places are places of the text.
#include "fuzz.hpp"

#include "tool/findings/show.hpp"
#include "tool/lint/policy_text.hpp"

#include <algorithm>

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view body = fuzz::view(data, size);
    const auto look = lint::policy_text(body);
    fuzz::require(!look.findings.empty(), "something is said");
    fuzz::require(look.usable != findings::any_error(look.findings),
                  "an error means that senders cannot use it");
    fuzz::require(look.findings.size() < 500, "the list has a bound");
    const auto lines = static_cast<std::size_t>(std::ranges::count(body, '\n')) + 1;
    for (const findings::Finding& one : look.findings) {
        fuzz::require(one.line <= lines, "the line is there");
        fuzz::require(one.column <= body.size() + 1, "the column is there");
        const std::string text = findings::shown_in("x", one);
        fuzz::require(std::ranges::none_of(text, [](char c) { return c != '\n' && c >= 0 && c < 0x20; }),
                      "nothing moves the cursor");
        fuzz::require(text.size() < 5000, "what is shown has a bound");
    }
    return 0;
}
