// tool/check/store.hpp - evidence in a folder: a file a domain, for --save and --from.
#pragma once

#include "base/expected.hpp"
#include "tool/check/evidence.hpp"

#include <istream>
#include <string>
#include <vector>

namespace check {

/// The file's name in the folder: "example.com.json".
[[nodiscard]] std::string file_name(const std::string& domain);

/// Makes the folder if there is none. The error is words for a person.
[[nodiscard]] base::Expected<void, std::string> prepare_folder(const std::string& folder);
/// Replaces the domain's file as a whole, or leaves it as it is.
[[nodiscard]] base::Expected<void, std::string> save(const std::string& folder, const Evidence& evidence);

/// The files to read: those of a folder whose names end with .json, sorted; or the one file; "-" is standard input.
[[nodiscard]] base::Expected<std::vector<std::string>, std::string> saved_files(const std::string& place);
/// The evidence in a file: one object, or one a line. `found`: for each, in order. The error names the line.
[[nodiscard]] base::Expected<std::vector<Evidence>, std::string> load(const std::string& file, std::istream& standard);

} // namespace check
