#include "config/syntax.hpp"

#include "base/text.hpp"
#include "config/options.hpp"
#include "config/token.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <utility>

namespace config {

namespace {

/// Brackets within brackets; no option has more than one.
constexpr unsigned max_depth = 32;

/// Quotes by which word processors and web pages replace plain ones, in UTF-8.
constexpr std::array<std::string_view, 9> other_quotes{"\xe2\x80\x9c", "\xe2\x80\x9d", "\xe2\x80\x9e",
                                                       "\xe2\x80\x9f", "\xe2\x80\x98", "\xe2\x80\x99",
                                                       "\xe2\x80\x9a", "\xc2\xab",     "\xc2\xbb"};

std::string in_quotes(std::string_view text) { return '"' + base::printable(text, 100) + '"'; }

/// "a = \"text\"", as it might be meant.
std::string example(std::string_view name, std::string_view text, bool list) {
    std::string value = in_quotes(text);
    if (list) value = '[' + value + ']';
    return name.empty() ? value : base::printable(name, 100) + " = " + value;
}

class Scanner {
public:
    explicit Scanner(std::string_view text) : text_(text) {}

    std::vector<SyntaxFault> run() {
        if (text_.starts_with("\xef\xbb\xbf")) at_ = line_start_ = 3;
        while (!lost_ && faults_.size() < max_syntax_faults && skip_to_statement()) {
            if (text_[at_] == '[')
                header();
            else
                assignment();
        }
        return std::move(faults_);
    }

private:
    struct Position {
        unsigned line = 1, column = 1;
    };

    [[nodiscard]] bool end() const noexcept { return at_ >= text_.size(); }
    [[nodiscard]] bool end_of_line() const noexcept {
        return end() || text_[at_] == '\n' || text_.substr(at_, 2) == "\r\n";
    }
    [[nodiscard]] bool starts_with(std::string_view words) const noexcept {
        return text_.substr(at_).starts_with(words);
    }
    [[nodiscard]] Position here() const noexcept {
        return {line_, static_cast<unsigned>(at_ - line_start_) + 1};
    }
    void step() noexcept {
        if (text_[at_++] != '\n') return;
        ++line_;
        line_start_ = at_;
    }
    void skip_blanks() noexcept {
        while (!end() && blanks.find(text_[at_]) != std::string_view::npos) ++at_;
    }
    void skip_line() noexcept {
        while (!end_of_line()) ++at_;
    }
    [[nodiscard]] std::string_view rest_of_line() const noexcept {
        std::string_view rest = text_.substr(at_, text_.find('\n', at_) - at_);
        if (rest.ends_with('\r')) rest.remove_suffix(1);
        return rest;
    }
    /// Blanks, line ends and comments.
    bool skip_to_statement() noexcept {
        while (!end()) {
            if (text_[at_] == '#')
                skip_line();
            else if (text_[at_] == '\n' || text_[at_] == '\r' ||
                     blanks.find(text_[at_]) != std::string_view::npos)
                step();
            else
                return true;
        }
        return false;
    }

    /// Skips the rest of this line, which tells nothing more.
    void fault(Position position, std::string words) {
        faults_.push_back({position.line, position.column, std::move(words)});
        skip_line();
    }
    /// Where it ends is not known.
    void fatal(Position position, std::string words) {
        fault(position, std::move(words));
        lost_ = true;
    }

    [[nodiscard]] bool other_quote() const noexcept {
        return std::ranges::any_of(other_quotes,
                                   [this](std::string_view quote) { return starts_with(quote); });
    }

    void header() {
        const Position begin = here();
        const std::string_view line = rest_of_line();
        const std::size_t close = line.find(']');
        if (close == std::string_view::npos) {
            const std::string_view name = line.substr(0, line.find_first_of(" \t#"));
            return fault(begin, "the section that begins here has no closing bracket: " +
                                    base::printable(name, 100) + "]");
        }
        const bool one_of_many = line.starts_with("[[");
        const std::size_t first = one_of_many ? 2 : 1;
        section_ = without_blanks(line.substr(first, close - std::min(close, first))).value_or("");
        at_ += close + 1;
        if (!end() && text_[at_] == ']') ++at_;
        const auto [known, is_new] = begun_.emplace(section_, Begun{line_, false});
        if (!is_new && !one_of_many) {
            const bool by_dots = known->second.by_dots;
            return fault(begin, "the section [" + base::printable(section_, 100) + "] " +
                                    (by_dots ? "has options already, written with its name, in line "
                                             : "is here a second time; it begins in line ") +
                                    std::to_string(known->second.line) +
                                    (by_dots ? ": write them all in one way" : ""));
        }
        if (one_of_many)
            std::erase_if(set_, [this](const auto& one) { return one.first.starts_with(section_ + '.'); });
        behind("the section's name");
    }

