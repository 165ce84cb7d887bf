// The evidence as JSON: what is written is read back the same, and nothing else is taken for it.
#include "support/temp_folder.hpp"
#include "tool/check/document.hpp"
#include "tool/check/store.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>

namespace {

using base::Instant;
using base::seconds;
using check::Evidence;

const Instant now{seconds{1795984520}}; // 2026-11-28T20:35:20Z

check::Looked looked(const std::string& name, const std::string& type, dns::Worth worth = dns::Worth::secure) {
    return {name, type, "", "", "data", worth, "", 300};
}

smtp::Tls tls() {
    smtp::Tls made;
    made.version = "TLSv1.3";
    made.cipher = "TLS_AES_256_GCM_SHA384";
    made.sni = "mx.example.com";
    made.trust_error = "certificate has expired";
    made.trust_code = 10;
    smtp::Certificate certificate;
    certificate.subject = "CN=mx.example.com";
    certificate.issuer = "CN=Root";
    certificate.common_name = "mx.example.com";
    certificate.dns_names = {"mx.example.com", std::string("nul\0.test", 9), "\xff"};
    certificate.not_before = now - seconds{86400};
    certificate.not_after = now - seconds{60};
    certificate.key = "EC P-256";
    certificate.sha256 = std::string(64, 'a');
    certificate.spki_sha256 = std::string(64, 'b');
    certificate.der = "MIIB";
    made.chain = {certificate, certificate};
    return made;
}

smtp::Sighting sighting() {
    smtp::Sighting made;
    made.host = "mx.example.com";
    made.address = "192.0.2.1";
    made.at = now;
    made.took_ms = 77;
    made.stage = smtp::Stage::starttls;
    made.trouble = smtp::Trouble::reply_4xx;
    made.words = "454 caf\xe9";
    made.banner = "220 mx ESMTP";
    made.ehlo = {"mx", "PIPELINING", "\x80"};
    made.helo_name = "me.example";
    made.tls = tls();
    return made;
}

/// With something in every member.
Evidence whole() {
    Evidence made;
    made.domain = "example.com";
    made.asked = "Example.COM.";
    made.at = now;
    made.took_ms = 1234;
    made.sts = {looked("_mta-sts.example.com", "TXT"), {"v=STSv1; id=1;", "caf\xe9 \\ \"x\"", std::string("\0\x01", 2)}};
    check::PolicyHost host;
    host.name = "mta-sts.example.com";
    host.a = looked("mta-sts.example.com", "A", dns::Worth::insecure);
    host.aaaa = {"mta-sts.example.com", "AAAA", "dns-servfail", "127.0.0.1:53", "", dns::Worth::indeterminate, "", -1};
    host.a.canonical = "pages.example.net";
    host.addresses = {"192.0.2.2"};
    check::PolicyTry one;
    one.address = "192.0.2.2";
    one.at = now;
    one.took_ms = 5;
    one.reason = "cert-expired";
    one.detail = "certificate has expired";
    one.tls = tls();
    one.name_matches = true;
    one.status = 301;
    one.types = {"text/html", "x/\xff"};
    one.location = "https://example.com/";
    one.response_reason = "http-redirect";
    host.tries = {one, {}};
    host.tries[1].address = "2001:db8::2";
    host.tries[1].at = now;
    host.tries[1].status = 200;
    host.tries[1].size = 70;
    host.body = "version: STSv1\r\nmode: \xff\r\n";
    made.policy_host = host;
    made.mx_looked = looked("example.com", "MX");
    check::Mx mx;
    mx.host = "mx.example.com";
    mx.preference = 10;
    mx.a = looked("mx.example.com", "A");
    mx.aaaa = looked("mx.example.com", "AAAA");
    mx.aaaa.kind = "nodata";
    mx.addresses = {{"192.0.2.1", sighting(), "", "other.example"}, {"192.0.2.3", {}, "another-address-tried", ""}};
    mx.tlsa = looked("_25._tcp.mx.example.com", "TLSA");
    mx.tlsa_records = {{3, 1, 1, std::string("\0\xff\x10", 3)}, {2, 0, 2, ""}};
    made.mx = {mx};
    made.null_mx = made.more_mx = true;
    made.dane_advice = "dane-only";
    made.dane_why = "1 of 1 MX hosts have TLSA";
    made.tlsrpt = check::TxtLook{looked("_smtp._tls.example.com", "TXT"), {"v=TLSRPTv1; rua=mailto:x@example.com"}};
    made.port_25_closed = true;
    made.strict_testing = true;
    smtp::Settings settings;
    settings.helo_name = "me.example";
    settings.bind4 = "192.0.2.9";
    settings.bind6 = "2001:db8::9";
    settings.v6 = false;
    settings.port = 2525;
    settings.ca_file = "/etc/ca.pem";
    settings.ca_folder = "/etc/ca";
    settings.default_anchors = true;
    settings.verify_depth = 4;
    settings.protocols = ">=TLSv1.2";
    settings.ciphers = "high";
    settings.cipher_list = "HIGH";
    settings.servername = "nexthop";
    made.settings = settings;
    made.postfix.version_text = "3.10.13";
    made.postfix.version = {3, 10, 13};
    made.postfix.map = "sts-tlsrpt";
    made.postfix.mx_address_limit = 0;
    return made;
}

TEST(CheckDocument, WhatIsWrittenIsReadBackTheSame) {
    for (const Evidence& evidence : {whole(), [] {
             Evidence empty;
             empty.domain = "a.test";
             empty.at = now;
             return empty;
         }()}) {
        const std::string text = check::to_json(evidence).dump(-1, ' ', true);
        const auto read = check::read_evidence(text);
        ASSERT_TRUE(read) << read.error();
        EXPECT_EQ(*read, evidence) << text;
        EXPECT_EQ(check::to_json(*read).dump(), check::to_json(evidence).dump());
    }
}

TEST(CheckDocument, ABodyThatWasNotReadHasNoSize) {
    const check::Json tries = check::to_json(whole()).at("policy_host").at("tries");
    EXPECT_FALSE(tries.at(0).contains("size"));
    EXPECT_EQ(tries.at(1).at("size"), 70);
}

TEST(CheckDocument, OctetsThatAreNoTextAreKept) {
    const std::string text = check::to_json(whole()).dump(-1, ' ', true);
    EXPECT_NE(text.find(R"({"octets":"caf\u00e9 \\ \"x\""})"), std::string::npos) << text;
    EXPECT_EQ(text.find("\xff"), std::string::npos);
}

TEST(CheckDocument, WhatIsWrongIsRefusedWithItsPlace) {
    const auto with = [](const char* pointer, const check::Json& value) {
        check::Json document = check::to_json(whole());
        document[check::Json::json_pointer(pointer)] = value;
        const auto read = check::read_evidence(document.dump());
        return read ? std::string("taken") : read.error();
    };
    EXPECT_EQ(with("/took_ms", 1), "taken");
    EXPECT_EQ(with("/unknown_here", 1), "taken") << "a newer version may have more";
    EXPECT_EQ(with("/schema", 2), "JSON of another schema than 1");
    EXPECT_EQ(with("/domain", 1), "domain: not a text");
    EXPECT_EQ(with("/at", "yesterday"), "at: not a time like 2026-11-28T20:35:20Z");
    EXPECT_EQ(with("/took_ms", -1), "took_ms: not a whole number of 0 or more");
    EXPECT_EQ(with("/txt/records", "v=STSv1"), "txt.records: not a list");
    EXPECT_EQ(with("/txt/records", check::Json::array({check::Json{{"octets", "\u0100"}}})),
              "txt.records[0]: neither a text nor octets");
    EXPECT_EQ(with("/txt/worth", "much"), "txt.worth: \"much\" is no such word");
    EXPECT_EQ(with("/mx/0/addresses/0/sighting/stage", "x"), "mx[0].addresses[0].sighting.stage: no such word");
    EXPECT_EQ(with("/mx/0/tlsa_records/0/usage", 256), "mx[0].tlsa_records[0].usage: more than 255");
    EXPECT_EQ(with("/mx/0/tlsa_records/0/data", "0"), "mx[0].tlsa_records[0].data: not hexadecimal");
    EXPECT_EQ(with("/mx/0/tlsa_records/0/data", "zz"), "mx[0].tlsa_records[0].data: not hexadecimal");
    EXPECT_EQ(with("/settings/port", 65536), "settings.port: more than 65535");
    EXPECT_EQ(with("/dane/advice", "maybe"), "dane.advice: \"maybe\" is no such word");
    EXPECT_EQ(with("/postfix/version", "x"), "postfix.version: not a version like 3.10.5");
}

TEST(CheckDocument, LengthsAreBounded) {
    check::Json document = check::to_json(whole());
    const check::Json mx = document["mx"][0];
    for (std::size_t i = 0; i < check::max_read_mx; ++i) document["mx"].push_back(mx);
    EXPECT_EQ(check::read_evidence(document.dump()).error(), "mx: too long");
    EXPECT_EQ(check::read_evidence(std::string(check::max_document + 1, ' ')).error(), "longer than 16777216 octets");
    EXPECT_EQ(check::read_evidence(std::string(100'000, '[')).error(), "JSON that nests too deep");
}

TEST(CheckStore, AFolderKeepsOneFileForEachDomain) {
    const test::TempFolder folder;
    const std::string place = folder / "kept";
    ASSERT_TRUE(check::prepare_folder(place));
    ASSERT_TRUE(check::prepare_folder(place)) << "it may be there";
    Evidence one = whole(), other = whole();
    other.domain = "a.test";
    ASSERT_TRUE(check::save(place, one));
    one.took_ms = 99;
    ASSERT_TRUE(check::save(place, one));
    ASSERT_TRUE(check::save(place, other));
    const auto files = check::saved_files(place);
    ASSERT_TRUE(files);
    EXPECT_EQ(*files, (std::vector{place + "/a.test.json", place + "/example.com.json"}));
    std::istringstream nothing;
    const auto read = check::load((*files)[1], nothing);
    ASSERT_TRUE(read) << read.error();
    EXPECT_EQ(*read, std::vector{one});
}

TEST(CheckStore, AFileIsOneObjectOrOneALine) {
    const std::string line = check::to_json(whole()).dump(-1, ' ', true), object = check::to_json(whole()).dump(2);
    const auto read = [](const std::string& text) {
        std::istringstream in(text);
        return check::load("-", in);
    };
    for (const std::string& text : {line, line + "\n", object + "\n", object}) {
        const auto all = read(text);
        ASSERT_TRUE(all) << all.error();
        EXPECT_EQ(*all, std::vector{whole()});
    }
    EXPECT_EQ(read(line + "\n\n" + line + "\n")->size(), 2U);
    EXPECT_EQ(read(line + "\n{\n").error(), "standard input: line 2: not JSON");
    EXPECT_EQ(read("{").error(), "standard input: not JSON");
    EXPECT_EQ(read("{}").error(), "standard input: JSON of another schema than 1");
    EXPECT_TRUE(read("")->empty());
}

TEST(CheckStore, WhatCannotBeReadOrWrittenSaysWhy) {
    std::istringstream nothing;
    EXPECT_EQ(check::load("/nonexistent/x.json", nothing).error(),
              "cannot read /nonexistent/x.json: No such file or directory");
    EXPECT_FALSE(check::prepare_folder("/dev/null/x"));
    EXPECT_EQ(check::save("/nonexistent", whole()).error(),
              "cannot write /nonexistent/example.com.json.new: No such file or directory");
    const test::TempFolder folder;
    EXPECT_FALSE(check::saved_files(folder.path().string())) << "an empty folder is a mistake";
}

} // namespace
