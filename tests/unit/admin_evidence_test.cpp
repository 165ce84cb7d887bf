// What is known of a next hop, as JSON.
#include "admin/evidence.hpp"

#include "admin/json.hpp"
#include "postfix/request.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace {

using namespace std::chrono_literals;
using admin::Json;
using admin::Known;
using base::Instant;
using base::Reason;

constexpr Instant t0{base::seconds{1'700'000'000}}; // 2023-11-14T22:13:20Z

std::shared_ptr<const sts::PolicyText> text(sts::Mode mode) {
    std::string body = "version: STSv1\r\nmode: " + std::string{to_string(mode)} +
                       "\r\nmx: mx.a.example\r\nmx: *.b.example\r\nmax_age: 86400\r\n";
    sts::Policy policy = sts::parse_policy(body).value();
    return std::make_shared<sts::PolicyText>(sts::PolicyText{std::move(body), std::move(policy)});
}

cache::Entry entry(sts::Mode mode = sts::Mode::enforce) {
    cache::Entry made;
    made.policy = text(mode);
    made.txt_id = "20231114";
    made.fetched_at = made.gets.last = t0;
    made.txt_checked = t0;
    made.txt_ttl = 300s;
    made.last_asked = t0 + 60s;
    made.agenda_at = t0 + 80000s;
    return made;
}

Known known(std::string key, std::optional<cache::Entry> e = entry()) {
    Known made{.key = key, .hop = postfix::next_hop(key)};
    if (e) made.table = *std::move(e);
    return made;
}

lookup::ServiceOptions options() {
    lookup::ServiceOptions made;
    made.tuning.dane.active = made.tuning.dane.remembered = true;
    made.dane_status = "active";
    return made;
}

void except(lookup::ServiceOptions& options, const decision::OverrideWords& words) {
    decision::Override one = decision::parse_override(words, t0).value();
    one.added_by = "uid 0 (alice, unverified)";
    options.overrides = std::make_shared<decision::Overrides>(decision::Overrides::of({one}).value());
}

TEST(AdminEvidence, TellsAllOfADomainWithAPolicy) {
    Known it = known("a.example");
    it.past.source = events::History::Source{"192.0.2.1", "TLSv1.3", "CN=CA", t0 + 90 * 86400s};
    it.past.protected_since = t0 - 86400s;
    const Json json = evidence(it, options(), "1.2.3", t0 + 100s);
    EXPECT_EQ(json.dump(1), R"({
 "next_hop": "a.example",
 "domain": "a.example",
 "now": "2023-11-14T22:15:00Z",
 "daemon": {
  "version": "1.2.3",
  "mode": "enforce",
  "dane": "active"
 },
 "answer": "secure",
 "replies": {
  "sts": "OK secure match=mx.a.example:.b.example servername=hostname",
  "sts-tlsrpt": "OK secure match=mx.a.example:.b.example servername=hostname policy_type=sts policy_domain=a.example mx_host_pattern=mx.a.example mx_host_pattern=*.b.example { policy_string = version: STSv1 } { policy_string = mode: enforce } { policy_string = mx: mx.a.example } { policy_string = mx: *.b.example } { policy_string = max_age: 86400 }"
 },
 "rule": "policy",
 "rules": [
  {
   "rule": "dane",
   "reason": "none",
   "evidence": "no verdict on DANE"
  },
  {
   "rule": "policy",
   "reason": "none",
   "evidence": "mode enforce, expires in 86300 s"
  }
 ],
 "known": "policy",
 "policy": {
  "mode": "enforce",
  "mx": [
   "mx.a.example",
   "*.b.example"
  ],
  "max_age_s": 86400,
  "fetched_at": "2023-11-14T22:13:20Z",
  "expires_at": "2023-11-15T22:13:20Z",
  "expired": false,
  "age_s": 100,
  "text": "version: STSv1\r\nmode: enforce\r\nmx: mx.a.example\r\nmx: *.b.example\r\nmax_age: 86400\r\n",
  "source": {
   "address": "192.0.2.1",
   "tls": "TLSv1.3",
   "issuer": "CN=CA",
   "certificate_ends": "2024-02-12T22:13:20Z"
  }
 },
 "protected_since": "2023-11-13T22:13:20Z",
 "txt": {
  "id": "20231114",
  "checked_at": "2023-11-14T22:13:20Z",
  "ttl_s": 300,
  "next_check_at": "2023-11-14T22:18:20Z"
 },
 "get": {
  "last_at": "2023-11-14T22:13:20Z",
  "failures": 0,
  "next_at": "2023-11-15T20:26:40Z"
 },
 "dane": {
  "verdict": "unknown"
 },
 "last_asked": "2023-11-14T22:14:20Z"
})");
}

TEST(AdminEvidence, OfAPolicyThatAnotherHostFetchedOnlyThatHostIsKnown) {
    Known it = known("a.example");
    it.past.source = events::History::Source{"host mail2.example of the fleet", "", "", {}};
    const Json json = evidence(it, options(), "1.2.3", t0);
    EXPECT_EQ(json.at("policy").at("source").dump(), R"({"address":"host mail2.example of the fleet"})");
}

TEST(AdminEvidence, AnAbsenceIsTheAnswerWhenThePolicyHasExpired) {
    Known it = known("a.example");
    it.absence = cache::Absence{Reason::no_record, t0 + 90000s, {}, t0 + 86401s};
    Json json = evidence(it, options(), "1", t0 + 86000s);
    EXPECT_EQ(json.at("known"), "policy");
    EXPECT_EQ(json.at("answer"), "secure");
    json = evidence(it, options(), "1", t0 + 86500s);
    EXPECT_EQ(json.at("known"), "absence");
    EXPECT_EQ(json.at("answer"), "notfound");
    EXPECT_EQ(json.at("rule"), "no-policy");
    EXPECT_EQ(json.at("reason"), "no-record");
    EXPECT_EQ(json.at("policy").at("expired"), true);
    EXPECT_EQ(json.at("absence").at("until"), "2023-11-15T23:13:20Z");
    EXPECT_EQ(json.at("absence").at("since"), "2023-11-15T22:13:21Z");
}

TEST(AdminEvidence, EachFormOfANextHopHasItsOwnVerdict) {
    Known usual = known("a.example");
    std::get<cache::Entry>(usual.table).dane = {dane::Advice::dane_only, t0, t0 + 600s, {}};
    EXPECT_EQ(evidence(usual, options(), "1", t0).at("answer"), "dane-only");
    EXPECT_EQ(evidence(usual, options(), "1", t0).at("rule"), "dane");

    Known brackets = known("[a.example]:587");
    brackets.table = usual.table;
    brackets.dane = {dane::Advice::sts, t0 + 1s, t0 + 600s, {}};
    brackets.past.events = {
        {t0, t0, 1, events::id_of<events::DaneChecked>(), "verdict=sts before=unknown detail=usual one"},
        {t0, t0 + 5s, 2, events::id_of<events::DaneChecked>(),
         "verdict=sts before=unknown detail=no TLSA at all next_hop=[a.example]:587"}};
    const Json json = evidence(brackets, options(), "1", t0 + 5s);
    EXPECT_EQ(json.at("next_hop"), "[a.example]:587");
    EXPECT_EQ(json.at("domain"), "a.example");
    EXPECT_EQ(json.at("answer"), "secure");
    EXPECT_EQ(json.at("dane").at("verdict"), "sts");
    EXPECT_EQ(json.at("dane").at("why"), "no TLSA at all");
    EXPECT_EQ(json.at("dane").at("checked_at"), "2023-11-14T22:13:25Z");
    usual.past = brackets.past;
    EXPECT_EQ(evidence(usual, options(), "1", t0 + 5s).at("dane").at("why"), "usual one");
    EXPECT_EQ(
        json.at("events").at(1).dump(),
        R"({"event":"dane-checked","first":"2023-11-14T22:13:20Z","last":"2023-11-14T22:13:25Z","times":2,)"
        R"("text":"verdict=sts before=unknown detail=no TLSA at all next_hop=[a.example]:587"})");
}

TEST(AdminEvidence, AnOverrideIsShownWithWhatItHides) {
    lookup::ServiceOptions set = options();
    except(
        set,
        {.domain = ".a.example", .action = "may", .reason = "certificate", .until = "14d", .weakens = true});
    Json json = evidence(known("mail.a.example"), set, "1", t0);
    EXPECT_EQ(json.at("answer"), "may");
    EXPECT_EQ(json.at("rule"), "override");
    EXPECT_EQ(json.at("hidden"), "secure");
    EXPECT_EQ(
        json.at("override").dump(),
        R"({"domain":".a.example","action":"may","until":"2023-11-28T22:13:20Z","reason":"certificate",)"
        R"("weakens":true,"source":"run-time","added_at":"2023-11-14T22:13:20Z",)"
        R"x("added_by":"uid 0 (alice, unverified)","hides":"secure","applies":true})x");
    except(set, {.domain = "a.example", .action = "may", .reason = "certificate", .until = "14d"});
    json = evidence(known("a.example"), set, "1", t0);
    EXPECT_EQ(json.at("answer"), "secure") << "it does not say that it may weaken";
    EXPECT_EQ(json.at("rule"), "policy");
    EXPECT_EQ(json.at("rules").at(0).at("rule"), "override-held-back");
    EXPECT_EQ(json.at("override").at("applies"), false);
    EXPECT_EQ(json.at("override").at("hides"), "secure");
    EXPECT_FALSE(json.contains("hidden"));
}

TEST(AdminEvidence, ObservingHidesTheAnswer) {
    lookup::ServiceOptions set = options();
    set.observe = true;
    const Json json = evidence(known("a.example"), set, "1", t0);
    EXPECT_EQ(json.at("daemon").at("mode"), "observe");
    EXPECT_EQ(json.at("answer"), "notfound");
    EXPECT_EQ(json.at("hidden"), "secure");
    EXPECT_EQ(json.at("rule"), "observe");
}

TEST(AdminEvidence, ATestingPolicyShowsWhatEnforcingItWouldGive) {
    const Json json = evidence(known("a.example", entry(sts::Mode::testing)), options(), "1", t0);
    EXPECT_EQ(json.at("answer"), "notfound");
    EXPECT_EQ(json.at("rule"), "mode");
    EXPECT_EQ(json.at("hidden"), "secure");
}

TEST(AdminEvidence, TheFailureOfAFirstContactIsToldInFull) {
    Known it = known("a.example", std::nullopt);
    it.absence = cache::Absence{Reason::cert_expired, t0 + 300s, {t0, 2, Reason::cert_expired, "7"}, t0};
    it.table = *it.absence;
    it.past.failure =
        events::History::Failure{t0, Reason::cert_expired, "certificate has expired at 192.0.2.1"};
    it.get_wait = 59s;
    const Json json = evidence(it, options(), "1", t0 + 1s);
    EXPECT_EQ(json.at("get").dump(),
              R"({"last_at":"2023-11-14T22:13:20Z","failures":2,"reason":"cert-expired","failed_id":"7",)"
              R"("detail":"certificate has expired at 192.0.2.1","failed_at":"2023-11-14T22:13:20Z",)"
              R"("next_at":"2023-11-14T22:18:20Z"})");
}

TEST(AdminEvidence, ASummaryIsOneLineOfTheList) {
    cache::Entry one = entry();
    one.gets = {t0 + 5s, 3, Reason::http_status, "x"};
    const Json json = admin::summary(base::Domain::parse("a.example").value(), one, options(), t0 + 10s);
    EXPECT_EQ(admin::line(json),
              R"({"schema":1,"domain":"a.example","mode":"enforce","mx":2,"id":"20231114","max_age_s":86400,)"
              R"("fetched_at":"2023-11-14T22:13:20Z","expires_at":"2023-11-15T22:13:20Z",)"
              R"("last_asked":"2023-11-14T22:14:20Z","answer":"secure","dane":"unknown","failures":3,)"
              R"("reason":"http-status"})"
              "\n");
}

} // namespace
