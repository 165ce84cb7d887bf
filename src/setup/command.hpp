// setup/command.hpp - `stsmap postfix-setup`: shows the plan, carries it out, or takes it back.
#pragma once

#include "setup/host.hpp"
#include "setup/survey.hpp"

#include <iosfwd>

namespace setup {

/// The exit status, as in stsmap(1).
enum class Exit {
    done = 0,       ///< shown, applied, taken back, or nothing to do
    refused = 1,    ///< nothing was changed, or it was put back, for the reasons printed
    no_postfix = 3, ///< Postfix is not there, or cannot be asked
    changed = 4,    ///< main.cf is changed, and Postfix has not been reloaded
};

struct CommandOptions {
    enum class Action { show, apply, undo } action = Action::show;
    bool reload = false; ///< `postfix reload` after a change
    Wishes wishes;
    SurveyOptions survey;
};

[[nodiscard]] Exit postfix_setup(const CommandOptions& options, Host& host, std::ostream& out,
                                 std::ostream& err);

} // namespace setup
