// What check makes of evidence: each kind of domain, mail host and fault, with the outcome, the finding that decides,
// and the exit status.
#include "support/check_sample.hpp"
#include "tool/check/explained.hpp"
#include "tool/check/judge.hpp"
#include "tool/check/judge_document.hpp"
#include "tool/check/print.hpp"
#include "tool/publish/situation.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <set>
#include <sstream>

namespace {

using namespace check;
using namespace check_sample;
using smtp::Stage;
using smtp::Trouble;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

std::vector<std::string> ids(const Judgement& made) {
    std::vector<std::string> all;
    for (const findings::Finding& each : made.findings)
        if (each.row->severity > findings::Severity::fine) all.emplace_back(each.row->id);
    return all;
}

std::string page_of(const Evidence& evidence) {
    std::ostringstream out;
    print(evidence, judge(evidence), {.colour = false, .zone = [](base::Instant) { return base::seconds{0}; }},
          out);
    return out.str();
}

void set_policy(Evidence& evidence, const std::string& body) { evidence.policy_host->body = body; }
void set_mode(Evidence& evidence, const std::string& mode) {
    set_policy(evidence, "version: STSv1\nmode: " + mode + "\nmx: mx1.a.example\nmx: *.b.example\nmax_age: 1209600\n");
}
void set_postfix(Evidence& evidence, const char* text, const char* map) {
    evidence.postfix.version_text = text;
    evidence.postfix.version = *setup::parse_version(text);
    evidence.postfix.map = map;
}
/// The only MX host, with this sighting in place of its own.
void only(Evidence& evidence, smtp::Sighting seen) {
    evidence.mx.resize(1);
    set_policy(evidence, "version: STSv1\nmode: enforce\nmx: mx1.a.example\nmax_age: 1209600\n");
    evidence.mx[0].addresses[0].sighting = std::move(seen);
}
void only(Evidence& evidence, smtp::Tls session) {
    only(evidence, sighting("mx1.a.example", "192.0.2.1", std::move(session)));
}
void only(Evidence& evidence, Stage stage, Trouble trouble, const char* words = "") {
    only(evidence, ended("mx1.a.example", "192.0.2.1", stage, trouble, words));
}
void fail_host(Evidence& evidence, const char* reason, const char* detail = "") {
    evidence.policy_host->body.reset();
    PolicyTry& one = evidence.policy_host->tries[0];
    one.reason = reason;
    one.detail = detail;
}
void bad_response(Evidence& evidence, const char* reason, int status) {
    evidence.policy_host->body.reset();
    evidence.policy_host->tries[0].response_reason = reason;
    evidence.policy_host->tries[0].status = status;
}
smtp::Tls untrusted(const char* words, int code) {
    smtp::Tls made = tls({"mx1.a.example"});
    made.trusted = false;
    made.trust_error = words;
    made.trust_code = code;
    return made;
}

struct Case {
    const char* name;
    std::function<void(Evidence&)> change;
    Outcome outcome;
    Guard guard;
    const char* reason;   ///< of the verdict
    const char* deferred; ///< the first of Postfix's words; "" none
    std::vector<std::string> ids; ///< of all findings above "fine"
};

const Case cases[] = {
    {"good", [](Evidence&) {}, Outcome::verified, Guard::sts, "", "", {"policy-mx-wildcard"}},
    {"testing", [](Evidence& e) { set_mode(e, "testing"); }, Outcome::unprotected, Guard::testing,
     "policy-mode-testing", "", {"policy-mode-testing", "policy-mx-wildcard"}},
    {"withdrawn", [](Evidence& e) { set_policy(e, "version: STSv1\nmode: none\nmax_age: 86400\n"); },
     Outcome::unprotected, Guard::withdrawn, "policy-mode-none", "", {"policy-mode-none"}},
    {"no record", [](Evidence& e) { e.sts.records.clear(); e.sts.looked.kind = "nxdomain"; e.policy_host.reset(); },
     Outcome::unprotected, Guard::none, "txt-missing", "", {"txt-missing"}},
    {"two records", [](Evidence& e) { e.sts.records.push_back("v=STSv1; id=2;"); }, Outcome::unprotected,
     Guard::none, "txt-multiple", "", {"txt-multiple", "txt-multiple", "policy-mx-wildcard"}},
    {"record cannot be looked up", [](Evidence& e) { e.sts = {}; e.sts.looked.name = "_mta-sts.a.example"; e.sts.looked.reason = "dns-servfail"; e.policy_host.reset(); },
     Outcome::unknown, Guard::none, "dns-txt-failed", "", {"dns-txt-failed"}},
    {"policy without a record", [](Evidence& e) { e.sts.records = {"v=spf1 -all"}; }, Outcome::unprotected,
     Guard::none, "host-without-record", "", {"txt-other-records", "txt-missing", "host-without-record", "policy-mx-wildcard"}},

    {"host has no address", [](Evidence& e) { e.policy_host->body.reset(); e.policy_host->tries.clear(); e.policy_host->addresses.clear(); },
     Outcome::unprotected, Guard::none, "host-no-address", "", {"host-no-address"}},
    {"host cannot be looked up", [](Evidence& e) { e.policy_host->body.reset(); e.policy_host->tries.clear(); e.policy_host->addresses.clear(); e.policy_host->a.reason = "dns-timeout"; },
     Outcome::unprotected, Guard::none, "host-dns-failed", "", {"host-dns-failed"}},
    {"host is private", [](Evidence& e) { fail_host(e, "host-refused-address"); }, Outcome::unprotected,
     Guard::none, "host-private-address", "", {"host-private-address"}},
    {"host refuses", [](Evidence& e) { fail_host(e, "connect-failed"); }, Outcome::unprotected, Guard::none,
     "host-unreachable", "", {"host-unreachable"}},
    {"host has old TLS", [](Evidence& e) { fail_host(e, "tls-handshake"); }, Outcome::unprotected, Guard::none,
     "host-tls", "", {"host-tls"}},
    {"host is not trusted", [](Evidence& e) { fail_host(e, "cert-untrusted"); }, Outcome::unprotected,
     Guard::none, "host-certificate-untrusted", "", {"host-certificate-untrusted"}},
    {"host has another name", [](Evidence& e) { fail_host(e, "cert-name-mismatch"); }, Outcome::unprotected,
     Guard::none, "host-certificate-name", "", {"host-certificate-name"}},
    {"host has expired", [](Evidence& e) { fail_host(e, "cert-expired"); e.policy_host->tries[0].tls->chain[0].not_after = now - day; },
     Outcome::unprotected, Guard::none, "host-certificate-expired", "", {"host-certificate-expired"}},
    {"host says 404", [](Evidence& e) { bad_response(e, "http-status", 404); }, Outcome::unprotected,
     Guard::none, "host-status", "", {"host-status"}},
    {"host redirects", [](Evidence& e) { bad_response(e, "http-redirect", 301); }, Outcome::unprotected,
     Guard::none, "host-redirect", "", {"host-redirect"}},
    {"host serves html", [](Evidence& e) { bad_response(e, "http-media-type", 200); e.policy_host->tries[0].types = {"text/html"}; },
     Outcome::unprotected, Guard::none, "host-media-type", "", {"host-media-type"}},
    {"host takes too long", [](Evidence& e) { fail_host(e, "fetch-timeout"); }, Outcome::unprotected,
     Guard::none, "host-timeout", "", {"host-timeout"}},
    {"host is slow", [](Evidence& e) { e.policy_host->tries[0].took_ms = 4500; }, Outcome::verified, Guard::sts,
     "", "", {"host-slow", "policy-mx-wildcard"}},
    {"host's certificate ends", [](Evidence& e) { e.policy_host->tries[0].tls->chain[0].not_after = now + 5 * day; },
     Outcome::verified, Guard::sts, "", "", {"host-certificate-ends", "policy-mx-wildcard"}},
    {"one address of the host fails", [](Evidence& e) { PolicyTry bad = e.policy_host->tries[0]; bad.address = "2001:db8::80"; bad.reason = "connect-timeout"; e.policy_host->tries.push_back(bad); },
     Outcome::verified, Guard::sts, "", "", {"host-partly", "policy-mx-wildcard"}},
    {"policy is not one", [](Evidence& e) { set_policy(e, "version: STSv1\nmode: enforced\nmx: mx1.a.example\nmax_age: 1209600\n"); },
     Outcome::unprotected, Guard::none, "policy-mode-unknown", "", {"policy-mode-unknown"}},

    {"no such domain", [](Evidence& e) { e.mx_looked->kind = "nxdomain"; e.mx.clear(); }, Outcome::no_mail,
     Guard::sts, "dns-no-domain", "Host or domain name not found", {"policy-mx-wildcard", "dns-no-domain"}},
    {"null MX", [](Evidence& e) { e.null_mx = true; e.mx.clear(); }, Outcome::no_mail, Guard::sts, "dns-null-mx",
     "does not accept mail", {"policy-mx-wildcard", "dns-null-mx"}},
    {"MX cannot be looked up", [](Evidence& e) { e.mx_looked->reason = "dns-servfail"; e.mx_looked->kind = ""; e.mx.clear(); },
     Outcome::unknown, Guard::sts, "dns-mx-failed", "", {"policy-mx-wildcard", "dns-mx-failed"}},
    {"no MX host has an address", [](Evidence& e) { for (Mx& mx : e.mx) { mx.addresses.clear(); mx.a.kind = "nodata"; } },
     Outcome::no_mail, Guard::sts, "mx-no-address", "Host or domain name not found",
     {"policy-mx-wildcard", "mx-no-address", "mx-no-address"}},

    {"no STARTTLS", [](Evidence& e) { only(e, Stage::starttls, Trouble::not_offered); }, Outcome::waits,
     Guard::sts, "mx-no-starttls", "TLS is required, but was not offered by host", {"mx-no-starttls"}},
    {"STARTTLS refused", [](Evidence& e) { only(e, Stage::starttls, Trouble::reply_4xx, "454 4.7.0 not now"); },
     Outcome::waits, Guard::sts, "mx-starttls-refused", "refused to start TLS", {"mx-starttls-refused"}},
    {"STARTTLS refused for good", [](Evidence& e) { only(e, Stage::starttls, Trouble::reply_5xx, "502 5.5.1 never"); },
     Outcome::no_mail, Guard::sts, "mx-starttls-refused", "refused to start TLS", {"mx-starttls-refused"}},
    {"EHLO refused for good by the last, no address for the first", [](Evidence& e) {
         e.mx[0].addresses.clear();
         e.mx[0].a.kind = "nodata";
         e.mx[1].addresses[0].sighting = ended("mx2.b.example", "192.0.2.2", Stage::ehlo, Trouble::reply_5xx, "550 no");
     },
     Outcome::no_mail, Guard::sts, "mx-refuses", "refused to talk to me",
     {"policy-mx-wildcard", "mx-no-address", "mx-refuses"}},
    {"handshake fails", [](Evidence& e) { only(e, Stage::tls, Trouble::tls_handshake, "handshake failure"); },
     Outcome::waits, Guard::sts, "mx-tls-failed", "Cannot start TLS: handshake failure", {"mx-tls-failed"}},
    {"no common version", [](Evidence& e) { only(e, Stage::tls, Trouble::tls_version); }, Outcome::waits,
     Guard::sts, "mx-tls-version", "Cannot start TLS: handshake failure", {"mx-tls-version"}},
    {"self-signed", [](Evidence& e) { only(e, untrusted("self-signed certificate", 18)); }, Outcome::waits,
     Guard::sts, "mx-certificate-untrusted", "Server certificate not verified", {"mx-certificate-untrusted"}},
    {"expired", [](Evidence& e) { smtp::Tls old = untrusted("certificate has expired", 10); old.chain[0].not_after = now - day; only(e, old); },
     Outcome::waits, Guard::sts, "mx-certificate-expired", "Server certificate not verified", {"mx-certificate-expired"}},
    {"wrong name", [](Evidence& e) { only(e, tls({"other.example"})); }, Outcome::waits, Guard::sts,
     "mx-certificate-name", "Server certificate not verified", {"mx-certificate-name"}},
    {"wildcard certificate", [](Evidence& e) { only(e, tls({"*.a.example"})); }, Outcome::verified, Guard::sts, "", "", {}},
    {"partial wildcard", [](Evidence& e) { only(e, tls({"mx*.a.example"})); }, Outcome::waits, Guard::sts,
     "mx-certificate-name", "Server certificate not verified", {"mx-certificate-name"}},
    {"only a common name", [](Evidence& e) { smtp::Tls cn = tls({"mx1.a.example"}); cn.chain[0].dns_names.clear(); only(e, cn); },
     Outcome::verified, Guard::sts, "", "", {"mx-certificate-common-name"}},
    {"certificate ends", [](Evidence& e) { only(e, tls({"mx1.a.example"}, 3 * day)); }, Outcome::verified,
     Guard::sts, "", "", {"mx-certificate-ends"}},
    {"old TLS", [](Evidence& e) { smtp::Tls old = tls({"mx1.a.example"}); old.version = "TLSv1.1"; only(e, old); },
     Outcome::verified, Guard::sts, "", "", {"mx-tls-old"}},
    {"refuses connections", [](Evidence& e) { only(e, Stage::connect, Trouble::refused); }, Outcome::unknown,
     Guard::sts, "mx-unreachable", "", {"mx-unreachable"}},
    {"4xx at the banner", [](Evidence& e) { only(e, Stage::banner, Trouble::reply_4xx, "421 busy"); },
     Outcome::unknown, Guard::sts, "mx-refuses", "", {"mx-refuses"}},
    {"silent", [](Evidence& e) { only(e, Stage::banner, Trouble::timeout); }, Outcome::unknown, Guard::sts,
     "mx-not-smtp", "", {"mx-not-smtp"}},
    {"injected", [](Evidence& e) { only(e, Stage::starttls, Trouble::injected); }, Outcome::unknown, Guard::sts,
     "mx-injected", "", {"mx-injected"}},
    {"first host fails, second is good", [](Evidence& e) { e.mx[0].addresses[0].sighting = ended("mx1.a.example", "192.0.2.1", Stage::starttls, Trouble::not_offered); },
     Outcome::verified, Guard::sts, "", "", {"policy-mx-wildcard", "mx-no-starttls"}},
    {"first fails, second is down", [](Evidence& e) {
         e.mx[0].addresses[0].sighting = ended("mx1.a.example", "192.0.2.1", Stage::starttls, Trouble::not_offered);
         e.mx[1].addresses[0].sighting = ended("mx2.b.example", "192.0.2.2", Stage::connect, Trouble::refused);
     },
     Outcome::waits, Guard::sts, "mx-no-starttls", "TLS is required, but was not offered by host",
     {"policy-mx-wildcard", "mx-no-starttls", "mx-unreachable"}},
    {"first fails, second was not looked at", [](Evidence& e) {
         e.mx[0].addresses[0].sighting = ended("mx1.a.example", "192.0.2.1", Stage::starttls, Trouble::not_offered);
         e.mx[1].addresses[0] = {"192.0.2.2", {}, "operator-refused", {}};
     },
     Outcome::unknown, Guard::sts, "mx-not-looked-at", "", {"policy-mx-wildcard", "mx-no-starttls", "mx-not-looked-at"}},
    {"nothing was connected to", [](Evidence& e) {
         e.smtp = false;
         for (Mx& mx : e.mx) mx.addresses[0] = {mx.addresses[0].address, {}, "no-smtp", {}};
     },
     Outcome::unknown, Guard::sts, "mx-not-looked-at", "", {"policy-mx-wildcard", "mx-not-looked-at", "mx-not-looked-at"}},
    {"port 25 is closed here", [](Evidence& e) {
         e.port_25_closed = true;
         for (Mx& mx : e.mx) mx.addresses[0] = {mx.addresses[0].address, {}, "port-25-closed-here", {}};
     },
     Outcome::unknown, Guard::sts, "mx-not-looked-at", "", {"policy-mx-wildcard", "mx-port-25-closed"}},
    {"good host comes after five addresses", [](Evidence& e) {
         for (int i = 3; i < 8; ++i)
             e.mx[0].addresses.push_back({"192.0.2." + std::to_string(i), {}, "another-address-tried", {}});
         e.mx[0].addresses[0].sighting = ended("mx1.a.example", "192.0.2.1", Stage::starttls, Trouble::not_offered);
     },
     Outcome::waits, Guard::sts, "mx-no-starttls", "TLS is required, but was not offered by host",
     {"policy-mx-wildcard", "mx-no-starttls", "mx-out-of-reach"}},

    {"an mx covers nobody", [](Evidence& e) { set_policy(e, "version: STSv1\nmode: enforce\nmx: mx1.a.example\nmx: mx2.b.example\nmx: old.a.example\nmax_age: 1209600\n"); },
     Outcome::verified, Guard::sts, "", "", {"mx-pattern-idle"}},
    {"a host is not admitted", [](Evidence& e) { set_policy(e, "version: STSv1\nmode: enforce\nmx: mx1.a.example\nmax_age: 1209600\n"); },
     Outcome::verified, Guard::sts, "", "", {"mx-not-admitted", "mx-not-compared"}},
    {"no host is admitted", [](Evidence& e) { set_policy(e, "version: STSv1\nmode: enforce\nmx: c.example\nmax_age: 1209600\n"); },
     Outcome::waits, Guard::sts, "mx-certificate-name", "Server certificate not verified",
     {"mx-pattern-idle", "mx-none-admitted", "mx-not-compared"}},
    {"no host is admitted, names compared", [](Evidence& e) {
         set_policy(e, "version: STSv1\nmode: enforce\nmx: c.example\nmax_age: 1209600\n");
         set_postfix(e, "3.10.13", "sts-tlsrpt");
     },
     Outcome::waits, Guard::sts, "mx-none-admitted", "server unavailable or unable to receive mail",
     {"mx-pattern-idle", "mx-none-admitted"}},
    {"an alias as MX host", [](Evidence& e) { e.mx[0].a.canonical = "real.a.example"; }, Outcome::verified,
     Guard::sts, "", "", {"policy-mx-wildcard", "mx-alias"}},
    {"no MX record", [](Evidence& e) { e.mx_looked->kind = "nodata"; e.mx = {mx(0, "a.example", "192.0.2.3")}; set_policy(e, "version: STSv1\nmode: enforce\nmx: a.example\nmax_age: 1209600\n"); },
     Outcome::verified, Guard::sts, "", "", {"dns-no-mx"}},
    {"no policy, and not ready", [](Evidence& e) {
         only(e, untrusted("self-signed certificate", 18));
         e.sts.records.clear();
         e.policy_host.reset();
     },
     Outcome::unprotected, Guard::none, "txt-missing", "", {"txt-missing", "mx-not-ready"}},

    {"main.cf asks for TLS", [](Evidence& e) {
         only(e, Stage::starttls, Trouble::not_offered);
         e.sts.records.clear();
         e.policy_host.reset();
         e.postfix.level = "encrypt";
     },
     Outcome::waits, Guard::settings, "mx-no-starttls", "TLS is required, but was not offered by host",
     {"txt-missing", "mx-not-ready"}},
    {"a table before ours", [](Evidence& e) { e.postfix.earlier_table = "hash:/etc/postfix/tls"; e.postfix.earlier_reply = "OK may"; set_mode(e, "enforce"); },
     Outcome::unprotected, Guard::settings, "", "", {"policy-mx-wildcard"}},
    {"Postfix refuses the form", [](Evidence& e) { set_postfix(e, "3.7.11", "sts-tlsrpt"); }, Outcome::waits,
     Guard::sts, "", "client TLS configuration problem", {"policy-mx-wildcard"}},
};

TEST(CheckJudge, FindsOutWhatBecomesOfMail) {
    for (const Case& each : cases) {
        SCOPED_TRACE(each.name);
        Evidence evidence = good();
        each.change(evidence);
        const Judgement made = judge(evidence);
        EXPECT_EQ(to_string(made.verdict.outcome), to_string(each.outcome)) << made.verdict.words;
        EXPECT_EQ(to_string(made.verdict.guard), to_string(each.guard));
        EXPECT_EQ(made.verdict.reason, each.reason);
        EXPECT_EQ(made.verdict.deferred.empty() ? "" : made.verdict.deferred.front(), each.deferred);
        EXPECT_EQ(ids(made), each.ids);
        EXPECT_THAT(made.verdict.words, Not(IsEmpty()));
        const base::Exit exit = exit_of(made);
        EXPECT_EQ(exit, each.outcome == Outcome::waits || each.outcome == Outcome::no_mail ? base::Exit::trouble
                        : each.outcome == Outcome::unknown                                 ? base::Exit::unreachable
                                                                                           : base::Exit::done);
    }
}

/// What guides lead to, each with the finding that says so.
TEST(CheckJudge, KnowsTheSituationsOfGuides) {
    struct {
        const char* name;
        std::function<void(Evidence&)> change;
        std::vector<const char*> ids;
        const char* hint; ///< of the first; "" none
    } const all[] = {
        {"GitHub Pages behind a CNAME, no final newline",
         [](Evidence& e) {
             e.policy_host->a.canonical = e.policy_host->aaaa.canonical = "someone.github.io";
             set_policy(e, "version: STSv1\nmode: enforce\nmx: mx1.a.example\nmx: mx2.b.example\nmax_age: 604800");
         },
         {"host-alias", "policy-no-final-line-end"}, ""},
        {"mode: test", [](Evidence& e) { set_mode(e, "test"); }, {"policy-mode-unknown"}, "mode: testing"},
        {"Apache with CRLF",
         [](Evidence& e) {
             set_policy(e, "version: STSv1\r\nmode: enforce\r\nmx: mx1.a.example\r\nmx: mx2.b.example\r\nmax_age: "
                           "604800\r\n");
             e.policy_host->tries[0].types = {"text/plain; charset=UTF-8"};
         },
         {"policy-crlf", "host-charset"}, ""},
        {"the same mx twice, and Microsoft's wildcard",
         [](Evidence& e) {
             e.mx = {mx(0, "a-example.j-v1.mx.microsoft", "192.0.2.5")};
             set_policy(e, "version: STSv1\nmode: enforce\nmx: *.j-v1.mx.microsoft\nmx: *.j-v1.mx.microsoft\nmax_age: "
                           "604800\n");
         },
         {"policy-mx-repeated", "policy-mx-wildcard"}, ""},
        {"a date as id", [](Evidence& e) { e.sts.records = {"v=STSv1; id=2026-11-28T09:30:00"}; },
         {"txt-id-invalid"}, "id=20261128"},
        {"another date as id", [](Evidence& e) { e.sts.records = {"v=STSv1; id=20261128093000Z;"}; }, {"txt-good"}, ""},
    };
    for (const auto& each : all) {
        SCOPED_TRACE(each.name);
        Evidence evidence = good();
        each.change(evidence);
        const Judgement made = judge(evidence);
        for (const char* id : each.ids)
            EXPECT_THAT(made.findings, Contains(testing::Truly([id](const findings::Finding& one) {
                            return one.row->id == id;
                        })))
                << id;
        for (const findings::Finding& one : made.findings)
            if (one.row->id == each.ids.front()) {
                EXPECT_THAT(one.hint, HasSubstr(each.hint));
            }
    }
}

TEST(CheckJudge, SaysWhatANearNameLacks) {
    struct {
        const char *mx, *host, *hint;
    } const patterns[] = {
        {"*.a.example", "a.example", "does not cover a.example itself"},
        {"*.a.example", "x.y.a.example", "covers one label"},
        {"a.example", "mx.a.example", "write mx: *.a.example"},
        {"mail.a-exmaple.net", "mail.a-example.net", "misspelt"},
        {"mx2.a.example", "mx1.a.example", ""},
        {"other.example", "mx1.a.example", ""},
    };
    for (const auto& each : patterns) {
        SCOPED_TRACE(each.mx);
        Evidence evidence = good();
        evidence.mx = {mx(10, each.host, "192.0.2.1")};
        set_policy(evidence, std::string("version: STSv1\nmode: enforce\nmx: ") + each.mx + "\nmax_age: 1209600\n");
        bool found = false;
        for (const findings::Finding& one : judge(evidence).findings)
            if (one.row->id == "mx-none-admitted") {
                found = true;
                EXPECT_EQ(one.hint.empty(), *each.hint == '\0') << one.hint;
                EXPECT_THAT(one.hint, HasSubstr(each.hint));
            }
        EXPECT_TRUE(found);
    }
    struct {
        const char *name, *hint;
    } const names[] = {
        {"*.example", "covers one label"},         {"*.mx1.a.example", "itself"},
        {"m*.a.example", "whole first label"},     {"mx1.a.example.", "final dot"},
        {"real.b.example", "where the CNAME leads"}, {"other.example", ""},
    };
    for (const auto& each : names) {
        SCOPED_TRACE(each.name);
        Evidence evidence = good();
        only(evidence, tls({each.name}));
        evidence.mx[0].a.canonical = "real.b.example";
        bool found = false;
        for (const findings::Finding& one : judge(evidence).findings)
            if (one.row->id == "mx-certificate-name") {
                found = true;
                EXPECT_EQ(one.hint.empty(), *each.hint == '\0') << one.hint;
                EXPECT_THAT(one.hint, HasSubstr(each.hint));
            }
        EXPECT_TRUE(found);
    }
}

TEST(CheckJudge, SaysWhatModeEnforceWouldDo) {
    Evidence evidence = good();
    set_mode(evidence, "testing");
    EXPECT_EQ(judge(evidence).verdict.enforced, Outcome::verified);
    for (Mx& mx : evidence.mx) mx.addresses[0].sighting->tls = untrusted("self-signed certificate", 18);
    const Judgement made = judge(evidence);
    EXPECT_EQ(made.verdict.enforced, Outcome::waits);
    EXPECT_EQ(made.verdict.outcome, Outcome::unprotected);
    EXPECT_EQ(made.hosts[0].outcome, Outcome::waits);
    evidence.strict_testing = true; // the daemon treats it as enforce
    EXPECT_EQ(judge(evidence).verdict.outcome, Outcome::waits);
    EXPECT_EQ(judge(evidence).verdict.enforced, std::nullopt);
}

TEST(CheckJudge, LevelDaneAsksOnlyOfHostsWithRecords) {
    Evidence evidence = good();
    evidence.postfix.level = "dane";
    evidence.postfix.dnssec = true;
    set_mode(evidence, "testing");
    for (Mx& mx : evidence.mx) mx.addresses[0].sighting->tls = untrusted("self-signed certificate", 18);
    Judgement made = judge(evidence);
    EXPECT_EQ(made.verdict.guard, Guard::testing);
    EXPECT_EQ(made.verdict.outcome, Outcome::unprotected);
    EXPECT_EQ(made.verdict.enforced, Outcome::waits);
    Mx& first = evidence.mx[0];
    first.tlsa = looked("_25._tcp." + first.host, "TLSA");
    first.tlsa_records.emplace_back();
    first.tlsa_records[0] = {3, 1, 1, std::string(32, 'x')};
    EXPECT_EQ(judge(evidence).verdict.guard, Guard::testing) << "not signed";
    first.tlsa->worth = dns::Worth::secure;
    EXPECT_EQ(judge(evidence).verdict.guard, Guard::settings);
    first.tlsa_records[0].usage = 0; // encryption is asked for then
    EXPECT_EQ(judge(evidence).verdict.guard, Guard::settings);
    first.tlsa_records.clear();
    EXPECT_EQ(judge(evidence).verdict.guard, Guard::testing);
    first.tlsa->reason = "dns-servfail";
    EXPECT_EQ(judge(evidence).verdict.guard, Guard::settings);

    evidence = good();
    evidence.postfix.level = "dane";
    evidence.postfix.dnssec = true;
    evidence.sts.records.clear();
    evidence.policy_host.reset();
    EXPECT_EQ(judge(evidence).verdict.guard, Guard::none);
    EXPECT_EQ(judge(evidence).verdict.outcome, Outcome::unprotected);
    EXPECT_EQ(judge(evidence).verdict.reason, "txt-missing");
}

TEST(CheckJudge, LeavesADomainWithDaneToDane) {
    Evidence evidence = good();
    evidence.dane_advice = "dane-only";
    evidence.postfix.dnssec = true;
    dane::Tlsa record;
    record.usage = 3;
    record.selector = 1;
    record.matching = 1;
    record.data = std::string(32, 'x');
    for (Mx& mx : evidence.mx) {
        mx.tlsa = looked("_25._tcp." + mx.host, "TLSA");
        mx.tlsa->worth = dns::Worth::secure;
    }
    Judgement made = judge(evidence);
    EXPECT_EQ(made.verdict.guard, Guard::dane);
    EXPECT_EQ(made.verdict.outcome, Outcome::waits);
    EXPECT_THAT(made.verdict.deferred, Contains("no TLSA records found"));
    for (Mx& mx : evidence.mx) mx.tlsa_records = {record};
    made = judge(evidence);
    EXPECT_EQ(made.verdict.level, "dane-only");
    EXPECT_THAT(ids(made), Not(Contains("dane-partly")));
    evidence.postfix.dnssec = false; // smtp(8) refuses the policy then
    made = judge(evidence);
    EXPECT_EQ(made.verdict.outcome, Outcome::waits);
    EXPECT_THAT(made.verdict.deferred, ElementsAre("client TLS configuration problem"));
}

TEST(CheckJudge, KnowsThatAFallbackRelayTakesWhatIsNotDelivered) {
    const char* const relay = ", or smtp_fallback_relay takes it";
    Evidence evidence = good();
    evidence.postfix.fallback_relay = "[relay.example]";
    EXPECT_THAT(judge(evidence).verdict.words, Not(HasSubstr(relay)));
    only(evidence, Stage::starttls, Trouble::reply_5xx, "502 5.5.1 never");
    EXPECT_THAT(judge(evidence).verdict.words, testing::EndsWith(relay));
    EXPECT_EQ(judge(evidence).verdict.outcome, Outcome::no_mail);
    only(evidence, Stage::starttls, Trouble::not_offered);
    EXPECT_THAT(judge(evidence).verdict.words, testing::EndsWith(relay));
    EXPECT_EQ(judge(evidence).verdict.outcome, Outcome::waits);
    set_mode(evidence, "testing");
    EXPECT_THAT(judge(evidence).verdict.words, testing::EndsWith(relay));
    evidence.null_mx = true;
    EXPECT_THAT(judge(evidence).verdict.words, testing::EndsWith(relay));
}

TEST(CheckJudge, TriesAsManyAddressesAsPostfixDoes) {
    Evidence evidence = good();
    for (int i = 3; i < 8; ++i)
        evidence.mx[0].addresses.push_back({"192.0.2." + std::to_string(i), {}, "another-address-tried", {}});
    evidence.mx[0].addresses[0].sighting =
        ended("mx1.a.example", "192.0.2.1", Stage::starttls, Trouble::not_offered);
    struct {
        std::size_t limit;
        Outcome outcome;
    } const all[] = {{5, Outcome::waits}, {6, Outcome::waits}, {7, Outcome::verified}, {0, Outcome::verified}};
    for (const auto& each : all) {
        evidence.postfix.mx_address_limit = each.limit;
        EXPECT_EQ(judge(evidence).verdict.outcome, each.outcome) << each.limit;
    }
}

TEST(CheckJudge, ADomainTakesNoMailOnlyByWhatDnsSays) {
    for (const Case& each : cases) {
        SCOPED_TRACE(each.name);
        Evidence evidence = good();
        each.change(evidence);
        const Judgement made = judge(evidence);
        const bool refuses = made.verdict.reason == "mx-starttls-refused" || made.verdict.reason == "mx-refuses";
        EXPECT_EQ(takes_no_mail(made.verdict), made.verdict.outcome == Outcome::no_mail && !refuses);
        EXPECT_EQ(publish::situation_of(evidence, made).no_mail, takes_no_mail(made.verdict));
    }
}

TEST(CheckJudge, PublishNeedsAllMailHosts) {
    Evidence evidence = good();
    EXPECT_TRUE(publish::situation_of(evidence, judge(evidence)).mx_known);
    EXPECT_EQ(publish::situation_of(evidence, judge(evidence)).txt_ttl, base::seconds{300});
    evidence.more_mx = true;
    EXPECT_FALSE(publish::situation_of(evidence, judge(evidence)).mx_known);
    EXPECT_THAT(page_of(evidence), HasSubstr("and more, which are left out: more than 100 hosts"));
}

TEST(CheckJudge, ExplainSaysThatMailIsReturned) {
    Evidence evidence = good();
    only(evidence, Stage::starttls, Trouble::reply_5xx, "502 5.5.1 never");
    explain::Daemon daemon;
    daemon.domain = "a.example";
    daemon.plain = "OK secure match=mx1.a.example servername=hostname";
    const explain::Smtp made = smtp_of(evidence, daemon, evidence.postfix);
    EXPECT_EQ(made.outcome, "returned");
    EXPECT_THAT(made.deferred, ElementsAre("refused to start TLS"));
    EXPECT_THAT(made.words, HasSubstr("502 5.5.1 never"));
    EXPECT_EQ(made.hosts.at(0).outcome, "waits");
    evidence.postfix.soft_bounce = true;
    EXPECT_EQ(smtp_of(evidence, daemon, evidence.postfix).outcome, "waits");
}

TEST(CheckJudge, TellsThisHostWhatConcernsIt) {
    Evidence evidence = good();
    EXPECT_THAT(judge(evidence).verdict.here, IsEmpty());
    evidence.postfix = {};
    evidence.postfix.trouble = "postconf is not there";
    EXPECT_THAT(judge(evidence).verdict.here, ElementsAre(HasSubstr("postconf is not there")));
    EXPECT_THAT(judge(evidence).verdict.reply, HasSubstr("policy_type=sts")); // of the newest form
    evidence = good();
    evidence.postfix.map.clear();
    EXPECT_THAT(judge(evidence).verdict.here, ElementsAre(HasSubstr("postfix-setup")));
    evidence = good();
    evidence.postfix.fallback_relay = "[relay.example]";
    EXPECT_THAT(judge(evidence).verdict.here, ElementsAre(HasSubstr("smtp_fallback_relay = [relay.example]")));
    evidence = good();
    evidence.postfix.trusts_some_ca = false;
    EXPECT_THAT(judge(evidence).verdict.here, ElementsAre(HasSubstr("smtp_tls_CAfile")));
    evidence = good();
    only(evidence, Stage::starttls, Trouble::not_offered);
    EXPECT_THAT(judge(evidence).verdict.here, ElementsAre(HasSubstr("stsmap override add a.example may")));
}

TEST(CheckJudge, DoesNotSayThatMailFlowsWhilePostfixGetsNoAnswer) {
    Evidence evidence = good();
    EXPECT_EQ(check::exit_of(judge(evidence)), base::Exit::done);
    evidence.postfix.unreached = "nobody listens on it";
    const Judgement made = judge(evidence);
    EXPECT_EQ(made.verdict.outcome, Outcome::verified); // by the domain
    EXPECT_THAT(made.verdict.words, HasSubstr("now all mail waits"));
    EXPECT_THAT(made.verdict.here, ElementsAre(HasSubstr("stsmap doctor")));
    EXPECT_EQ(check::exit_of(made), base::Exit::trouble);
    explain::Json object = explain::Json::object();
    put_judgement(object, made);
    EXPECT_EQ(object.at("verdict").at("stuck_here"), true);
}

TEST(CheckJudge, PutsAllIntoTheDocument) {
    Evidence evidence = good();
    only(evidence, tls({"other.example"}));
    explain::Json object = explain::Json::object();
    put_judgement(object, judge(evidence));
    EXPECT_EQ(object.at("verdict").at("outcome"), "waits");
    EXPECT_EQ(object.at("verdict").at("deferred").at(0), "Server certificate not verified");
    EXPECT_FALSE(object.at("verdict").contains("stuck_here"));
    EXPECT_EQ(object.at("txt_id"), "20261101");
    EXPECT_EQ(object.at("policy").at("mx").at(0), "mx1.a.example");
    EXPECT_EQ(object.at("hosts").at(0).at("finding"), "mx-certificate-name");
    EXPECT_EQ(object.at("hosts").at(0).at("admitted_by"), "mx1.a.example");
    EXPECT_FALSE(object.at("findings").empty());
}

TEST(CheckJudge, AddsUpExitStatuses) {
    using base::Exit;
    EXPECT_EQ(worse(Exit::done, Exit::unreachable), Exit::unreachable);
    EXPECT_EQ(worse(Exit::trouble, Exit::unreachable), Exit::trouble);
    EXPECT_EQ(worse(Exit::unreachable, Exit::trouble), Exit::trouble);
    EXPECT_EQ(worse(Exit::done, Exit::done), Exit::done);
}

/// What is printed of each case: nothing wider than a terminal, nothing that moves its cursor, the verdict first.
TEST(CheckPrint, FitsATerminal) {
    for (const Case& each : cases) {
        SCOPED_TRACE(each.name);
        Evidence evidence = good();
        each.change(evidence);
        evidence.mx_looked->detail = "\x1b[2J\xe2\x80\xae";
        const std::string page = page_of(evidence);
        EXPECT_THAT(page, testing::StartsWith("a.example: "));
        std::istringstream lines(page);
        for (std::string line; std::getline(lines, line);) {
            EXPECT_LE(line.size(), 80u) << line;
            EXPECT_TRUE(std::ranges::none_of(line, [](char c) { return c == '\x1b' || c == '\r'; })) << line;
        }
        if (std::getenv("SHOW_PAGES") != nullptr) std::cout << "== " << each.name << '\n' << page;
    }
}

} // namespace
