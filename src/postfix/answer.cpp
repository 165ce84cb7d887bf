#include "postfix/answer.hpp"

#include "base/text.hpp"
#include "sts/lines.hpp"
#include "sts/match.hpp"

#include <algorithm>
#include <array>
#include <vector>

namespace postfix {

namespace {

using sts::MxPattern;

constexpr std::size_t max_words = 200; // of a reason; Postfix logs no more either

/// What match= says when no pattern of an enforce policy is usable: the policy still demands an MX host that
/// it names, and none can be. Nobody can have a certificate for ".invalid" (RFC 6761 section 6.4).
constexpr std::string_view unmatchable = "no-usable-mx.invalid";
/// Every policy that parses says this, in whatever spelling; with policy_type=sts Postfix 3.10.0 to 3.10.5
/// crashes without at least one policy_string.
constexpr std::string_view version_line = "version: STSv1";

constexpr std::string_view secure = "OK secure match=";
constexpr std::string_view servername = " servername=hostname";
constexpr std::string_view policy_type = " policy_type=sts policy_domain=";
constexpr std::string_view host_pattern = " mx_host_pattern=";
constexpr std::string_view string_open = " { policy_string = ";
constexpr std::string_view string_close = " }";

/// Words with a meaning of their own in match= (Postfix tls_client.c), in any case.
bool is_strategy(std::string_view name) {
    static constexpr std::array<std::string_view, 3> strategies = {"hostname", "nexthop", "dot-nexthop"};
    return std::ranges::any_of(strategies, [&](std::string_view s) { return base::iequals(name, s); });
}

/// A lower-case host name of letters, digits, hyphens and inner dots: harmless anywhere in a policy.
bool is_plain_name(std::string_view name) {
    char before = '.';
    for (char c : name) {
        const bool alnum = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (!alnum && c != '-' && c != '.') return false;
        if (c == '.' && (before == '.' || before == '-')) return false;
        if (c == '-' && before == '.') return false;
        before = c;
    }
    return before != '.' && before != '-';
}

bool is_usable(const MxPattern& pattern) {
    // A dot-less wildcard or name is fine; an address would make Postfix check certificates against it.
    return is_plain_name(pattern.name) && !sts::is_address(pattern) &&
           (pattern.wildcard || !is_strategy(pattern.name));
}

/// The parts of an answer that come from the policy, all checked, and their sizes; they point into the
/// policy.
class Parts {
public:
    explicit Parts(const sts::Policy& policy) {
        mx_.reserve(policy.mx.size());
        for (const MxPattern& pattern : policy.mx)
            if (is_usable(pattern)) mx_.push_back(&pattern);
        static const MxPattern nobody{std::string{unmatchable}, false};
        if (mx_.empty()) mx_.push_back(&nobody);
        for (const MxPattern* p : mx_) names_ += p->name.size(), wildcards_ += p->wildcard;
    }

    /// "*.x" is written ".x": Postfix takes "*.x" for a literal certificate name.
    [[nodiscard]] std::size_t match_size() const { return names_ + wildcards_ + mx_.size() - 1; }
    void append_match(std::string& out) const {
        bool first = true;
        for (const MxPattern* p : mx_) {
            if (!first) out.push_back(':');
            first = false;
            if (p->wildcard) out.push_back('.');
            out.append(p->name);
        }
    }

    [[nodiscard]] std::size_t patterns_size() const {
        return names_ + 2 * wildcards_ + mx_.size() * host_pattern.size();
    }
    void append_patterns(std::string& out) const {
        for (const MxPattern* p : mx_) {
            out.append(host_pattern);
            if (p->wildcard) out.append("*.");
            out.append(p->name);
        }
    }

private:
    std::vector<const MxPattern*> mx_; // never empty
    std::size_t names_ = 0, wildcards_ = 0;
};

/// The fetched lines that may stand in "{ policy_string = ... }".
class Strings {
public:
    explicit Strings(std::string_view text) {
        sts::Lines lines{text};
        while (const auto line = lines.next()) {
            if (!is_quotable(*line)) continue;
            lines_.push_back(*line);
            size_ += string_open.size() + line->size() + string_close.size();
        }
    }

