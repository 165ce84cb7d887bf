// posttls-finger with a service's settings: the command, and what its output means.
#include "tool/doctor/finger.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace {

using namespace doctor;
using Outcome = MxFacts::Outcome;

std::string joined(const std::vector<std::string>& words) {
    std::string text;
    for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
    return text;
}

MxPolicy policy(const std::string& answer) { return {tool::parse_reply("OK " + answer), true}; }

const setup::Parameters settings = {
    {"command_directory", "/usr/sbin"},
    {"smtp_tls_CAfile", "/ca.pem"},
    {"smtp_tls_mandatory_protocols", ">=TLSv1.2"},
    {"smtp_tls_mandatory_ciphers", "high"},
    {"smtp_tls_protocols", ">=TLSv1"},
    {"smtp_tls_ciphers", "medium"},
    {"smtp_tls_secure_cert_match", "nexthop, dot-nexthop"},
    {"smtp_host_lookup", "dns"},
};

TEST(Finger, TakesTheServicesSettings) {
    const std::string timed = "/usr/sbin/posttls-finger -t 10 -T 10 -L summary,certmatch,untrusted -l ";
    EXPECT_EQ(joined(finger_command(settings, {},
                                    policy("secure match=mx.a.example:.b.example servername=hostname"), "",
                                    "a.example")),
              timed + "secure -p >=TLSv1.2 -g high -F /ca.pem -s hostname -h dns a.example mx.a.example "
                      ".b.example");
    EXPECT_EQ(joined(finger_command(settings, {}, policy("dane-only"), "", "a.example")),
              timed + "dane-only -p >=TLSv1.2 -g high -F /ca.pem -h dns a.example");
    EXPECT_EQ(joined(finger_command(settings, {}, policy("may"), "", "a.example")),
              timed + "may -p >=TLSv1 -g medium -F /ca.pem -h dns a.example");
    EXPECT_EQ(joined(finger_command(settings, {}, policy("secure"), "", "a.example")),
              timed + "secure -p >=TLSv1.2 -g high -F /ca.pem -h dns a.example nexthop dot-nexthop");
    setup::Parameters more = settings;
    more["smtp_tls_trust_anchor_file"] = "/a.pem, /b.pem";
    more["smtp_tls_CApath"] = "/certs";
    more["smtp_tls_cert_file"] = "/c.pem";
    more["smtp_tls_key_file"] = "/k.pem";
    more["smtp_address_preference"] = "ipv4";
    EXPECT_EQ(joined(finger_command(more, {{"tls_high_cipherlist", "x"}}, policy("secure match=m.example"),
                                    "/etc/postfix-out", "a.example")),
              "env MAIL_CONFIG=/etc/postfix-out " + timed +
                  "secure -p >=TLSv1.2 -g high -F /ca.pem -P /certs -A /a.pem -A /b.pem -h dns -a ipv4 -k "
                  "/c.pem -K "
                  "/k.pem -o tls_high_cipherlist=x a.example m.example");
}

struct Row {
    const char* answer;
    const char* output;
    Outcome outcome;
};

const std::string verified = "posttls-finger: Connected to mx.a.example[192.0.2.1]:25\n"
                             "posttls-finger: < 220 mx.a.example ESMTP\n"
                             "posttls-finger: Verified TLS connection established to "
                             "mx.a.example[192.0.2.1]:25: TLSv1.3 with cipher x\n";
const std::string untrusted =
    "posttls-finger: Connected to mx.a.example[192.0.2.1]:25\n"
    "posttls-finger: certificate verification failed for mx.a.example[192.0.2.1]:25: untrusted issuer /CN=x\n"
    "posttls-finger: Untrusted TLS connection established to mx.a.example[192.0.2.1]:25: TLSv1.3 with cipher "
    "x\n";
const std::string clear = "posttls-finger: Connected to mx.a.example[192.0.2.1]:25\n"
                          "posttls-finger: < 220 mx.a.example ESMTP\nposttls-finger: < 221 Bye\n";
const std::string no_tlsa = "posttls-finger: no TLSA records found, resorting to \"secure\"\n" + verified;

TEST(Finger, ReadsWhatItPrints) {
    const Row table[] = {
        {"secure match=mx.a.example", verified.c_str(), Outcome::verified},
        {"secure match=mx.a.example", untrusted.c_str(), Outcome::encrypted},
        {"secure match=mx.a.example", clear.c_str(), Outcome::no_tls},
        {"may", untrusted.c_str(), Outcome::encrypted},
        {"may", clear.c_str(), Outcome::no_tls},
        {"dane-only", verified.c_str(), Outcome::verified},
        {"dane-only", no_tlsa.c_str(), Outcome::no_dane},
        {"dane", no_tlsa.c_str(), Outcome::verified},
        {"secure match=mx.a.example policy_type=sts policy_domain=a.example mx_host_pattern=*.a.example",
         verified.c_str(), Outcome::verified},
        {"secure match=.a.example policy_type=sts policy_domain=a.example mx_host_pattern=mx2.a.example",
         verified.c_str(), Outcome::foreign_host},
        {"secure match=x",
         "posttls-finger: Destination address lookup failed: Host or domain name not found. Name service "
         "error\n",
         Outcome::not_looked_up},
        {"secure match=x",
         "posttls-finger: Failed to establish session to a.example via mx.a.example: connect to "
         "mx.a.example[192.0.2.9]:25: Connection refused\n",
         Outcome::not_connected},
    };
    for (const Row& row : table) {
        MxFacts facts;
        read_finger(row.output, policy(row.answer), facts);
        EXPECT_EQ(static_cast<int>(facts.outcome), static_cast<int>(row.outcome)) << row.answer << '\n'
                                                                                  << row.output;
        EXPECT_EQ(facts.trouble, "");
        EXPECT_NE(facts.words, "");
        EXPECT_EQ(facts.words.find("posttls-finger"), std::string::npos) << facts.words;
    }
    MxFacts facts;
    read_finger("posttls-finger: fatal: something\n", policy("may"), facts);
    EXPECT_NE(facts.trouble.find("fatal: something"), std::string::npos);
}

} // namespace
