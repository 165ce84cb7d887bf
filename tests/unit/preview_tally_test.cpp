// What a mail log adds up to: messages and not lines, of the right domains, with TLS lines where they belong.
#include "tool/preview/reading.hpp"

#include "tool/show/times.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace preview {
namespace {

using base::Instant;
using base::seconds;

const tool::Zone utc = [](Instant) { return seconds{0}; };
const Instant written = *tool::parse_time("2026-11-29T12:00:00Z");

void feed(Tally& tally, const std::string& text) {
    Times times(written, utc);
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) read_line(line, times, tally);
}
Tally read(const std::string& text, std::optional<Instant> since = {}, TallyLimits limits = {}) {
    Tally tally(since, limits);
    feed(tally, text);
    return tally;
}
DomainSum sum_of(const Tally& tally, std::string_view domain) {
    for (const DomainSum& sum : tally.sums())
        if (sum.domain == domain) return sum;
    return {};
}
/// A delivery of smtp(8) that process 7 logs at 10:00.
std::string to(const std::string& id, const std::string& address,
               const std::string& relay = "mx.a.example[192.0.2.1]:25",
               const std::string& end = "dsn=2.0.0, status=sent (250 ok)",
               const std::string& tag = "postfix/smtp[7]") {
    return "Nov 29 10:00:00 h " + tag + ": " + id + ": to=<" + address + ">, relay=" + relay +
           ", delay=1, delays=0/0/0/1, " + end + "\n";
}
std::string said(const std::string& text, const std::string& tag = "postfix/smtp[7]") {
    return "Nov 29 10:00:00 h " + tag + ": " + text + "\n";
}
const std::string trusted_a =
    "Trusted TLS connection established to mx.a.example[192.0.2.1]:25: TLSv1.3 with cipher X (1/1 bits)";

std::string file(const std::string& name) {
    std::ifstream in(std::string(STSMAPD_SOURCE_DIR) + "/tests/logs/" + name, std::ios::binary);
    std::ostringstream text;
    text << in.rdbuf();
    EXPECT_FALSE(text.str().empty()) << name;
    return text.str();
}

TEST(PreviewTally, AMessageCountsOnceForADomain) {
    const std::string deferred =
        "dsn=4.4.1, status=deferred (connect to mx.a.example[192.0.2.1]:25: Connection timed out)";
    const Tally tally =
        read(to("AAAAAA", "x@a.example", "none", deferred) + to("AAAAAA", "y@a.example", "none", deferred) +
             to("AAAAAA", "x@A.Example.") + to("AAAAAA", "y@a.example") + to("AAAAAA", "z@b.example") +
             to("BBBBBB", "x@a.example"));
    EXPECT_EQ(sum_of(tally, "a.example").messages, 2U);
    EXPECT_EQ(sum_of(tally, "a.example").sent, 2U);
    EXPECT_EQ(sum_of(tally, "b.example").messages, 1U);
    EXPECT_EQ(tally.messages(), 3U);
    EXPECT_EQ(tally.lines.deliveries, 6U);
    EXPECT_EQ(tally.lines.all, 6U);
}

TEST(PreviewTally, AQueueIdIsUsedAgainAfterItsEnd) {
    const std::string removed = said("AAAAAA: removed", "postfix/qmgr[2]");
    const std::string elsewhere = said("AAAAAA: removed", "postfix-out/qmgr[2]");
    EXPECT_EQ(read(to("AAAAAA", "x@a.example") + removed + to("AAAAAA", "x@a.example")).messages(), 2U);
    EXPECT_EQ(read(to("AAAAAA", "x@a.example") + elsewhere + to("AAAAAA", "x@a.example")).messages(), 1U);
    EXPECT_EQ(read(to("AAAAAA", "x@a.example") + to("AAAAAA", "x@a.example", "mx.a.example[192.0.2.1]:25",
                                                    "dsn=2.0.0, status=sent (ok)", "postfix-out/smtp[7]"))
                  .messages(),
              2U);
}

