// What TLS servers and their certificates do to a fetch, over real sockets.
#include "fetch/certificate.hpp"
#include "support/fetch_world.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <functional>
#include <memory>
#include <vector>

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
    // If no address has a right certificate, this is the reason, not a later error, and it names each
    // address.
    resolver.set(host, {"127.0.0.1", "127.0.0.2"});
    EXPECT_EQ(show(get()), "cert-name-mismatch: 127.0.0.1: hostname mismatch; 127.0.0.2: Connection refused");
    resolver.set(host, {"127.0.0.2", "127.0.0.1"});
    EXPECT_EQ(show(get()), "cert-name-mismatch: 127.0.0.2: Connection refused; 127.0.0.1: hostname mismatch");
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
         ""}, // some versions of OpenSSL notice it themselves
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

/// What a ClientHello with our settings offers, as a server receives it.
struct Hello {
    std::vector<unsigned> ciphers, groups;
    std::vector<unsigned> extensions;
    bool seen = false;
};

std::vector<unsigned> numbers(const unsigned char* octets, std::size_t size) {
    std::vector<unsigned> found;
    for (std::size_t at = 0; at + 1 < size; at += 2) found.push_back(octets[at] * 256u + octets[at + 1]);
    return found;
}

int listen_to_hello(SSL* tls, int*, void* to) {
    Hello& hello = *static_cast<Hello*>(to);
    const unsigned char* octets = nullptr;
    const std::size_t ciphers = SSL_client_hello_get0_ciphers(tls, &octets);
    hello.ciphers = numbers(octets, ciphers);
    std::size_t size = 0;
    if (SSL_client_hello_get0_ext(tls, TLSEXT_TYPE_supported_groups, &octets, &size) == 1)
        hello.groups = numbers(octets + 2, size - 2);
    int* present = nullptr;
    std::size_t count = 0;
    if (SSL_client_hello_get1_extensions_present(tls, &present, &count) == 1)
        for (std::size_t i = 0; i < count; ++i) hello.extensions.push_back(static_cast<unsigned>(present[i]));
    OPENSSL_free(present);
    hello.seen = true;
    return SSL_CLIENT_HELLO_ERROR;
}

using Context = std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)>;
using Tls = std::unique_ptr<SSL, void (*)(SSL*)>;

/// A client and a server, connected in memory.
struct Pair {
    Pair(SSL_CTX* ours, SSL_CTX* theirs)
        : client(SSL_new(ours), SSL_free), server(SSL_new(theirs), SSL_free) {
        BIO *a = nullptr, *b = nullptr;
        BIO_new_bio_pair(&a, 100'000, &b, 100'000);
        SSL_set_bio(client.get(), a, a);
        SSL_set_bio(server.get(), b, b);
        SSL_set_connect_state(client.get());
        SSL_set_accept_state(server.get());
    }
    bool shake() {
        for (int i = 0; i < 10; ++i) {
            const int c = SSL_do_handshake(client.get()), s = SSL_do_handshake(server.get());
            if (c == 1 && s == 1) return true;
        }
        ERR_clear_error();
        return false;
    }
    Tls client, server;
};

bool has(const std::vector<unsigned>& list, unsigned number) {
    return std::find(list.begin(), list.end(), number) != list.end();
}

