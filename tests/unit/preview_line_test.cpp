// A line of a mail log, taken apart.
#include "tool/preview/line.hpp"

#include <gtest/gtest.h>

#include <string>

namespace preview {
namespace {

Delivery delivery_of(std::string_view message, Program program = Program::smtp) {
    const Event event = parse_message(program, message);
    const auto* const delivery = std::get_if<Delivery>(&event);
    EXPECT_NE(delivery, nullptr) << message;
    return delivery == nullptr ? Delivery{} : *delivery;
}
bool is_broken(std::string_view message) {
    return std::holds_alternative<Broken>(parse_message(Program::smtp, message));
}

TEST(PreviewLine, TakesBothFormsOfTime) {
    const auto old = parse_front("Nov 28 20:35:20 mx1 postfix/smtp[123]: text: more");
    ASSERT_TRUE(old);
    EXPECT_EQ(old->time, "Nov 28 20:35:20");
    EXPECT_EQ(old->host, "mx1");
    EXPECT_EQ(old->tag, "postfix/smtp");
    EXPECT_EQ(old->pid, 123U);
    EXPECT_EQ(old->message, "text: more");
    EXPECT_TRUE(parse_front("Nov  1 00:00:00 mx1 postfix/smtp[1]: x"));
    const auto rfc = parse_front("2026-11-28T20:35:20.123456+01:00 mx1 postfix-out/relay/smtp[9]: x");
    ASSERT_TRUE(rfc);
    EXPECT_EQ(rfc->time, "2026-11-28T20:35:20.123456+01:00");
    EXPECT_EQ(rfc->tag, "postfix-out/relay/smtp");
    const auto without_pid = parse_front("Nov 28 20:35:20 mx1 postfix/smtp: x");
    ASSERT_TRUE(without_pid);
    EXPECT_EQ(without_pid->pid, 0U);
}

TEST(PreviewLine, LeavesOtherLinesAlone) {
    for (const char* const line :
         {"", " ", "x", "Nov 28 20:35:20", "Nov 28 20:35:20 ", "Nov 28 20:35:20 mx1", "Nov 28 20:35:20 mx1 ",
          "Nov 28 20:35:20 mx1 dovecot: imap-login: Login", "Nov 28 20:35:20 mx1 sshd[12]: x",
          "Nov 28 20:35:20 mx1 postfix/smtp[12] x", "Nov 28 20:35:20 mx1 postfix/smtp[12",
          "2026 mx1 postfix/smtp[1]: x", "2026-11-28T20:35:20Z", "-- Boot 0123456789abcdef --",
          "\xff\xfe\xff\xfe\xff\xfe\xff\xfe\xff\xfe\xff\xfe\xff\xfe\xff"})
        EXPECT_FALSE(parse_front(line)) << line;
}

TEST(PreviewLine, KnowsProgramsOfAllInstances) {
    const Writer writer = parse_tag("postfix-out/relay/smtp");
    EXPECT_EQ(writer.instance, "postfix-out");
    EXPECT_EQ(writer.service, "relay");
    EXPECT_EQ(writer.program, Program::smtp);
    EXPECT_EQ(parse_tag("postfix/smtp").service, "");
    EXPECT_EQ(parse_tag("postfix/lmtp").program, Program::lmtp);
    EXPECT_EQ(parse_tag("postfix/virtual").program, Program::local);
    EXPECT_EQ(parse_tag("postfix/error").program, Program::retry);
    EXPECT_EQ(parse_tag("postfix/postsuper").program, Program::qmgr);
    EXPECT_EQ(parse_tag("mail-out/smtp").program, Program::smtp) << "syslog_name may be anything";
    for (const char* const tag :
         {"postfix/smtpd", "postfix/submission/smtpd", "smtp", "/smtp", "postfix/", "", "postfix/smtps"})
        EXPECT_EQ(parse_tag(tag).program, Program::other) << tag;
}

TEST(PreviewLine, ReadsADelivery) {
    const Delivery one =
        delivery_of("4jcTh21SCHz1cHsH: to=<user@Signed.example>, relay=mx.signed.example[2001:db8::25]:25, "
                    "delay=1.1, delays=0/0.69/0.21/0.24, dsn=2.0.0, status=sent (250 2.0.0 Ok)");
    EXPECT_EQ(one.queue_id, "4jcTh21SCHz1cHsH");
    EXPECT_EQ(one.recipient_domain, "Signed.example");
    EXPECT_EQ(one.peer, (Peer{"mx.signed.example", "2001:db8::25", 25}));
    EXPECT_EQ(one.dsn, "2.0.0");
    EXPECT_EQ(one.status, Status::sent);
    EXPECT_EQ(one.words, "250 2.0.0 Ok");
    const Delivery more =
        delivery_of("1A2B3C4D5E: to=<a@b.example>, orig_to=<\"x, >\"@c.example>, relay=mx[192.0.2.1]:587, "
                    "conn_use=3, delay=1, delays=0/0/0/1, tls=!secure, dsn=4.7.5, status=deferred (x)");
    EXPECT_EQ(more.peer.port, 587);
    EXPECT_EQ(more.tls, "!secure");
    EXPECT_EQ(more.status, Status::deferred);
    EXPECT_TRUE(
        delivery_of(
            "ABCDEF: to=<a@b.example>, relay=none, delay=0, delays=0/0/0/0, dsn=5.4.4, status=bounced (x)")
            .peer.none());
    const Delivery local =
        delivery_of("ABCDEF: to=<root@b.example>, orig_to=<root>, relay=local, delay=0, delays=0/0/0/0, "
                    "dsn=2.0.0, status=sent (delivered to mailbox)",
                    Program::local);
    EXPECT_EQ(local.peer.host, "local");
    EXPECT_EQ(
        delivery_of("ABCDEF: to=<root>, relay=local, delay=0, dsn=2.0.0, status=sent (x)").recipient_domain,
        "");
    EXPECT_EQ(
        delivery_of(
            "ABCDEF: to=<a@b.example>, relay=h[private/dovecot-lmtp], delay=0, dsn=2.0.0, status=sent (x)",
            Program::lmtp)
            .peer.address,
        "private/dovecot-lmtp");
}

TEST(PreviewLine, StrangersTextCannotPose) {
    const Delivery quoted = delivery_of(
        "ABCDEF: to=<\"a, relay=evil.example[192.0.2.66]:25, dsn=2.0.0, status=sent (x)\"@b.example>, "
        "relay=mx.b.example[192.0.2.1]:25, delay=1, delays=0/0/0/1, dsn=4.7.5, status=deferred (y)");
    EXPECT_EQ(quoted.recipient_domain, "b.example");
    EXPECT_EQ(quoted.peer.host, "mx.b.example");
    EXPECT_EQ(quoted.status, Status::deferred);
    EXPECT_EQ(delivery_of("ABCDEF: to=<\"a\\\">, relay=evil[1.2.3.4]:25\"@b.example>, "
                          "relay=mx[192.0.2.1]:25, delay=1, dsn=2.0.0, "
                          "status=sent (z)")
                  .peer.host,
              "mx");
    const Delivery reply = delivery_of(
        "ABCDEF: to=<a@b.example>, relay=mx[192.0.2.1]:25, delay=1, delays=0/0/0/1, dsn=4.2.0, "
        "status=deferred (host mx[192.0.2.1] said: 450 , relay=evil[1.2.3.4]:25, status=sent (ok))");
    EXPECT_EQ(reply.status, Status::deferred);
    EXPECT_EQ(reply.peer.host, "mx");
    // What is quoted is no domain.
    const std::string end = "relay=mx[192.0.2.1]:25, delay=1, dsn=2.0.0, status=sent (z)";
    EXPECT_EQ(delivery_of("ABCDEF: to=<\"a@evil.example\">, " + end).recipient_domain, "");
    EXPECT_EQ(delivery_of("ABCDEF: to=<\"a@evil.example\"@b.example>, " + end).recipient_domain, "b.example");
    EXPECT_TRUE(is_broken("ABCDEF: to=<\"a>@evil.example\"b.example>, " + end));
    EXPECT_TRUE(is_broken("ABCDEF: to=<\"a@evil.example>, " + end));
    // What a mail host says is not the queue manager's word, and a subject is no delivery.
    EXPECT_TRUE(std::holds_alternative<std::monostate>(parse_message(
        Program::qmgr, "ABCDEF: from=<\"removed\"@x.example>, size=1, nrcpt=1 (queue active)")));
    EXPECT_TRUE(std::holds_alternative<std::monostate>(parse_message(
        Program::smtp, "warning: x: to=<a@b.example>, relay=none, delay=1, dsn=2.0.0, status=sent (x)")));
}

TEST(PreviewLine, EveryCutOfADeliveryIsBrokenOrTheSame) {
    const std::string whole = "4jcTh21SCHz1cHsH: to=<\"a b\"@b.example>, orig_to=<c@d.example>, "
                              "relay=mx[192.0.2.1]:25, conn_use=2, "
                              "delay=1.1, delays=0/0.69/0.21/0.24, dsn=2.0.0, status=sent (250 2.0.0 Ok)";
    const std::size_t begin = whole.find("to=<") + 4, status = whole.find("sent (");
    for (std::size_t size = begin; size < whole.size(); ++size) {
        if (size <= status + 4)
            EXPECT_TRUE(is_broken(whole.substr(0, size))) << whole.substr(0, size);
        else
            EXPECT_EQ(delivery_of(whole.substr(0, size)).peer.host, "mx");
    }
    for (std::size_t size = 0; size < begin; ++size)
        EXPECT_TRUE(
            std::holds_alternative<std::monostate>(parse_message(Program::smtp, whole.substr(0, size))));
}

TEST(PreviewLine, ReadsTlsLines) {
    const auto tls_of = [](std::string_view message) {
        const Event event = parse_message(Program::smtp, message);
        const auto* const line = std::get_if<TlsLine>(&event);
        return line == nullptr ? std::optional<TlsLine>() : std::optional(*line);
    };
    const auto trusted =
        tls_of("Trusted TLS connection established to mx.a.example[192.0.2.26]:25: TLSv1.3 with cipher "
               "TLS_AES_256_GCM_SHA384 (256/256 bits)");
    ASSERT_TRUE(trusted);
    EXPECT_EQ(trusted->level, Level::trusted);
    EXPECT_EQ(trusted->peer, (Peer{"mx.a.example", "192.0.2.26", 25}));
    EXPECT_EQ(trusted->protocol, "TLSv1.3");
    const auto reused =
        tls_of("Verified TLS connection reused to mx[2001:db8::1]:25: TLSv1.2 with cipher X (1/1 bits)");
    ASSERT_TRUE(reused);
    EXPECT_EQ(reused->level, Level::verified);
    EXPECT_EQ(tls_of("Untrusted TLS connection established to m[1.2.3.4]:25: T w")->level, Level::untrusted);
    EXPECT_EQ(tls_of("Anonymous TLS connection established to m[1.2.3.4]:25: T w")->level, Level::anonymous);
    EXPECT_FALSE(tls_of("Trusted TLS connection established from m[1.2.3.4]:25: T w"));
    EXPECT_FALSE(tls_of("Trusted TLS connection established to m[1.2.3.4"));
    EXPECT_FALSE(tls_of("Trusted"));
}

TEST(PreviewLine, ReadsWhatNamesTheNextHop) {
    const auto hop_of = [](std::string_view message) {
        const Event event = parse_message(Program::smtp, message);
        const auto* const line = std::get_if<HopLine>(&event);
        return line == nullptr ? HopLine{} : *line;
    };
    const HopLine good =
        hop_of("TLSRPT: status=success, domain=a.example, receiving_mx=mx.a.example[192.0.2.25]");
    EXPECT_EQ(good.domain, "a.example");
    EXPECT_TRUE(good.reported && good.success);
    const HopLine bad =
        hop_of("TLSRPT: status=failure, domain=a.example, receiving_mx=mx.a.example[192.0.2.25], "
               "failure_type=certificate-host-mismatch");
    EXPECT_TRUE(bad.reported && !bad.success);
    EXPECT_EQ(bad.failure, "certificate-host-mismatch");
    EXPECT_EQ(hop_of("warning: MX name 'mx.b.example' does not match STS MX pattern for 'a.example'").domain,
              "a.example");
    EXPECT_EQ(
        hop_of("warning: smtp_tls_policy_maps, next-hop destination \"a.example\": policy table lookup error")
            .domain,
        "a.example");
    EXPECT_EQ(hop_of("warning: MX name 'mx.b.example'").domain, "");
    EXPECT_EQ(hop_of("TLSRPT: status=failure").domain, "");
}

TEST(PreviewLine, ReadsTheEndOfAMessageAndAStart) {
    const Event removed = parse_message(Program::qmgr, "4jcTh21SCHz1cHsH: removed");
    ASSERT_TRUE(std::holds_alternative<Removed>(removed));
    EXPECT_EQ(std::get<Removed>(removed).queue_id, "4jcTh21SCHz1cHsH");
    EXPECT_TRUE(
        std::holds_alternative<Started>(parse_message(Program::master, "daemon started -- version 3.7.11")));
    EXPECT_TRUE(
        std::holds_alternative<std::monostate>(parse_message(Program::smtp, "4jcTh21SCHz1cHsH: removed")));
}

TEST(PreviewLine, FindsWhereADeliveryWasMeantToGo) {
    EXPECT_EQ(meant_peer("connect to 127.0.0.1[127.0.0.1]:10024: Connection refused"),
              (Peer{"127.0.0.1", "127.0.0.1", 10024}));
    EXPECT_EQ(meant_peer("delivery temporarily suspended: connect to mx[192.0.2.1]:25: Connection timed out"),
              (Peer{"mx", "192.0.2.1", 25}));
    EXPECT_TRUE(meant_peer("Host or domain name not found").none());
}

} // namespace
} // namespace preview
