// stsmap(1) - the command-line tool.
#include "control/tool.hpp"

#include <iostream>

int main(int argc, char** argv) {
    const auto find_addresses =
        [](const std::string& file) -> base::Expected<std::vector<std::string>, std::string> {
        if (!file.empty()) return base::unexpected("cannot read " + file + ": give --socket ADDRESS");
        return std::vector<std::string>{"unix:/var/spool/postfix/stsmapd/socketmap", "tcp:127.0.0.1:8461"};
    };
    return control::run_tool(std::vector<std::string>(argv + 1, argv + argc), find_addresses, std::cin, std::cout,
                             std::cerr);
}
