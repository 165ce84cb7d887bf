#include "tool/lint/policy_text.hpp"

#include "base/text.hpp"
#include "sts/match.hpp"
#include "tool/lint/adder.hpp"
#include "tool/lint/near_miss.hpp"

#include <algorithm>
#include <chrono>
#include <optional>
#include <set>
#include <tuple>

namespace lint {

namespace {

using namespace std::chrono_literals;

constexpr std::string_view bom = "\xef\xbb\xbf";
constexpr std::size_t max_shown = 80; ///< of a value, within words
/// Lines for which it is guessed what was meant: a guess takes long, and 10 findings of a kind are kept.
constexpr std::size_t max_guesses = 100;

std::string shown(std::string_view text) { return '"' + base::printable(text, max_shown) + '"'; }

std::string did_you_mean(std::string_view line) {
    return line.empty() ? std::string{} : "did you mean " + shown(line) + "?";
}

bool is_control(char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f; }

/// A line that has a key and a colon.
struct Field {
    std::size_t number = 0;
    std::string_view line; ///< without its end
    std::string_view key, value;
    std::string_view meant{}; ///< the key that this one may be misspelt as; "" none
    [[nodiscard]] Place at(std::string_view part) const {
        return {number, static_cast<std::size_t>(part.data() - line.data()) + 1, line};
    }
};

class PolicyLint {
public:
    explicit PolicyLint(std::string_view body) : body_(body) {}

