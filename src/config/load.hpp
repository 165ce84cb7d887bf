// config/load.hpp - file and environment -> Config, or every mistake in them at once.
//
// The environment takes precedence over the file, the file over the defaults. parse() is pure; load() reads
// one file.
#pragma once

#include "base/expected.hpp"
#include "config/config.hpp"

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace config {

inline constexpr std::string_view default_file = "/etc/stsmapd/stsmapd.toml";
/// Names the file when the command line does not; the one STSMAPD_ variable that is no option.
inline constexpr std::string_view file_variable = "STSMAPD_CONFIG";
/// No sensible configuration is longer, in bytes.
inline constexpr std::size_t max_file_size = 1 << 20;

/// One mistake: where, and what to do about it.
struct Problem {
    std::string source;            ///< the file's name, or "environment"
    unsigned line = 0, column = 0; ///< from 1; 0: the source as a whole
    std::string words;
    friend bool operator==(const Problem&, const Problem&) = default;
};
/// "FILE:LINE:COLUMN: words", one line, printable.
[[nodiscard]] std::string to_string(const Problem& problem);

/// Where a value came from.
struct Origin {
    std::string source;            ///< the file's name, or "environment STSMAPD_..."
    unsigned line = 0, column = 0; ///< from 1; 0 for the environment
    friend bool operator==(const Origin&, const Origin&) = default;
};
/// By option path. An option that is not in it has its default.
using Origins = std::map<std::string, Origin, std::less<>>;

struct Loaded {
    Config config;
    Origins origins;
    std::vector<Origin> overrides_at; ///< of each of config.overrides
    [[nodiscard]] bool is_set(std::string_view path) const { return origins.contains(path); }
};

/// Whether Kubernetes or a Docker link sets this variable in containers next to a service named stsmapd:
/// STSMAPD_PORT, STSMAPD_PORT_*, STSMAPD_SERVICE_*, STSMAPD_NAME, STSMAPD_ENV_*. They are not options, and
/// are ignored.
[[nodiscard]] bool is_injected(std::string_view variable) noexcept;

/// Variables of the environment that begin with STSMAPD_.
using Environment = std::map<std::string, std::string, std::less<>>;
/// Picks them from a block such as `environ` (ends with a null pointer).
[[nodiscard]] Environment environment(const char* const* block);

/// Problems come in the order of the file, those of the environment last. A syntax error ends the reading of
/// the file.
[[nodiscard]] base::Expected<Loaded, std::vector<Problem>>
parse(std::string_view text, const std::string& file, const Environment& variables);

/// As parse() on a file's content. A file that does not exist is a problem when `must_exist`, else it is
/// empty.
[[nodiscard]] base::Expected<Loaded, std::vector<Problem>> load(const std::string& file, bool must_exist,
                                                                const Environment& variables);

} // namespace config