    [[nodiscard]] bool empty() const { return lines_.empty(); }
    [[nodiscard]] std::size_t size() const { return size_; }

    void drop_mx() {
        std::erase_if(lines_, [&](std::string_view line) {
            if (base::trim_wsp(line.substr(0, line.find(':'))) != "mx") return false;
            size_ -= string_open.size() + line.size() + string_close.size();
            return true;
        });
    }
    void only_version() {
        lines_.assign(1, version_line);
        size_ = string_open.size() + version_line.size() + string_close.size();
    }

    void append(std::string& out) const {
        for (std::string_view line : lines_) {
            out.append(string_open);
            // HTAB is white space in a policy line, so a space means the same; no control byte goes to
            // Postfix.
            const auto start = static_cast<std::ptrdiff_t>(out.size());
            out.append(line);
            std::replace(out.begin() + start, out.end(), '\t', ' ');
            out.append(string_close);
        }
    }

private:
    static bool is_quotable(std::string_view line) {
        const auto harmful = [](char c) {
            return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f || c == '{' || c == '}';
        };
        return !line.empty() && std::ranges::none_of(line, harmful) && base::valid_utf8(line);
    }

    std::vector<std::string_view> lines_;
    std::size_t size_ = 0;
};

/// `word` and what was wrong, made printable: it ends up in Postfix's log.
std::string with_words(std::string_view word, std::string_view words) {
    return std::string{word} + base::printable(words, max_words);
}

/// Appends what every Postfix gets of a policy that is enforced; false: it cannot be told.
bool append_plain_form(const Parts& parts, std::string& out) {
    const std::size_t size = secure.size() + parts.match_size() + servername.size();
    // Out of reach for a policy of up to sts::max_policy_size, as every mx line is longer than its share of
    // match=.
    if (size > max_reply) {
        out.append(temp("policy has more mx than a socketmap reply can hold"));
        return false;
    }
    out.append(secure);
    parts.append_match(out);
    out.append(servername);
    return true;
}

/// Appends what the TLSRPT dialect adds, in up to `room` octets; nothing when what must be there does not
/// fit.
void append_attributes(const decision::Enforce& e, const Parts& parts, std::size_t room, std::string& out) {
    static constexpr std::size_t least_string =
        string_open.size() + version_line.size() + string_close.size();
    const std::size_t head = policy_type.size() + e.domain.size() + parts.patterns_size();
    if (head + least_string > room) return;
    room -= head;
    Strings strings{e.policy->text};
    if (strings.size() > room) strings.drop_mx();
    if (strings.size() > room || strings.empty()) strings.only_version();
    out.append(policy_type).append(e.domain);
    parts.append_patterns(out);
    strings.append(out);
}

void append_enforce(const decision::Enforce& e, Dialect dialect, std::string& out) {
    const std::size_t start = out.size();
    const Parts parts{e.policy->policy};
    if (append_plain_form(parts, out) && dialect == Dialect::tlsrpt)
        append_attributes(e, parts, max_reply - (out.size() - start), out);
}

} // namespace

std::string answer(const decision::Answer& answer, Dialect dialect) {
    std::string out;
    append_answer(answer, dialect, out);
    return out;
}

void append_answer(const decision::Answer& answer, Dialect dialect, std::string& out) {
    struct Visitor {
        Dialect dialect;
        std::string& out;
        void operator()(const decision::NoOpinion&) const { out.append("NOTFOUND "); }
        void operator()(const decision::Enforce& e) const { append_enforce(e, dialect, out); }
        // Not "dane": without TLSA records that would fall back on an unauthenticated or even plain
        // connection.
        void operator()(const decision::DaneOnly&) const { out.append("OK dane-only"); }
        void operator()(const decision::TryLater& t) const {
            out.append(temp(t.words.empty() ? base::to_string(t.reason) : t.words));
        }
    };
    std::visit(Visitor{dialect, out}, answer);
}

std::string perm(std::string_view words) { return with_words("PERM ", words); }
std::string temp(std::string_view words) { return with_words("TEMP ", words); }

} // namespace postfix
