// tool/publish/folder.hpp - the folder of --out: the files that are proposed, and the history.
#pragma once

#include "base/expected.hpp"
#include "tool/publish/files.hpp"
#include "tool/publish/history.hpp"

#include <string>
#include <vector>

namespace publish {

/// "served.json"; an empty history when there is none. The errors are words for a person.
[[nodiscard]] base::Expected<History, std::string> load_history(const std::string& folder,
                                                                const std::string& domain);
/// Each file is replaced as a whole, or stays as it is.
[[nodiscard]] base::Expected<void, std::string> write_files(const std::string& folder,
                                                            const std::vector<File>& files);
[[nodiscard]] base::Expected<void, std::string> save_history(const std::string& folder,
                                                             const History& history);

} // namespace publish
