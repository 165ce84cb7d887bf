// admin/import_line.hpp - a body of an import as lines, and a line as what it says. Pure.
#pragma once

#include "admin/exchange.hpp"
#include "base/clock.hpp"
#include "base/domain.hpp"
#include "base/expected.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace admin {

/// Octets of one line; a policy has up to 64 KiB, and escaping may double that.
inline constexpr std::size_t max_import_line = 128UL * 1024;
/// A policy as a line says it. The text is not parsed yet.
struct PolicyLine {
    base::Domain domain;
    std::string text, id;
    base::Instant fetched_at{}, last_asked{};
};
/// The last line.
struct EndLine {};
/// For those who keep overrides.
struct OverrideLine {
    Json json;
};
using ImportLine = std::variant<PolicyLine, OverrideLine, EndLine>;
/// Reads a line of an import, without the newline. The error is words for a person. Pure.
[[nodiscard]] base::Expected<ImportLine, std::string> read_line(std::string_view line);

/// Cuts a body into lines. Pure.
class LineCutter {
public:
    /// Appends octets.
    void feed(std::string_view octets) { rest_.append(octets); }
    /// The next whole line without its newline; after end(), also the last one without a newline. nullopt: more octets
    /// are needed. One that is longer than max_import_line comes as "", once, and is skipped.
    [[nodiscard]] std::optional<std::string> next();
    void end() noexcept { ended_ = true; }

private:
    std::string rest_;
    std::size_t at_ = 0;
    bool skipping_ = false, ended_ = false;
};

} // namespace admin
