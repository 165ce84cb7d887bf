// tool/show/page.hpp - a page for people: a first line, and paragraphs under labels, in 80 columns. Pure.
//
// Texts are printed as they are: what others wrote goes through safe_text() before.
#pragma once

#include "tool/show/times.hpp"

#include <cstddef>
#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>

namespace tool {

class Page {
public:
    static constexpr std::size_t width = 80, gutter = 10;

    /// `out` outlives it. `now`: what ages of times are counted from.
    Page(std::ostream& out, base::Instant now, Zone zone, bool colour);

    /// The first line. `code`: a colour of ECMA-48; "" none.
    void headline(std::string_view name, std::string_view outcome, std::string_view rest,
                  std::string_view code);
    /// The label stands at the first paragraph of a part only.
    void say(std::string_view label, std::string_view text);
    /// A line that can be copied: never wrapped.
    void command(std::string_view label, std::string_view text);
    void gap(); ///< an empty line

    [[nodiscard]] std::string when(base::Instant time) const; ///< with its age
    [[nodiscard]] std::string when(const std::optional<base::Instant>& time) const;

private:
    void wrap(std::string_view text, std::size_t at, std::size_t indent, bool first);
    void start(std::string_view label);

    std::ostream& out_;
    base::Instant now_;
    Zone zone_;
    bool colour_;
    std::string label_;
};

} // namespace tool
