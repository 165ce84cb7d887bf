// tool/cli/input.hpp - a file that is named on the command line, or standard input.
#pragma once

#include <fstream>
#include <istream>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tool {

class Input {
public:
    /// `name`: "" or "-" is `standard`.
    Input(const std::string& name, std::istream& standard);
    Input(const Input&) = delete;
    Input& operator=(const Input&) = delete;

    /// Why it cannot be read; "" while it can.
    [[nodiscard]] const std::string& problem() const noexcept { return problem_; }
    /// At most 64 KiB; nullopt at the end.
    [[nodiscard]] std::optional<std::string> piece();
    [[nodiscard]] std::istream& stream() noexcept { return stream_; }

private:
    std::string name_;
    std::ifstream file_;
    std::istream& stream_;
    std::string problem_;
};

/// The first word of each line, each once, in their order; empty lines and those that begin with # are left out. A
/// name is cut after 1,000 octets: it is no domain.
[[nodiscard]] std::vector<std::string> read_names(std::istream& in);

} // namespace tool
