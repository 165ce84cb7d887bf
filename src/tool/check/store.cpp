#include "tool/check/store.hpp"

#include "base/text.hpp"
#include "tool/check/document.hpp"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <system_error>

namespace check {
namespace {

namespace fs = std::filesystem;

std::string trouble(std::string_view what, const std::string& file, int error) {
    return "cannot " + std::string(what) + ' ' + base::printable(file, 200) + ": " +
           std::generic_category().message(error);
}

/// A line, at most one octet longer than is read.
bool next_line(std::istream& in, std::string& line) {
    line.clear();
    for (int c = in.get(); c != std::istream::traits_type::eof(); c = in.get()) {
        if (c == '\n') return true;
        if (line.size() <= max_document) line += static_cast<char>(c);
    }
    return !line.empty();
}

bool is_blank(std::string_view text) { return text.find_first_not_of(" \t\r") == std::string_view::npos; }

/// One object over several lines ends where its brackets do; here a file is one object, or one a line.
base::Expected<std::vector<Evidence>, std::string> read_all(std::istream& in) {
    std::vector<Evidence> all;
    std::string line, whole;
    std::size_t number = 0;
    while (next_line(in, line)) {
        ++number;
        if (is_blank(line)) continue;
        auto evidence = read_evidence(line);
        if (!evidence && all.empty() && number == 1) { // perhaps the first line of a printed one
            whole = line;
            break;
        }
        if (!evidence) return base::unexpected("line " + std::to_string(number) + ": " + evidence.error());
        all.push_back(std::move(*evidence));
    }
    if (whole.empty()) return all;
    const std::string first = whole;
    while (next_line(in, line) && whole.size() <= max_document) whole.append("\n").append(line);
    auto evidence = read_evidence(whole);
    if (!evidence) {
        const auto alone = read_evidence(first);
        return base::unexpected(whole.size() == first.size() ? alone.error() : evidence.error());
    }
    all.push_back(std::move(*evidence));
    return all;
}

} // namespace

std::string file_name(const std::string& domain) { return domain + ".json"; }

base::Expected<void, std::string> prepare_folder(const std::string& folder) {
    std::error_code error;
    fs::create_directories(folder, error);
    if (error) return base::unexpected(trouble("make the folder", folder, error.value()));
    return {};
}

base::Expected<void, std::string> save(const std::string& folder, const Evidence& evidence) {
    const fs::path file = fs::path(folder) / file_name(evidence.domain), made = file.string() + ".new";
    errno = 0;
    {
        std::ofstream out(made, std::ios::binary | std::ios::trunc);
        out << to_json(evidence).dump(2, ' ', true, Json::error_handler_t::replace) << '\n';
        if (!out.flush()) return base::unexpected(trouble("write", made.string(), errno));
    }
    std::error_code error;
    fs::rename(made, file, error);
    if (error) return base::unexpected(trouble("write", file.string(), error.value()));
    return {};
}

base::Expected<std::vector<std::string>, std::string> saved_files(const std::string& place) {
    std::error_code error;
    if (place == "-" || !fs::is_directory(place, error)) return std::vector{place};
    std::vector<std::string> files;
    fs::directory_iterator each(place, error);
    for (; !error && each != fs::directory_iterator(); each.increment(error))
        if (each->path().extension() == ".json") files.push_back(each->path().string());
    if (error) return base::unexpected(trouble("read", place, error.value()));
    if (files.empty()) return base::unexpected(base::printable(place, 200) + " has no .json file");
    std::ranges::sort(files);
    return files;
}

base::Expected<std::vector<Evidence>, std::string> load(const std::string& file, std::istream& standard) {
    base::Expected<std::vector<Evidence>, std::string> all;
    errno = 0;
    if (file == "-") {
        all = read_all(standard);
    } else {
        std::ifstream in(file, std::ios::binary);
        if (!in) return base::unexpected(trouble("read", file, errno));
        all = read_all(in);
    }
    if (!all) return base::unexpected((file == "-" ? "standard input" : base::printable(file, 200)) + ": " + all.error());
    return all;
}

} // namespace check
