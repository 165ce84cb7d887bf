// The probe against a server of the tests' own, with real TLS.
#include "smtp/probe.hpp"

#include "base/net/descriptor.hpp"
#include "base/net/socket_address.hpp"
#include "smtp/certificates.hpp"
#include "support/smtp_server.hpp"
#include "support/tls_server.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <gtest/gtest.h>
#include <openssl/x509_vfy.h>

#include <sys/socket.h>

namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using smtp::Stage;
using smtp::Trouble;
using Then = test::SmtpAnswer::Then;

const test::TestCa& ca() {
    static const test::TestCa made;
    return made;
}

const test::Identity& right() {
    static const test::Identity made = ca().leaf({"mx.test", "*.mx.test"});
    return made;
}

test::CertSpec spec(std::vector<std::string> dns = {"mx.test"}) {
    test::CertSpec made;
    made.cn = "mx.test";
    made.dns = std::move(dns);
    return made;
}

smtp::Settings settings() {
    smtp::Settings made;
    made.helo_name = "client.test";
    made.ca_file = ca().file();
    made.connect_limit = made.reply_limit = made.quit_limit = 10s;
    return made;
}

smtp::Sighting look(smtp::Settings how, std::uint16_t port, const std::string& address = "127.0.0.1",
                    const std::string& host = "mx.test") {
    asio::io_context loop;
    how.port = port;
    const auto probe = smtp::Probe::make(loop.get_executor(), std::move(how));
    if (!probe) {
        ADD_FAILURE() << probe.error();
        return {};
    }
    smtp::Sighting seen;
    asio::co_spawn(loop, (*probe)->look(host, *net::parse_ip(address), "d.test"),
                   [&seen](const std::exception_ptr& thrown, smtp::Sighting result) {
                       if (thrown) std::rethrow_exception(thrown);
                       seen = std::move(result);
                   });
    loop.run();
    return seen;
}

std::string end_of(const smtp::Sighting& seen) {
    return std::string(to_string(seen.stage)) + ' ' + std::string(to_string(seen.trouble));
}

TEST(SmtpProbe, SeesTheCertificateAndSaysQuit) {
    test::SmtpServer server(right(), {});
    const auto before = std::chrono::floor<base::seconds>(std::chrono::system_clock::now());
    const smtp::Sighting seen = look(settings(), server.port());
    EXPECT_EQ(end_of(seen), "done none") << seen.words;
    EXPECT_EQ(seen.host, "mx.test");
    EXPECT_EQ(seen.address, "127.0.0.1");
    EXPECT_GE(seen.at, before);
    EXPECT_EQ(seen.banner, "220 mx.test ESMTP");
    EXPECT_EQ(seen.ehlo, (std::vector<std::string>{"mx.test", "PIPELINING", "SIZE 1000", "STARTTLS"}));
    ASSERT_TRUE(seen.tls);
    EXPECT_EQ(seen.tls->version, "TLSv1.3");
    EXPECT_EQ(seen.tls->cipher, "TLS_AES_256_GCM_SHA384");
    EXPECT_EQ(seen.tls->sni, "mx.test");
    EXPECT_TRUE(seen.tls->trusted);
    EXPECT_EQ(seen.tls->trust_error, "");
    ASSERT_EQ(seen.tls->chain.size(), 2U);
    const smtp::Certificate& own = seen.tls->chain[0];
    EXPECT_EQ(own.dns_names, (std::vector<std::string>{"mx.test", "*.mx.test"}));
    EXPECT_EQ(own.issuer, seen.tls->chain[1].subject);
    EXPECT_EQ(own.key, "EC P-256");
    EXPECT_EQ(own.sha256.size(), 64U);
    EXPECT_EQ(own.spki_sha256.size(), 64U);
    EXPECT_GT(own.not_after, seen.at);
    EXPECT_LT(own.not_before, seen.at);
    const auto der = smtp::der_of(own);
    ASSERT_TRUE(der);
    const auto* octets = reinterpret_cast<const unsigned char*>(der->data());
    const test::Cert again{d2i_X509(nullptr, &octets, static_cast<long>(der->size()))};
    ASSERT_TRUE(again);
    EXPECT_EQ(X509_cmp(again.get(), right().cert.get()), 0);
    EXPECT_EQ(server.heard(), (std::vector<std::string>{"EHLO client.test", "STARTTLS", "TLS: QUIT"}));
    EXPECT_EQ(server.sni(), std::vector<std::string>{"mx.test"});
}

TEST(SmtpProbe, SendsTheNameThatPostfixSends) {
    for (const auto& [servername, sent] : std::vector<std::pair<std::string, std::string>>{
             {"hostname", "mx.test"}, {"nexthop", "d.test"}, {"other.test", "other.test"}, {"", ""}}) {
        test::SmtpServer server(right(), {});
        smtp::Settings how = settings();
        how.servername = servername;
        const smtp::Sighting seen = look(how, server.port());
        ASSERT_TRUE(seen.tls) << seen.words;
        EXPECT_EQ(seen.tls->sni, sent);
        EXPECT_EQ(server.sni(), std::vector<std::string>{sent});
    }
}

