// tool/setup/process.hpp - runs another program and returns what it prints.
//
// Blocking. Standard input is /dev/null, LC_ALL is C. At the time limit the program and its children are
// killed. A program without a slash is searched in PATH, then in the sbin folders, which are not in users' PATH.
#pragma once

#include "base/expected.hpp"

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

namespace setup {

struct Ran {
    int status = 0; ///< its exit status; 128 + the signal that ended it
    std::string out, err;
};

/// Of each of the two streams; more is an error.
inline constexpr std::size_t max_program_output = 1 << 20;

/// Runs it in `folder`, "" for ours. The error is a message for an operator: no such program, took too long,
/// printed too much.
[[nodiscard]] base::Expected<Ran, std::string> run_program(const std::vector<std::string>& command,
                                                           std::chrono::milliseconds limit,
                                                           const std::string& folder = {});

/// The last two lines of a program's complaints, printable and cut; "" for none. Postfix's programs name the
/// cause in the line before the last.
[[nodiscard]] std::string last_words(const Ran& ran);
/// A program of Postfix failed and says so. Warnings alone do not explain a bad exit status.
[[nodiscard]] bool failed_by_its_words(const Ran& ran);

} // namespace setup
