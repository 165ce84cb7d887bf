#include "postfix/answer.hpp"

#include "base/text.hpp"
#include "sts/lines.hpp"
#include "sts/match.hpp"

#include <algorithm>
#include <array>

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
void for_each_mx(const sts::Policy& policy, const Take& take) {
    bool any = false;
    for (const MxPattern& pattern : policy.mx) {
        if (!is_usable(pattern)) continue;
        take(std::string_view{pattern.name}, pattern.wildcard);
        any = true;
    }
    if (!any) take(unmatchable, false);
}

/// "*.x" is written ".x": for Postfix "*.x" would be a literal certificate name.
void append_match(const sts::Policy& policy, std::string& out) {
    bool first = true;
    for_each_mx(policy, [&](std::string_view name, bool wildcard) {
        if (!first) out.push_back(':');
        first = false;
        if (wildcard) out.push_back('.');
        out.append(name);
    });
}

[[nodiscard]] std::size_t host_patterns_size(const sts::Policy& policy) {
    std::size_t size = 0;
    for_each_mx(policy, [&](std::string_view name, bool wildcard) {
        size += host_pattern.size() + (wildcard ? 2 : 0) + name.size();
    });
    return size;
}

void append_host_patterns(const sts::Policy& policy, std::string& out) {
    for_each_mx(policy, [&](std::string_view name, bool wildcard) {
        out.append(host_pattern);
        if (wildcard) out.append("*.");
        out.append(name);
    });
}

bool is_quotable(std::string_view line) {
    const auto harmful = [](char c) {
        return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f || c == '{' || c == '}';
    };
    return !line.empty() && std::ranges::none_of(line, harmful) && base::valid_utf8(line);
}

bool is_mx_field(std::string_view line) { return base::trim_wsp(line.substr(0, line.find(':'))) == "mx"; }

/// Calls `take(line)` for the fetched lines that may stand in "{ policy_string = ... }".
template <class Take>
void for_each_quotable_line(std::string_view text, const Take& take) {
    sts::Lines lines{text};
    while (const auto line = lines.next())
        if (is_quotable(*line)) take(*line);
}

constexpr std::size_t policy_string_size(std::string_view line) {
    return string_open.size() + line.size() + string_close.size();
}

void append_policy_string(std::string_view line, std::string& out) {
    out.append(string_open);
    // HTAB is white space in a policy line, so a space has the same meaning; Postfix must not get control bytes.
    const auto start = static_cast<std::ptrdiff_t>(out.size());
    out.append(line);
    std::replace(out.begin() + start, out.end(), '\t', ' ');
    out.append(string_close);
}

/// Appends as much of the policy's text as fits into `room` octets: all its lines, or all lines except the mx
/// lines, or only the version, for which there must be room.
void append_policy_strings(std::string_view text, std::size_t room, std::string& out) {
    std::size_t all = 0, of_mx = 0;
    for_each_quotable_line(text, [&](std::string_view line) {
        all += policy_string_size(line);
        if (is_mx_field(line)) of_mx += policy_string_size(line);
    });
    const bool with_mx = all <= room;
    const std::size_t size = with_mx ? all : all - of_mx;
    if (size > room || size == 0) return append_policy_string(version_line, out);
    for_each_quotable_line(text, [&](std::string_view line) {
        if (with_mx || !is_mx_field(line)) append_policy_string(line, out);
    });
}

/// `word` and the problem, cut and made printable, because Postfix logs it.
std::string with_words(std::string_view word, std::string_view words) {
    return std::string{word} + base::printable(words, max_words);
}

/// Appends what every version of Postfix gets for an enforced policy; false: it is too long for a reply.
bool append_plain_form(const sts::Policy& policy, std::string& out) {
    const std::size_t start = out.size();
    out.append(secure);
    append_match(policy, out);
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
    const sts::Policy& policy = e.policy->policy;
    const std::size_t head = policy_type.size() + e.domain.size() + host_patterns_size(policy);
    if (head + policy_string_size(version_line) > room) return;
    out.append(policy_type).append(e.domain);
    append_host_patterns(policy, out);
    append_policy_strings(e.policy->text, room - head, out);
}

void append_enforce(const decision::Enforce& e, Dialect dialect, std::string& out) {
    const std::size_t start = out.size();
    if (append_plain_form(e.policy->policy, out) && dialect == Dialect::tlsrpt)
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
        void operator()(const decision::TryLater& t) const {
            out.append(temp(t.words.empty() ? base::to_string(t.reason) : t.words));
        }
    };
    std::visit(Visitor{dialect, out}, answer);
}

std::string perm(std::string_view words) { return with_words("PERM ", words); }
std::string temp(std::string_view words) { return with_words("TEMP ", words); }

} // namespace postfix
