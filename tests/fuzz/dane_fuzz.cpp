// Any answers, in any order, to the questions about a domain's DANE.
//
// The input is a script: an octet that picks a pending question, one for its result (failure,
// denial or records; with AD or not; through an alias or not), one for the TTL, and the records: a length
// octet before each. The last octet says which port, and whether there is an MX lookup.
#include "dane/verdict.hpp"

#include "fuzz.hpp"

#include <set>
#include <string>
#include <utility>
#include <vector>

namespace {

dane::Result result(fuzz::Script& script, const dane::Inquiry::Question& question) {
    const unsigned how = script.octet();
    if ((how & 7) == 0) return base::unexpected(base::Reason::dns_servfail);
    dns::Answer answer;
    answer.kind = (how & 3) == 1 ? dns::Answer::Kind::nodata : dns::Answer::Kind::data;
    answer.worth = (how & 7) == 4   ? dns::Worth::indeterminate
                   : (how & 4) != 0 ? dns::Worth::secure
                                    : dns::Worth::insecure;
    answer.canonical_name = (how & 8) != 0 ? "alias.example" : question.name;
    if ((how & 16) != 0) answer.ttl = std::chrono::seconds{script.octet() * 64};
    if (answer.kind == dns::Answer::Kind::data)
        for (unsigned n = 0; n <= how >> 5; ++n)
            answer.records.push_back(std::string{script.octets(script.octet() % 48)});
    return answer;
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::Script script(fuzz::view(data, size));
    const unsigned form = size > 0 ? data[size - 1] : 0;
    const dane::Destination destination{static_cast<std::uint16_t>((form & 1) != 0 ? 587 : 25),
                                        (form & 2) == 0};
    dane::Inquiry inquiry(*base::Domain::parse("example.org"), destination);
    std::vector<dane::Inquiry::Question> open;
    std::size_t asked = 0;
    bool mx_secure = !destination.mx, tlsa_secure_or_failed = false, any_failure = false;
    while (!inquiry.verdict()) {
        for (auto& question : inquiry.next()) {
            ++asked;
            open.push_back(std::move(question));
        }
        fuzz::require(!open.empty(), "a question or a verdict");
        const auto at = open.begin() + static_cast<std::ptrdiff_t>(script.octet() % open.size());
        const dane::Inquiry::Question question = std::move(*at);
        open.erase(at);
        fuzz::require(question.type != dns::Type::mx || destination.mx, "an MX lookup where there is one");
        fuzz::require(question.type != dns::Type::tlsa ||
                          question.name.starts_with('_' + std::to_string(destination.port) + "._tcp."),
                      "TLSA at the port");
        const dane::Result answer = result(script, question);
        const bool failed = dane::says_nothing(answer).has_value();
        any_failure = any_failure || failed;
        if (question.type == dns::Type::mx) mx_secure = answer && answer->secure();
        if (question.type == dns::Type::tlsa)
            tlsa_secure_or_failed = tlsa_secure_or_failed || failed ||
                                    (answer->secure() && answer->kind == dns::Answer::Kind::data);
        inquiry.take(question, answer);
    }
    const dane::Verdict& verdict = *inquiry.verdict();
    fuzz::require(asked <= 1 + 5 * dane::max_mx_hosts, "questions have their limit");
    fuzz::require(inquiry.next().empty(), "no question after the verdict");
    fuzz::require(verdict.advice != dane::Advice::dane_only || (mx_secure && tlsa_secure_or_failed),
                  "DANE needs a secure MX RRset, and a host with secure or failing TLSA");
    fuzz::require(!verdict.on_failures || (any_failure && verdict.ttl == dane::min_ttl),
                  "failures are short-lived");
    fuzz::require(verdict.advice != dane::Advice::no_verdict || verdict.on_failures,
                  "no verdict without a failure");
    fuzz::require(verdict.ttl >= dane::min_ttl && verdict.ttl <= dane::max_ttl, "the TTL keeps its limits");
    fuzz::require(verdict.why.size() <= dane::max_why && !verdict.why.empty(), "words, and not too many");
    for (const char c : verdict.why) fuzz::require(c >= 0x20 && c < 0x7f, "printable words");
    std::set<std::string> hosts(verdict.mx_hosts.begin(), verdict.mx_hosts.end());
    fuzz::require(hosts.size() == verdict.mx_hosts.size(), "each MX host once");
    return 0;
}
