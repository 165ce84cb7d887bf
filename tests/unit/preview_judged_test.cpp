// What a check finds, as a verdict on the mail to a domain.
#include "tool/preview/judged.hpp"

#include <gtest/gtest.h>

#include <string>

namespace preview {
namespace {

using check::Guard;
using check::Outcome;

struct Case {
    const char* why;
    Guard guard;
    Outcome outcome;
    Kind want;
    const char* reason = "";
};

check::Judgement judgement_of(Guard guard, Outcome outcome) {
    check::Judgement made;
    made.verdict.guard = guard;
    made.verdict.outcome = outcome;
    return made;
}

TEST(PreviewJudged, IsOneWord) {
    check::Evidence evidence;
    evidence.domain = "a.example";
    for (const Case& row : {
             Case{"an enforced policy that is satisfied", Guard::sts, Outcome::verified, Kind::fine},
             {"and one that is not", Guard::sts, Outcome::waits, Kind::waits},
             {"and where nobody answers", Guard::sts, Outcome::unknown, Kind::unknown},
             {"testing never makes mail wait", Guard::testing, Outcome::unprotected, Kind::testing},
             {"whatever is not known of its hosts", Guard::testing, Outcome::unknown, Kind::testing},
             {"DANE that is satisfied", Guard::dane, Outcome::verified, Kind::dane},
             {"DANE that is not", Guard::dane, Outcome::waits, Kind::waits},
             {"DANE, and nobody answers", Guard::dane, Outcome::unknown, Kind::unknown},
             {"no policy", Guard::none, Outcome::unprotected, Kind::none},
             {"no policy that DNS would show", Guard::none, Outcome::unknown, Kind::unknown},
             {"a withdrawn policy", Guard::withdrawn, Outcome::unprotected, Kind::none},
             {"main.cf asks for more, and gets it", Guard::settings, Outcome::verified, Kind::none},
             {"and does not get it", Guard::settings, Outcome::waits, Kind::waits},
             {"no such domain", Guard::none, Outcome::no_mail, Kind::no_mail, "dns-no-domain"},
             {"null MX beside a policy", Guard::sts, Outcome::no_mail, Kind::no_mail, "dns-null-mx"},
             {"no mail host with an address", Guard::sts, Outcome::no_mail, Kind::no_mail, "mx-no-address"},
             {"mail hosts that refuse for good", Guard::sts, Outcome::no_mail, Kind::waits,
              "mx-starttls-refused"},
             {"the same with DANE", Guard::dane, Outcome::no_mail, Kind::waits, "mx-refuses"},
             {"and where main.cf asks", Guard::settings, Outcome::no_mail, Kind::waits,
              "mx-starttls-refused"},
         }) {
        check::Judgement judgement = judgement_of(row.guard, row.outcome);
        judgement.verdict.reason = row.reason;
        EXPECT_EQ(verdict_of(evidence, judgement).kind, row.want) << row.why;
    }
}

TEST(PreviewJudged, OfWhatMainCfAsksForItSaysWhatThePolicyIs) {
    check::Evidence evidence;
    evidence.smtp = false;
    evidence.mx.resize(1);
    check::Judgement judgement = judgement_of(Guard::settings, Outcome::unknown);
    judgement.verdict.reason = "mx-not-looked-at";
    EXPECT_FALSE(needs_mail_hosts(evidence, judgement));
    EXPECT_EQ(verdict_of(evidence, judgement).kind, Kind::none);
    judgement.policy.emplace().mode = "enforce"; // a table before ours has the say
    EXPECT_EQ(verdict_of(evidence, judgement).kind, Kind::none);
    judgement.policy->mode = "testing";
    EXPECT_EQ(verdict_of(evidence, judgement).kind, Kind::testing);
    judgement.verdict.reason = "dns-mx-failed";
    EXPECT_EQ(verdict_of(evidence, judgement).kind, Kind::unknown);
}

TEST(PreviewJudged, SaysWhy) {
    check::Evidence evidence;
    evidence.domain = "a.example";
    evidence.at = base::Instant{base::seconds{5}};
    evidence.mx.resize(2);
    evidence.mx[0].host = "MX1.a.example";
    evidence.mx[1].host = "mx2.a.example";
    check::Judgement judgement = judgement_of(Guard::sts, Outcome::waits);
    judgement.policy.emplace().mode = "enforce";
    judgement.verdict.reason = "mx-no-starttls";
    judgement.verdict.words = "mail would wait";
    judgement.verdict.deferred = {"TLS is required", "other"};
    judgement.hosts.resize(2);
    judgement.hosts[1].host = "mx2.a.example";
    judgement.hosts[1].finding = "mx-no-starttls";
    judgement.hosts[1].words = "it does not offer \x1b[31mSTARTTLS";
    const Checked made = verdict_of(evidence, judgement);
    EXPECT_EQ(made.domain, "a.example");
    EXPECT_EQ(made.at, evidence.at);
    EXPECT_EQ(made.mode, "enforce");
    EXPECT_EQ(made.said, "TLS is required");
    EXPECT_EQ(made.words, "mx2.a.example: it does not offer \\x1b[31mSTARTTLS");
    EXPECT_EQ(made.finding, "mx-no-starttls");
    EXPECT_EQ(made.hosts, (std::vector<std::string>{"mx1.a.example", "mx2.a.example"}));
    evidence.postfix.fallback_relay = "[relay.example]";
    EXPECT_EQ(verdict_of(evidence, judgement).words,
              "mx2.a.example: it does not offer \\x1b[31mSTARTTLS, or smtp_fallback_relay takes it");
    judgement.verdict.reason = "policy-syntax"; // of no host
    EXPECT_EQ(verdict_of(evidence, judgement).words, "mail would wait");
    judgement.verdict.reason = "mx-no-starttls";
    judgement.verdict.outcome = Outcome::no_mail;
    judgement.verdict.words = "mail would be returned";
    EXPECT_EQ(verdict_of(evidence, judgement).words, "mail would be returned");
    EXPECT_EQ(verdict_of(evidence, judgement).said, "TLS is required");

    check::Judgement testing = judgement_of(Guard::testing, Outcome::unprotected);
    testing.verdict.words = "with mode enforce it would wait";
    EXPECT_EQ(verdict_of(evidence, testing).enforced, std::nullopt);
    EXPECT_EQ(verdict_of(evidence, testing).words, "");
    testing.verdict.enforced = Outcome::waits;
    EXPECT_EQ(verdict_of(evidence, testing).enforced, Kind::waits);
    EXPECT_EQ(verdict_of(evidence, testing).words, "with mode enforce it would wait");
    testing.verdict.enforced = Outcome::no_mail;
    EXPECT_EQ(verdict_of(evidence, testing).enforced, Kind::waits);
    testing.verdict.enforced = Outcome::verified;
    EXPECT_EQ(verdict_of(evidence, testing).enforced, Kind::fine);
    testing.verdict.enforced = Outcome::unknown;
    EXPECT_EQ(verdict_of(evidence, testing).enforced, std::nullopt);
}

TEST(PreviewJudged, MailHostsAreOnlyConnectedToWhereTheyDecide) {
    check::Evidence evidence;
    evidence.smtp = false;
    evidence.mx.resize(1);
    for (const Guard guard : {Guard::sts, Guard::dane, Guard::testing})
        EXPECT_TRUE(needs_mail_hosts(evidence, judgement_of(guard, Outcome::unknown))) << to_string(guard);
    for (const Guard guard : {Guard::none, Guard::withdrawn, Guard::settings})
        EXPECT_FALSE(needs_mail_hosts(evidence, judgement_of(guard, Outcome::unknown))) << to_string(guard);
    evidence.smtp = true;
    EXPECT_FALSE(needs_mail_hosts(evidence, judgement_of(Guard::sts, Outcome::unknown)))
        << "they have been looked at";
    evidence.smtp = false;
    evidence.mx.clear();
    EXPECT_FALSE(needs_mail_hosts(evidence, judgement_of(Guard::sts, Outcome::no_mail)));
}

} // namespace
} // namespace preview
