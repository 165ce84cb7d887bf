// tool/suggestions.hpp - suggests commands and options for a command line of stsmap(1) with a typing error.
#pragma once

#include <iosfwd>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace CLI {
class App;
}

namespace tool {

/// The word of the command line where a command should stand; "" when there is none. `valued`: options that
/// are followed by a value.
[[nodiscard]] std::string_view command_word(const std::vector<std::string>& arguments,
                                            std::span<const std::string_view> valued);

/// Says that `word` is not a command, which one may be meant, and which commands exist.
void suggest_command(std::string_view word, const std::vector<std::string_view>& commands, std::ostream& err);

/// After a failed parse(): makes a suggestion for every unknown option, and for an unknown command of a command.
void suggest_options(const CLI::App& app, std::ostream& err);

} // namespace tool
