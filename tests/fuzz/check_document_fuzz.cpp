// Any octets as a document for `stsmap check --from`: refused with one printable line that names the place, or judged and
// printed in printable lines of bounded width; and what is written for it is read again as the same.
#include "fuzz.hpp"

#include "tool/check/document.hpp"
#include "tool/check/judge.hpp"
#include "tool/check/judge_document.hpp"
#include "tool/check/print.hpp"

#include <sstream>
#include <string>

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace check;
    const auto evidence = read_evidence(fuzz::view(data, size));
    if (!evidence) {
        fuzz::require(!evidence.error().empty() && fuzz::is_printable(evidence.error()), "one printable line");
        return 0;
    }
    const Judgement judgement = judge(*evidence);
    fuzz::require(!judgement.verdict.words.empty(), "a verdict has words");
    fuzz::require(judgement.hosts.size() == evidence->mx.size(), "each host has a result");
    fuzz::require(judgement.verdict.outcome != Outcome::waits || !judgement.verdict.deferred.empty(),
                  "mail waits in Postfix's words");
    std::ostringstream page;
    print(*evidence, judgement, {.colour = false, .zone = [](base::Instant) { return base::seconds{0}; }}, page);
    for (const char c : page.str())
        fuzz::require(c == '\n' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f), "no control character");

    Json object = to_json(*evidence);
    put_judgement(object, judgement);
    const std::string written = object.dump(-1, ' ', true, Json::error_handler_t::replace);
    const auto again = read_evidence(written);
    if (!again) { // longer than a document may be: what was read had less of blanks and defaults
        fuzz::require(written.size() > max_document, "what is written can be read");
        return 0;
    }
    fuzz::require(judge(*again) == judgement, "judged the same again");
    return 0;
}
