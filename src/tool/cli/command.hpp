// tool/cli/command.hpp - what each command of stsmap(1) is to the command line: its options, and its run.
//
// A command's options stand beside the command, in a class of its own; the one list of all is in tool/tool.cpp.
#pragma once

#include "base/clock.hpp"
#include "base/exit_status.hpp"
#include "base/expected.hpp"
#include "tool/show/times.hpp"

#include <functional>
#include <iosfwd>
#include <memory>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace tool {

/// The options before the command, as given: of `socket` and `config` at most one is not empty.
struct CommonOptions {
    std::string socket;  ///< where Postfix asks the daemon: "unix:/path" or "tcp:host:port"
    std::string config;  ///< the daemon's configuration file
    std::string control; ///< the path of its control socket
};

/// Where the daemon with this configuration file listens (empty: the default file), or what is wrong with the
/// file. Unix sockets are tried before TCP, otherwise in this order.
using FindAddresses =
    std::function<base::Expected<std::vector<std::string>, std::string>(const std::string& file)>;
/// The path of its control socket.
using FindControl = std::function<base::Expected<std::string, std::string>(const std::string& file)>;

/// What a run of the tool has besides its arguments.
struct World {
    std::istream& in;
    std::ostream& out;
    std::ostream& err;
    FindAddresses find_addresses{};
    FindControl find_control{};
    std::string by{}; ///< SUDO_USER; "" nobody
    bool out_is_terminal = false;
    bool err_is_terminal = false;
    std::function<base::Instant()> now{};
    Zone zone{};
};

class Command {
public:
    Command() = default;
    Command(const Command&) = delete;
    Command& operator=(const Command&) = delete;
    virtual ~Command() = default;
    /// Adds its options to its subcommand; once.
    virtual void add_options(CLI::App& app) = 0;
    /// After the command line has been taken apart.
    [[nodiscard]] virtual base::Exit run(const CommonOptions& common, World& world) = 0;
};

/// CLI11 reads "[a]" as a list and removes the brackets, but they have a meaning in a next hop: so they are guarded
/// before it sees them, and the guard goes afterwards.
void guard_brackets(std::string& argument);
void unguard_brackets(std::string& argument);

} // namespace tool
