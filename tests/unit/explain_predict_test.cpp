// What Postfix does with an answer: rows over its versions, the forms of the answer, main.cf's levels, the answers.
// The end-to-end tests compare predictions with a real Postfix.
#include "tool/explain/postfix_look.hpp"
#include "tool/explain/predict.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace {

using namespace explain;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const std::string plain = "OK secure match=mx.a.example:.b.example servername=hostname";
const std::string tlsrpt = plain + " policy_type=sts policy_domain=a.example mx_host_pattern=mx.a.example "
                                   "mx_host_pattern=*.b.example { policy_string = version: STSv1 } "
                                   "{ policy_string = mode: enforce }";

Postfix postfix(const std::string& version, const std::string& map = "sts",
                const std::string& level = "may") {
    Postfix made;
    made.version_text = version;
    made.version = setup::parse_version(version).value();
    made.map = map;
    made.level = level;
    return made;
}

Live hosts(std::vector<std::string> names) {
    Live live;
    live.mx_known = true;
    for (std::string& name : names) live.mx.push_back({std::move(name), 10, {"192.0.2.1"}, false, ""});
    return live;
}

const Live good = hosts({"mx.a.example"}), foreign = hosts({"mx.other.example"}),
           both = hosts({"mx.other.example", "x.b.example"});

/// One row: who asks, what is answered, what DNS says; what becomes of mail, by which level, in which words.
struct Row {
    const char* why;
    Postfix postfix;
    std::string reply;
    const Live* live; ///< null: --offline
    Mail mail;
    const char* level;
    const char* words;    ///< a part of words or condition
    const char* deferred; ///< one of the words in the log; "" none
};

