// Any bytes as a configuration file, and after the first NUL, if any, as a process's environment (NAME=VALUE,
// separated by NUL). If it loads, its dump must load to the same configuration.
#include "fuzz.hpp"

#include "config/document.hpp"
#include "config/load.hpp"

#include <string>
#include <vector>

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::Script input(fuzz::view(data, size));
    const std::string_view text = input.until('\0');
    std::vector<std::string> strings;
    while (!input.empty()) strings.emplace_back(input.until('\0'));
    std::vector<const char*> block;
    for (const std::string& one : strings) block.push_back(one.c_str());
    block.push_back(nullptr);
    const config::Environment variables = config::environment(block.data());
    for (const auto& [name, value] : variables)
        fuzz::require(name.starts_with("STSMAPD_") && name.find('=') == name.npos, "only variables of ours");

    const auto loaded = config::parse(text, "fuzz.toml", variables);
    if (!loaded) {
        fuzz::require(!loaded.error().empty(), "no failure without a problem");
        for (const config::Problem& problem : loaded.error())
            fuzz::require(fuzz::is_printable(config::to_string(problem)), "one printable line a problem");
        return 0;
    }
    const auto again = config::parse(config::dump(*loaded), "dump.toml", {});
    fuzz::require(again && again->config == loaded->config, "what was loaded can be dumped and loaded");
    return 0;
}
