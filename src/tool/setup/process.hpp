// tool/setup/process.hpp - runs another program and takes what it prints.
//
// Blocking. Standard input is /dev/null, LC_ALL is C. At the limit of time the program and its children are
// killed. A program without a slash is looked for in PATH, then in the sbin folders, which users' PATH leaves
// out.
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

/// In `folder`, "" for ours. The error is words for an operator: not there, took too long, printed too much.
[[nodiscard]] base::Expected<Ran, std::string> run_program(const std::vector<std::string>& command,
                                                           std::chrono::milliseconds limit,
                                                           const std::string& folder = {});

/// The last two lines of what a program complained of, printable and cut; "" for none. Postfix's programs
/// name the cause in the line before the last.
[[nodiscard]] std::string last_words(const Ran& ran);
/// A program of Postfix's failed and says so: warnings alone say nothing about why it ends with another
/// status.
[[nodiscard]] bool failed_by_its_words(const Ran& ran);

} // namespace setup