const std::vector<Row>& rows() {
    static const char* const unknown = "client TLS configuration problem";
    static const char* const certificate = "Server certificate not verified";
    static const char* const no_host = "server unavailable or unable to receive mail";
    static const std::vector<Row> all = {
        // The enforced policy, by version and form.
        {"3.7 reads match=", postfix("3.7.11"), plain, &good, Mail::flows_if, "secure",
         "mx.a.example or *.b.example", certificate},
        {"3.7 does not look at names", postfix("3.7.11"), plain, &foreign, Mail::flows_if, "secure",
         "an MX host shows a certificate", certificate},
        {"3.7 refuses new attributes", postfix("3.7.11", "sts-tlsrpt"), tlsrpt, &good, Mail::waits, "",
         "does not know the attribute policy_type", unknown},
        {"3.9 as well", postfix("3.9.10", "sts-tlsrpt"), tlsrpt, &good, Mail::waits, "", "3.9 does not know",
         unknown},
        {"3.10.0 takes them", postfix("3.10.0", "sts-tlsrpt"), tlsrpt, &good, Mail::flows_if, "secure",
         "mx.a.example or *.b.example", certificate},
        {"3.10.4 matches as 3.9", postfix("3.10.4", "sts-tlsrpt"), tlsrpt, &foreign, Mail::flows_if, "secure",
         "an MX host shows a certificate for mx.a.example", certificate},
        {"3.10.5 looks at names", postfix("3.10.5", "sts-tlsrpt"), tlsrpt, &good, Mail::flows_if, "secure",
         "mx.a.example shows a certificate for its own name", certificate},
        {"3.10.5 goes to none of them", postfix("3.10.5", "sts-tlsrpt"), tlsrpt, &foreign, Mail::waits,
         "secure", "it names none of those in DNS", no_host},
        {"3.10.5 skips the first", postfix("3.10.5", "sts-tlsrpt"), tlsrpt, &both, Mail::flows_if, "secure",
         "x.b.example shows", no_host},
        {"3.10.5 without DNS", postfix("3.10.5", "sts-tlsrpt"), tlsrpt, nullptr, Mail::flows_if, "secure",
         "an MX host that the policy names", no_host},
        {"3.10.13 by the plain form", postfix("3.10.13", "sts"), plain, &foreign, Mail::flows_if, "secure",
         "an MX host shows a certificate for mx.a.example", certificate},
        {"3.12 as 3.10.5", postfix("3.12-20260821", "sts-tlsrpt"), tlsrpt, &foreign, Mail::waits, "secure",
         "it names none", no_host},
        {"3.3 has no servername", postfix("3.3.22"), plain, &good, Mail::waits, "", "attribute servername",
         unknown},
        // Other answers.
        {"TEMP", postfix("3.7.11"), "TEMP stsmapd: too many lookups", &good, Mail::waits, "",
         "an error of the table", unknown},
        {"PERM", postfix("3.12.0", "sts-tlsrpt"), "PERM no", &good, Mail::waits, "", "an error of the table",
         unknown},
        {"an empty policy", postfix("3.7.11"), "OK ", &good, Mail::waits, "", "empty", unknown},
        {"may", postfix("3.7.11", "sts", "secure"), "OK may", &good, Mail::flows, "may", "delivers, with TLS",
         ""},
        {"encrypt", postfix("3.7.11"), "OK encrypt", &good, Mail::flows_if, "encrypt", "offers STARTTLS",
         "TLS is required, but"},
        {"an override's names, new Postfix", postfix("3.10.13", "sts-tlsrpt"), plain, &foreign,
         Mail::flows_if, "secure", "mx.a.example or *.b.example", certificate},
        {"dane-only", postfix("3.7.11"), "OK dane-only", &good, Mail::flows_if, "dane-only",
         "TLSA records allow", "no TLSA records found"},
        {"dane-only without DNSSEC",
         [] {
             Postfix made = postfix("3.7.11");
             made.dnssec = false;
             return made;
         }(),
         "OK dane-only", &good, Mail::waits, "dane-only", "its settings rule DANE out", unknown},
        {"an unknown level", postfix("3.7.11"), "OK strict", &good, Mail::waits, "", "no level \"strict\"",
         unknown},
        {"match= where none may be", postfix("3.7.11"), "OK encrypt match=a.example", &good, Mail::waits, "",
         "no match=", unknown},
        {"mx_host_pattern alone", postfix("3.10.13", "sts-tlsrpt"),
         "OK secure match=a.example mx_host_pattern=a.example", &good, Mail::waits, "", "policy_type",
         unknown},
        // NOTFOUND: main.cf decides.
        {"no policy, may", postfix("3.7.11"), "NOTFOUND ", &foreign, Mail::flows, "may",
         "where the mail host offers", ""},
        {"no policy, none", postfix("3.7.11", "sts", "none"), "NOTFOUND ", &good, Mail::flows, "none",
         "without TLS", ""},
        {"no policy, encrypt", postfix("3.7.11", "sts", "encrypt"), "NOTFOUND ", &good, Mail::flows_if,
         "encrypt", "STARTTLS", "Cannot start TLS"},
        {"no policy, secure", postfix("3.7.11", "sts", "secure"), "NOTFOUND ", &good, Mail::flows_if,
         "secure", "a.example or *.a.example", certificate},
        {"no policy, verify", postfix("3.7.11", "sts", "verify"), "NOTFOUND ", &good, Mail::flows_if,
         "verify", "for its own name", certificate},
        {"no policy, fingerprint", postfix("3.7.11", "sts", "fingerprint"), "NOTFOUND ", &good,
         Mail::flows_if, "fingerprint", "such a certificate", certificate},
        {"no policy, dane", postfix("3.7.11", "sts", "dane"), "NOTFOUND ", &good, Mail::flows_if, "dane",
         "no mail host has TLSA records", "TLSA lookup error"},
        {"no policy, dane-only", postfix("3.7.11", "sts", "dane-only"), "NOTFOUND ", &good, Mail::flows_if,
         "dane-only", "TLSA records allow", "non DNSSEC destination"},
        {"no policy, dane without DNSSEC",
         [] {
             Postfix made = postfix("3.7.11", "sts", "dane");
             made.dnssec = false;
             return made;
         }(),
         "NOTFOUND ", &good, Mail::flows, "dane", "this is level may", ""},
        // main.cf.
        {"patterns switched off",
         [] {
             Postfix made = postfix("3.10.13", "sts-tlsrpt");
             made.enforces_patterns = false;
             return made;
         }(),
         tlsrpt, &foreign, Mail::flows_if, "secure", "an MX host shows", certificate},
        {"no trust anchors",
         [] {
             Postfix made = postfix("3.7.11");
             made.trusts_some_ca = false;
             return made;
         }(),
         plain, &good, Mail::waits, "secure", "trusts none", "Server certificate not trusted"},
        {"trust anchors of its own",
         [] {
             Postfix made = postfix("3.7.11");
             made.trust_anchor_file = "/ta.pem";
             return made;
         }(),
         plain, &good, Mail::flows_if, "secure", "an MX host shows", unknown},
        {"not asked",
         [] {
             Postfix made = postfix("3.7.11");
             made.map.clear();
             return made;
         }(),
         plain, &foreign, Mail::flows, "may", "delivers, with TLS", ""},
        {"a table before ours",
         [] {
             Postfix made = postfix("3.7.11");
             made.earlier_table = "inline:{a.example=encrypt}";
             made.earlier_reply = "OK encrypt";
             return made;
         }(),
         plain, &good, Mail::flows_if, "encrypt", "STARTTLS", "TLS is required, but"},
        {"no mail host", postfix("3.7.11"), plain,
         [] {
             static const Live none = hosts({});
             return &none;
         }(),
         Mail::flows_if, "secure", "now it names none", "Host or domain name not found"},
    };
    return all;
}

