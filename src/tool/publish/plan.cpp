#include "tool/publish/plan.hpp"

#include "base/utc.hpp"
#include "sts/match.hpp"

#include <algorithm>

namespace publish {

namespace {

constexpr std::size_t longest_string = 255; ///< of a TXT record: a character-string of RFC 1035

std::string in_quotes(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') out += '\\';
        out += c;
    }
    return out + '"';
}

Step host_step(std::string_view domain) {
    const std::string host = policy_host(domain);
    return {Do::prepare_host,
            {"Give " + host +
                 " an A or AAAA record (or a CNAME to a host that serves it), and a web server with a "
                 "certificate for this name by a public CA.",
             "Port 443 has to be open to everybody; the certificate has to name " + host +
                 " itself, also behind a CNAME."},
            "",
            std::nullopt,
            std::nullopt,
            ""};
}

Step policy_step(std::string_view domain) {
    return {Do::serve_policy,
            {"Serve the policy at " + policy_url(domain) +
             " with status 200 and Content-Type text/plain, without a "
             "redirect."},
            "curl -i " + policy_url(domain),
            std::nullopt,
            std::nullopt,
            ""};
}

} // namespace

std::string_view to_string(Do what) noexcept {
    switch (what) {
    case Do::prepare_host: return "prepare-host";
    case Do::serve_policy: return "serve-policy";
    case Do::publish_txt: return "publish-txt";
    case Do::publish_tlsrpt: return "publish-tlsrpt";
    case Do::remove_txt: return "remove-txt";
    case Do::remove_host: return "remove-host";
    case Do::look_again: return "look-again";
    }
    return "unknown";
}

std::string to_string(const sts::MxPattern& pattern) { return (pattern.wildcard ? "*." : "") + pattern.name; }

std::string policy_host(std::string_view domain) { return "mta-sts." + std::string(domain); }
std::string policy_url(std::string_view domain) {
    return "https://" + policy_host(domain) + "/.well-known/mta-sts.txt";
}

std::string policy_text(const sts::Policy& policy) {
    std::string text = "version: STSv1\nmode: " + std::string(sts::to_string(policy.mode)) + "\n";
    for (const sts::MxPattern& pattern : policy.mx) text += "mx: " + to_string(pattern) + "\n";
    return text + "max_age: " + std::to_string(policy.max_age.count()) + "\n";
}

std::string new_id(base::Instant now, std::string_view current) {
    std::string id;
    do {
        id.clear();
        for (const char c : base::utc(now))
            if (c != '-' && c != ':') id += c;
        now += std::chrono::seconds{1};
    } while (id == current);
    return id;
}

std::vector<sts::MxPattern> patterns_for(const std::vector<std::string>& hosts, const Registrable& wildcard,
                                         std::vector<std::string>* bad) {
    std::vector<sts::MxPattern> patterns;
    for (const std::string& host : hosts) {
        auto pattern = sts::parse_mx(host);
        if (!pattern || pattern->wildcard || sts::is_address(*pattern)) {
            if (bad != nullptr) bad->push_back(host);
            continue;
        }
        // A wildcard over a single label, or over a public suffix, would admit strangers.
        const std::size_t dot = pattern->name.find('.');
        if (wildcard && dot != std::string::npos && pattern->name.find('.', dot + 1) != std::string::npos &&
            wildcard(pattern->name) != pattern->name) {
            pattern->name.erase(0, dot + 1);
            pattern->wildcard = true;
        }
        if (std::ranges::find(patterns, *pattern) == patterns.end()) patterns.push_back(std::move(*pattern));
    }
    return patterns;
}

std::string zone_line(const Record& record) {
    std::string line = record.name + ". " + std::to_string(record_ttl.count()) + " IN TXT";
    std::string_view rest = record.value;
    do {
        line += ' ' + in_quotes(rest.substr(0, longest_string));
        rest.remove_prefix(std::min(rest.size(), longest_string));
    } while (!rest.empty());
    return line;
}

std::string plain_lines(const Record& record) {
    return "name:  " + record.name + "\ntype:  TXT\nTTL:   " + std::to_string(record_ttl.count()) +
           "\nvalue: " + record.value + "\n";
}

Record txt_record(std::string_view domain, std::string_view id) {
    return {"_mta-sts." + std::string(domain), "v=STSv1; id=" + std::string(id) + ";"};
}

Record tlsrpt_record(std::string_view domain, const std::vector<std::string>& rua) {
    std::string value = "v=TLSRPTv1; rua=";
    for (std::size_t i = 0; i < rua.size(); ++i) value.append(i == 0 ? "" : ",").append(rua[i]);
    return {"_smtp._tls." + std::string(domain), std::move(value)};
}

Plan plan_for(const Wish& wish) {
    Plan plan{wish.domain, wish.policy, policy_text(wish.policy), new_id(wish.now, wish.current_id), {}};
    if (wish.new_host) plan.steps.push_back(host_step(wish.domain));
    plan.steps.push_back(policy_step(wish.domain));
    Step txt{Do::publish_txt, {}, "", txt_record(wish.domain, plan.id), std::nullopt, ""};
    if (wish.current_id.empty())
        txt.words = {"Publish the TXT record that announces the policy, once the policy is served."};
    else
        txt.words = {
            "Give the TXT record its new id, once the new policy is served: senders look for a new policy "
            "when the id changes.",
            "The record before it had id=" + wish.current_id + "; there has to be exactly one."};
    txt.wait = std::max(record_ttl, wish.seen_ttl);
    txt.why_wait =
        wish.current_id.empty()
            ? "until resolvers have forgotten that there was none (the minimum of the zone's SOA record)"
            : "until resolvers have forgotten the record before it (its TTL)";
    plan.steps.push_back(std::move(txt));
    if (!wish.rua.empty())
        plan.steps.push_back({Do::publish_tlsrpt,
                              {"Publish the TLSRPT record: senders that report then send a summary a day."},
                              "",
                              tlsrpt_record(wish.domain, wish.rua),
                              std::nullopt,
                              ""});
    Step last{Do::look_again, {"Look at the result."}, "stsmap publish --verify " + wish.domain, {}, {}, ""};
    if (wish.policy.mode == sts::Mode::testing) {
        plan.steps.back().wait = testing_time;
        plan.steps.back().why_wait =
            wish.rua.empty() ? "to see whether senders have trouble" : "until reports of two weeks are there";
        last.words.emplace_back("If all is well, change to mode enforce: the same with --next.");
    }
    plan.steps.push_back(std::move(last));
    return plan;
}

} // namespace publish