TEST(PreviewTally, LeavesOutWhatMtaStsHasNothingToDoWith) {
    const std::string end = "dsn=2.0.0, status=sent (ok)";
    const Tally tally = read(
        to("AAAAAA", "x@a.example", "127.0.0.1[127.0.0.1]:10024") +
        to("AAAAAB", "x@a.example", "h[10.1.2.3]:25") + to("AAAAAC", "x@a.example", "h[fd00::1]:25") +
        to("AAAAAD", "x@a.example", "relay.example[192.0.2.9]:587") +
        to("AAAAAE", "x@a.example", "h[192.0.2.9]:25", end, "postfix/relay/smtp[7]") +
        to("AAAAAF", "x@a.example", "h[private/dovecot-lmtp]", end, "postfix/lmtp[7]") +
        to("AAAAAG", "x@a.example", "local", end, "postfix/local[7]") + to("AAAAAH", "x@[192.0.2.1]") +
        to("AAAAAI", "x@a.example", "none", "dsn=5.0.0, status=bounced (no mail here)", "postfix/error[7]") +
        to("AAAAAJ", "x@a.example", "none",
           "dsn=4.4.1, status=deferred (connect to f[127.0.0.1]:10024: Connection refused)") +
        to("AAAAAK", "x@not..one") + to("AAAAAL", "root") +
        to("AAAAAA", "y@b.example", "127.0.0.1[127.0.0.1]:10024"));
    EXPECT_EQ(tally.messages(), 0U);
    EXPECT_EQ(tally.left_out(LeftOut::internal), 4U);
    EXPECT_EQ(tally.left_out(LeftOut::relayed), 2U);
    EXPECT_EQ(tally.left_out(LeftOut::socket), 1U);
    EXPECT_EQ(tally.left_out(LeftOut::local), 1U);
    EXPECT_EQ(tally.left_out(LeftOut::literal), 1U);
    EXPECT_EQ(tally.left_out(LeftOut::refused), 1U);
    EXPECT_EQ(tally.left_out(LeftOut::no_domain), 2U);
    // What the queue manager put off by itself was meant for SMTP.
    EXPECT_EQ(read(to("AAAAAA", "x@a.example", "none",
                      "dsn=4.7.5, status=deferred (delivery temporarily suspended: Server "
                      "certificate not verified)",
                      "postfix/error[7]"))
                  .messages(),
              1U);
}

TEST(PreviewTally, SaysHowMuchWaitedForTls) {
    const std::string waits = "dsn=4.7.5, status=deferred (Server certificate not verified)";
    const std::string remote = "dsn=4.7.5, status=deferred (host mx.a.example[192.0.2.1] said: 450 4.7.5 no)";
    const Tally tally = read(to("AAAAAA", "x@a.example", "mx.a.example[192.0.2.1]:25", waits) +
                             to("AAAAAA", "x@a.example", "mx.a.example[192.0.2.1]:25", waits) +
                             to("BBBBBB", "x@a.example", "mx.a.example[192.0.2.1]:25", remote));
    EXPECT_EQ(sum_of(tally, "a.example").waited, 1U);
    EXPECT_EQ(sum_of(tally, "a.example").messages, 2U);
    EXPECT_EQ(sum_of(tally, "a.example").sent, 0U);
}

TEST(PreviewTally, CountsTheHostsReallyUsed) {
    std::string text;
    for (char host = 'a'; host < 'l'; ++host)
        text += to("AAAAAA", "x@a.example", std::string("MX-") + host + ".a.example[192.0.2.1]:25");
    const DomainSum sum =
        sum_of(read(text + to("BBBBBB", "x@a.example", "mx-b.a.example[192.0.2.2]:25")), "a.example");
    ASSERT_EQ(sum.hosts.size(), max_hosts);
    EXPECT_EQ(sum.hosts[0].name, "mx-b.a.example");
    EXPECT_EQ(sum.hosts[0].deliveries, 2U);
    EXPECT_TRUE(sum.more_hosts);
}

