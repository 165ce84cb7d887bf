#include "tool/cli/command.hpp"

namespace tool {

namespace {
constexpr char bracket_guard = '\x01';
}

void guard_brackets(std::string& argument) {
    if (argument.starts_with('[')) argument.insert(argument.begin(), bracket_guard);
}

void unguard_brackets(std::string& argument) {
    if (argument.starts_with(bracket_guard)) argument.erase(0, 1);
}

} // namespace tool
