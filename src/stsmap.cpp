// stsmap(1) - the command-line tool.
#include "config/load.hpp"
#include "tool/tool.hpp"
#include "tool/tool_commands.hpp"

#include <iostream>

#include <unistd.h>

namespace {

/// Where the daemon listens according to its configuration.
base::Expected<std::vector<std::string>, std::string> listen_addresses(const std::string& file) {
    const bool given = !file.empty();
    const auto loaded =
        config::load(given ? file : std::string(config::default_file), given, config::environment(environ));
    if (!loaded) return base::unexpected(to_string(loaded.error().front()));
    return app::listen_addresses(loaded->config);
}

} // namespace

int main(int argc, char** argv) {
    return tool::run_tool(std::vector<std::string>(argv + 1, argv + argc), listen_addresses, std::cin,
                          std::cout, std::cerr, app::tool_commands());
}