TEST(PreviewTally, LinksTlsLinesOnlyToTheirDelivery) {
    const auto of = [](const Tally& tally) { return sum_of(tally, "a.example").tls; };
    const std::array<std::uint64_t, levels> none{0, 0, 0, 0}, one{0, 0, 1, 0}, two{0, 0, 2, 0};
    // Its recipients share the connection; another message needs a line of its own.
    Tally tally = read(said(trusted_a) + to("AAAAAA", "x@a.example") + to("AAAAAA", "y@a.example") +
                       to("BBBBBB", "x@a.example"));
    EXPECT_EQ(of(tally), two);
    EXPECT_EQ(tally.lines.unlinked, 0U);
    // Another process, another host, another port, a lost delivery.
    tally = read(said(trusted_a, "postfix/smtp[8]") + to("AAAAAA", "x@a.example"));
    EXPECT_EQ(of(tally), none);
    tally = read(said(trusted_a) + to("AAAAAA", "x@a.example", "mx.b.example[192.0.2.1]:25"));
    EXPECT_EQ(of(tally), none);
    EXPECT_EQ(tally.lines.unlinked, 1U);
    tally = read(said(trusted_a) + said(trusted_a) + to("AAAAAA", "x@a.example"));
    EXPECT_EQ(of(tally), one);
    EXPECT_EQ(tally.lines.unlinked, 1U);
    EXPECT_EQ(tally.lines.tls, 2U);
    // The next host of the same delivery.
    tally = read(said("Untrusted TLS connection established to mx0.a.example[192.0.2.8]:25: TLSv1.3 x") +
                 said(trusted_a) + to("AAAAAA", "x@a.example", "MX.A.Example[192.0.2.1]:25"));
    EXPECT_EQ(of(tally), one);
    EXPECT_EQ(tally.lines.unlinked, 0U);
    // After a start process ids mean others; other instances go on.
    const std::string start = said("daemon started -- version 3.7.11", "postfix/master[1]");
    tally = read(said(trusted_a) + start + to("AAAAAA", "x@a.example"));
    EXPECT_EQ(of(tally), none);
    EXPECT_EQ(tally.lines.unlinked, 1U);
    tally =
        read(said(trusted_a) + said("daemon started", "postfix-in/master[1]") + to("AAAAAA", "x@a.example"));
    EXPECT_EQ(of(tally), one);
}

TEST(PreviewTally, TakesThePerDeliveryWordOfPostfix311) {
    const std::string end = "dsn=2.0.0, status=sent (ok)";
    const DomainSum sum =
        sum_of(read(to("AAAAAA", "x@a.example", "mx.a.example[192.0.2.1]:25", "tls=secure, " + end) +
                    to("BBBBBB", "x@a.example", "mx.a.example[192.0.2.1]:25", "tls=may:none, " + end) +
                    to("CCCCCC", "x@a.example", "mx.a.example[192.0.2.1]:25", "tls=!secure, " + end) +
                    to("DDDDDD", "x@a.example", "mx.a.example[192.0.2.1]:25", "tls=may, " + end)),
               "a.example");
    EXPECT_EQ(sum.tls, (std::array<std::uint64_t, levels>{0, 0, 0, 1}));
    EXPECT_EQ(sum.clear, 1U);
}

TEST(PreviewTally, LearnsTheNextHopWhereTheLogNamesIt) {
    const std::string report =
        said("TLSRPT: status=failure, domain=hop.example, receiving_mx=mx.a.example[192.0.2.1], "
             "failure_type=certificate-expired");
    const DomainSum sum =
        sum_of(read(report + to("AAAAAA", "x@a.example") + to("AAAAAA", "y@a.example")), "a.example");
    EXPECT_EQ(sum.next_hop, "hop.example");
    EXPECT_EQ(sum.reports_bad, 1U);
    EXPECT_EQ(sum.failure, "certificate-expired");
    EXPECT_EQ(
        sum_of(read(said("warning: MX name 'mx.x.example' does not match STS MX pattern for 'A.example'") +
                    to("AAAAAA", "x@a.example")),
               "a.example")
            .next_hop,
        "");
    EXPECT_EQ(sum_of(read(report + to("AAAAAA", "x@a.example") + to("BBBBBB", "x@b.example")), "b.example")
                  .next_hop,
              "");
}

