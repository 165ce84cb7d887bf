#include "tool/cli/whole_file.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <istream>

namespace tool {

namespace {

std::optional<std::string> read_all(std::istream& in, std::size_t limit) {
    std::string text;
    std::array<char, 65536> piece{};
    while (in && text.size() <= limit) {
        in.read(piece.data(), static_cast<std::streamsize>(std::min(piece.size(), limit + 1 - text.size())));
        text.append(piece.data(), static_cast<std::size_t>(in.gcount()));
    }
    return in.bad() ? std::nullopt : std::optional(std::move(text));
}

} // namespace

std::optional<std::string> whole_file(const std::string& name, std::istream& standard, std::size_t limit) {
    if (name == "-") return read_all(standard, limit);
    std::ifstream file(name, std::ios::binary);
    if (!file) return std::nullopt;
    return read_all(file, limit);
}

} // namespace tool
