// tool/setup/command.hpp - `stsmap postfix-setup`: shows the plan, carries it out, or takes it back.
#pragma once

#include "base/exit_status.hpp"
#include "tool/setup/host.hpp"
#include "tool/setup/survey.hpp"

#include <iosfwd>

namespace setup {

struct CommandOptions {
    enum class Action { show, apply, undo } action = Action::show;
    bool reload = false; ///< `postfix reload` after a change
    Wishes wishes;
    SurveyOptions survey;
};

/// Returns `done`; `trouble` when nothing was changed, or the change was undone, for the reasons printed;
/// `unreachable` when Postfix is not installed or cannot be asked; `changed` when Postfix was not reloaded
/// after a change.
[[nodiscard]] base::Exit postfix_setup(const CommandOptions& options, Host& host, std::ostream& out,
                                       std::ostream& err);

} // namespace setup
