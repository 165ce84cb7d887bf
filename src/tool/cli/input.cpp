#include "tool/cli/input.hpp"

#include "base/text.hpp"

#include <cerrno>
#include <set>
#include <system_error>

namespace tool {

namespace {

constexpr std::size_t piece_size = 65536;
constexpr std::size_t longest_name = 1000;
constexpr std::string_view blanks = " \t\r,;";

} // namespace

Input::Input(const std::string& name, std::istream& standard)
    : name_(name), stream_(name.empty() || name == "-" ? standard : static_cast<std::istream&>(file_)) {
    if (&stream_ == &standard) return;
    errno = 0;
    file_.open(name, std::ios::binary);
    // A folder can be opened, but not read.
    if (!file_ || (file_.peek() == std::ifstream::traits_type::eof() && !file_.eof()) || file_.bad())
        problem_ = "cannot read " + base::printable(name, 200) + ": " +
                   std::generic_category().message(errno == 0 ? EISDIR : errno);
    file_.clear(problem_.empty() ? std::ios::goodbit : std::ios::failbit);
}

std::optional<std::string> Input::piece() {
    std::string octets(piece_size, '\0');
    stream_.read(octets.data(), static_cast<std::streamsize>(octets.size()));
    octets.resize(static_cast<std::size_t>(stream_.gcount()));
    if (octets.empty()) return std::nullopt;
    return octets;
}

std::vector<std::string> read_names(std::istream& in) {
    std::vector<std::string> names;
    std::set<std::string, std::less<>> seen;
    for (std::string line; std::getline(in, line);) {
        const std::size_t begin = line.find_first_not_of(blanks);
        if (begin == std::string::npos || line[begin] == '#') continue;
        const std::size_t end = std::min(line.find_first_of(blanks, begin), line.size());
        std::string name = base::ascii_lower(line.substr(begin, std::min(end - begin, longest_name)));
        if (seen.insert(name).second) names.push_back(std::move(name));
    }
    return names;
}

} // namespace tool