TEST(Predict, FollowsPostfix) {
    for (const Row& row : rows()) {
        SCOPED_TRACE(row.why);
        const std::optional<Live> live = row.live == nullptr ? std::nullopt : std::optional(*row.live);
        const Prediction made = predict(row.reply, row.postfix, live, "a.example");
        EXPECT_EQ(to_string(made.mail), to_string(row.mail));
        EXPECT_EQ(made.level, row.level);
        EXPECT_THAT(made.words + "; " + made.condition, HasSubstr(row.words));
        if (*row.deferred == '\0')
            EXPECT_THAT(made.deferred, IsEmpty());
        else
            EXPECT_THAT(made.deferred, Contains(row.deferred));
        EXPECT_EQ(made.condition.empty(), made.mail != Mail::flows_if);
    }
}

TEST(Predict, NamesTheHostsThatAreAdmitted) {
    const Prediction made = predict(tlsrpt, postfix("3.10.13", "sts-tlsrpt"), both, "a.example");
    EXPECT_THAT(made.hosts, ElementsAre("x.b.example"));
    EXPECT_THAT(made.names, IsEmpty()); // the host's own
    EXPECT_THAT(predict(plain, postfix("3.10.13"), both, "a.example").names,
                ElementsAre("mx.a.example", ".b.example"));
}

TEST(Predict, SaysWhichNamesAreNotCompared) {
    struct {
        const char *version, *map, *why;
    } const all[] = {{"3.7.11", "sts", "this version cannot"},
                     {"3.10.4", "sts-tlsrpt", "versions before 3.10.5 do not"},
                     {"3.10.13", "sts", "with the form sts it cannot"}};
    for (const auto& each : all) {
        const bool form = std::string(each.map) == "sts";
        const Prediction made =
            predict(form ? plain : tlsrpt, postfix(each.version, each.map), foreign, "a.example");
        ASSERT_EQ(made.notes.size(), 1U) << each.version;
        EXPECT_THAT(made.notes.front(), HasSubstr(each.why));
        EXPECT_THAT(made.notes.front(), HasSubstr("mx.other.example"));
    }
    EXPECT_THAT(predict("NOTFOUND ", postfix("3.7.11", "sts", "secure"), foreign, "a.example").notes,
                IsEmpty());
    // An override's names, in the form that could carry patterns: there is no policy to compare with.
    for (const char* version : {"3.10.4", "3.10.13"})
        EXPECT_THAT(predict(plain, postfix(version, "sts-tlsrpt"), foreign, "a.example").notes, IsEmpty());
}

/// What connecting to the mail hosts showed takes the place of the condition.
TEST(Predict, NeedsNoConditionWithSmtp) {
    const auto with = [](const char* outcome) {
        Smtp made;
        made.outcome = outcome;
        made.words = "mx.a.example: its certificate has expired";
        if (made.outcome == "waits") made.deferred = {"Server certificate not verified"};
        if (made.outcome == "returned") made.deferred = {"refused to start TLS"};
        return std::optional(made);
    };
    const Postfix here = postfix("3.10.13", "sts-tlsrpt");
    const Prediction flows = predict(tlsrpt, here, good, "a.example", with("verified"));
    EXPECT_EQ(flows.mail, Mail::flows);
    EXPECT_THAT(flows.condition, IsEmpty());
    EXPECT_THAT(flows.deferred, IsEmpty());
    EXPECT_EQ(predict("OK encrypt", here, good, "a.example", with("unprotected")).mail, Mail::flows);
    const Prediction waits = predict(tlsrpt, here, good, "a.example", with("waits"));
    EXPECT_EQ(waits.mail, Mail::waits);
    EXPECT_THAT(waits.condition, IsEmpty());
    EXPECT_THAT(waits.deferred, ElementsAre("Server certificate not verified"));
    EXPECT_THAT(waits.notes, Contains(HasSubstr("has expired")));
    const Prediction returned = predict(tlsrpt, here, good, "a.example", with("returned"));
    EXPECT_EQ(returned.mail, Mail::bounces);
    EXPECT_THAT(returned.condition, IsEmpty());
    EXPECT_THAT(returned.deferred, ElementsAre("refused to start TLS"));
    const Prediction open = predict(tlsrpt, here, good, "a.example", with("unknown"));
    EXPECT_EQ(open.mail, Mail::flows_if);
    EXPECT_THAT(open.notes, Contains(HasSubstr("could not be found out")));
    // It is about TLS alone: a daemon that does not answer, and a level that asks for nothing, stay what they are.
    EXPECT_EQ(predict("TEMP x", here, good, "a.example", with("verified")).mail, Mail::waits);
    EXPECT_EQ(predict("NOTFOUND ", here, good, "a.example", with("waits")).mail, Mail::flows);
}

