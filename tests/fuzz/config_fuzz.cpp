// Fuzz target: any bytes as a configuration file. What loads must dump to a file that loads to the same.
// The bytes after the first NUL, if any, are taken as the value of a variable.
#include "config/document.hpp"
#include "config/load.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view input{reinterpret_cast<const char*>(data), size};
    const auto end = std::min(input.find('\0'), size);
    config::Environment variables;
    if (end < size) variables["STSMAPD_LISTEN"] = input.substr(end + 1);
    const auto loaded = config::parse(input.substr(0, end), "fuzz.toml", variables);
    if (!loaded) {
        if (loaded.error().empty()) std::abort();
        for (const config::Problem& problem : loaded.error())
            if (config::to_string(problem).find('\n') != std::string::npos) std::abort();
        return 0;
    }
    const auto again = config::parse(config::dump(*loaded), "dump.toml", {});
    if (!again || again->config != loaded->config) std::abort();
    return 0;
}
