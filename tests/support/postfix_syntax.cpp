#include "support/postfix_syntax.hpp"

#include <algorithm>
#include <optional>
#include <set>

namespace test {

namespace {

using Fault = std::string;

constexpr std::size_t reply_limit = 100000; // socketmap_table(5)
constexpr std::size_t shown_reason = 200;   // dict_sockmap.c logs no more

bool is_separator(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == ','; }
bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

std::string lower(std::string_view text) {
    std::string out{text};
    std::ranges::transform(out, out.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
    return out;
}

std::string_view strip(std::string_view text) {
    while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
    while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
    return text;
}

std::vector<std::string> split(std::string_view text, char at) {
    std::vector<std::string> out(1);
    for (char c : text) {
        if (c == at)
            out.emplace_back();
        else
            out.back().push_back(c);
    }
    return out;
}

/// Postfix valid_hostname(): ASCII, labels of 1 to 63 letters, digits, hyphens, underscores; not all digits.
std::optional<Fault> hostname_fault(std::string_view name) {
    if (name.empty() || name.size() > 255) return "bad length of host name '" + std::string{name} + "'";
    bool numeric = true;
    for (const std::string& label : split(name, '.')) {
        if (label.empty() || label.size() > 63) return "bad label length in '" + std::string{name} + "'";
        if (label.front() == '-' || label.back() == '-')
            return "misplaced hyphen in '" + std::string{name} + "'";
        for (char c : label) {
            const bool digit = c >= '0' && c <= '9';
            if (!digit && !(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && c != '-' && c != '_')
                return "invalid character in host name '" + std::string{name} + "'";
            numeric = numeric && digit;
        }
    }
    if (numeric) return "numeric host name '" + std::string{name} + "'";
    return std::nullopt;
}

/// "secure", "a=b", or the inside of "{ ... }".
base::Expected<std::vector<std::string>, Fault> tokens(std::string_view text, bool braces) {
    std::vector<std::string> out;
    std::size_t i = 0;
    for (;;) {
        while (i < text.size() && is_separator(text[i])) ++i;
        if (i == text.size()) return out;
        if (text[i] == '#') return base::unexpected(Fault{"comment in a policy"});
        std::size_t depth = 0, start = i;
        for (; i < text.size() && (depth > 0 || !is_separator(text[i])); ++i) {
            if (!braces) continue;
            if (text[i] == '{') ++depth;
            if (text[i] == '}' && depth-- == 0) return base::unexpected(Fault{"'}' without '{'"});
        }
        if (depth != 0) return base::unexpected(Fault{"'{' without '}'"});
        std::string_view token = text.substr(start, i - start);
        if (braces && token.front() == '{') {
            if (token.back() != '}') return base::unexpected(Fault{"text after '}'"});
            token = strip(token.substr(1, token.size() - 2));
        }
        out.emplace_back(token);
    }
}

class Reader {
public:
    explicit Reader(Postfix version) : version_(version) {}

    std::optional<Fault> level(std::string_view text) {
        static const std::set<std::string> levels = {"none", "may",       "encrypt", "fingerprint",
                                                     "dane", "dane-only", "verify",  "secure"};
        policy.level = lower(text);
        if (!levels.contains(policy.level)) return "unknown level '" + std::string{text} + "'";
        return std::nullopt;
    }

    std::optional<Fault> attribute(std::string_view token) {
        const std::size_t equals = token.find('=');
        if (equals == std::string_view::npos) return "malformed attribute '" + std::string{token} + "'";
        const std::string name = lower(strip(token.substr(0, equals)));
        const std::string value{strip(token.substr(equals + 1))};
        if (value.empty()) return "attribute " + name + " without value";
        if (name == "match") return match(value);
        if (name == "servername") {
            if (!policy.servername.empty()) return "servername twice";
            policy.servername = value;
            // The two strategy words are compared with case; anything else counts as a host name.
            return value == "hostname" || value == "nexthop" ? std::nullopt : hostname_fault(value);
        }
        if (version_ == Postfix::v3_4) return "unknown attribute '" + name + "'";
        if (name == "policy_type") {
            if (!policy.policy_type.empty()) return "policy_type twice";
            policy.policy_type = lower(value);
            if (policy.policy_type != "sts" && policy.policy_type != "no-policy-found")
                return "bad policy_type";
            return std::nullopt;
        }
        needs_type_ = true;
        if (name == "policy_domain") {
            if (!policy.policy_domain.empty()) return "policy_domain twice";
            policy.policy_domain = value;
            return hostname_fault(value);
        }
        if (name == "mx_host_pattern") return policy.mx_host_pattern.push_back(value), std::nullopt;
        if (name == "policy_string") return policy.policy_string.push_back(value), std::nullopt;
        return "attribute '" + name + "' is unknown or never ours to send";
    }

    [[nodiscard]] std::optional<Fault> end() const {
        if (needs_type_ && policy.policy_type.empty()) return "policy attributes without policy_type";
        return std::nullopt;
    }

    TlsPolicy policy;

private:
    std::optional<Fault> match(std::string_view value) {
        if (policy.level != "verify" && policy.level != "secure") return "match= at level " + policy.level;
        for (const std::string& item : split(value, ':')) {
            if (item.empty()) return "empty item in match=";
            policy.match.push_back(item);
        }
        return std::nullopt;
    }

    Postfix version_;
    bool needs_type_ = false;
};

/// What Postfix accepts but no answer of ours may contain.
std::optional<Fault> meaning_fault(const TlsPolicy& policy) {
    if (policy.level != "secure") return "level is not secure";
    if (policy.match.empty()) return "no match=: Postfix would match the next hop";
    if (policy.servername != "hostname") return "servername is not hostname";
    std::set<std::string> seen;
    for (const std::string& item : policy.match) {
        const std::string word = lower(item);
        if (word == "hostname" || word == "nexthop" || word == "dot-nexthop")
            return "strategy word in match=";
        if (word != item) return "match= item not in lower case";
        if (auto why = hostname_fault(std::string_view{item}.substr(item.front() == '.' ? 1 : 0))) return why;
        if (!seen.insert(item).second) return "match= item twice: " + item;
    }
    if (policy.policy_type.empty()) return std::nullopt;
    if (policy.policy_type != "sts") return "policy_type is not sts";
    if (policy.policy_domain.empty()) return "no policy_domain";
    if (policy.policy_string.empty()) return "no policy_string: crashes Postfix 3.10.0 to 3.10.5";
    if (policy.mx_host_pattern.size() != policy.match.size())
        return "mx_host_pattern and match= differ in number";
    for (std::size_t i = 0; i < policy.match.size(); ++i) {
        const std::string& m = policy.match[i];
        if (policy.mx_host_pattern[i] != (m.front() == '.' ? "*" + m : m))
            return "mx_host_pattern '" + policy.mx_host_pattern[i] + "' is not match= '" + m + "'";
    }
    return std::nullopt;
}

/// RFC 3629, by decoding.
bool is_utf8(std::string_view text) {
    for (std::size_t i = 0; i < text.size();) {
        const auto at = [&](std::size_t k) { return static_cast<unsigned char>(text[k]); };
        const std::size_t size = at(i) < 0x80       ? 1
                                 : at(i) >> 5 == 6  ? 2
                                 : at(i) >> 4 == 14 ? 3
                                 : at(i) >> 3 == 30 ? 4
                                                    : 0;
        if (size == 0 || text.size() - i < size) return false;
        char32_t point = size == 1 ? at(i) : at(i) & (0x7f >> size);
        for (std::size_t k = 1; k < size; ++k) {
            if (at(i + k) >> 6 != 2) return false;
            point = point << 6 | (at(i + k) & 0x3f);
        }
        static constexpr char32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
        if (point < least[size] || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) return false;
        i += size;
    }
    return true;
}

} // namespace

base::Expected<TlsPolicy, std::string> read_tls_policy(std::string_view text, Postfix version) {
    auto all = tokens(text, version == Postfix::v3_10);
    if (!all) return base::unexpected(all.error());
    if (all->empty()) return base::unexpected(Fault{"empty policy"});
    Reader reader{version};
    if (auto why = reader.level(all->front())) return base::unexpected(*why);
    for (std::size_t i = 1; i < all->size(); ++i)
        if (auto why = reader.attribute((*all)[i])) return base::unexpected(*why);
    if (auto why = reader.end()) return base::unexpected(*why);
    return std::move(reader.policy);
}

base::Expected<Reply, std::string> read_reply(std::string_view payload, Postfix version) {
    if (payload.size() > reply_limit) return base::unexpected(Fault{"reply over 100000 octets"});
    if (!is_utf8(payload)) return base::unexpected(Fault{"reply is not UTF-8"});
    if (std::ranges::any_of(payload, [](char c) { return (c >= 0 && c < 0x20) || c == 0x7f; }))
        return base::unexpected(Fault{"control byte in the reply"});
    const std::size_t space = payload.find(' ');
    if (space == std::string_view::npos) return base::unexpected(Fault{"reply without a space"});
    const std::string_view word = payload.substr(0, space), rest = payload.substr(space + 1);
    Reply reply;
    if (word == "NOTFOUND") {
        reply.status = Reply::Status::not_found;
        if (!rest.empty()) return base::unexpected(Fault{"text after NOTFOUND"});
        return reply;
    }
    if (word == "TEMP" || word == "PERM") {
        reply.status = word == "TEMP" ? Reply::Status::temp : Reply::Status::perm;
        reply.reason = rest;
        if (rest.empty() || rest.size() > shown_reason)
            return base::unexpected(Fault{"reason empty or too long"});
        return reply;
    }
    if (word != "OK") return base::unexpected(Fault{"unknown status word"});
    auto policy = read_tls_policy(rest, version);
    if (!policy) return base::unexpected(policy.error());
    if (policy->level == "dane-only" && rest == "dane-only")
        return Reply{Reply::Status::ok, std::move(*policy), {}};
    if (auto why = meaning_fault(*policy)) return base::unexpected(*why);
    reply.status = Reply::Status::ok;
    reply.policy = std::move(*policy);
    return reply;
}

std::optional<std::string_view> take_netstring(std::string_view& wire) {
    std::size_t length = 0, at = 0;
    for (; at < wire.size() && wire[at] >= '0' && wire[at] <= '9'; ++at) {
        if (at > 0 && length == 0) return std::nullopt; // a zero stands alone
        length = length * 10 + static_cast<std::size_t>(wire[at] - '0');
        if (length > reply_limit) return std::nullopt;
    }
    if (at == 0 || at >= wire.size() || wire[at] != ':') return std::nullopt;
    if (wire.size() - at < length + 2 || wire[at + 1 + length] != ',') return std::nullopt;
    const std::string_view payload = wire.substr(at + 1, length);
    wire.remove_prefix(at + length + 2);
    return payload;
}

std::optional<std::string_view> read_netstring(std::string_view wire) {
    const auto payload = take_netstring(wire);
    return wire.empty() ? payload : std::nullopt;
}

} // namespace test
