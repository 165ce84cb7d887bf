// stsmap(1) - the command-line tool.
#include "tool/tool.hpp"
#include "tool/tool_commands.hpp"

#include <chrono>
#include <cstdlib>
#include <iostream>

#include <unistd.h>

int main(int argc, char** argv) {
    const char* const sudo_user = std::getenv("SUDO_USER");
    tool::World world{
        .in = std::cin,
        .out = std::cout,
        .err = std::cerr,
        .find_addresses = app::find_addresses,
        .find_control = app::find_control,
        .by = sudo_user == nullptr ? "" : sudo_user,
        .out_is_terminal = ::isatty(STDOUT_FILENO) == 1,
        .err_is_terminal = ::isatty(STDERR_FILENO) == 1,
        .now = [] { return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()); },
        .zone = tool::local_zone(),
    };
    return tool::run_tool(std::vector<std::string>(argv + 1, argv + argc), world, app::tool_commands());
}
