#include "tool/publish/folder.hpp"

#include "base/text.hpp"
#include "tool/cli/whole_file.hpp"

#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>

namespace publish {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view history_file = "served.json";

std::string trouble(const fs::path& path, const std::string& what) {
    return "cannot write " + base::printable(path.string(), 300) + ": " + what;
}

base::Expected<void, std::string> write_file(const fs::path& path, const std::string& content) {
    std::error_code error;
    fs::create_directories(path.parent_path(), error);
    if (error) return base::unexpected(trouble(path.parent_path(), error.message()));
    const fs::path fresh = path.string() + ".new";
    std::ofstream out(fresh, std::ios::binary | std::ios::trunc);
    out << content;
    out.close();
    if (!out) {
        fs::remove(fresh, error);
        return base::unexpected(trouble(path, "it cannot be opened, or the disk is full"));
    }
    fs::rename(fresh, path, error);
    if (!error) return {};
    const std::string words = trouble(path, error.message());
    fs::remove(fresh, error);
    return base::unexpected(words);
}

} // namespace

base::Expected<History, std::string> load_history(const std::string& folder, const std::string& domain) {
    const fs::path path = fs::path(folder) / history_file;
    History none;
    none.domain = domain;
    std::error_code error;
    if (folder.empty() || !fs::exists(path, error)) return none;
    std::istringstream nothing;
    const auto text = tool::whole_file(path.string(), nothing, max_history_file);
    const std::string name = base::printable(path.string(), 300);
    if (!text) return base::unexpected("cannot read " + name);
    auto history = read_history(*text);
    if (!history) return base::unexpected(name + ": " + history.error());
    if (history->domain != domain)
        return base::unexpected(name + " is about " + base::printable(history->domain) +
                                ": each domain has a folder");
    return history;
}

base::Expected<void, std::string> write_files(const std::string& folder, const std::vector<File>& files) {
    for (const File& file : files)
        if (auto written = write_file(fs::path(folder) / file.path, file.content); !written) return written;
    return {};
}

base::Expected<void, std::string> save_history(const std::string& folder, const History& history) {
    return write_file(fs::path(folder) / history_file, write_history(history));
}

} // namespace publish