    /// After a value or a header only a comment may follow.
    void behind(std::string_view what) {
        skip_blanks();
        if (end_of_line() || text_[at_] == '#') return;
        const std::string_view rest = rest_of_line();
        if (rest.starts_with(';') || rest.starts_with("//"))
            return fault(here(), "a comment begins with \"#\", not with \"" +
                                     std::string(rest.starts_with(';') ? ";" : "//") + '"');
        if (other_quote()) return quote_fault();
        if (rest.starts_with(','))
            return fault(here(), "a list stands in brackets, as in " + base::printable(key_, 100) +
                                     " = [\"a\", \"b\"]");
        fault(here(), "behind " + std::string(what) + " the line must end, but there is " + in_quotes(rest));
    }

    void quote_fault() {
        fault(here(), "text stands in straight quotes, \"like this\", not in typographic ones");
    }

    void assignment() {
        const Position begin = here();
        const std::string_view line = rest_of_line();
        std::size_t equals = line.find('=');
        const std::size_t comment = line.find('#');
        if (comment < equals) equals = std::string_view::npos;
        const std::string_view key = base::trim_wsp(line.substr(0, std::min(equals, comment)));
        if (equals == std::string_view::npos) return no_equals(begin, key);
        if (key.empty()) return fault(begin, "an option's name must stand before the \"=\"");
        const std::size_t quote = key.find_first_of("\"'");
        if (key.starts_with(';') || key.starts_with("//")) return fault(begin, "a comment begins with \"#\"");
        if (key.find(':') < quote) return no_equals(begin, key);
        if (quote == std::string_view::npos) {
            const auto plain = without_blanks(key);
            if (!plain || !std::ranges::all_of(*plain, [](char c) { return is_bare(c) || c == '.'; }))
                return fault(begin, in_quotes(key) + " cannot be an option's name");
            key_ = *plain;
            if (again(begin)) return;
        } else {
            key_ = key;
        }
        at_ += equals + 1;
        if (starts_with("=")) return fault(here(), "one \"=\" is enough");
        value('\0');
        if (lost_ || faulty_line_ == line_) return;
        behind("the value");
    }

    /// Reports an option that occurs a second time.
    bool again(Position begin) {
        const std::string path = section_.empty() ? key_ : section_ + '.' + key_;
        if (const std::size_t dot = key_.find('.'); section_.empty() && dot != std::string::npos)
            begun_.emplace(key_.substr(0, dot), Begun{line_, true});
        const auto [known, is_new] = set_.emplace(path, line_);
        if (!is_new)
            fault(begin, base::printable(path, 100) + " is set a second time; the first time is in line " +
                             std::to_string(known->second));
        return !is_new;
    }

    void no_equals(Position begin, std::string_view line) {
        const std::size_t end_of_name = line.find_first_of(": \t");
        const std::string_view name = line.substr(0, end_of_name);
        if (name.empty() || !std::ranges::all_of(name, [](char c) { return is_bare(c) || c == '.'; })) {
            if (line.starts_with(';') || line.starts_with("//"))
                return fault(begin, "a comment begins with \"#\"");
            return fault(begin,
                         "an option is written as name = value, and a section as [name]; this is neither: " +
                             in_quotes(line));
        }
        fault(begin, "an option is written with \"=\", as in " + base::printable(name, 100) + " = ...");
    }

    /// The option that the value is for, if there is one of that name.
    [[nodiscard]] const Option* option() const {
        return find_option(section_.empty() ? key_ : section_ + '.' + key_);
    }