    PolicyLook look() {
        PolicyLook look{sts::parse_policy(body_), false, {}};
        look.usable = look.parsed.has_value() && body_.size() <= sts::max_policy_size;
        if (body_.size() > sts::max_policy_size)
            add_.add_whole("policy-too-large", "it has " + std::to_string(body_.size()) + " octets");
        if (look.parsed || !other_thing()) {
            lines();
            line_ends();
            if (any_) {
                version();
                mode();
                max_age();
                mx();
                unknown_keys();
            } else if (!syntax_error_) {
                add_.add_whole("policy-empty");
            }
        }
        if (look.usable) good(*look.parsed);
        look.findings = add_.take();
        return look;
    }

private:
    /// What is no policy at all, and would be dozens of faults.
    bool other_thing() {
        std::string_view text = body_;
        if (text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff"))
            return add_.add_whole("policy-utf16"), true;
        if (text.starts_with(bom)) text.remove_prefix(bom.size());
        text.remove_prefix(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
        const Place first{1, 1, text.substr(0, text.find_first_of("\r\n"))};
        if (text.starts_with('<')) return add_.add("policy-html", first), true;
        if (text.starts_with("v=STSv1")) return add_.add("policy-is-record", first), true;
        return false;
    }

    void lines() {
        std::string_view rest = body_;
        if (rest.starts_with(bom)) {
            rest.remove_prefix(bom.size());
            add_.add("policy-bom", Place{1, 1, {}});
        }
        for (std::size_t number = 1; !rest.empty(); ++number) {
            const std::size_t end = rest.find('\n');
            std::string_view line = rest.substr(0, end);
            if (end == std::string_view::npos) {
                rest = {};
                no_final_end_ = true;
            } else {
                rest.remove_prefix(end + 1);
                if (line.ends_with('\r')) {
                    line.remove_suffix(1);
                    if (++crlf_ == 1) first_crlf_ = number;
                } else if (++lf_ == 1) {
                    first_lf_ = number;
                }
            }
            one_line(number, line);
        }
    }

    void one_line(std::size_t number, std::string_view line) {
        const std::string_view text = base::trim_wsp(line);
        if (text.empty()) {
            add_.add("policy-blank-line", Place{number, 0, {}});
            return;
        }
        const Place begin{number, static_cast<std::size_t>(text.data() - line.data()) + 1, line};
        const auto control = std::ranges::find_if(text, is_control);
        if (control != text.end()) {
            syntax_error_ = true;
            control_octet(begin, line, text, control);
            return;
        }
        if (!base::valid_utf8(text)) {
            syntax_error_ = true;
            add_.add("policy-not-utf8", begin);
            return;
        }
        const std::size_t colon = text.find(':');
        if (colon == std::string_view::npos) {
            syntax_error_ = true;
            const bool comment = text.starts_with('#') || text.starts_with("//") || text.starts_with(';');
            const std::string meant = may_guess() ? line_meant(text) : std::string{};
            if (!meant.empty()) meant_.insert(meant.substr(0, meant.find(':')));
            add_.add("policy-no-colon", begin, comment ? "this looks like a comment; a policy has none" : "",
                     did_you_mean(meant));
            return;
        }
        const Field field{number, line, base::trim_wsp(text.substr(0, colon)),
                          base::trim_wsp(text.substr(colon + 1))};
        if (field.key.empty()) {
            syntax_error_ = true;
            add_.add("policy-no-key", begin);
            return;
        }
        any_ = true;
        if (text.data() != line.data() || field.key.size() != colon)
            add_.add("policy-blanks-before", field.at(field.key));
        keep(field);
    }

    void control_octet(Place place, std::string_view line, std::string_view text,
                       std::string_view::iterator control) {
        place.column += static_cast<std::size_t>(control - text.begin());
        std::string words, hint;
        if (*control == '\r' && place.column == line.size()) {
            words = "a CR stands at the end of the line, and is not part of a CR LF";
            hint = "end lines with LF or CR LF";
        } else if (*control == '\r') {
            words = "a CR stands within the line; it does not end a line";
            hint = "end lines with LF or CR LF";
        } else if (*control == '\0') {
            words = "a NUL stands within the line; the file may be UTF-16";
        }
        add_.add("policy-control-octet", place, std::move(words), std::move(hint));
    }

    void keep(const Field& field) {
        if (field.key == "version")
            first_of(version_, field);
        else if (field.key == "mode")
            first_of(mode_, field);
        else if (field.key == "max_age")
            first_of(max_age_, field);
        else if (field.key == "mx")
            mx_.push_back(field);
        else
            keep_unknown(field);
    }

    void keep_unknown(Field field) {
        if (may_guess()) field.meant = key_meant(field.key, field.value);
        unknown_.push_back(field);
    }

    bool may_guess() { return guesses_++ < max_guesses; }

    void first_of(std::optional<Field>& place, const Field& field) {
        if (!place)
            place = field;
        else
            add_.add("policy-repeated-field", field.at(field.key),
                     base::printable(field.key) + " stands in line " + std::to_string(place->number) +
                         " already, and that one counts" +
                         (field.value == place->value ? "" : " (" + shown(place->value) + ")"));
    }

    /// The field that `key` may be misspelt as, for the words on its absence.
    std::string instead_of(std::string_view key) {
        for (const Field& field : unknown_)
            if (field.meant == key)
                return "line " + std::to_string(field.number) + " has " + shown(field.key) +
                       ": keys are written exactly so: " + std::string(key);
        return {};
    }

    void missing(std::string_view id, std::string_view key) {
        if (meant_.contains(key)) return; // its line has no colon
        add_.add_whole(id, instead_of(key));
    }

    void version() {
        if (!version_)
            missing("policy-version-missing", "version");
        else if (version_->value != "STSv1")
            add_.add("policy-version-unknown", version_->at(version_->value), {},
                     did_you_mean("version: STSv1"));
    }

    void mode() {
        if (!mode_) {
            missing("policy-mode-missing", "mode");
            return;
        }
        const std::string_view value = mode_->value;
        if (value == "testing") {
            add_.add("policy-mode-testing", mode_->at(value));
        } else if (value == "none") {
            add_.add("policy-mode-none", mode_->at(value));
        } else if (value != "enforce") {
            const std::string_view meant = mode_meant(value);
            add_.add("policy-mode-unknown", mode_->at(value), {},
                     meant.empty() ? std::string{} : did_you_mean("mode: " + std::string(meant)));
        }
    }

    void max_age() {
        if (!max_age_) {
            missing("policy-max-age-missing", "max_age");
            return;
        }
        const std::string_view value = max_age_->value;
        const Place place = max_age_->at(value);
        constexpr std::size_t most_digits = 10;
        if (value.empty() || value.size() > most_digits ||
            !std::ranges::all_of(value, [](char c) { return c >= '0' && c <= '9'; })) {
            const std::string meant = max_age_meant(value);
            add_.add("policy-max-age-invalid", place, {},
                     meant.empty() ? std::string{} : did_you_mean("max_age: " + meant));
            return;
        }
        const std::chrono::seconds age{std::stoll(std::string(value))};
        if (age > sts::max_max_age) {
            add_.add("policy-max-age-capped", place);
        } else if (is_none()) { // a short one is right then
        } else if (age == 0s) {
            add_.add("policy-max-age-zero", place);
        } else if (age < 24h) {
            add_.add("policy-max-age-short", place);
        } else if (age < 24h * 7) {
            add_.add("policy-max-age-low", place);
        }
    }

    [[nodiscard]] bool is_none() const { return mode_ && mode_->value == "none"; }

    void mx() {
        if (is_none()) {
            for (const Field& field : mx_) add_.add("policy-mx-unused", field.at(field.key));
            return;
        }
        if (mx_.empty()) {
            missing("policy-mx-missing", "mx");
            return;
        }
        struct Good {
            sts::MxPattern pattern;
            const Field* field;
        };
        std::vector<Good> good;
        for (const Field& field : mx_) {
            auto pattern = sts::parse_mx(field.value);
            if (pattern)
                good.push_back({std::move(*pattern), &field});
            else
                bad_mx(field);
        }
        const bool only_addresses =
            good.size() == mx_.size() &&
            std::ranges::all_of(good, [](const Good& one) { return sts::is_address(one.pattern); });
        if (only_addresses)
            add_.add("policy-mx-only-addresses", good.front().field->at(good.front().field->value));
        for (const Good& one : good) {
            const Place place = one.field->at(one.field->value);
            if (sts::is_address(one.pattern)) {
                if (!only_addresses) add_.add("policy-mx-address", place);
                continue;
            }
            if (one.field->value.ends_with('.'))
                add_.add("policy-mx-final-dot", place, {},
                         did_you_mean("mx: " +
                                      std::string(one.field->value.substr(0, one.field->value.size() - 1))));
            const bool single = one.pattern.name.find('.') == std::string::npos;
            if (one.pattern.wildcard)
                add_.add(single ? "policy-mx-wide" : "policy-mx-wildcard", place);
            else if (single)
                add_.add("policy-mx-single-label", place);
        }
        // Strangers choose the names: sorted, not hashed.
        std::ranges::stable_sort(good, [](const Good& a, const Good& b) {
            return std::tie(a.pattern.name, a.pattern.wildcard) <
                   std::tie(b.pattern.name, b.pattern.wildcard);
        });
        for (std::size_t i = 1; i < good.size(); ++i)
            if (good[i].pattern == good[i - 1].pattern)
                add_.add("policy-mx-repeated", good[i].field->at(good[i].field->value),
                         "line " + std::to_string(good[i - 1].field->number) + " has it, too");
    }

    void bad_mx(const Field& field) {
        const std::string_view value = field.value;
        std::string hint, words;
        const std::vector<std::string> meant = may_guess() ? mx_meant(value) : std::vector<std::string>{};
        for (const std::string& one : meant)
            hint += (hint.empty() ? (meant.size() > 1 ? "one name on each line: " : "did you mean ") : ", ") +
                    shown("mx: " + one);
        if (meant.size() == 1) hint += "?";
        if (value.empty())
            words = "nothing stands behind the colon";
        else if (meant.size() > 1)
            words = "it has more than one name";
        else if (value.find('_') != value.npos)
            words = "the name of a mail host has no underscore";
        else if (value.find('@') != value.npos)
            words = "it is a mail address";
        else if (value.find('*') != value.npos)
            words = "a * stands for the whole first label, and for no more";
        else if (std::ranges::any_of(value, [](char c) { return static_cast<unsigned char>(c) >= 0x80; }))
            words = "letters beyond ASCII are written as A-labels (xn--...)";
        else if (std::ranges::count(value, ':') > 1)
            words = "it looks like an IPv6 address; MX hosts have names";
        add_.add("policy-mx-invalid", field.at(value), std::move(words), std::move(hint));
    }

    void unknown_keys() {
        for (const Field& field : unknown_) {
            if (field.meant.empty())
                add_.add("policy-key-unknown", field.at(field.key));
            else
                add_.add("policy-key-misspelt", field.at(field.key), {},
                         did_you_mean(std::string(field.meant) + ": " + std::string(field.value)));
        }
    }

    void line_ends() {
        if (lf_ > 0 && crlf_ > 0)
            add_.add_whole("policy-mixed-line-ends", "line " + std::to_string(first_lf_) +
                                                         " ends with LF, line " +
                                                         std::to_string(first_crlf_) + " with CR LF");
        else if (lf_ > 0)
            add_.add_whole("policy-lf");
        else if (crlf_ > 0)
            add_.add_whole("policy-crlf");
        if (no_final_end_) add_.add_whole("policy-no-final-line-end");
    }

    void good(const sts::Policy& policy) {
        std::string words = "the policy is valid: mode " + std::string(sts::to_string(policy.mode)) +
                            ", max_age " + std::to_string(policy.max_age.count()) + ", " +
                            std::to_string(policy.mx.size()) + " mx";
        add_.add_whole("policy-good", std::move(words));
    }

    std::string_view body_;
    Adder add_;
    std::optional<Field> version_, mode_, max_age_;
    std::vector<Field> mx_, unknown_;
    std::set<std::string, std::less<>> meant_; ///< keys of lines without a colon
    std::size_t guesses_ = 0;
    std::size_t lf_ = 0, crlf_ = 0, first_lf_ = 0, first_crlf_ = 0;
    bool any_ = false, syntax_error_ = false, no_final_end_ = false;
};

} // namespace

PolicyLook policy_text(std::string_view body) { return PolicyLint(body).look(); }

} // namespace lint
