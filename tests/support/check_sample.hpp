// Evidence of check as it is of a domain where all is well, to be changed by each test.
#pragma once

#include "tool/check/evidence.hpp"

#include <string>
#include <utility>
#include <vector>

namespace check_sample {

inline constexpr base::Instant now{base::seconds{1796000000}}; // 2026-11-30T00:53:20Z
inline constexpr base::seconds day{86400};

inline smtp::Certificate certificate(std::vector<std::string> names, base::seconds left = 60 * day) {
    smtp::Certificate made;
    made.common_name = names.empty() ? "" : names.front();
    made.subject = "CN=" + made.common_name;
    made.issuer = "CN=R11,O=Let's Encrypt,C=US";
    made.dns_names = std::move(names);
    made.not_before = now - 30 * day;
    made.not_after = now + left;
    made.key = "EC P-256";
    made.sha256 = std::string(64, 'a');
    made.spki_sha256 = std::string(64, 'b');
    return made;
}

inline smtp::Certificate intermediate() {
    smtp::Certificate made;
    made.common_name = "R11";
    made.subject = "CN=R11,O=Let's Encrypt,C=US";
    made.issuer = "CN=ISRG Root X1,O=Internet Security Research Group,C=US";
    made.not_before = now - 300 * day;
    made.not_after = now + 300 * day;
    return made;
}

inline smtp::Tls tls(std::vector<std::string> names, base::seconds left = 60 * day) {
    smtp::Tls made;
    made.version = "TLSv1.3";
    made.cipher = "TLS_AES_256_GCM_SHA384";
    made.chain = {certificate(std::move(names), left), intermediate()};
    made.trusted = true;
    return made;
}

inline smtp::Sighting sighting(std::string host, std::string address, smtp::Tls session) {
    smtp::Sighting made;
    made.host = std::move(host);
    made.address = std::move(address);
    made.at = now;
    made.took_ms = 80;
    made.stage = smtp::Stage::done;
    made.banner = made.host + " ESMTP";
    made.ehlo = {made.host, "STARTTLS"};
    made.helo_name = "sender.example";
    made.tls = std::move(session);
    return made;
}

/// One that ended before there was a certificate.
inline smtp::Sighting ended(std::string host, std::string address, smtp::Stage stage, smtp::Trouble trouble,
                            std::string words = {}) {
    smtp::Sighting made = sighting(std::move(host), std::move(address), {});
    made.stage = stage;
    made.trouble = trouble;
    made.words = std::move(words);
    made.tls.reset();
    return made;
}

inline check::Looked looked(std::string name, std::string type, std::string kind = "data") {
    check::Looked made;
    made.canonical = name;
    made.name = std::move(name);
    made.type = std::move(type);
    made.kind = std::move(kind);
    made.worth = dns::Worth::insecure;
    made.ttl_s = 300;
    return made;
}

inline check::Mx mx(int preference, std::string host, std::string address) {
    check::Mx made;
    made.host = host;
    made.preference = preference;
    made.a = looked(host, "A");
    made.aaaa = looked(host, "AAAA", "nodata");
    made.addresses = {{address, sighting(host, address, tls({host})), {}, {}}};
    return made;
}

inline constexpr const char* policy =
    "version: STSv1\nmode: enforce\nmx: mx1.a.example\nmx: *.b.example\nmax_age: 1209600\n";

/// Two hosts, a policy that admits both, good certificates, Debian 12's Postfix.
inline check::Evidence good() {
    check::Evidence made;
    made.domain = made.asked = "a.example";
    made.at = now;
    made.took_ms = 900;
    made.sts = {looked("_mta-sts.a.example", "TXT"), {"v=STSv1; id=20261101"}};
    check::PolicyHost host;
    host.name = "mta-sts.a.example";
    host.a = looked(host.name, "A");
    host.aaaa = looked(host.name, "AAAA", "nodata");
    host.addresses = {"192.0.2.80"};
    check::PolicyTry answer;
    answer.address = "192.0.2.80";
    answer.at = now;
    answer.took_ms = 120;
    answer.tls = tls({"mta-sts.a.example"});
    answer.name_matches = true;
    answer.status = 200;
    answer.types = {"text/plain"};
    answer.size = 83;
    host.tries = {answer};
    host.body = policy;
    made.policy_host = host;
    made.mx_looked = looked("a.example", "MX");
    made.mx = {mx(10, "mx1.a.example", "192.0.2.1"), mx(20, "mx2.b.example", "192.0.2.2")};
    made.dane_advice = "sts";
    made.dane_why = "the MX RRset is not signed";
    made.tlsrpt = {looked("_smtp._tls.a.example", "TXT"), {"v=TLSRPTv1; rua=mailto:tls@a.example"}};
    made.postfix.version_text = "3.7.11";
    made.postfix.version = {3, 7, 11};
    made.postfix.map = "sts";
    made.postfix.service = "smtp/unix";
    return made;
}

} // namespace check_sample
