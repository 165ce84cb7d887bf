#include "tool/publish/next.hpp"

#include "base/text.hpp"
#include "base/utc.hpp"
#include "sts/match.hpp"

#include <algorithm>

namespace publish {

namespace {

using findings::Finding;
using sts::Mode;

Finding about(std::string_view id, std::string about, std::string words = {}) {
    Finding finding = findings::found(id);
    finding.about = std::move(about);
    finding.words = std::move(words);
    return finding;
}

Finding not_good(const Host& host) {
    const bool fails = host.state == Host::State::fails;
    return about(fails ? "publish-mx-fails" : "publish-mx-not-seen", base::printable(host.name), host.words);
}

std::vector<std::string> names_of(const std::vector<Host>& hosts) {
    std::vector<std::string> names;
    names.reserve(hosts.size());
    for (const Host& host : hosts) names.push_back(host.name);
    return names;
}

std::vector<std::string> uncovered(const Situation& now) {
    std::vector<std::string> names;
    for (const Host& host : now.hosts)
        if (!sts::admits(*now.policy, host.name)) names.push_back(host.name);
    return names;
}

std::string listed(const std::vector<std::string>& names) {
    std::string text;
    for (std::size_t i = 0; i < names.size(); ++i)
        text.append(i == 0 ? "" : i + 1 == names.size() ? " and " : ", ").append(base::printable(names[i]));
    return text;
}

Wish wish_for(const Situation& situation, const NextWish& wish, sts::Policy policy, base::Instant now) {
    return {situation.domain, std::move(policy),           wish.rua,         now,
            situation.id,     !situation.text.has_value(), situation.txt_ttl};
}

class Proposal {
public:
    Proposal(const Situation& situation, const History& history, const NextWish& wish, base::Instant now)
        : now_(situation), history_(history), wish_(wish), time_(now) {}

    Next make() {
        if (wish_.withdraw) return withdraw();
        if (now_.no_mail || !now_.mx_known) return refuse_without_mx();
        if (!now_.text && now_.id.empty()) return first(now_, wish_, Mode::testing, time_);
        if (!now_.policy) return unusable();
        if (now_.policy->mode == Mode::none) return withdrawn();
        texts_and_ids();
        if (now_.id.empty()) return only_txt("the policy is served, and no valid TXT record announces it");
        if (const auto missing = uncovered(now_); !missing.empty()) return cover(missing);
        if (id_is_old_)
            return only_txt("the text of the policy changed, and the id of the TXT record did not");
        hosts();
        if (refused_)
            return refused(
                "mode enforce is not proposed while mail to an MX host would wait, or nobody could "
                "look at it");
        if (now_.policy->mode == Mode::enforce) return keep();
        return enforce();
    }

private:
    Next end(std::string_view step, std::string words, std::optional<Plan> plan = std::nullopt) {
        return {step, std::move(words), std::move(plan), std::move(findings_)};
    }
    Next refused(std::string words) { return end("refused", std::move(words)); }

    Next refuse_without_mx() {
        findings_.push_back(findings::found(now_.no_mail ? "publish-no-mail" : "publish-mx-unknown"));
        return refused(now_.no_mail ? "the domain takes no mail" : "the MX hosts could not be found out");
    }

    /// There is something, and senders cannot use it.
    Next unusable() {
        findings_.push_back(findings::found("publish-unusable"));
        Next begin = first(now_, wish_, Mode::testing, time_);
        if (!begin.plan) return begin;
        findings_.insert(findings_.end(), begin.findings.begin(), begin.findings.end());
        return end("repair",
                   "senders cannot use what is published; this is a policy in mode testing to begin again",
                   std::move(begin.plan));
    }

    void texts_and_ids() {
        switch (last_change(history_)) {
        case Change::text_only:
            id_is_old_ = true;
            findings_.push_back(findings::found("publish-id-unchanged"));
            break;
        case Change::id_only: findings_.push_back(findings::found("publish-text-unchanged")); break;
        case Change::both:
        case Change::none:
        case Change::unknown: break;
        }
    }

    /// A new id alone.
    Next only_txt(std::string words) {
        Plan plan = plan_for(wish_for(now_, wish_, *now_.policy, time_));
        plan.text.clear();
        std::erase_if(plan.steps, [](const Step& step) {
            return step.what == Do::prepare_host || step.what == Do::serve_policy;
        });
        return end("repair", std::move(words), std::move(plan));
    }

    /// The policy has to name more hosts, whatever comes then.
    Next cover(const std::vector<std::string>& missing) {
        for (const std::string& host : missing)
            findings_.push_back(about("publish-mx-uncovered", base::printable(host)));
        std::vector<std::string> bad;
        sts::Policy policy = *now_.policy;
        for (sts::MxPattern& pattern : patterns_for(missing, wish_.wildcard, &bad))
            policy.mx.push_back(std::move(pattern));
        if (!bad.empty()) {
            for (const std::string& host : bad)
                findings_.push_back(about("publish-mx-name", base::printable(host)));
            return refused("no policy can cover " + listed(bad));
        }
        hosts();
        return end("repair",
                   "the policy does not cover " + listed(missing) +
                       (policy.mode == Mode::enforce ? ", so mail to it waits; this one does"
                                                     : "; this one does, and mode enforce comes later"),
                   plan_for(wish_for(now_, wish_, std::move(policy), time_)));
    }

    /// Says which hosts fail, and refuses then.
    void hosts() {
        for (const Host& host : now_.hosts) {
            if (host.state == Host::State::good) continue;
            findings_.push_back(not_good(host));
            refused_ = true;
        }
    }

