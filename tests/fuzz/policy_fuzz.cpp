// Any policy text: a parsed policy keeps its type's promises, and Postfix can read every answer built from
// it, which says what the policy says.
#include "fuzz.hpp"

#include "postfix/answer.hpp"
#include "sts/match.hpp"
#include "support/postfix_syntax.hpp"

#include <algorithm>
#include <set>
#include <string>

namespace {

void check_policy(const sts::Policy& policy) {
    fuzz::require(policy.max_age.count() >= 0 && policy.max_age <= sts::max_max_age, "max_age in range");
    fuzz::require(policy.mode == sts::Mode::none || !policy.mx.empty(), "mx unless mode none");
    std::set<std::string> seen;
    for (const sts::MxPattern& pattern : policy.mx) {
        const std::string text = (pattern.wildcard ? "*." : "") + pattern.name;
        fuzz::require(seen.insert(text).second, "no mx twice");
        fuzz::require(sts::parse_mx(text) == pattern, "an mx is one");
        if (sts::is_address(pattern))
            fuzz::require(!sts::matches(pattern, pattern.name), "no address matches");
        else
            fuzz::require(sts::matches(pattern, (pattern.wildcard ? "mx." : "") + pattern.name) ||
                              text.size() > 250,
                          "a pattern covers its own host");
    }
}

void check_answer(const decision::Answer& answer, postfix::Dialect dialect, test::Postfix version) {
    const std::string reply = postfix::answer(answer, dialect);
    fuzz::require(reply.size() <= postfix::max_reply, "reply within Postfix's limit");
    const auto read = test::read_reply(reply, version);
    if (!read) fuzz::require(false, read.error());
    const auto* enforce = std::get_if<decision::Enforce>(&answer);
    fuzz::require(enforce ? read->status == test::Reply::Status::ok
                          : read->status == test::Reply::Status::not_found,
                  "enforce is OK, all else NOTFOUND");
    if (!enforce) return;
    // Every name in match= is an mx of the policy, except the name that no host can have.
    const std::vector<sts::MxPattern>& mx = enforce->policy->policy.mx;
    for (const std::string& item : read->policy.match) {
        const bool wildcard = item.front() == '.';
        const sts::MxPattern pattern{item.substr(wildcard), wildcard};
        fuzz::require(std::ranges::find(mx, pattern) != mx.end() || item == "no-usable-mx.invalid",
                      "match= is mx");
    }
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = fuzz::view(data, size);
    if (text.size() > sts::max_policy_size) return 0; // never fetched
    auto parsed = sts::parse_policy(text);
    if (!parsed) {
        fuzz::require(base::to_string(parsed.error().reason).starts_with("policy-"), "a policy_* reason");
        return 0;
    }
    check_policy(*parsed);
    const std::string more = std::string{text} + "\nunknown: field\n\nmode: ignored\n";
    const auto same = sts::parse_policy(more);
    fuzz::require(same && *same == *parsed, "unknown and repeated fields do not matter");

    const sts::PolicyText policy{std::string{text}, std::move(*parsed)};
    decision::Facts facts;
    facts.domain = "example.com";
    facts.policy = &policy;
    facts.just_fetched = true;
    for (const bool enforce_testing : {false, true}) {
        facts.enforce_testing = enforce_testing;
        const decision::Answer answer = decision::decide(facts, {}).answer;
        check_answer(answer, postfix::Dialect::plain, test::Postfix::v3_4);
        check_answer(answer, postfix::Dialect::tlsrpt, test::Postfix::v3_10);
    }
    return 0;
}
