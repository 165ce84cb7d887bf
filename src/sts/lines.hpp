// sts/lines.hpp - the lines of a policy file (RFC 8461 section 3.2). Pure.
//
// Lines end with LF or CRLF (erratum 6253); the last one needs no end. One UTF-8 byte order mark at the start
// is skipped. Views point into the text.
#pragma once

#include "base/text.hpp"

#include <cstddef>
#include <optional>
#include <string_view>

namespace sts {

class Lines {
public:
    explicit constexpr Lines(std::string_view text) noexcept : rest_(text) {
        if (rest_.starts_with("\xef\xbb\xbf")) rest_.remove_prefix(3);
    }

    /// The next line without its end and without white space around it (so it may be empty); nullopt at the
    /// end.
    [[nodiscard]] std::optional<std::string_view> next() noexcept {
        if (rest_.empty()) return std::nullopt;
        ++number_;
        const std::size_t end = rest_.find('\n');
        std::string_view line = rest_.substr(0, end);
        if (end == std::string_view::npos) {
            rest_ = {};
        } else {
            rest_.remove_prefix(end + 1);
            if (line.ends_with('\r')) line.remove_suffix(1);
        }
        return base::trim_wsp(line);
    }

    /// The number of the line next() returned last; the first is 1.
    [[nodiscard]] constexpr std::size_t number() const noexcept { return number_; }

private:
    std::string_view rest_;
    std::size_t number_ = 0;
};

} // namespace sts