TEST(RestrictTls, OffersNothingDearAndNothingThatOutlivesTheConnection) {
    const Context ours{SSL_CTX_new(TLS_client_method()), SSL_CTX_free};
    const Context theirs{SSL_CTX_new(TLS_server_method()), SSL_CTX_free};
    ASSERT_TRUE(fetch::restrict_tls(ours.get()));
    Hello hello;
    SSL_CTX_set_client_hello_cb(theirs.get(), listen_to_hello, &hello);
    Pair pair{ours.get(), theirs.get()};
    EXPECT_FALSE(pair.shake());
    ASSERT_TRUE(hello.seen);
    EXPECT_EQ(hello.groups, (std::vector<unsigned>{29, 23, 24, 25})) << "X25519, P-256, P-384, P-521";
    EXPECT_TRUE(has(hello.ciphers, 0x1301)) << "TLS 1.3";
    EXPECT_TRUE(has(hello.ciphers, 0xc02f)) << "ECDHE";
    EXPECT_TRUE(has(hello.ciphers, 0x009c)) << "static RSA";
    for (const unsigned cipher : hello.ciphers) {
        const std::array<unsigned char, 2> octets{static_cast<unsigned char>(cipher >> 8),
                                                  static_cast<unsigned char>(cipher & 255)};
        const SSL_CIPHER* known = SSL_CIPHER_find(pair.server.get(), octets.data());
        if (known == nullptr) continue; // a signalling value
        const int kx = SSL_CIPHER_get_kx_nid(known), auth = SSL_CIPHER_get_auth_nid(known);
        EXPECT_TRUE(kx == NID_kx_ecdhe || kx == NID_kx_rsa || kx == NID_kx_any) << SSL_CIPHER_get_name(known);
        EXPECT_TRUE(auth == NID_auth_rsa || auth == NID_auth_ecdsa || auth == NID_auth_any)
            << SSL_CIPHER_get_name(known);
    }
    EXPECT_FALSE(has(hello.extensions, TLSEXT_TYPE_session_ticket)) << "RFC 5077: no ticket wanted";
    EXPECT_FALSE(has(hello.extensions, TLSEXT_TYPE_psk));
    EXPECT_FALSE(has(hello.extensions, TLSEXT_TYPE_srp));
    EXPECT_FALSE(has(hello.extensions, 27)) << "compressed certificates (RFC 8879)";
    EXPECT_FALSE(has(hello.extensions, TLSEXT_TYPE_status_request));
}

TEST(RestrictTls, KeepsALevelOfAtLeast112Bits) {
    for (const int before : {0, 1, 2, 3, 4}) {
        const Context ours{SSL_CTX_new(TLS_client_method()), SSL_CTX_free};
        SSL_CTX_set_security_level(ours.get(), before);
        ASSERT_TRUE(fetch::restrict_tls(ours.get()));
        EXPECT_EQ(SSL_CTX_get_security_level(ours.get()), std::max(before, 2));
    }
}

TEST(RestrictTls, ASystemWithALowLevelChangesNothing) {
    // Possible settings in the system's openssl.cnf.
    const Context ours{SSL_CTX_new(TLS_client_method()), SSL_CTX_free};
    SSL_CTX_set_cipher_list(ours.get(), "ALL:@SECLEVEL=0");
    SSL_CTX_set_min_proto_version(ours.get(), TLS1_VERSION);
    SSL_CTX_set_verify(ours.get(), SSL_VERIFY_NONE, nullptr);
    ASSERT_TRUE(fetch::restrict_tls(ours.get()));
    EXPECT_EQ(SSL_CTX_get_security_level(ours.get()), 2);
    EXPECT_EQ(SSL_CTX_get_min_proto_version(ours.get()), TLS1_2_VERSION);
    EXPECT_EQ(SSL_CTX_get_verify_mode(ours.get()), SSL_VERIFY_PEER);
    EXPECT_EQ(SSL_CTX_get_session_cache_mode(ours.get()), SSL_SESS_CACHE_OFF);
}

TEST(WrongProtocol, IsWhatWasNotOffered) {
    const auto choose = [](SSL*, const unsigned char** out, unsigned char* length, const unsigned char*,
                           unsigned, void* name) {
        const auto& wanted = *static_cast<const std::string*>(name);
        if (wanted.empty()) return SSL_TLSEXT_ERR_NOACK;
        *out = reinterpret_cast<const unsigned char*>(wanted.data());
        *length = static_cast<unsigned char>(wanted.size());
        return SSL_TLSEXT_ERR_OK;
    };
    const Context theirs{SSL_CTX_new(TLS_server_method()), SSL_CTX_free};
    test::present(theirs.get(), ca().leaf({host}));
    const auto ours = fetch::make_client_context(ca().file()).value();
    for (std::string chosen : {"", "http/1.1", "h2", "http/1.0"}) {
        SSL_CTX_set_alpn_select_cb(theirs.get(), choose, &chosen);
        Pair pair{ours->native_handle(), theirs.get()};
        ASSERT_TRUE(fetch::expect_host(pair.client.get(), host));
        // This client offers more, so OpenSSL does not see that the choice is wrong.
        static constexpr unsigned char all[] = "\x08http/1.1\x02h2\x08http/1.0";
        SSL_set_alpn_protos(pair.client.get(), all, sizeof all - 1);
        ASSERT_TRUE(pair.shake()) << chosen;
        const auto wrong = fetch::wrong_protocol(pair.client.get());
        EXPECT_EQ(wrong.has_value(), chosen == "h2" || chosen == "http/1.0") << chosen;
        EXPECT_TRUE(!wrong || wrong->reason == base::Reason::tls_handshake);
    }
}

} // namespace
