#include "tool/check/tls_outcome.hpp"

#include "fetch/chain.hpp"
#include "smtp/certificates.hpp"
#include "support/test_ca.hpp"

#include <gtest/gtest.h>
#include <openssl/sha.h>
#include <openssl/x509_vfy.h>

namespace {

using check::admits;
using check::Demand;
using check::demand_of;
using check::HostOutcome;
using check::tls_outcome;
using smtp::Sighting;
using smtp::Stage;
using smtp::Trouble;

constexpr const char* enforced =
    "OK secure match=mx.d.test:.w.d.test servername=hostname policy_type=sts policy_domain=d.test "
    "mx_host_pattern=mx.d.test mx_host_pattern=*.w.d.test { policy_string = version: STSv1 }";
constexpr const char* plain = "OK secure match=mx.d.test:.w.d.test servername=hostname";

explain::Postfix postfix(setup::Version version) {
    explain::Postfix made;
    made.version = version;
    return made;
}
Demand demand(const char* reply, setup::Version version = {3, 10, 13}) {
    return demand_of(explain::read_reply(reply, version), postfix(version), "d.test");
}

Sighting seen(Stage stage, Trouble trouble = Trouble::none, std::string words = "") {
    Sighting made;
    made.host = "mx.d.test";
    made.at = base::Instant{base::seconds{1'800'000'000}};
    made.stage = stage;
    made.trouble = trouble;
    made.words = std::move(words);
    return made;
}
Sighting with_certificate(std::vector<std::string> names, std::string common_name = "",
                          int code = X509_V_OK) {
    Sighting made = seen(Stage::done);
    made.tls.emplace();
    made.tls->trust_code = code;
    made.tls->trusted = code == X509_V_OK;
    made.tls->trust_error = X509_verify_cert_error_string(code);
    smtp::Certificate own;
    own.dns_names = std::move(names);
    own.common_name = std::move(common_name);
    made.tls->chain.push_back(std::move(own));
    return made;
}

std::string outcome(const Sighting& host, const Demand& of, const std::vector<dane::Tlsa>& tlsa = {}) {
    const HostOutcome made = tls_outcome(host, of, tlsa);
    std::string text(to_string(made.kind));
    if (made.kind == HostOutcome::Kind::delivered) text += made.encrypted ? " over TLS" : " in clear";
    for (const std::string& words : made.deferred) text += '|' + words;
    if (made.returned) text += "|returned";
    EXPECT_EQ(made.deferred.empty(),
              made.kind != HostOutcome::Kind::waits && made.kind != HostOutcome::Kind::no_smtp);
    EXPECT_EQ(made.why.empty(), made.kind == HostOutcome::Kind::verified) << made.why;
    return text;
}

TEST(TlsOutcome, OfEachWayToFailAtALevelThatRequiresTls) {
    struct Row {
        Stage stage;
        Trouble trouble;
        const char* words;
        const char* secure;
        const char* may;
    };
    const std::vector<Row> rows{
        {Stage::connect, Trouble::refused, "Connection refused", "no-smtp|connect to ",
         "no-smtp|connect to "},
        {Stage::connect, Trouble::timeout, "", "no-smtp|connect to ", "no-smtp|connect to "},
        {Stage::banner, Trouble::reply_4xx, "421 no", "no-smtp|refused to talk to me",
         "no-smtp|refused to talk to me"},
        {Stage::banner, Trouble::reply_5xx, "554 no", "no-smtp|refused to talk to me",
         "no-smtp|refused to talk to me"},
        {Stage::banner, Trouble::timeout, "", "no-smtp|timed out while", "no-smtp|timed out while"},
        {Stage::banner, Trouble::closed, "", "no-smtp|lost connection with|connect to ",
         "no-smtp|lost connection with|connect to "},
        {Stage::banner, Trouble::not_smtp, "HTTP/1.1", "no-smtp|timed out while|lost connection with",
         "no-smtp|timed out while|lost connection with"},
        {Stage::ehlo, Trouble::reply_4xx, "421 busy", "no-smtp|refused to talk to me",
         "no-smtp|refused to talk to me"},
        {Stage::ehlo, Trouble::reply_5xx, "554 never", "no-smtp|refused to talk to me|returned",
         "no-smtp|refused to talk to me|returned"},
        {Stage::starttls, Trouble::not_offered, "", "waits|TLS is required, but was not offered by host",
         "delivered in clear"},
        {Stage::starttls, Trouble::reply_4xx, "454 no", "waits|refused to start TLS", "delivered in clear"},
        {Stage::starttls, Trouble::reply_5xx, "554 no", "waits|refused to start TLS|returned",
         "delivered in clear"},
        {Stage::starttls, Trouble::timeout, "", "no-smtp|timed out while", "no-smtp|timed out while"},
        {Stage::starttls, Trouble::injected, "x", "not-known", "not-known"},
        {Stage::tls, Trouble::tls_version, "unsupported",
         "waits|Cannot start TLS: handshake failure|lost connection with", "delivered in clear"},
        {Stage::tls, Trouble::timeout, "", "waits|Cannot start TLS: handshake failure|lost connection with",
         "delivered in clear"},
        {Stage::tls, Trouble::closed, "", "waits|Cannot start TLS: handshake failure|lost connection with",
         "delivered in clear"},
    };
    for (const Row& row : rows) {
        const Sighting host = seen(row.stage, row.trouble, row.words);
        SCOPED_TRACE(std::string(to_string(row.stage)) + ' ' + std::string(to_string(row.trouble)));
        EXPECT_EQ(outcome(host, demand(enforced)), row.secure);
        EXPECT_EQ(outcome(host, demand(plain, {3, 7, 11})), row.secure);
        EXPECT_EQ(outcome(host, demand("OK encrypt")), row.secure);
        EXPECT_EQ(outcome(host, demand("NOTFOUND ")), row.may);
    }
}

TEST(TlsOutcome, ComparesNamesByFormAndVersion) {
    struct Row {
        const char* name;
        std::string host;
        Sighting sighting;
        const char* checked; ///< 3.10.5 and newer with the attributes
        const char* matched; ///< by match= alone
    };
    std::vector<Row> rows{
        {"right", "mx.d.test", with_certificate({"mx.d.test"}), "verified", "verified"},
        {"another name", "mx.d.test", with_certificate({"other.test"}),
         "waits|Server certificate not verified", "waits|Server certificate not verified"},
        {"wildcard", "mx.d.test", with_certificate({"*.d.test"}), "verified", "verified"},
        {"partial wildcard", "mx.d.test", with_certificate({"m*.d.test"}),
         "waits|Server certificate not verified", "waits|Server certificate not verified"},
        {"CN only", "mx.d.test", with_certificate({}, "mx.d.test"), "verified", "verified"},
        {"CN beside a SAN", "mx.d.test", with_certificate({"x.test"}, "mx.d.test"),
         "waits|Server certificate not verified", "waits|Server certificate not verified"},
        {"name of another MX host", "a.w.d.test", with_certificate({"mx.d.test"}),
         "waits|Server certificate not verified", "verified"},
        {"under the wildcard", "a.w.d.test", with_certificate({"a.w.d.test"}), "verified", "verified"},
        {"too deep", "b.a.w.d.test", with_certificate({"b.a.w.d.test"}),
         "waits|server unavailable or unable to receive mail", "verified"},
        {"not in the policy", "mx.evil.test", with_certificate({"mx.d.test"}),
         "waits|server unavailable or unable to receive mail", "verified"},
        {"expired", "mx.d.test", with_certificate({"mx.d.test"}, "", X509_V_ERR_CERT_HAS_EXPIRED),
         "waits|Server certificate not verified", "waits|Server certificate not verified"},
        {"over our limits", "mx.d.test",
         with_certificate({"mx.d.test"}, "", X509_V_ERR_APPLICATION_VERIFICATION), "not-known", "not-known"},
    };
    for (Row& row : rows) {
        SCOPED_TRACE(row.name);
        row.sighting.host = row.host;
        EXPECT_EQ(outcome(row.sighting, demand(enforced)), row.checked);
        EXPECT_EQ(outcome(row.sighting, demand(enforced, {3, 10, 4})), row.matched);
        EXPECT_EQ(outcome(row.sighting, demand(plain)), row.matched);
        EXPECT_EQ(outcome(row.sighting, demand(plain, {3, 7, 11})), row.matched);
        EXPECT_EQ(outcome(row.sighting, demand("OK encrypt")), "delivered over TLS");
        EXPECT_EQ(outcome(row.sighting, demand("NOTFOUND ")), "delivered over TLS");
        // Postfix 3.7 does not know the attributes, and refuses the whole answer.
        EXPECT_EQ(outcome(row.sighting, demand(enforced, {3, 7, 11})),
                  "waits|client TLS configuration problem");
    }
}

TEST(TlsOutcome, TellsTheNameThatMatched) {
    EXPECT_EQ(tls_outcome(with_certificate({"a.test", "*.d.test"}), demand(enforced)).name, "*.d.test");
    const HostOutcome other = tls_outcome(with_certificate({"a.test", "b.test"}), demand(enforced));
    EXPECT_EQ(other.why, "its certificate is for a.test, b.test, and must be for mx.d.test");
}

TEST(TlsOutcome, ObeysSettingsOfPostfix) {
    explain::Postfix off = postfix({3, 10, 13});
    off.enforces_patterns = false;
    const explain::Applied applied = explain::read_reply(enforced, off.version);
    EXPECT_TRUE(demand_of(applied, off, "d.test").patterns.empty());
    off.trust_anchor_file = "/etc/x.pem";
    EXPECT_EQ(outcome(with_certificate({"mx.d.test"}), demand_of(applied, off, "d.test")), "not-known");
    explain::Postfix secure = postfix({3, 7, 11});
    secure.level = "secure";
    const Demand by_domain = demand_of({}, secure, "d.test");
    EXPECT_EQ(outcome(with_certificate({"mx.d.test"}), by_domain), "verified"); // dot-nexthop
    EXPECT_EQ(outcome(with_certificate({"mx.e.test"}), by_domain), "waits|Server certificate not verified");
    explain::Postfix none = postfix({3, 7, 11});
    none.level = "none";
    EXPECT_EQ(outcome(with_certificate({"x"}), demand_of({}, none, "d.test")), "delivered in clear");
    explain::Postfix soft = postfix({3, 7, 11});
    soft.soft_bounce = true;
    EXPECT_EQ(outcome(seen(Stage::starttls, Trouble::reply_5xx, "554 no"),
                      demand_of(explain::read_reply(plain, soft.version), soft, "d.test")),
              "waits|refused to start TLS");
    explain::Postfix without_dnssec = postfix({3, 7, 11});
    without_dnssec.dnssec = false;
    EXPECT_EQ(outcome(with_certificate({"x"}),
                      demand_of(explain::read_reply("OK dane-only", {3, 7, 11}), without_dnssec, "d.test")),
              "waits|client TLS configuration problem");
}

TEST(TlsOutcome, AdmitsHostsAsPostfixDoes) {
    Demand of;
    EXPECT_TRUE(admits(of, "any.test"));
    of.patterns = {"mx.d.test", "*.w.d.test"};
    EXPECT_TRUE(admits(of, "MX.d.test"));
    EXPECT_TRUE(admits(of, "a.w.d.test"));
    EXPECT_FALSE(admits(of, "w.d.test"));
    EXPECT_FALSE(admits(of, ".w.d.test"));
    EXPECT_FALSE(admits(of, "a.b.w.d.test"));
    EXPECT_FALSE(admits(of, "mx.d.test."));
}

// DANE: with real certificates.

std::string digest(std::string_view octets) {
    std::string sum(SHA256_DIGEST_LENGTH, '\0');
    SHA256(reinterpret_cast<const unsigned char*>(octets.data()), octets.size(),
           reinterpret_cast<unsigned char*>(sum.data()));
    return sum;
}
std::string der(const X509* certificate) {
    std::string octets(static_cast<std::size_t>(i2d_X509(certificate, nullptr)), '\0');
    auto* at = reinterpret_cast<unsigned char*>(octets.data());
    i2d_X509(certificate, &at);
    return octets;
}
std::string spki(const X509* certificate) {
    unsigned char* octets = nullptr;
    const int count = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &octets);
    std::string made(reinterpret_cast<const char*>(octets), static_cast<std::size_t>(count));
    OPENSSL_free(octets);
    return made;
}

Sighting showing(const test::Identity& identity) {
    Sighting made = seen(Stage::done);
    made.at = std::chrono::floor<base::seconds>(std::chrono::system_clock::now());
    made.tls.emplace();
    made.tls->trust_code = X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN;
    made.tls->chain.push_back(smtp::describe(*identity.cert));
    for (const auto& each : identity.chain) made.tls->chain.push_back(smtp::describe(*each));
    return made;
}

TEST(TlsOutcome, ComparesTlsaRecordsAsOpensslDoes) {
    const test::TestCa ca;
    const test::Identity host = ca.leaf({"mx.d.test"}), other = ca.leaf({"other.test"});
    test::CertSpec old;
    old.not_after = std::chrono::seconds(-60);
    const test::Identity expired = test::self_signed(old);
    const X509* intermediate = host.chain.front().get();
    const Demand only = demand("OK dane-only"), opportunistic = demand("OK dane");
    const std::string waits = "waits|Server certificate not verified";
    struct Row {
        const char* name;
        const test::Identity& identity;
        std::vector<dane::Tlsa> tlsa;
        std::string of_only, of_dane;
    };
    const std::vector<Row> rows{
        {"3 1 1", host, {{3, 1, 1, digest(spki(host.cert.get()))}}, "verified", "verified"},
        {"3 0 1", host, {{3, 0, 1, digest(der(host.cert.get()))}}, "verified", "verified"},
        {"3 0 0", host, {{3, 0, 0, der(host.cert.get())}}, "verified", "verified"},
        {"3 1 0", host, {{3, 1, 0, spki(host.cert.get())}}, "verified", "verified"},
        {"of another key", host, {{3, 1, 1, digest(spki(other.cert.get()))}}, waits, waits},
        {"one of two",
         host,
         {{3, 1, 1, std::string(32, 'x')}, {3, 1, 1, digest(spki(host.cert.get()))}},
         "verified",
         "verified"},
        {"3 1 1 of an expired one without names",
         expired,
         {{3, 1, 1, digest(spki(expired.cert.get()))}},
         "verified",
         "verified"},
        {"2 1 1", host, {{2, 1, 1, digest(spki(intermediate))}}, "verified", "verified"},
        {"2 0 1", host, {{2, 0, 1, digest(der(intermediate))}}, "verified", "verified"},
        {"2 0 0 of the root, which is not sent",
         host,
         {{2, 0, 0, der(ca.root().cert.get())}},
         "verified",
         "verified"},
        {"2 0 1 of the root, which is not sent",
         host,
         {{2, 0, 1, digest(der(ca.root().cert.get()))}},
         waits,
         waits},
        {"2 1 1, wrong name", other, {{2, 1, 1, digest(spki(intermediate))}}, waits, waits},
        {"2 1 1 of the host itself", host, {{2, 1, 1, digest(spki(host.cert.get()))}}, waits, waits},
        {"unusable",
         host,
         {{1, 1, 1, digest(spki(host.cert.get()))}, {3, 1, 1, "short"}},
         "waits|TLSA records unusable",
         "delivered over TLS"},
        {"none", host, {}, "waits|no TLSA records found", "delivered over TLS"},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.name);
        EXPECT_EQ(outcome(showing(row.identity), only, row.tlsa), row.of_only);
        EXPECT_EQ(outcome(showing(row.identity), opportunistic, row.tlsa), row.of_dane);
    }
    Sighting later = showing(host);
    later.at += std::chrono::hours(24 * 365);
    EXPECT_EQ(outcome(later, only, {{2, 1, 1, digest(spki(intermediate))}}), waits);
    EXPECT_EQ(outcome(later, only, {{3, 1, 1, digest(spki(host.cert.get()))}}), "verified");
    Sighting broken = showing(host);
    broken.tls->chain.front().der = "no base64!";
    EXPECT_EQ(outcome(broken, only, {{3, 1, 1, digest(spki(host.cert.get()))}}), "not-known");
    Sighting dear = showing(host);
    while (dear.tls->chain.size() <= fetch::max_certificates)
        dear.tls->chain.push_back(dear.tls->chain.back());
    EXPECT_EQ(outcome(dear, only, {{3, 1, 1, digest(spki(host.cert.get()))}}), "not-known");
    dear.tls->chain.pop_back();
    EXPECT_EQ(outcome(dear, only, {{3, 1, 1, digest(spki(host.cert.get()))}}), "verified");
}

} // namespace
