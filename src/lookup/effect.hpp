// lookup/effect.hpp - what an override or observing does to one answer, for the log and for observe's sums. Pure.
#pragma once

#include "decision/decide.hpp"

#include <string_view>

namespace lookup {

struct Effect {
    /// There is something to count or to tell; otherwise the members below have no meaning.
    bool any = false;
    bool observed = false;                           ///< `would` has to be counted
    bool is_other = false;                           ///< `would` is another than the answer
    decision::Kind would{};                          ///< the answer without it
    const decision::Override* by = nullptr;          ///< the override that gave the answer
    const decision::Override* weakened_by = nullptr; ///< the answer gives less than `would`, by this override

    /// For the log; "" when it is the same.
    [[nodiscard]] std::string_view would_word() const noexcept {
        return is_other ? to_string(would) : std::string_view{};
    }
};

/// Allocates nothing.
[[nodiscard]] inline Effect effect_of(const decision::Decision& made, const decision::Facts& facts) {
    using decision::Rule;
    const Rule rule = made.why.applied().rule;
    if (rule != Rule::exception && rule != Rule::observe) return {};
    Effect effect;
    effect.any = true;
    if (rule == Rule::exception) effect.by = facts.exception;
    if (made.hidden == made.answer) return effect;
    effect.is_other = true;
    effect.would = kind_of(made.hidden);
    if (rule == Rule::exception && weakens(*facts.exception, made.hidden))
        effect.weakened_by = facts.exception;
    // Our own failure says nothing about what enforcing would do to the domain's mail.
    effect.observed = !std::holds_alternative<decision::NoOpinion>(made.hidden) &&
                      !std::holds_alternative<decision::TryLater>(made.hidden) &&
                      (rule == Rule::observe || facts.exception->action == decision::Action::observe);
    return effect;
}

} // namespace lookup