TEST(SmtpProbe, ReachesIpv6AndBindsAnAddress) {
    test::SmtpServer server(right(), {}, "::1");
    smtp::Settings how = settings();
    how.bind6 = "::1";
    const smtp::Sighting seen = look(how, server.port(), "::1");
    EXPECT_EQ(end_of(seen), "done none") << seen.words;
    EXPECT_EQ(seen.address, "::1");

    test::SmtpServer four(right(), {});
    how.bind4 = "127.0.0.1";
    EXPECT_EQ(end_of(look(how, four.port())), "done none");
    how.bind4 = "192.0.2.1"; // not of this host: smtp(8) warns, and goes on
    EXPECT_EQ(end_of(look(how, four.port())), "done none");
}

struct BadChain {
    const char* name;
    test::Identity identity;
    int code;
};

TEST(SmtpProbe, KeepsWhatIsWrongWithACertificateAsEvidence) {
    test::CertSpec expired = spec();
    expired.not_after = -60s;
    test::CertSpec early = spec();
    early.not_before = 1h;
    test::Identity alone = right();
    alone.chain.clear();
    test::Identity many = right();
    many.chain.assign(21, right().chain.front());
    const std::vector<BadChain> rows{
        {"expired", ca().leaf_of(expired), X509_V_ERR_CERT_HAS_EXPIRED},
        {"early", ca().leaf_of(early), X509_V_ERR_CERT_NOT_YET_VALID},
        {"self-signed", test::self_signed(spec()), X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT},
        {"another authority of the same name", test::TestCa().leaf({"mx.test"}),
         X509_V_ERR_CERT_SIGNATURE_FAILURE},
        {"no intermediate", alone, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY},
        {"too many certificates", many, X509_V_ERR_APPLICATION_VERIFICATION},
    };
    for (const BadChain& row : rows) {
        SCOPED_TRACE(row.name);
        test::SmtpServer server(row.identity, {});
        const smtp::Sighting seen = look(settings(), server.port());
        EXPECT_EQ(end_of(seen), "done none") << seen.words;
        ASSERT_TRUE(seen.tls);
        EXPECT_FALSE(seen.tls->trusted);
        EXPECT_EQ(seen.tls->trust_code, row.code) << seen.tls->trust_error;
        EXPECT_NE(seen.tls->trust_error, "");
        EXPECT_FALSE(seen.tls->chain.empty());
        EXPECT_EQ(server.heard().back(), "TLS: QUIT");
    }
}

TEST(SmtpProbe, TrustsNothingWithoutAnchors) {
    test::SmtpServer server(right(), {});
    smtp::Settings how = settings();
    how.ca_file.clear();
    const smtp::Sighting seen = look(how, server.port());
    ASSERT_TRUE(seen.tls);
    EXPECT_FALSE(seen.tls->trusted);
    how.ca_file = "/nonexistent/roots.pem";
    asio::io_context loop;
    const auto probe = smtp::Probe::make(loop.get_executor(), how);
    ASSERT_FALSE(probe);
    EXPECT_NE(probe.error().find("/nonexistent/roots.pem"), std::string::npos);
}

TEST(SmtpProbe, NamesOfTheSubjectAreEvidenceToo) {
    const test::Identity only_cn = ca().leaf_of(spec({}));
    test::SmtpServer server(only_cn, {});
    const smtp::Sighting seen = look(settings(), server.port());
    ASSERT_TRUE(seen.tls);
    EXPECT_TRUE(seen.tls->trusted);
    EXPECT_EQ(seen.tls->chain[0].common_name, "mx.test");
    EXPECT_TRUE(seen.tls->chain[0].dns_names.empty());
}

TEST(SmtpProbe, TakesTheVersionsThatPostfixTakes) {
    test::SmtpScript old;
    old.max_version = TLS1_1_VERSION;
    old.min_version = TLS1_VERSION;
    test::SmtpServer server(right(), old);
    const smtp::Sighting seen = look(settings(), server.port());
    EXPECT_EQ(end_of(seen), "tls tls-version") << seen.words;
    EXPECT_EQ(server.heard(), (std::vector<std::string>{"EHLO client.test", "STARTTLS"}));

    test::SmtpScript twelve;
    twelve.max_version = TLS1_2_VERSION;
    test::SmtpServer other(right(), twelve);
    smtp::Settings how = settings();
    const smtp::Sighting agreed = look(how, other.port());
    ASSERT_TRUE(agreed.tls) << agreed.words;
    EXPECT_EQ(agreed.tls->version, "TLSv1.2");
    how.protocols = ">=TLSv1.3";
    EXPECT_EQ(end_of(look(how, other.port())), "tls tls-version");
    how.protocols = "!TLSv1.2";
    EXPECT_EQ(look(how, other.port()).stage, Stage::tls);

    twelve.ciphers = "AES128-SHA:@SECLEVEL=1";
    test::SmtpServer weak(right(), twelve);
    EXPECT_EQ(end_of(look(settings(), weak.port())), "tls tls-handshake"); // an EC key needs another one
}