    /// `within`: the closing bracket of the list or table that has this entry, or NUL.
    void value(char within) {
        skip_blanks();
        if (end_of_line() || text_[at_] == '#' || text_[at_] == ',') {
            const Option* known = option();
            const std::string range = known == nullptr ? "" : known->range();
            return faulty(here(), "a value is missing behind \"" + base::printable(key_, 100) + " =\"" +
                                      (range.empty() ? "" : ", " + range));
        }
        if (starts_with("\"\"\"") || starts_with("'''")) return long_text();
        const char c = text_[at_];
        if (c == '"' || c == '\'') return short_text(c);
        if (c == '[' || c == '{') {
            lost_ = ++depth_ > max_depth;
            if (!lost_) c == '[' ? list() : table();
            --depth_;
            return;
        }
        if (other_quote()) {
            faulty_line_ = line_;
            return quote_fault();
        }
        bare(within);
    }

    void faulty(Position position, std::string words) {
        faulty_line_ = line_;
        fault(position, std::move(words));
    }

    void long_text() {
        const Position begin = here();
        const std::string_view mark = text_.substr(at_, 3);
        at_ += 3;
        while (!end() && !starts_with(mark)) {
            if (mark.front() == '"' && text_[at_] == '\\' && at_ + 1 < text_.size()) step();
            step();
        }
        if (end())
            return fatal(begin, "the text that begins here with " + std::string(mark) +
                                    " has no such quotes at its end");
        at_ += 3;
        while (!end() && text_[at_] == mark.front()) ++at_; // up to two may be before the mark
    }

    void short_text(char mark) {
        const Position begin = here();
        for (++at_; !end_of_line(); ++at_) {
            if (text_[at_] == mark) {
                ++at_;
                return;
            }
            if (mark == '"' && text_[at_] == '\\' && at_ + 1 < text_.size()) {
                if (std::string_view{"btnfr\"\\uU"}.find(text_[at_ + 1]) == std::string_view::npos &&
                    text_[at_ + 1] != '\n')
                    return faulty({line_, static_cast<unsigned>(at_ - line_start_) + 1},
                                  "a backslash in a text is written as two, or the text in single quotes");
                ++at_;
            }
        }
        faulty_line_ = line_;
        faults_.push_back({begin.line, begin.column,
                           "the text that begins here has no closing quote (" + std::string(1, mark) + ")"});
    }

    void list() {
        const Position begin = here();
        const std::string unclosed = "the list that begins here has no closing bracket (])";
        ++at_;
        for (bool comma = true;;) {
            const unsigned before = line_;
            if (!skip_to_statement()) return fatal(begin, unclosed);
            if (text_[at_] == ']') {
                ++at_;
                return;
            }
            if (line_ != before && statement_begins()) return fatal(begin, unclosed);
            if (text_[at_] == ',') {
                if (comma) return faulty_list(here(), "there is a comma too many in the list");
                ++at_;
                comma = true;
                continue;
            }
            if (text_[at_] == '}')
                return faulty_list(here(), "the list that begins in line " + std::to_string(begin.line) +
                                               " ends with ], not with }");
            if (!comma) return faulty_list(here(), "a comma is missing before this entry of the list");
            const unsigned line = line_;
            const std::size_t known = faults_.size();
            value(']');
            if (lost_) return;
            if (faults_.size() > known) {
                // A quote that is not closed also hides the bracket.
                if (line == begin.line && rest_closes(line)) return;
                lost_ = true;
                return;
            }
            comma = false;
        }
    }

    /// Whether a list with a fault in this line was meant to end in this line.
    [[nodiscard]] bool rest_closes(unsigned line) const noexcept {
        const std::string_view whole = text_.substr(line_start_, text_.find('\n', line_start_) - line_start_);
        return line == line_ && whole.find(']') != std::string_view::npos;
    }

    void faulty_list(Position position, std::string words) {
        faulty_line_ = line_;
        fatal(position, std::move(words));
    }

    /// Whether a new entry begins here: a section, or a name and "=".
    [[nodiscard]] bool statement_begins() const noexcept {
        std::string_view line = rest_of_line();
        if (line.starts_with('[')) {
            line.remove_prefix(1);
            const std::size_t name =
                static_cast<std::size_t>(std::ranges::find_if_not(line, is_bare) - line.begin());
            return name > 0 && line.substr(name).starts_with(']');
        }
        const auto is_key = [](char c) { return is_bare(c) || c == '.'; };
        const std::size_t name =
            static_cast<std::size_t>(std::ranges::find_if_not(line, is_key) - line.begin());
        return name > 0 && base::trim_wsp(line.substr(name)).starts_with('=');
    }