TEST(PreviewTally, LeavesOutWhatIsTooOld) {
    const std::string text = "Nov 27 10:00:00 h postfix/smtp[7]: AAAAAA: to=<x@a.example>, "
                             "relay=mx[192.0.2.1]:25, delay=1, dsn=2.0.0, "
                             "status=sent (ok)\n" +
                             to("BBBBBB", "x@a.example");
    const Tally tally = read(text, *tool::parse_time("2026-11-28T00:00:00Z"));
    EXPECT_EQ(tally.messages(), 1U);
    EXPECT_EQ(tally.lines.earlier, 1U);
    EXPECT_EQ(tally.first(), tool::parse_time("2026-11-29T10:00:00Z"));
    EXPECT_EQ(read(text).first(), tool::parse_time("2026-11-27T10:00:00Z"));
}

TEST(PreviewTally, KeepsWithinItsLimits) {
    TallyLimits limits;
    limits.domains = 2;
    limits.in_queue = 4;
    limits.processes = 1;
    limits.relays = 1;
    std::string text;
    for (char id = 'A'; id < 'K'; ++id)
        text += to(std::string(6, id), std::string(1, id) + "@" + id + ".example");
    const Tally tally = read(text, {}, limits);
    EXPECT_EQ(tally.domains(), 2U);
    EXPECT_EQ(tally.messages(), 2U);
    EXPECT_EQ(tally.lines.over_limit, 8U);
    std::string many;
    for (char id = 'A'; id < 'K'; ++id) many += to(std::string(6, id), "x@a.example");
    EXPECT_GT(read(many, {}, limits).lines.forgotten, 0U);
    EXPECT_EQ(read(many, {}, limits).messages(), 10U);
    EXPECT_TRUE(sum_of(read(to("AAAAAA", "x@a.example") + to("AAAAAA", "x@a.example", "mx2[192.0.2.1]:25"),
                            {}, limits),
                       "a.example")
                    .more_hosts);
}

