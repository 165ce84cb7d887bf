#include "tool/preview/judged.hpp"

#include "base/text.hpp"
#include "tool/show/safe_text.hpp"

#include <algorithm>

namespace preview {
namespace {

constexpr std::size_t max_words = 300;

Kind kind_of(const check::Judgement& judgement) noexcept {
    using check::Guard;
    using check::Outcome;
    const check::Verdict& verdict = judgement.verdict;
    if (check::takes_no_mail(verdict)) return Kind::no_mail;
    const bool stays = verdict.outcome == Outcome::waits || verdict.outcome == Outcome::no_mail;
    switch (verdict.guard) {
    case Guard::testing: return Kind::testing; // whatever the mail hosts are like
    case Guard::none:
    case Guard::withdrawn:
    case Guard::settings: // not by what stsmapd does
        if (verdict.guard == Guard::settings && verdict.reason == "mx-not-looked-at")
            return judgement.policy && judgement.policy->mode == "testing" ? Kind::testing : Kind::none;
        if (stays) return Kind::waits;
        return verdict.outcome == Outcome::unknown ? Kind::unknown : Kind::none;
    case Guard::sts:
    case Guard::dane:
        if (stays) return Kind::waits;
        if (verdict.outcome == Outcome::unknown) return Kind::unknown;
        return verdict.guard == Guard::dane ? Kind::dane : Kind::fine;
    }
    return Kind::unknown;
}

} // namespace

Checked verdict_of(const check::Evidence& evidence, const check::Judgement& judgement) {
    Checked made;
    const check::Verdict& verdict = judgement.verdict;
    made.domain = evidence.domain;
    made.kind = kind_of(judgement);
    made.at = evidence.at;
    if (judgement.policy) made.mode = judgement.policy->mode;
    if (made.kind == Kind::testing && verdict.enforced) {
        if (*verdict.enforced == check::Outcome::verified) made.enforced = Kind::fine;
        if (*verdict.enforced == check::Outcome::waits || *verdict.enforced == check::Outcome::no_mail)
            made.enforced = Kind::waits;
    }
    if (!verdict.deferred.empty() && made.kind == Kind::waits)
        made.said = tool::safe_text(verdict.deferred.front(), max_words);
    made.finding = verdict.reason;
    if (made.kind == Kind::testing && made.enforced == Kind::waits)
        made.words = tool::safe_text(verdict.words, max_words);
    if (made.kind == Kind::waits || made.kind == Kind::unknown) {
        const auto decides = std::ranges::find_if(judgement.hosts, [&](const check::HostResult& host) {
            return !host.finding.empty() && host.finding == verdict.reason;
        });
        const bool returned = verdict.outcome == check::Outcome::no_mail; // its words say so
        if (!returned && decides != judgement.hosts.end())
            made.words =
                tool::safe_text(decides->host + ": " + decides->words +
                                    (made.kind == Kind::waits ? check::or_fallback(evidence.postfix) : ""),
                                max_words);
        else
            made.words = tool::safe_text(verdict.words, max_words);
    }
    for (const check::Mx& mx : evidence.mx) made.hosts.push_back(base::ascii_lower(mx.host));
    return made;
}

bool needs_mail_hosts(const check::Evidence& evidence, const check::Judgement& judgement) {
    using check::Guard;
    const Guard guard = judgement.verdict.guard;
    return !evidence.smtp && !evidence.mx.empty() &&
           (guard == Guard::sts || guard == Guard::dane || guard == Guard::testing);
}

} // namespace preview