    void table() {
        const Position begin = here();
        const std::string outer = key_, section = section_;
        section_ = section_.empty() ? key_ : section_ + '.' + key_;
        const auto leave = [&] {
            section_ = section;
            key_ = outer;
        };
        const std::size_t known = faults_.size();
        ++at_;
        for (;;) {
            skip_blanks();
            if (end_of_line()) {
                faulty(begin, "the braces that begin here are not closed (}) in the same line");
                return leave();
            }
            if (text_[at_] == '}') break;
            if (text_[at_] == ',') {
                ++at_;
                continue;
            }
            const std::string_view line = rest_of_line();
            const std::size_t stop = line.find_first_of("=,}");
            key_ = base::trim_wsp(line.substr(0, stop));
            if (stop == std::string_view::npos || line[stop] != '=') {
                faulty(here(), "in braces an option is written with \"=\", as in { name = value }");
                return leave();
            }
            at_ += stop + 1;
            value('}');
            if (lost_ || faults_.size() > known) return leave();
        }
        ++at_;
        leave();
    }

    /// A value without quotes.
    void bare(char within) {
        const Position begin = here();
        const std::string_view line = rest_of_line();
        const std::size_t stop = line.find_first_of(within == ']'   ? " \t,]#"
                                                    : within == '}' ? " \t,}#"
                                                                    : " \t#");
        const std::string_view token = line.substr(0, stop);
        const bool leading_zero = token.size() > 1 && token.front() == '0' && all_digits(token);
        if (is_value(token) && !leading_zero) {
            at_ += token.size();
            return;
        }
        const Option* known = option();
        const std::string name = base::printable(key_, 100);
        // Text may have blanks inside.
        std::string_view whole = within != '\0' ? token : line.substr(0, line.find('#'));
        whole = base::trim_wsp(whole);
        const std::string shown_name = within == ']' ? "" : key_;
        if (whole.size() > 1 && (whole.ends_with('"') || whole.ends_with('\''))) {
            whole.remove_suffix(1);
            return faulty(begin, "this text has no opening quote: " + example(shown_name, whole, false));
        }
        if (known != nullptr && known->type == Type::boolean)
            return faulty(begin, name + " must be true or false, without quotes, not " +
                                     base::printable(whole, 100));
        if (known != nullptr && known->type == Type::integer)
            return faulty(
                begin, name + " must be a whole number" +
                           (leading_zero ? " without a leading 0" : ", not " + base::printable(whole, 100)));
        const bool list = known != nullptr && known->type == Type::list && within != ']';
        if (list && whole.find(',') != std::string_view::npos) return list_without_brackets(begin, whole);
        faulty(begin,
               (list ? "a list stands in brackets, and text in quotes: " : "text must stand in quotes: ") +
                   example(shown_name, whole, list));
    }

    /// "a, b" where ["a", "b"] is meant.
    void list_without_brackets(Position begin, std::string_view whole) {
        std::string entries;
        for (std::size_t start = 0; start <= whole.size();) {
            const std::size_t comma = std::min(whole.find(',', start), whole.size());
            entries +=
                (entries.empty() ? "" : ", ") + in_quotes(base::trim_wsp(whole.substr(start, comma - start)));
            start = comma + 1;
        }
        faulty(begin, "a list stands in brackets, and text in quotes: " + base::printable(key_, 100) +
                          " = [" + entries + "]");
    }

    std::string_view text_;
    std::size_t at_ = 0, line_start_ = 0;
    unsigned line_ = 1;
    unsigned depth_ = 0;
    unsigned faulty_line_ = 0; ///< the text after a faulty value is not checked
    bool lost_ = false;
    std::string section_, key_;
    struct Begun {
        unsigned line = 0;
        bool by_dots = false; ///< by an option that is written with its section's name
    };
    std::map<std::string, Begun> begun_;  ///< sections
    std::map<std::string, unsigned> set_; ///< options, and the line of each
    std::vector<SyntaxFault> faults_;
};

} // namespace

std::vector<SyntaxFault> syntax_faults(std::string_view text) { return Scanner{text}.run(); }

} // namespace config
