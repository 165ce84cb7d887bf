// config/document.hpp - the option table as text: the example file, the manual's option list, --dump-config.
// Pure.
#pragma once

#include "config/load.hpp"

#include <string>

namespace config {

/// conf/stsmapd.toml: every option with its help, defaults commented out. Ends with a newline.
[[nodiscard]] std::string example();

/// The option list of stsmapd.toml(5) in mdoc(7), for the place between its markers. Ends with a newline.
[[nodiscard]] std::string man_fragment();

/// The values in effect as a configuration file that reads back to the same Config, each with a comment that
/// says where it came from. Ends with a newline.
[[nodiscard]] std::string dump(const Loaded& loaded);

} // namespace config