TEST(SmtpProbe, SeesThatAServerRefusesClientsWithoutCertificate) {
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
        test::SmtpScript script;
        script.wants_certificate = true;
        script.max_version = script.min_version = version;
        test::SmtpServer server(right(), script);
        const smtp::Sighting seen = look(settings(), server.port());
        EXPECT_EQ(end_of(seen), "tls tls-handshake") << seen.words;
        EXPECT_FALSE(seen.tls);
        EXPECT_NE(seen.words, "");
    }
}

/// What the server does at one point, and what then stands in the sighting.
struct Deviation {
    const char* name;
    const char* at; ///< "banner" or a command
    test::SmtpAnswer answer;
    const char* end;
    const char* last; ///< that the server hears; nullptr: not compared
};

TEST(SmtpProbe, EndsWhereTheServerDoesNotGoOn) {
    const std::vector<Deviation> rows{
        {"4xx banner", "banner", {"421 4.7.0 try again\r\n", Then::go_on, {}}, "banner reply-4xx", "QUIT"},
        {"5xx banner", "banner", {"554 no mail from you\r\n", Then::go_on, {}}, "banner reply-5xx", "QUIT"},
        {"5xx banner and away", "banner", {"554 no\r\n", Then::close, {}}, "banner reply-5xx", nullptr},
        {"closes at once", "banner", {"", Then::close, {}}, "banner closed", nullptr},
        {"resets at once", "banner", {"", Then::reset, {}}, "banner closed", nullptr},
        {"a web server",
         "banner",
         {"HTTP/1.1 400 Bad Request\r\n\r\n", Then::close, {}},
         "banner not-smtp",
         nullptr},
        {"silent", "banner", {"", Then::hold, {}}, "banner timeout", "(closed)"},
        {"half a line", "banner", {"220 mx.te", Then::hold, {}}, "banner timeout", "(closed)"},
        {"a tarpit",
         "banner",
         {"220-" + std::string(2000, 'x'), Then::hold, 20ms},
         "banner timeout",
         nullptr},
        {"4xx to EHLO", "EHLO", {"421 busy\r\n", Then::go_on, {}}, "ehlo reply-4xx", "QUIT"},
        {"5xx to EHLO and HELO", "EHLO", {"502 what\r\n", Then::go_on, {}}, "ehlo reply-5xx", "QUIT"},
        {"silent after EHLO", "EHLO", {"", Then::hold, {}}, "ehlo timeout", "(closed)"},
        {"closes after EHLO", "EHLO", {"", Then::close, {}}, "ehlo closed", nullptr},
        {"no STARTTLS",
         "EHLO",
         {"250-mx.test\r\n250 SIZE\r\n", Then::go_on, {}},
         "starttls not-offered",
         "QUIT"},
        {"refuses STARTTLS",
         "STARTTLS",
         {"454 4.7.0 not now\r\n", Then::go_on, {}},
         "starttls reply-4xx",
         "QUIT"},
        {"rejects STARTTLS", "STARTTLS", {"502 5.5.1 no\r\n", Then::go_on, {}}, "starttls reply-5xx", "QUIT"},
        {"silent after STARTTLS", "STARTTLS", {"", Then::hold, {}}, "starttls timeout", "(closed)"},
        {"injects", "STARTTLS", {"220 go\r\n250 evil\r\n", Then::hold, {}}, "starttls injected", "(closed)"},
        {"silent in the handshake", "STARTTLS", {"220 go\r\n", Then::hold, {}}, "tls timeout", nullptr},
        {"closes in the handshake", "STARTTLS", {"220 go\r\n", Then::close, {}}, "tls closed", nullptr},
        {"silent after QUIT", "QUIT", {"", Then::hold, {}}, "done none", nullptr},
        {"closes after QUIT", "QUIT", {"", Then::close, {}}, "done none", nullptr},
    };
    for (const Deviation& row : rows) {
        SCOPED_TRACE(row.name);
        test::SmtpScript script;
        (std::string_view(row.at) == "banner" ? script.banner : script.answers[row.at]) = row.answer;
        test::SmtpServer server(right(), script);
        smtp::Settings how = settings();
        const bool waits = row.answer.then == Then::hold;
        // On a busy machine the steps before need time as well.
        if (waits) (std::string_view(row.at) == "QUIT" ? how.quit_limit : how.reply_limit) = 700ms;
        const auto begun = std::chrono::steady_clock::now();
        const smtp::Sighting seen = look(how, server.port());
        EXPECT_EQ(end_of(seen), row.end) << seen.words;
        EXPECT_LT(std::chrono::steady_clock::now() - begun, 8s);
        EXPECT_EQ(seen.host, "mx.test");
        if (row.last != nullptr) {
            EXPECT_TRUE(server.wait_heard(row.last)) << server.heard().size();
        }
    }
}

