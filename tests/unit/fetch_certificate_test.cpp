// What TLS servers and their certificates do to a fetch, over real sockets.
#include "support/fetch_world.hpp"

#include <openssl/ssl.h>

#include <chrono>
#include <functional>

namespace {

using test::ca;
using test::good;
using test::reason;
using test::Script;
using test::show;
using test::TlsServer;

const std::string host = test::policy_host;
using CertificateTest = test::FetchTest;

TEST_F(CertificateTest, JudgesTheCertificate) {
    using std::chrono::hours;
    test::CertSpec expired, future, cn_only, ip_only, other_ids, client, mixed;
    expired.dns = future.dns = client.dns = {host};
    expired.not_after = -hours{1};
    expired.not_before = -hours{48};
    future.not_before = hours{24};
    cn_only.cn = host;
    ip_only.ip = {"127.0.0.1"};
    other_ids.uri = {"https://" + host + "/"};
    other_ids.srv = {"_https." + host};
    other_ids.email = {"postmaster@" + host};
    client.usage = "clientAuth";
    mixed.cn = host;
    mixed.dns = {"www.example.com"};
    test::CertSpec old_ca, narrow_ca, small, sha1;
    old_ca.not_before = -hours{48};
    old_ca.not_after = -hours{1};
    narrow_ca.permitted = ".example.org";
    small.dns = sha1.dns = {host};
    sha1.sha1 = true;
    test::CertSpec leaf;
    leaf.dns = {host};
    test::Identity incomplete = ca().leaf({host});
    incomplete.chain.clear();
    const test::TestCa unknown;

    struct Row {
        const char* why;
        test::Identity identity;
        const char* reason;
    };
    const Row rows[] = {
        {"the name", ca().leaf({host}), "none"},
        {"capitals", ca().leaf({"MTA-STS.Example.COM"}), "none"},
        {"one of several", ca().leaf({"www.example.org", host}), "none"},
        {"wildcard", ca().leaf({"*.example.com"}), "none"},
        {"partial wildcard", ca().leaf({"mta-*.example.com"}), "cert-name-mismatch"},
        {"partial wildcard before", ca().leaf({"*-sts.example.com"}), "cert-name-mismatch"},
        {"wildcard below", ca().leaf({"*." + host}), "cert-name-mismatch"},
        {"wildcard over two labels", ca().leaf({"*.com"}), "cert-name-mismatch"},
        {"wildcard in the middle", ca().leaf({"mta-sts.*.com"}), "cert-name-mismatch"},
        {"bare wildcard", ca().leaf({"*"}), "cert-name-mismatch"},
        {"another name", ca().leaf({"example.com"}), "cert-name-mismatch"},
        {"NUL in the name", ca().leaf({host + std::string("\0.evil.example", 14)}), "cert-name-mismatch"},
        {"common name only", ca().leaf_of(cn_only), "cert-name-mismatch"},
        {"common name beside another", ca().leaf_of(mixed), "cert-name-mismatch"},
        {"address only", ca().leaf_of(ip_only), "cert-name-mismatch"},
        {"URI, SRV, e-mail", ca().leaf_of(other_ids), "cert-name-mismatch"},
        {"expired", ca().leaf_of(expired), "cert-expired"},
        {"not yet valid", ca().leaf_of(future), "cert-expired"},
        {"expired intermediate", test::issue(ca().another_intermediate(old_ca), leaf), "cert-expired"},
        {"name constraint", test::issue(ca().another_intermediate(narrow_ca), leaf), "cert-untrusted"},
        {"self-signed", test::self_signed(leaf), "cert-untrusted"},
        {"unknown CA", unknown.leaf({host}), "cert-untrusted"},
        {"incomplete chain", incomplete, "cert-untrusted"},
        {"for clients", ca().leaf_of(client), "cert-untrusted"},
        {"RSA 1024", ca().leaf_of(small, test::make_rsa_key(1024)), "cert-untrusted"},
        {"RSA 2048", ca().leaf_of(small, test::make_rsa_key(2048)), "none"},
        {"SHA-1", ca().leaf_of(sha1), "cert-untrusted"},
    };
    TlsServer server{ca().leaf({"unused.example"}), good()};
    options.port = server.port();
    for (const Row& row : rows) {
        server.on_sni(host, row.identity);
        const auto fetched = get();
        EXPECT_EQ(reason(fetched), row.reason) << row.why << ": " << show(fetched);
    }
}

TEST_F(CertificateTest, AWrongOneLeadsToTheNextAddress) {
    TlsServer wrong{ca().leaf({"unused.example"}), good()};
    options.port = wrong.port();
    {
        TlsServer right{ca().leaf({host}), good(), {"127.0.0.2"}, wrong.port()};
        resolver.set(host, {"127.0.0.1", "127.0.0.2"});
        EXPECT_EQ(show(get()), "body");
        EXPECT_EQ(wrong.connections(), 1u);
        EXPECT_TRUE(wrong.requests().empty());
        EXPECT_EQ(right.requests().size(), 1u);
    }
    // If none is right, the reason is the certificate's, whatever came after, and names each address.
    resolver.set(host, {"127.0.0.1", "127.0.0.2"});
    EXPECT_EQ(show(get()),
              "cert-name-mismatch: 127.0.0.1: hostname mismatch; 127.0.0.2: Connection refused");
    resolver.set(host, {"127.0.0.2", "127.0.0.1"});
    EXPECT_EQ(show(get()),
              "cert-name-mismatch: 127.0.0.2: Connection refused; 127.0.0.1: hostname mismatch");
    resolver.set(host, {"127.0.0.1"});
    EXPECT_EQ(show(get()), "cert-name-mismatch: hostname mismatch at 127.0.0.1");
}

TEST_F(CertificateTest, JudgesTheHandshake) {
    struct Row {
        const char* why;
        std::function<void(Script&)> change;
        const char* reason;
        const char* detail;
    };
    const Row rows[] = {
        {"TLS 1.2", [](Script& s) { s.max_version = TLS1_2_VERSION; }, "none", ""},
        {"TLS 1.3", [](Script& s) { s.min_version = TLS1_3_VERSION; }, "none", ""},
        {"TLS 1.1", [](Script& s) { s.max_version = TLS1_1_VERSION; }, "tls-handshake", "version"},
        {"TLS 1.0", [](Script& s) { s.max_version = TLS1_VERSION; }, "tls-handshake", "version"},
        {"no ALPN", [](Script& s) { s.alpn = ""; }, "none", ""},
        {"ALPN http/1.1", [](Script& s) { s.alpn = "http/1.1"; }, "none", ""},
        {"ALPN h2", [](Script& s) { s.alpn = "h2"; }, "tls-handshake",
         ""}, // some versions of OpenSSL notice themselves
        {"plaintext", [](Script& s) { s.plaintext = true; }, "tls-handshake", ""},
        {"SMTP banner", [](Script& s) { s.before_tls = "220 mail.example.com ESMTP\r\n"; }, "tls-handshake",
         ""},
        {"reset in the handshake", [](Script& s) { s.reset_at = Script::Stage::hello; }, "tls-handshake", ""},
        {"reset after the request", [](Script& s) { s.reset_at = Script::Stage::request; }, "http-truncated",
         ""},
    };
    TlsServer server{ca().leaf({host}), good()};
    options.port = server.port();
    for (const Row& row : rows) {
        Script script = good();
        row.change(script);
        server.set_script(script);
        const auto fetched = get();
        EXPECT_EQ(reason(fetched), row.reason) << row.why << ": " << show(fetched);
        EXPECT_NE(show(fetched).find(row.detail), std::string::npos) << row.why << ": " << show(fetched);
    }
}

} // namespace