TEST(PreviewTally, AMessageToVeryManyDomainsIsNoTrouble) {
    Tally tally;
    Times times(written, utc);
    for (int n = 0; n < 50'000; ++n) {
        std::string line = to("AAAAAA", "x@d" + std::to_string((n * 7919) % 50'000) + ".example");
        line.pop_back();
        read_line(line, times, tally);
    }
    EXPECT_EQ(tally.messages(), 50'000U);
    EXPECT_EQ(tally.domains(), 50'000U);
}

/// What tests/logs/make.py sent, for each version of Postfix; counted by another program.
class PreviewLogs : public testing::TestWithParam<const char*> {};

const std::map<std::string, std::uint64_t> sent_to{
    {"good.example", 4},    {"wildcard.example", 2},      {"quiet.example", 1},
    {"signed.example", 2},  {"second.example", 2},        {"wrongname.example", 5},
    {"testing.example", 2}, {"untrusted.example", 2},     {"expired.example", 2},
    {"nohost.example", 1},  {"norecord.example", 1},      {"nostarttls.example", 4},
    {"nofile.example", 1},  {"missing.example", 1},       {"mismatch.example", 1},
    {"sender.example", 1},  {"xn--bcher-kva.example", 1}, {"reported.example", 1}};

void expect_sent(const Tally& tally) {
    std::map<std::string, std::uint64_t> messages;
    for (const DomainSum& sum : tally.sums()) messages[sum.domain] = sum.messages;
    EXPECT_EQ(messages, sent_to);
    for (const LeftOut kind : {LeftOut::local, LeftOut::internal, LeftOut::relayed, LeftOut::literal})
        EXPECT_EQ(tally.left_out(kind), 1U) << to_string(kind);
    EXPECT_EQ(tally.lines.broken, 0U);
    EXPECT_EQ(tally.lines.undated, 0U);
}

TEST_P(PreviewLogs, OfARealPostfixAreReadInFull) {
    const Tally tally = read(file(GetParam()));
    expect_sent(tally);
    EXPECT_EQ(tally.lines.unlinked, 0U);
    const DomainSum good = sum_of(tally, "good.example"), wrong = sum_of(tally, "wrongname.example");
    EXPECT_EQ(good.tls[static_cast<std::size_t>(Level::verified)], 5U);
    EXPECT_EQ(good.sent, 4U);
    EXPECT_EQ(good.hosts.front().name, "mx.good.example");
    EXPECT_EQ(wrong.sent, 0U);
    EXPECT_EQ(wrong.waited, 5U);
    EXPECT_EQ(sum_of(tally, "nostarttls.example").waited, 4U);
    EXPECT_EQ(sum_of(tally, "quiet.example").tls, (std::array<std::uint64_t, levels>{}))
        << "its service does not log TLS";
    EXPECT_EQ(sum_of(tally, "second.example").hosts.front().name, "mx2.second.example");
    // The version's words for a wrong name: Untrusted before 3.10, Trusted since.
    const bool old = std::string(GetParam()).find("3.7") != std::string::npos;
    EXPECT_EQ(wrong.tls[static_cast<std::size_t>(old ? Level::trusted : Level::untrusted)], 0U);
    EXPECT_GT(wrong.tls[static_cast<std::size_t>(old ? Level::untrusted : Level::trusted)], 0U);
    EXPECT_EQ(sum_of(tally, "reported.example").reports_good, old ? 0U : 1U);
}

TEST_P(PreviewLogs, MeanTheSameWithNoiseBetweenTheLines) {
    std::istringstream lines(file(GetParam()));
    std::string noisy;
    for (std::string line; std::getline(lines, line);) {
        noisy += "Nov 29 01:00:00 h dovecot: imap(u)<1><x>: AAAAAA: to=<x@noise.example>, "
                 "relay=mx[192.0.2.1]:25, dsn=2.0.0, status=sent (x)\n"
                 "Nov 29 01:00:00 h kernel: [1.2] noise\n\xff\xfe\n\nNov 29 01:00:00 h postfix/smtpd[3]: "
                 "AAAAAA: client=x\n";
        noisy += line + "\r\n";
    }
    const Tally tally = read(noisy);
    expect_sent(tally);
    EXPECT_GT(tally.lines.other, 4 * 200U);
}

TEST_P(PreviewLogs, MeanTheSameWithTimesOfRfc3339) {
    std::istringstream lines(file(GetParam()));
    std::string text;
    for (std::string line; std::getline(lines, line);)
        text += "2026-11-29T" + line.substr(7, 8) + ".123456+00:00" + line.substr(15) + "\n";
    const Tally tally = read(text), old = read(file(GetParam()));
    expect_sent(tally);
    EXPECT_EQ(tally.first(), old.first());
    EXPECT_EQ(tally.last(), old.last());
}

TEST_P(PreviewLogs, CutAnywhereAreNeverMisread) {
    std::istringstream lines(file(GetParam()));
    std::string text;
    std::size_t at = 0;
    for (std::string line; std::getline(lines, line); ++at)
        text += line.substr(0, line.size() - (at * 37) % line.size()) + "\n";
    const Tally tally = read(text);
    EXPECT_GT(tally.lines.broken, 0U);
    for (const DomainSum& sum : tally.sums()) {
        if (sum.domain == "filtered.example")
            continue; // where it was meant to go is in the words behind the status
        const auto known = sent_to.find(sum.domain);
        ASSERT_NE(known, sent_to.end()) << sum.domain;
        EXPECT_LE(sum.messages, known->second);
    }
}

INSTANTIATE_TEST_SUITE_P(Versions, PreviewLogs, testing::Values("postfix-3.7.11.log", "postfix-3.10.13.log"),
                         [](const auto& each) {
                             return std::string(each.index == 0 ? "Postfix37" : "Postfix310");
                         });

} // namespace
} // namespace preview