    Next enforce() {
        sts::Policy policy = *now_.policy;
        policy.mode = Mode::enforce;
        policy.max_age = wish_.max_age.value_or(std::max(policy.max_age, default_max_age));
        return end("enforce", "all MX hosts are covered and pass: the policy can be enforced",
                   plan_for(wish_for(now_, wish_, std::move(policy), time_)));
    }

    Next keep() {
        if (wish_.max_age && *wish_.max_age != now_.policy->max_age) {
            sts::Policy policy = *now_.policy;
            policy.max_age = *wish_.max_age;
            return end("keep", "the policy is enforced and all is well; this one has the other max_age",
                       plan_for(wish_for(now_, wish_, std::move(policy), time_)));
        }
        if (!now_.tlsrpt) findings_.push_back(findings::found("publish-no-reports"));
        return end("keep", "the policy is enforced and all is well: nothing has to change");
    }

    /// RFC 8461 section 8.3.
    Next withdraw() {
        if (!now_.text && now_.id.empty()) return end("nothing", "no policy is published");
        if (now_.policy && now_.policy->mode == Mode::none) return withdrawn();
        sts::Policy policy;
        policy.mode = Mode::none;
        policy.max_age = withdrawn_max_age;
        Plan plan = plan_for(wish_for(now_, wish_, policy, time_));
        plan.steps.pop_back(); // looks again below
        std::chrono::seconds longest = now_.policy ? now_.policy->max_age : sts::max_max_age;
        for (const Held& one : held(history_, time_)) longest = std::max(longest, one.until - time_);
        plan.steps.back().wait = longest;
        plan.steps.back().why_wait =
            now_.policy ? "until no sender holds a policy before it (the longest max_age left)"
                        : "until no sender holds a policy before it (its max_age is not known here; this is "
                          "the most)";
        removal(plan);
        return end("withdraw", "mode none first, then the wait, then the record and the policy host",
                   std::move(plan));
    }

    /// Mode none is served.
    Next withdrawn() {
        base::Instant until{};
        bool known = false;
        for (const Held& one : held(history_, time_))
            if (one.policy.mode != Mode::none) until = std::max(until, one.until);
        for (const Served& one : history_.served) {
            const auto policy = sts::parse_policy(one.text);
            known = known || (policy && policy->mode != Mode::none);
        }
        if (!known) findings_.push_back(findings::found("publish-before-unknown"));
        if (until > time_)
            return end("withdrawn", "mode none is served; keep it, and the TXT record, until " +
                                        base::utc(until) +
                                        ": until then senders may hold a policy before it");
        Plan plan{now_.domain, *now_.policy, "", "", {}};
        removal(plan);
        return end(
            "withdrawn",
            known
                ? "mode none is served, and no sender holds a policy before it: record and host can go"
                : "mode none is served; record and host can go when the max_age of the policy before it has "
                  "passed",
            std::move(plan));
    }

    void removal(Plan& plan) const {
        plan.steps.push_back(
            {Do::remove_txt,
             {"Remove the TXT record at _mta-sts." + now_.domain + "."},
             "",
             std::nullopt,
             withdrawn_max_age,
             "until resolvers have forgotten the record, and senders the policy of mode none"});
        plan.steps.push_back({Do::remove_host,
                              {"Remove " + policy_host(now_.domain) + " from the web server and from DNS."},
                              "",
                              std::nullopt,
                              std::nullopt,
                              ""});
    }

    const Situation& now_;
    const History& history_;
    const NextWish& wish_;
    base::Instant time_;
    bool id_is_old_ = false, refused_ = false;
    std::vector<Finding> findings_;
};

} // namespace

Next next_step(const Situation& situation, const History& history, const NextWish& wish, base::Instant now) {
    return Proposal(situation, history, wish, now).make();
}

Next first(const Situation& situation, const NextWish& wish, Mode mode, base::Instant now) {
    Next result{"start", "", std::nullopt, {}};
    if (situation.no_mail || !situation.mx_known) {
        result.step = "refused";
        result.words = situation.no_mail ? "the domain takes no mail" : "the MX hosts could not be found out";
        result.findings.push_back(
            findings::found(situation.no_mail ? "publish-no-mail" : "publish-mx-unknown"));
        return result;
    }
    std::vector<std::string> bad;
    sts::Policy policy{mode, wish.max_age.value_or(default_max_age),
                       patterns_for(names_of(situation.hosts), wish.wildcard, &bad)};
    for (const std::string& host : bad)
        result.findings.push_back(about("publish-mx-name", base::printable(host)));
    if (!bad.empty()) {
        result.step = "refused";
        result.words = "no policy can cover " + listed(bad);
        return result;
    }
    bool all_good = true;
    for (const Host& host : situation.hosts) {
        all_good = all_good && host.state == Host::State::good;
        if (host.state == Host::State::fails || (mode == Mode::enforce && host.state != Host::State::good))
            result.findings.push_back(not_good(host));
    }
    if (mode == Mode::enforce && !all_good) {
        result.step = "refused";
        result.words =
            "mode enforce is not proposed while mail to an MX host would wait, or nobody could look at it";
        return result;
    }
    if (situation.policy) result.findings.push_back(findings::found("publish-already"));
    if (wish.rua.empty() && !situation.tlsrpt)
        result.findings.push_back(findings::found("publish-no-reports"));
    result.words = "a policy of mode " + std::string(sts::to_string(mode)) + " for " +
                   std::to_string(policy.mx.size()) + (policy.mx.size() == 1 ? " name" : " names");
    result.plan = plan_for(wish_for(situation, wish, std::move(policy), now));
    return result;
}

} // namespace publish
