// The part of the report about Postfix and the socket it asks at.
#include "diagnose/report.hpp"

#include "base/text.hpp"

#include <algorithm>

namespace diagnose {
namespace {

Finding ok(std::string id, std::string check, std::string words) {
    return {Verdict::ok, std::move(check), std::move(words), {}, std::move(id)};
}
Finding warn(std::string id, std::string check, std::string words, std::string fix) {
    return {Verdict::warn, std::move(check), std::move(words), std::move(fix), std::move(id)};
}
Finding fail(std::string id, std::string check, std::string words, std::string fix) {
    return {Verdict::fail, std::move(check), std::move(words), std::move(fix), std::move(id)};
}

constexpr const char* start_it = "systemctl enable --now stsmapd.socket stsmapd.service";

std::string way(const Contact& contact, const std::string& owner) {
    if (!contact.as_owner) return contact.map;
    return contact.map + " as user " + owner +
           (contact.chroot.empty() ? "" : ", chrooted to " + contact.chroot);
}

} // namespace

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

Findings judge(const SocketFacts& facts, const std::string& owner) {
    if (facts.contacts.empty())
        return {fail("socket-no-address", "socket", "stsmapd's configuration lists no address to ask at",
                     "set listen in stsmapd.toml")};
    Findings findings;
    for (const Contact& contact : facts.contacts) {
        if (!contact.answered) {
            const bool permission = contact.trouble.find("no permission") != std::string::npos;
            std::string words = way(contact, owner) + ": " + contact.trouble;
            if (!facts.mode.empty()) words += " (" + facts.file + " is " + facts.mode + ")";
            if (permission && !contact.as_owner)
                findings.push_back(
                    warn("socket-no-permission", "socket", words, "run stsmap doctor as root"));
            else
                findings.push_back(fail(
                    permission ? "socket-no-permission" : "socket-silent", "socket", words,
                    permission ? "the socket must belong to Postfix's group: SocketGroup=postfix and "
                                 "SocketMode=0660 in stsmapd.socket, or the option socket in stsmapd.toml"
                               : start_it));
        } else if (!contact.as_owner && !facts.file.empty()) {
            findings.push_back(warn("socket-not-as-smtp", "socket",
                                    way(contact, owner) +
                                        " answers; whether it answers smtp(8) too, which runs as "
                                        "another user and perhaps in a chroot, was not checked",
                                    "run stsmap doctor as root"));
        } else {
            findings.push_back(ok("socket-answers", "socket", way(contact, owner) + " answers"));
        }
    }
    return findings;
}

} // namespace diagnose