/// The connection is there and gone before the probe looks at it.
TEST(SmtpProbe, AServerThatResetsAtOnceClosed) {
    const net::SocketAddress local{net::Endpoint{*net::parse_ip("127.0.0.1"), 0}};
    const net::Descriptor listener{::socket(local.family(), SOCK_STREAM | SOCK_CLOEXEC, 0)};
    ASSERT_EQ(::bind(listener.get(), local.get(), local.size()), 0);
    ASSERT_EQ(::listen(listener.get(), 1), 0);
    asio::io_context loop;
    smtp::Settings how = settings();
    how.port = net::bound_address(listener.get())->port;
    const auto probe = smtp::Probe::make(loop.get_executor(), std::move(how));
    ASSERT_TRUE(probe) << probe.error();
    smtp::Sighting seen;
    asio::co_spawn(loop, (*probe)->look("mx.test", *net::parse_ip("127.0.0.1"), "d.test"),
                   [&seen](const std::exception_ptr&, smtp::Sighting result) { seen = std::move(result); });
    asio::post(loop, [&listener] { // comes after connect(2), and before the first wait
        const net::Descriptor peer{::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC)};
        const linger reset{1, 0};
        EXPECT_EQ(::setsockopt(peer.get(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset), 0);
    });
    loop.run();
    EXPECT_EQ(end_of(seen), "banner closed") << seen.words;
    EXPECT_EQ(seen.words, "the server closed the connection");
}

/// The dripping server stays within each reply's limit, not within the whole's.
TEST(SmtpProbe, HasALimitForTheWhole) {
    test::SmtpScript script;
    script.banner.per_octet = script.answers["EHLO"].per_octet = 10ms;
    test::SmtpServer server(right(), script);
    smtp::Settings how = settings();
    how.whole_limit = 400ms; // the banner takes 190 ms, the reply to EHLO 600
    const smtp::Sighting seen = look(how, server.port());
    EXPECT_TRUE(end_of(seen) == "ehlo timeout" || end_of(seen) == "banner timeout") << end_of(seen);
}

TEST(SmtpProbe, TellsARefusedConnectionFromASilentOne) {
    // Bound, and nobody listens: no other program can get the port meanwhile.
    const net::SocketAddress local{net::Endpoint{*net::parse_ip("127.0.0.1"), 0}};
    const net::Descriptor bound{::socket(local.family(), SOCK_STREAM | SOCK_CLOEXEC, 0)};
    const int on = 1; // for the listener below
    ASSERT_EQ(::setsockopt(bound.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on), 0);
    ASSERT_EQ(::bind(bound.get(), local.get(), local.size()), 0);
    const std::uint16_t port = net::bound_address(bound.get())->port;
    const smtp::Sighting refused = look(settings(), port);
    EXPECT_EQ(end_of(refused), "connect refused");
    EXPECT_EQ(refused.words, "Connection refused");

    const test::BlackHole hole("127.0.0.1", port);
    smtp::Settings how = settings();
    how.connect_limit = 200ms;
    const smtp::Sighting silent = look(how, port);
    EXPECT_EQ(end_of(silent), "connect timeout");
    EXPECT_EQ(silent.words, "");
}

TEST(SmtpProbe, RefusesSettingsThatPostfixRefuses) {
    asio::io_context loop;
    smtp::Settings how = settings();
    how.protocols = "TLSv1.9";
    EXPECT_FALSE(smtp::Probe::make(loop.get_executor(), how));
    how = settings();
    how.cipher_list = "NOTHING";
    EXPECT_FALSE(smtp::Probe::make(loop.get_executor(), how));
}

TEST(SmtpProbe, LooksAtManyAtATime) {
    test::SmtpServer server(right(), {});
    asio::io_context loop;
    smtp::Settings how = settings();
    how.port = server.port();
    const auto probe = smtp::Probe::make(loop.get_executor(), how);
    ASSERT_TRUE(probe);
    int good = 0;
    for (int i = 0; i < 20; ++i)
        asio::co_spawn(loop, (*probe)->look("mx.test", net::loopback),
                       [&good](const std::exception_ptr&, const smtp::Sighting& seen) {
                           good += seen.tls && seen.tls->trusted ? 1 : 0;
                       });
    loop.run();
    EXPECT_EQ(good, 20);
}

} // namespace