TEST(PostfixLook, TakesTheLimitOfAddresses) {
    struct {
        const char* value;
        std::size_t limit;
    } const all[] = {{"", 5}, {"5", 5}, {"20", 20}, {"0", 0}, {"-1", 5}, {"five", 5}};
    for (const auto& each : all) {
        setup::Installed installed;
        if (*each.value != '\0') installed.effective["smtp_mx_address_limit"] = each.value;
        EXPECT_EQ(postfix_of(installed, {}, nullptr).mx_address_limit, each.limit) << each.value;
    }
}

TEST(Predict, KnowsWhereElseMailGoes) {
    Postfix made = postfix("3.7.11");
    made.fallback_relay = "[relay.example]";
    const Prediction temp = predict("TEMP x", made, good, "a.example");
    EXPECT_EQ(temp.mail, Mail::flows_if);
    EXPECT_THAT(temp.condition, HasSubstr("smtp_fallback_relay"));
    EXPECT_THAT(temp.deferred, Contains("client TLS configuration problem"));
    EXPECT_THAT(temp.deferred, Contains("connect to "));
    EXPECT_EQ(predict("OK may", made, good, "a.example").mail, Mail::flows);
    made = postfix("3.7.11");
    made.relayhost = "[relay.example]";
    EXPECT_THAT(predict("OK may", made, good, "a.example").notes, ElementsAre(HasSubstr("relayhost")));
    EXPECT_THAT(predict("OK may", made, good, "[relay.example]").notes, IsEmpty());
}

TEST(Predict, AsksWhetherPostfixFindsTheHosts) {
    using Kind = Found::Kind;
    Postfix made = postfix("3.7.11");
    made.found = Found{Kind::hosts, ""};
    EXPECT_EQ(predict("OK may", made, good, "a.example").mail, Mail::flows);
    made.found = Found{Kind::fails, "SERVFAIL"};
    const Prediction fails = predict("OK may", made, good, "a.example");
    EXPECT_EQ(fails.mail, Mail::waits);
    EXPECT_THAT(fails.deferred, ElementsAre("Host or domain name not found"));
    EXPECT_THAT(fails.words, HasSubstr("SERVFAIL"));
    made.found = Found{Kind::absent, ""};
    EXPECT_EQ(predict(plain, made, good, "a.example").mail, Mail::bounces);
    made.soft_bounce = true;
    EXPECT_EQ(predict(plain, made, good, "a.example").mail, Mail::waits);
    made.soft_bounce = false;
    made.found = Found{Kind::no_mail, ""};
    EXPECT_THAT(predict(plain, made, good, "a.example").deferred, ElementsAre("does not accept mail"));
    made.found = Found{Kind::unknown, "no permission"};
    const Prediction unknown = predict("OK may", made, good, "a.example");
    EXPECT_EQ(unknown.mail, Mail::flows_if);
    EXPECT_THAT(unknown.condition, HasSubstr("no permission"));
    EXPECT_THAT(unknown.deferred, Contains("Host or domain name not found"));
    made.fallback_relay = "[relay.example]";
    made.found = Found{Kind::absent, ""};
    EXPECT_EQ(predict("OK may", made, good, "a.example").mail, Mail::flows_if);
}

TEST(Predict, NamesOtherWays) {
    Postfix made = postfix("3.7.11");
    made.detours = {{"sender_dependent_relayhost_maps", ""}, {"transport_maps", "relay:[inside.example]"}};
    EXPECT_THAT(predict("OK may", made, good, "a.example").notes,
                ElementsAre(HasSubstr("mail of some senders"), HasSubstr("has relay:[inside.example]")));
}

TEST(ReadReply, TakesApartWhatPostfixTakesApart) {
    const Applied made = read_reply(tlsrpt, {3, 10, 13});
    EXPECT_EQ(made.kind, Applied::Kind::policy);
    EXPECT_TRUE(made.sts);
    EXPECT_THAT(made.match, ElementsAre("mx.a.example", ".b.example"));
    EXPECT_THAT(made.patterns, ElementsAre("mx.a.example", "*.b.example"));
    EXPECT_EQ(read_reply("NOTFOUND ", {3, 7, 0}).kind, Applied::Kind::none);
    EXPECT_EQ(read_reply("OK none whatever=x", {3, 7, 0}).level, "none"); // attributes are ignored there
    EXPECT_EQ(read_reply("OK may enable_rpk=yes", {3, 8, 0}).kind, Applied::Kind::error);
    EXPECT_EQ(read_reply("OK may enable_rpk=yes", {3, 9, 0}).kind, Applied::Kind::policy);
}

} // namespace
