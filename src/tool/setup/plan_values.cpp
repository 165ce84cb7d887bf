// The part of the plan about values that Postfix does not know: smtp(8) ends at its start because of them, or
// defers mail when it uses them.
#include "tool/setup/plan_parts.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace setup {
namespace {

using Kind = Remark::Kind;

/// A parameter that allows only certain words. In a list they are separated by blanks and commas.
struct Choice {
    std::string_view name;
    std::vector<std::string_view> words;
    bool list = false, any_case = true, may_be_empty = true;

    [[nodiscard]] bool knows(const std::string& value) const {
        const std::vector<std::string> given = list ? split_maps(value) : std::vector{value};
        if (value.empty()) return may_be_empty;
        return std::ranges::all_of(given, [this](const std::string& word) {
            return std::ranges::find(words, any_case ? base::ascii_lower(word) : word) != words.end();
        });
    }
};

const std::vector<Choice>& choices() {
    static const std::vector<std::string_view> yes_no{"yes", "no"};
    static const std::vector<Choice> all{
        {"smtp_tls_security_level",
         {"none", "may", "encrypt", "fingerprint", "dane", "dane-only", "verify", "secure"}},
        {"smtp_dns_support_level", {"disabled", "enabled", "dnssec"}},
        {"smtp_host_lookup", {"dns", "native"}, true, false, false},
        {"smtp_dns_resolver_options", {"res_defnames", "res_dnsrch"}, true, false},
        {"smtp_address_preference", {"any", "ipv4", "ipv6"}, false, true, false},
        {"smtp_tls_dane_insecure_mx_policy", {"may", "encrypt", "dane"}},
        {"smtp_tls_mandatory_ciphers", {"high", "medium", "low", "export", "null"}, false, true, false},
        {"smtp_tls_ciphers", {"high", "medium", "low", "export", "null"}, false, true, false},
        {"smtp_use_tls", yes_no, false, true, false},
        {"smtp_enforce_tls", yes_no, false, true, false},
        {"smtp_tls_enforce_peername", yes_no, false, true, false},
        {"smtp_tls_wrappermode", yes_no, false, true, false},
        {"smtp_tls_connection_reuse", yes_no, false, true, false},
        {"smtp_tls_enforce_sts_mx_patterns", yes_no, false, true, false},
        {"tls_append_default_CA", yes_no, false, true, false},
        {"ignore_mx_lookup_error", yes_no, false, true, false},
        {"disable_dns_lookups", yes_no, false, true, false},
    };
    return all;
}

/// SSLv2 to TLSv1.3 as 0 to 5.
std::optional<int> protocol_number(std::string_view name) {
    constexpr std::array names{"sslv2", "sslv3", "tlsv1", "tlsv1.1", "tlsv1.2", "tlsv1.3"};
    const auto found = std::ranges::find(names, base::ascii_lower(name));
    if (found == names.end()) return std::nullopt;
    return static_cast<int>(found - names.begin());
}

/// After ">=" and "<=" numbers are allowed too, such as 0x0303 for TLSv1.2.
std::optional<int> protocol_limit(std::string_view text) {
    if (const auto number = protocol_number(text)) return number;
    if (!text.starts_with("0x") && !text.starts_with("0X")) return std::nullopt;
    int number = 0;
    const auto [stop, error] = std::from_chars(text.data() + 2, text.data() + text.size(), number, 16);
    if (error != std::errc{} || stop != text.data() + text.size()) return std::nullopt;
    return number - 0x02ff;
}

enum class Protocols { good, unknown, too_old };

/// How Postfix reads such a list (TLS_README; postconf(5), smtp_tls_mandatory_protocols). MTA-STS needs
/// TLS 1.2.
Protocols judge_protocols(std::string_view list) {
    std::array<bool, 6> included{}, excluded{};
    int lowest = 0, highest = 5;
    bool any = false;
    std::string text(list);
    std::ranges::replace(text, ':', ' ');
    for (const std::string& word : split_maps(text)) {
        if (word.starts_with(">=") || word.starts_with("<=")) {
            const auto limit = protocol_limit(std::string_view(word).substr(2));
            if (!limit) return Protocols::unknown;
            (word.front() == '>' ? lowest : highest) = *limit;
            continue;
        }
        const auto number = protocol_number(word.starts_with('!') ? std::string_view(word).substr(1) : word);
        if (!number) return Protocols::unknown;
        (word.starts_with('!') ? excluded : included)[static_cast<std::size_t>(*number)] = true;
        any = any || !word.starts_with('!');
    }
    for (const int number : {4, 5}) {
        const auto at = static_cast<std::size_t>(number);
        if (number >= lowest && number <= highest && !excluded[at] && (!any || included[at]))
            return Protocols::good;
    }
    return Protocols::too_old;
}

void judge_words(const Installed& postfix, Plan& plan) {
    for (const Choice& choice : choices()) {
        for (const Holder& holder : holders(postfix, {choice.name})) {
            if (!holder.has(choice.name) || choice.knows(holder.value(choice.name))) continue;
            std::string known;
            for (const std::string_view word : choice.words)
                known.append(known.empty() ? "" : ", ").append(word);
            plan.remarks.push_back(
                {weight_of_failure(holder), holder.about(choice.name),
                 holder.says(choice.name) + ": Postfix does not know this value, and defers all mail",
                 "one of: " + known + "; or Postfix's default: " + holder.unset(choice.name),
                 choice.name == "smtp_tls_security_level" ? "level-unknown" : "value-unknown"});
        }
    }
}

void judge_protocol_lists(const Installed& postfix, Plan& plan) {
    for (const std::string_view name : {"smtp_tls_mandatory_protocols", "smtp_tls_protocols"}) {
        for (const Holder& holder : holders(postfix, {name})) {
            const Protocols verdict = judge_protocols(holder.value(name));
            if (verdict == Protocols::unknown)
                plan.remarks.push_back(
                    {weight_of_failure(holder), holder.about(name),
                     holder.says(name) + ": Postfix does not know a word of it, and fails to use TLS",
                     holder.unset(name), "value-unknown"});
            else if (verdict == Protocols::too_old && name == "smtp_tls_mandatory_protocols")
                plan.remarks.push_back(
                    {weight_of_failure(holder), holder.about(name),
                     holder.says(name) +
                         ": neither TLS 1.2 nor 1.3 is left, and mail to domains with an enforced "
                         "policy is deferred",
                     holder.unset(name), "protocols-too-old"});
        }
    }
}

/// Types of tables that this Postfix does not have: smtp(8) cannot look anything up, and defers the mail.
void judge_map_types(const Installed& postfix, Plan& plan) {
    constexpr std::string_view name = "smtp_tls_policy_maps";
    if (postfix.map_types.empty()) return;
    for (const Holder& holder : holders(postfix, {name})) {
        for (const std::string& element : split_maps(holder.value(name))) {
            std::string_view rest = element;
            if (rest.starts_with('{')) continue; // { map-name { option = value } }: not parsed
            if (rest.starts_with("proxy:")) rest.remove_prefix(6);
            const std::size_t colon = rest.find(':');
            // Without a type it is a file of the default type. An element that starts with "/" is not a table,
            // but a list of names.
            if (colon == std::string_view::npos || rest.starts_with('/')) continue;
            const std::string type(rest.substr(0, colon));
            if (postfix.map_types.contains(type)) continue;
            plan.remarks.push_back(
                {weight_of_failure(holder), holder.about(name),
                 holder.says(name) + ": this Postfix has no tables of type " + type + ", and defers all mail",
                 "install Postfix's support for it (Debian: postfix-" + type + "), or take " + element +
                     " out of the list",
                 "map-type-missing"});
        }
    }
}

/// With smtp_tls_connection_reuse, tlsproxy(8) does TLS; in Debian's master.cf it is commented out.
void judge_tlsproxy(const Installed& postfix, Plan& plan) {
    constexpr std::string_view name = "smtp_tls_connection_reuse";
    for (const Holder& holder : holders(postfix, {name, "tlsproxy_service_name"})) {
        if (!holder.yes(name)) continue;
        const std::string set = holder.value("tlsproxy_service_name");
        const std::string service = set.empty() ? "tlsproxy" : set;
        if (postfix.transport(service) != nullptr) continue;
        plan.remarks.push_back(
            {weight_of_failure(holder), holder.about(name),
             holder.says(name) + ": master.cf has no service " + service +
                 "/unix, without which smtp(8) then does no TLS, and defers the mail of every domain "
                 "with an enforced policy",
             holder.unset(name) + "; or add the service: postconf -M '" + service + "/unix=" + service +
                 " unix - - y - 0 tlsproxy'",
             "tlsproxy-missing"});
    }
}

/// Reports what Postfix itself complained of, unless a remark that names the value exists already.
void pass_on(const Installed& postfix, Plan& plan) {
    std::vector<std::string> said;
    for (const Service& service : postfix.services) {
        if (service.trouble.empty() || std::ranges::find(said, service.trouble) != said.end()) continue;
        said.push_back(service.trouble);
        const bool known = std::ranges::any_of(plan.remarks, [&](const Remark& remark) {
            if (remark.id == "map-type-missing" &&
                service.trouble.find("unsupported dictionary") != std::string::npos)
                return true;
            if (remark.id == "ca-unusable" &&
                service.trouble.find("Certification Authority") != std::string::npos)
                return true;
            if (remark.id != "level-unknown" && remark.id != "value-unknown") return false;
            const std::size_t equals = remark.words.find(" = ");
            const std::string name = remark.words.substr(0, equals);
            const std::string value =
                remark.words.substr(equals + 3, remark.words.find(": ", equals) - equals - 3);
            const auto named = [&](const std::string& word) {
                return !word.empty() && service.trouble.find(word) != std::string::npos;
            };
            return named(name.substr(name.rfind(' ') + 1)) || named(value);
        });
        if (known) continue;
        std::string where;
        for (const Service& other : postfix.services)
            if (other.trouble == service.trouble)
                where.append(where.empty() ? "" : ", ").append(other.where());
        Use use = Use::unused;
        for (const Service& other : postfix.services)
            if (other.trouble == service.trouble) use = std::min(use, other.use);
        plan.remarks.push_back(
            {weight_of_failure({&postfix, &service, use}), "master.cf",
             "smtp(8) cannot work with the settings of " + where + ": " + service.trouble,
             "correct the setting that is named there, in main.cf or among the service's -o in "
             "master.cf",
             "smtp-fails"});
    }
}

void say_not_judged(const Installed& postfix, Plan& plan) {
    std::string where;
    for (const Service& service : postfix.services)
        if (service.effective.empty() && service.trouble.empty())
            where.append(where.empty() ? "" : ", ").append(service.where());
    if (where.empty()) return;
    plan.remarks.push_back({Kind::warning, "master.cf",
                            "too many services have different settings of their own; not judged: " + where,
                            "give services of the same purpose the same -o settings", "service-not-judged"});
}

} // namespace

void plan_values(const Installed& postfix, Plan& plan) {
    judge_words(postfix, plan);
    judge_protocol_lists(postfix, plan);
    judge_map_types(postfix, plan);
    judge_tlsproxy(postfix, plan);
    pass_on(postfix, plan);
    say_not_judged(postfix, plan);
}

} // namespace setup
