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
    if (!from_signed)
        return {State::unknown, "the lookup for " + shown(signed_name) + ", which is signed, failed: " +
                                    std::string{base::to_string(from_signed.error().reason)}};
    if (!from_signed->secure())
        return {State::no, shown(signed_name) + ", which is signed, is answered without a trusted AD bit"};
    if (!from_broken) return {State::yes, shown(signed_name) + " is answered with a trusted AD bit"};
    if (from_broken->has_value())
        return {State::no, shown(broken_name) + ", whose signature is broken, is answered"};
    const base::Reason reason = from_broken->error().reason;
    if (reason != base::Reason::dns_servfail)
        return {State::unknown,
                "the lookup for " + shown(broken_name) +
                    ", whose signature is broken, failed: " + std::string{base::to_string(reason)}};
    return {State::yes, shown(signed_name) + " is answered with a trusted AD bit, " + shown(broken_name) +
                            ", whose signature is broken, is not"};
}

} // namespace dane
