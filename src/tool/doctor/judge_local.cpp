// The part of the report about Postfix.
#include "tool/doctor/report.hpp"

#include "base/text.hpp"

#include <algorithm>

namespace doctor {
Findings judge(const PostfixFacts& facts) {
    const std::string silent = "Postfix cannot be asked for its settings: " + facts.trouble;
    if (facts.unseen) return {warn("postfix-unseen", "postfix", silent, "run stsmap doctor as root")};
    if (facts.trouble.ends_with("is not installed"))
        return {fail("postfix-silent", "postfix", silent, "apt-get install postfix")};
    if (!facts.trouble.empty())
        return {fail("postfix-silent", "postfix", silent,
                     "these are postconf's own words: correct what they name, or name the folder of main.cf "
                     "with -c")};
    using Kind = setup::Remark::Kind;
    Findings findings;
    const bool told = std::ranges::any_of(facts.plan.changes, &setup::Change::needed) || facts.plan.refused();
    if (facts.plan.in_force)
        findings.push_back(
            ok("postfix-asks", "postfix", "Postfix " + facts.version + " asks " + facts.plan.map));
    else if (!told)
        findings.push_back(fail("postfix-does-not-ask", "postfix",
                                "Postfix " + facts.version + " does not ask stsmapd",
                                "stsmap postfix-setup --apply --reload"));
    for (const setup::Change& change : facts.plan.changes) {
        const std::string words = change.name +
                                  (!change.before           ? " is not set"
                                   : change.before->empty() ? " is empty"
                                                            : " = " + *change.before) +
                                  ", and should be: " + change.after + " (" + change.why + ")";
        findings.push_back({change.needed ? Verdict::fail : Verdict::warn, "postfix", words,
                            "stsmap postfix-setup --apply --reload", change.id});
    }
    for (const setup::Remark& remark : facts.plan.remarks)
        findings.push_back({remark.kind == Kind::refusal   ? Verdict::fail
                            : remark.kind == Kind::warning ? Verdict::warn
                                                           : Verdict::ok,
                            "postfix", remark.words, remark.fix, remark.id});
    return findings;
}

} // namespace doctor
