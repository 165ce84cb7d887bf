// tool/preview/kept.hpp - verdicts that outlive a run, as JSON lines: one that was stopped, or is repeated the same day,
// asks nobody twice. Pure, but Kept.
#pragma once

#include "base/expected.hpp"
#include "tool/client/control_text.hpp"
#include "tool/preview/verdict.hpp"

#include <fstream>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace preview {

/// How long a verdict is used again.
inline constexpr base::seconds kept_for{86400};
/// False: something could not be found out, also what mode enforce would do.
[[nodiscard]] bool may_be_kept(const Checked& checked) noexcept;
inline constexpr std::size_t max_kept_line = 16384; ///< octets

/// `postfix`: whose eyes the verdict is by ("3.7.11/sts").
[[nodiscard]] tool::Json kept_line(const Checked& checked, std::string_view postfix);
/// nullopt: no such line, by other eyes, or too old.
[[nodiscard]] std::optional<Checked> read_kept(std::string_view line, std::string_view postfix,
                                               base::Instant now);

/// The file. One run at a time.
class Kept {
public:
    /// Reads what is there, keeps what may be used again, and opens it for more. The error: it cannot be written; words
    /// for a person.
    [[nodiscard]] static base::Expected<Kept, std::string> open(const std::string& path, std::string postfix,
                                                                base::Instant now, bool afresh);
    [[nodiscard]] const std::map<std::string, Checked, std::less<>>& known() const noexcept { return known_; }
    /// The line is written at once.
    void add(const Checked& checked);

private:
    Kept() = default;
    std::ofstream file_;
    std::string postfix_;
    std::map<std::string, Checked, std::less<>> known_;
};

/// $XDG_CACHE_HOME/stsmap/preview.jsonl, or below $HOME/.cache; "" there is neither.
[[nodiscard]] std::string default_kept();

} // namespace preview
