#include "dane/validation.hpp"

#include "base/text.hpp"

namespace dane {
namespace {

std::string shown(std::string_view name) { return name.empty() ? "the root" : base::printable(name, 100); }

} // namespace

std::string_view to_string(Validation::State state) noexcept {
    switch (state) {
    case Validation::State::yes: return "yes";
    case Validation::State::no: return "no";
    case Validation::State::unknown: break;
    }
    return "unknown";
}

Validation judge_validation(std::string_view signed_name, const Result& from_signed,
                            std::string_view broken_name, const std::optional<Result>& from_broken) {
    using State = Validation::State;
    const std::string signed_is = shown(signed_name) + ", which is signed, ";
    if (!from_signed)
        return {State::unknown, "the lookup for " + signed_is +
                                    "failed: " + std::string{base::to_string(from_signed.error().reason)}};
    if (from_signed->kind != dns::Answer::Kind::data)
        return {State::unknown, signed_is + "is answered without its SOA, which proves nothing"};
    if (from_signed->worth == dns::Worth::indeterminate)
        return {State::unknown, signed_is + "is answered without AD, but could not be asked for with DO"};
    if (!from_signed->secure()) return {State::no, signed_is + "is answered without AD"};
    if (!from_broken) return {State::yes, shown(signed_name) + " is answered with AD"};
    if (from_broken->has_value())
        return {State::no, shown(broken_name) + ", whose signature is broken, is answered"};
    const base::Reason reason = from_broken->error().reason;
    if (reason != base::Reason::dns_servfail)
        return {State::unknown,
                "the lookup for " + shown(broken_name) +
                    ", whose signature is broken, failed: " + std::string{base::to_string(reason)}};
    return {State::yes, shown(signed_name) + " is answered with AD, " + shown(broken_name) +
                            ", whose signature is broken, is not"};
}

Validation together(const std::vector<ServerFinding>& findings) {
    using State = Validation::State;
    Validation all;
    all.state = State::no;
    for (const State state : {State::yes, State::unknown, State::no}) {
        for (const ServerFinding& each : findings) {
            const bool counts = each.trusted ? each.validation.state == state : state == State::no;
            if (!counts) continue;
            all.state = state;
            if (!all.why.empty()) all.why += "; ";
            all.why += each.server + ": " +
                       (each.trusted ? each.validation.why : "its word is not believed (dns.trust_ad)");
        }
        if (!all.why.empty()) return all;
    }
    all.state = State::unknown;
    all.why = "there is no name server";
    return all;
}

Validation Activation::take(Validation found) {
    using State = Validation::State;
    if (found.state == State::unknown) return found;
    const bool yes = found.state == State::yes;
    if (!first_) first_ = yes;
    if (yes && !*first_) return {State::no, "validates now; reload after stsmap postfix-setup"};
    return found;
}

} // namespace dane
