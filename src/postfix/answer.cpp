#include "postfix/answer.hpp"

#include "base/text.hpp"
#include "sts/lines.hpp"
#include "sts/match.hpp"

#include <algorithm>
#include <array>
#include <span>

namespace postfix {

namespace {

using sts::MxPattern;

constexpr std::size_t max_words = 200; // octets of a reason; Postfix does not log more

/// The value of match= when no pattern of an enforce policy is usable. The policy still requires an MX host
/// that it names, so no host may match: nobody can have a certificate for ".invalid" (RFC 6761 section 6.4).
constexpr std::string_view unmatchable = "no-usable-mx.invalid";
/// Every policy that parses has this line, in some spelling. With policy_type=sts, Postfix 3.10.0 to 3.10.5
/// crashes unless there is at least one policy_string.
constexpr std::string_view version_line = "version: STSv1";

constexpr std::string_view secure = "OK secure match=";
constexpr std::string_view servername = " servername=hostname";
constexpr std::string_view policy_type = " policy_type=sts policy_domain=";
constexpr std::string_view host_pattern = " mx_host_pattern=";
constexpr std::string_view string_open = " { policy_string = ";
constexpr std::string_view string_close = " }";

/// Words with a special meaning in match= (Postfix tls_client.c), in any case.
bool is_strategy(std::string_view name) {
    static constexpr std::array<std::string_view, 3> strategies = {"hostname", "nexthop", "dot-nexthop"};
    return std::ranges::any_of(strategies, [&](std::string_view s) { return base::iequals(name, s); });
}

/// A lower-case host name of letters, digits, hyphens and inner dots: harmless in every attribute.
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
    // A wildcard or name without a dot is harmless. With an address Postfix would check certificates against
    // that address.
    return is_plain_name(pattern.name) && !sts::is_address(pattern) &&
           (pattern.wildcard || !is_strategy(pattern.name));
}

/// Calls `take(name, wildcard)` for each usable mx of a policy, at least once. Each mx is checked in the loop,
/// so that nothing needs to be stored.
template <class Take>
void for_each_mx(std::span<const MxPattern> patterns, const Take& take) {
    bool any = false;
    for (const MxPattern& pattern : patterns) {
        if (!is_usable(pattern)) continue;
        take(std::string_view{pattern.name}, pattern.wildcard);
        any = true;
    }
    if (!any) take(unmatchable, false);
}

/// "*.x" is written ".x": for Postfix "*.x" would be a literal certificate name.
void append_match(std::span<const MxPattern> patterns, std::string& out) {
    bool first = true;
    for_each_mx(patterns, [&](std::string_view name, bool wildcard) {
        if (!first) out.push_back(':');
        first = false;
        if (wildcard) out.push_back('.');
        out.append(name);
    });
}

void append_host_patterns(std::span<const MxPattern> patterns, std::string& out) {
    for_each_mx(patterns, [&](std::string_view name, bool wildcard) {
        out.append(host_pattern);
        if (wildcard) out.append("*.");
        out.append(name);
    });
}

bool is_quotable(std::string_view line) {
    bool ascii = true;
    for (const char c : line) {
        const auto octet = static_cast<unsigned char>(c);
        if ((octet < 0x20 && c != '\t') || c == 0x7f || c == '{' || c == '}') return false;
        ascii = ascii && octet < 0x80;
    }
    return !line.empty() && (ascii || base::valid_utf8(line));
}

bool is_mx_field(std::string_view line) { return base::trim_wsp(line.substr(0, line.find(':'))) == "mx"; }

void append_policy_string(std::string_view line, std::string& out) {
    out.append(string_open);
    // HTAB is white space in a policy line, so a space has the same meaning; Postfix must not get control bytes.
    const auto start = static_cast<std::ptrdiff_t>(out.size());
    out.append(line);
    std::replace(out.begin() + start, out.end(), '\t', ' ');
    out.append(string_close);
}

/// Appends the fetched lines that are allowed in "{ policy_string = ... }". False, and nothing appended, if there
/// are none or they do not fit.
bool append_lines(std::string_view text, bool with_mx, std::size_t room, std::string& out) {
    const std::size_t start = out.size();
    sts::Lines lines{text};
    while (const auto line = lines.next()) {
        if (!is_quotable(*line) || (!with_mx && is_mx_field(*line))) continue;
        append_policy_string(*line, out);
        if (out.size() - start > room) {
            out.resize(start);
            return false;
        }
    }
    return out.size() > start;
}

/// `word` and the problem, cut and made printable, because Postfix logs it.
std::string with_words(std::string_view word, std::string_view words) {
    return std::string{word} + base::printable(words, max_words);
}

/// Appends what every version of Postfix gets for an enforced policy; false: it is too long for a reply.
bool append_plain_form(std::span<const MxPattern> patterns, std::string& out) {
    const std::size_t start = out.size();
    out.append(secure);
    append_match(patterns, out);
    out.append(servername);
    // Always true for a policy of up to sts::max_policy_size, because every mx line is longer than its part
    // of match=.
    if (out.size() - start <= max_reply) return true;
    out.resize(start);
    out.append(temp("policy has more mx than a socketmap reply can hold"));
    return false;
}

/// Appends what the TLSRPT dialect adds, in up to `room` octets; nothing if the required attributes do not
/// fit.
void append_attributes(const decision::Enforce& e, std::size_t room, std::string& out) {
    constexpr std::size_t least = string_open.size() + version_line.size() + string_close.size();
    const std::size_t start = out.size();
    out.append(policy_type).append(e.domain);
    append_host_patterns(e.policy->policy.mx, out);
    const std::size_t head = out.size() - start;
    if (head + least > room) return out.resize(start);
    // All lines; or all except the mx, which are in it already; or only the version.
    const std::string_view text = e.policy->text;
    if (!append_lines(text, true, room - head, out) && !append_lines(text, false, room - head, out))
        append_policy_string(version_line, out);
}

void append_enforce(const decision::Enforce& e, Dialect dialect, std::string& out) {
    const std::size_t start = out.size();
    if (append_plain_form(e.policy->policy.mx, out) && dialect == Dialect::tlsrpt)
        append_attributes(e, max_reply - (out.size() - start), out);
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
        // Not "dane": without TLSA records Postfix would then use an unauthenticated or even plain connection.
        void operator()(const decision::DaneOnly&) const { out.append("OK dane-only"); }
        void operator()(const decision::May&) const { out.append("OK may"); }
        void operator()(const decision::Encrypt&) const { out.append("OK encrypt"); }
        void operator()(const decision::Secure& s) const { (void)append_plain_form(s.by->match, out); }
        void operator()(const decision::TryLater& t) const {
            out.append(temp(t.words.empty() ? base::to_string(t.reason) : t.words));
        }
    };
    std::visit(Visitor{dialect, out}, answer);
}

std::string perm(std::string_view words) { return with_words("PERM ", words); }
std::string temp(std::string_view words) { return with_words("TEMP ", words); }

} // namespace postfix
