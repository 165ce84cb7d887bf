// tool/check/command_line.hpp - `stsmap check`: its options, and from evidence to output and exit status.
#pragma once

#include "base/expected.hpp"
#include "tool/check/run.hpp"
#include "tool/cli/command.hpp"

#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

namespace check {

/// What the command asks for.
struct Wanted {
    std::vector<Target> targets;
    bool smtp = true, every_address = false;
    std::size_t a_minute = Manners::all_a_minute;
    std::string postfix_directory; ///< as postfix -c; "": the default
    std::string service;           ///< of master.cf, "smtp/unix"; "": that for recipients' domains
    std::stop_token stop{};
    std::function<void(const Progress&)> progress{};
    std::function<void(Evidence)> found;
};
/// Looks from this host. False: it was stopped. The error is about the configuration, in words.
using Collect = std::function<base::Expected<bool, std::string>(const tool::CommonOptions&, const Wanted&,
                                                                const tool::World&)>;

[[nodiscard]] std::unique_ptr<tool::Command> command(Collect collect);

/// "12 of 1,000 domains, 34 connections, 5 hosts wait for their turn": at most 79 columns.
[[nodiscard]] std::string progress_text(const Progress& progress);

} // namespace check
