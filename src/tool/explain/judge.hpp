// tool/explain/judge.hpp - evidence into a verdict: does mail flow, why, what to do, which delays to expect. Pure.
#pragma once

#include "tool/explain/evidence.hpp"
#include "tool/explain/predict.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace explain {

/// Something that keeps an older state of things for a while.
struct Delay {
    std::string what; ///< stable: "tls-session", "connection", "queue", "dns"
    seconds at_most{};
    std::string words;
    friend bool operator==(const Delay&, const Delay&) = default;
};

struct Verdict {
    std::optional<Prediction> prediction; ///< none: the daemon's answer is not known
    std::string words;                    ///< why the answer is what it is: one or more sentences
    std::vector<std::string> todo;        ///< what to do, most useful first; none: nothing
    std::vector<Delay> delays;
    std::string command; ///< shows it in the log; can be pasted
};

[[nodiscard]] Verdict judge(const Evidence& evidence);

/// An override applies that says which names the certificate may have.
[[nodiscard]] bool has_names_of_override(const Daemon& daemon);

/// Fills in which pattern admits each host of the live look: of the override when it applies, else of the policy.
void admit(Evidence& evidence);

/// What a reason of base/reason.hpp means, for a person; the word itself when it is not known here.
[[nodiscard]] std::string meaning(std::string_view reason);

} // namespace explain
