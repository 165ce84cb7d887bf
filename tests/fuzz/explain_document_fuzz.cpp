// Any octets as a document for `stsmap explain --from`: refused with one printable line that names the place, or judged
// and printed in printable lines of bounded length; and what is written for it is read again as the same.
#include "fuzz.hpp"

#include "tool/explain/document.hpp"
#include "tool/explain/judge.hpp"
#include "tool/explain/print.hpp"

#include <sstream>
#include <string>

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace explain;
    const auto document = parse_document(fuzz::view(data, size));
    if (!document) {
        fuzz::require(fuzz::is_printable(document.error()), "one printable line");
        return 0;
    }
    auto evidence = read_evidence(*document);
    if (!evidence) {
        fuzz::require(!evidence.error().empty() && fuzz::is_printable(evidence.error()),
                      "one printable line");
        return 0;
    }
    admit(*evidence);
    const Verdict verdict = judge(*evidence);
    fuzz::require(fuzz::is_printable(verdict.command), "a command that can be pasted");
    std::ostringstream page;
    print(*evidence, verdict, {.colour = false, .zone = [](Instant) { return seconds{0}; }}, page);
    for (const char c : page.str())
        fuzz::require(c == '\n' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f),
                      "no control character");

    const std::string written =
        to_json(*evidence, verdict).dump(-1, ' ', false, Json::error_handler_t::replace);
    const auto again = parse_document(written);
    if (!again) { // longer than a document may be: what was read had less of blanks and defaults
        fuzz::require(written.size() > max_document, "what is written can be read");
        return 0;
    }
    auto same = read_evidence(*again);
    fuzz::require(same.has_value(), "what is written can be read");
    admit(*same);
    fuzz::require(same->daemon == evidence->daemon && same->live == evidence->live &&
                      same->postfix == evidence->postfix,
                  "the same evidence");
    return 0;
}
