#include "tool/show/page.hpp"

#include "tool/show/safe_text.hpp"

#include <algorithm>
#include <ostream>
#include <utility>

namespace tool {
namespace {

/// Removes the next word from `text`, or the front of one that is longer than a line.
std::string_view next_piece(std::string_view& text) {
    constexpr std::size_t most = Page::width - Page::gutter - 2;
    std::string_view word = text.substr(0, text.find(' '));
    if (word.size() <= most) {
        text.remove_prefix(std::min(word.size() + 1, text.size()));
        return word;
    }
    const std::size_t at = word.substr(0, most).find_last_of(":,./");
    std::size_t size = at == std::string_view::npos || at == 0 ? most : at + 1;
    while (size > 1 && (static_cast<unsigned char>(word[size]) & 0xc0) == 0x80) --size; // inside a character
    word = word.substr(0, size);
    text.remove_prefix(size);
    return word;
}

} // namespace

Page::Page(std::ostream& out, base::Instant now, Zone zone, bool colour)
    : out_(out), now_(now), zone_(std::move(zone)), colour_(colour) {}

void Page::headline(std::string_view name, std::string_view outcome, std::string_view rest,
                    std::string_view code) {
    const bool coloured = colour_ && !code.empty();
    out_ << name << ' ';
    if (coloured) out_ << "\x1b[1;" << code << 'm';
    out_ << outcome << (coloured ? "\x1b[0m" : "");
    if (!rest.empty()) wrap(rest, columns(name) + 1 + columns(outcome), 2, false);
    out_ << '\n';
}

void Page::say(std::string_view label, std::string_view text) {
    start(label);
    wrap(text, gutter, gutter + 2, true);
    out_ << '\n';
}

void Page::command(std::string_view label, std::string_view text) {
    start(label);
    out_ << text << '\n';
}

void Page::gap() {
    label_.clear();
    out_ << '\n';
}

std::string Page::when(base::Instant time) const { return time_and_age(time, now_, zone_); }

std::string Page::when(const std::optional<base::Instant>& time) const {
    return time ? when(*time) : std::string("unknown");
}

/// From column `at` on; further lines begin at `indent`. `first`: nothing stands before the text.
void Page::wrap(std::string_view text, std::size_t at, std::size_t indent, bool first) {
    while (!text.empty()) {
        const std::string_view word = next_piece(text);
        if (word.empty()) continue;
        if (!first && at + 1 + columns(word) > width) {
            out_ << '\n' << std::string(indent, ' ');
            at = indent;
            first = true;
        }
        out_ << (first ? "" : " ") << word;
        at += columns(word) + (first ? 0 : 1);
        first = false;
    }
}

void Page::start(std::string_view label) {
    std::string text{label == label_ ? std::string_view{} : label};
    label_ = label;
    text.resize(gutter, ' ');
    out_ << text;
}

} // namespace tool
