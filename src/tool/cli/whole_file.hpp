// tool/cli/whole_file.hpp - a file that is named on the command line, or standard input, read in one piece.
#pragma once

#include <cstddef>
#include <iosfwd>
#include <optional>
#include <string>

namespace tool {

/// `name`: "-" is `standard`. At most `limit` octets, and one more when there are more; nullopt: it cannot be read.
[[nodiscard]] std::optional<std::string> whole_file(const std::string& name, std::istream& standard,
                                                    std::size_t limit);

} // namespace tool
