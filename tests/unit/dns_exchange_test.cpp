// One question stepped by hand: what is sent when, and what comes of it.
#include "dns/exchange.hpp"

#include "support/dns_message.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace {

using base::Reason;
using base::Steady;
using dns::Exchange;
using dns::IoError;
using dns::Note;
using dns::Step;
using dns::Transport;
using dns::Type;
using test::Message;
using namespace std::chrono_literals;

const std::string name = "_mta-sts.example.com";

/// An exchange with its clock. Ids are 1000 + the number of the try.
struct Script {
    Script(const Script&) = delete;
    Script& operator=(const Script&) = delete;
    explicit Script(std::size_t servers, dns::ExchangeOptions options = {}, base::milliseconds whole = 8s) {
        std::vector<dns::Candidate> candidates;
        for (std::size_t i = 0; i < servers; ++i) candidates.push_back({i, true});
        exchange.emplace(name, Type::txt, candidates, options, now + whole, [this] { return next_id++; });
        take(exchange->start(now));
    }
    void take(Step s) {
        step = std::move(s);
        if (step.send) sends.push_back(*step.send);
        for (const Note& note : step.notes) notes.push_back(note);
        if (step.done) result = std::move(step.done);
    }
    /// Lets time pass to the moment the exchange asked for.
    void wake() {
        now = std::max(now, step.wake);
        take(exchange->time_passed(now));
    }
    void pass(base::milliseconds time) {
        now += time;
        take(exchange->time_passed(now));
    }
    Message reply(std::size_t attempt, unsigned rcode = 0) const {
        Message m = test::reply_to({static_cast<std::uint16_t>(1000 + attempt), name, Type::txt});
        if (rcode == 0) m.answer = {test::txt(name, "from " + std::to_string(sends.at(attempt).server))};
        m.rcode = rcode;
        m.edns = false;
        return m;
    }
    void receive(std::size_t attempt, const Message& message) {
        take(exchange->message(attempt, message.bytes(), now));
    }
    void fail(std::size_t attempt, IoError error = IoError::unreachable) {
        take(exchange->failed(attempt, error, now));
    }
    void truncate(std::size_t attempt) {
        Message m = reply(attempt);
        m.tc = true;
        m.answer.clear();
        receive(attempt, m);
    }
    std::string asked() const { // "0 1 0t": the servers asked, t for TCP
        std::string out;
        for (const dns::Send& send : sends)
            out += (out.empty() ? "" : " ") + std::to_string(send.server) +
                   (send.transport == Transport::tcp ? "t" : "");
        return out;
    }
    Reason reason() const { return result && !*result ? result->error().reason : Reason::none; }
    std::string text() const {
        return result && *result && !(*result)->records.empty() ? (*result)->records[0] : "";
    }

    Steady now{1000s};
    std::uint16_t next_id = 1000;
    std::optional<Exchange> exchange;
    Step step;
    std::vector<dns::Send> sends;
    std::vector<Note> notes;
    std::optional<dns::Result> result;
};

bool has_edns(const dns::Send& send) { return send.message.at(11) == 1; }

TEST(DnsExchange, AsksTheFirstServerAndTakesItsAnswer) {
    Script s{2};
    EXPECT_EQ(s.asked(), "0");
    EXPECT_EQ(s.sends[0].message[0] << 8 | s.sends[0].message[1], 1000);
    EXPECT_EQ(s.step.wake, s.now + 2s);
    s.receive(0, s.reply(0));
    EXPECT_EQ(s.text(), "from 0");
    ASSERT_EQ(s.notes.size(), 1U);
    EXPECT_EQ(s.notes[0].what, Note::What::replied);
    EXPECT_TRUE(s.exchange->done());
}

TEST(DnsExchange, NxdomainIsAnAnswer) {
    Script s{2};
    s.receive(0, s.reply(0, 3));
    ASSERT_TRUE(s.result && *s.result);
    EXPECT_EQ((*s.result)->kind, dns::Answer::Kind::nxdomain);
}

TEST(DnsExchange, AdBitOnlyFromTrustedServers) {
    for (bool trusted : {false, true}) {
        dns::Candidate candidate;
        candidate.trust_ad = trusted;
        Exchange exchange{name, Type::txt, {candidate}, {}, Steady{8s}, [] { return std::uint16_t{7}; }};
        EXPECT_TRUE(exchange.start(Steady{0s}).send);
        Message m = test::reply_to({7, name, Type::txt}, {test::txt(name, "x")});
        m.ad = true;
        const Step step = exchange.message(0, m.bytes(), Steady{1s});
        ASSERT_TRUE(step.done && *step.done);
        EXPECT_EQ((*step.done)->worth, trusted ? dns::Worth::secure : dns::Worth::indeterminate);
    }
}

TEST(DnsExchange, ASilentServerCostsOneTry) {
    Script s{2};
    s.pass(1999ms);
    EXPECT_EQ(s.asked(), "0");
    s.pass(1ms);
    EXPECT_EQ(s.asked(), "0 1");
    ASSERT_EQ(s.notes.size(), 1U);
    EXPECT_EQ(s.notes[0].reason, Reason::dns_timeout);
    EXPECT_TRUE(s.notes[0].servers_fault);
    s.receive(1, s.reply(1));
    EXPECT_EQ(s.text(), "from 1");
}

TEST(DnsExchange, TwoRoundsAndThenTheDeadline) {
    Script s{2};
    for (int i = 0; i < 20 && !s.result; ++i) s.wake();
    EXPECT_EQ(s.asked(), "0 1 0 1");
    EXPECT_EQ(s.now, Steady{1008s});
    EXPECT_EQ(s.reason(), Reason::dns_timeout);
    Script one{1};
    for (int i = 0; i < 20 && !one.result; ++i) one.wake();
    EXPECT_EQ(one.asked(), "0 0 0 0");
}

TEST(DnsExchange, TheDeadlineIsSpentDown) {
    Script s{3, {}, 5s};
    for (int i = 0; i < 20 && !s.result; ++i) s.wake();
    EXPECT_EQ(s.asked(), "0 1 2");
    EXPECT_EQ(s.now, Steady{1005s});
    EXPECT_FALSE(s.notes.back().servers_fault); // it had one second only
    Script late{1, {}, 1s};
    EXPECT_EQ(late.step.wake, late.now + 1s);
    late.now += 1s;
    late.receive(0, late.reply(0)); // at the deadline is too late
    EXPECT_FALSE(late.exchange->has_ended(0)) << "it was cut short: a reply may still come";
    EXPECT_EQ(late.reason(), Reason::dns_timeout);
}

TEST(DnsExchange, TriesAServerAreLimited) {
    dns::ExchangeOptions options;
    options.tries_per_server = 1;
    Script s{2, options};
    for (int i = 0; i < 20 && !s.result; ++i) s.wake();
    EXPECT_EQ(s.asked(), "0 1");
    EXPECT_EQ(s.now, Steady{1004s});
    EXPECT_EQ(s.reason(), Reason::dns_timeout);
}

TEST(DnsExchange, ALateAnswerCounts) {
    Script s{2};
    s.pass(2s);
    s.receive(0, s.reply(0));
    EXPECT_EQ(s.text(), "from 0");
}

TEST(DnsExchange, ALateFailureDoesNotEndTheCurrentTry) {
    for (unsigned rcode : {2U, 5U}) {
        Script s{3};
        s.pass(2s);
        s.receive(0, s.reply(0, rcode));
        EXPECT_EQ(s.asked(), "0 1");
        EXPECT_EQ(s.step.wake, s.now + 2s);
        s.wake();
        EXPECT_EQ(s.asked(), "0 1 2");
    }
    Script s{3};
    s.pass(2s);
    s.fail(0);
    EXPECT_EQ(s.asked(), "0 1");
}

TEST(DnsExchange, TruncatedGoesOverTcpToTheSameServer) {
    Script s{2};
    s.truncate(0);
    EXPECT_EQ(s.asked(), "0 0t");
    EXPECT_NE(s.sends[0].message, s.sends[1].message); // another id
    s.receive(1, s.reply(1));
    EXPECT_EQ(s.text(), "from 0");
}

TEST(DnsExchange, TruncatedThenSilentOverTcp) {
    Script s{2};
    s.truncate(0);
    s.wake();
    EXPECT_EQ(s.asked(), "0 0t 1");
    s.truncate(2);
    s.fail(3);
    EXPECT_EQ(s.asked(), "0 0t 1 1t 0t"); // in the next round TCP at once
    s.receive(1, s.reply(1));             // the first TCP reply, late
    EXPECT_EQ(s.text(), "from 0");
}

TEST(DnsExchange, TruncatedTwiceAsksOnceOverTcp) {
    Script s{1};
    s.wake();
    s.truncate(0);
    s.truncate(1);
    EXPECT_EQ(s.asked(), "0 0 0t");
}

TEST(DnsExchange, TruncatedOverTcpIsMalformed) {
    Script s{1};
    s.truncate(0);
    s.truncate(1);
    EXPECT_FALSE(s.result);
    s.wake(); // the pause before the next round
    s.truncate(2);
    EXPECT_EQ(s.reason(), Reason::dns_malformed);
}

TEST(DnsExchange, TcpOnly) {
    dns::ExchangeOptions options;
    options.tcp_only = true;
    Script s{1, options};
    EXPECT_EQ(s.asked(), "0t");
}

TEST(DnsExchange, ServerThatCannotGoesToTheNextAndIsLeftAlone) {
    const std::pair<unsigned, Reason> rows[] = {
        {2, Reason::dns_servfail}, {5, Reason::dns_refused}, {9, Reason::dns_servfail}};
    for (const auto& [rcode, reason] : rows) {
        Script s{2};
        s.receive(0, s.reply(0, rcode));
        EXPECT_EQ(s.asked(), "0 1");
        s.receive(1, s.reply(1));
        EXPECT_EQ(s.text(), "from 1");
        Script all{2};
        all.receive(0, all.reply(0, rcode));
        all.receive(1, all.reply(1, rcode));
        EXPECT_EQ(all.reason(), reason);
        EXPECT_EQ(all.asked(), "0 1");
    }
}

TEST(DnsExchange, AReferralIsARefusal) {
    Script s{1};
    Message m = s.reply(0);
    m.answer.clear();
    m.ra = false;
    m.authority = {{"com", test::rr::ns, 1, test::wire("ns.example")}};
    s.receive(0, m);
    EXPECT_EQ(s.reason(), Reason::dns_refused);
}

TEST(DnsExchange, WithoutEdnsOnce) {
    for (unsigned rcode : {1U, 4U, 16U}) {
        Script s{2};
        EXPECT_TRUE(has_edns(s.sends[0]));
        Message m = s.reply(0, rcode);
        m.edns = rcode > 15;
        s.receive(0, m);
        EXPECT_EQ(s.asked(), "0 0");
        EXPECT_FALSE(has_edns(s.sends[1]));
        s.receive(1, s.reply(1, 1));
        EXPECT_EQ(s.asked(), "0 0 1");
        EXPECT_TRUE(has_edns(s.sends[2]));
        s.receive(2, s.reply(2, 5));
        EXPECT_EQ(s.reason(), Reason::dns_refused);
    }
}

TEST(DnsExchange, StraysAreIgnoredAndExtendNothing) {
    Script s{2};
    const auto wake = s.step.wake;
    s.now += 1s;
    Message other_id = s.reply(0), other_name = s.reply(0), other_type = s.reply(0);
    other_id.id = 1;
    other_name.name = "a.example";
    other_type.type = test::rr::a;
    for (const Message& m : {other_id, other_name, other_type}) s.receive(0, m);
    s.take(s.exchange->message(0, {}, s.now));
    EXPECT_EQ(s.step.wake, wake);
    EXPECT_EQ(s.asked(), "0");
    s.receive(0, s.reply(0));
    EXPECT_EQ(s.text(), "from 0");
}

TEST(DnsExchange, TheIdOfAnotherTryDoesNotCount) {
    Script s{2};
    s.pass(2s);
    s.receive(1, s.reply(0));
    EXPECT_FALSE(s.result);
}

TEST(DnsExchange, AFloodOfGuessesEndsTheTry) {
    dns::ExchangeOptions options;
    options.max_ignored = 3;
    Script s{2, options};
    Message guess = s.reply(0);
    for (std::uint16_t id = 1; id <= 3; ++id) {
        EXPECT_TRUE(s.exchange->listens_to(0));
        guess.id = id;
        s.receive(0, guess);
    }
    EXPECT_FALSE(s.exchange->listens_to(0));
    EXPECT_TRUE(s.exchange->has_ended(0));
    EXPECT_EQ(s.asked(), "0 1");
    s.receive(0, s.reply(0)); // even the right one
    EXPECT_FALSE(s.result);
}

TEST(DnsExchange, MalformedAndSilentIsMalformed) {
    Script s{1};
    auto bytes = s.reply(0).bytes();
    bytes.pop_back();
    s.take(s.exchange->message(0, bytes, s.now));
    EXPECT_FALSE(s.result);
    for (int i = 0; i < 20 && !s.result; ++i) s.wake();
    EXPECT_EQ(s.reason(), Reason::dns_malformed);
    EXPECT_EQ(s.now, Steady{1008s});
}

TEST(DnsExchange, UnreachableServersGetASecondRoundAfterAPause) {
    Script s{2};
    s.fail(0);
    EXPECT_EQ(s.asked(), "0 1");
    s.fail(1);
    EXPECT_EQ(s.asked(), "0 1");
    EXPECT_EQ(s.step.wake, s.now + 500ms);
    s.wake();
    s.fail(2);
    s.fail(3);
    EXPECT_EQ(s.asked(), "0 1 0 1");
    EXPECT_EQ(s.reason(), Reason::dns_network);
}

TEST(DnsExchange, LocalTroubleIsNotTheServersFault) {
    Script s{1};
    s.fail(0, IoError::local);
    ASSERT_EQ(s.notes.size(), 1U);
    EXPECT_FALSE(s.notes[0].servers_fault);
}

TEST(DnsExchange, WantOfOurOwnIsNoTroubleOfTheDomain) {
    Script s{1};
    s.fail(0, IoError::exhausted);
    EXPECT_FALSE(s.notes.at(0).servers_fault);
    s.wake();
    s.fail(1, IoError::exhausted);
    EXPECT_EQ(s.reason(), Reason::overloaded);
    // What a server said tells more.
    Script told{2};
    told.fail(0, IoError::exhausted);
    told.receive(1, told.reply(1, 2));
    for (std::size_t i = 2; !told.result; ++i) {
        told.wake();
        if (!told.result) told.fail(i, IoError::exhausted);
    }
    EXPECT_EQ(told.reason(), Reason::dns_servfail);
}

TEST(DnsExchange, TheMostTellingFailureWins) {
    const auto silent = [](Script& s, std::size_t) { s.wake(); };
    const auto servfail = [](Script& s, std::size_t i) { s.receive(i, s.reply(i, 2)); };
    const auto refused = [](Script& s, std::size_t i) { s.receive(i, s.reply(i, 5)); };
    const auto network = [](Script& s, std::size_t i) { s.fail(i); };
    using Act = std::function<void(Script&, std::size_t)>;
    const std::tuple<Act, Act, Reason> rows[] = {
        {silent, servfail, Reason::dns_servfail},  {servfail, silent, Reason::dns_servfail},
        {refused, servfail, Reason::dns_servfail}, {silent, refused, Reason::dns_refused},
        {network, silent, Reason::dns_timeout},    {network, refused, Reason::dns_refused},
    };
    for (const auto& [first, second, reason] : rows) {
        Script s{2};
        for (std::size_t i = 0; i < 50 && !s.result; ++i) {
            const std::size_t tries = s.sends.size();
            const Act& act = s.sends.back().server == 0 ? first : second;
            act(s, tries - 1);
            if (!s.result && s.sends.size() == tries) s.wake(); // a pause between rounds
        }
        EXPECT_EQ(s.reason(), reason);
        EXPECT_LE(s.now, Steady{1008s});
    }
}

TEST(DnsExchange, ASilentServerIsNotWaitedForLongOnceAnotherGaveAReason) {
    Script s{2};
    s.receive(0, s.reply(0, 2));
    s.wake();
    EXPECT_EQ(s.asked(), "0 1 1");
    s.wake();
    EXPECT_EQ(s.reason(), Reason::dns_servfail);
    EXPECT_EQ(s.now, Steady{1004s});
}

TEST(DnsExchange, AsksForSignaturesWhereAdMatters) {
    for (const Type type : {Type::txt, Type::mx, Type::a, Type::aaaa, Type::tlsa, Type::soa}) {
        Exchange exchange{"a.example", type,       {dns::Candidate{}},
                          {},          Steady{8s}, [] { return std::uint16_t{1}; }};
        const Step step = exchange.start(Steady{0s});
        ASSERT_TRUE(step.send);
        const dns::Bytes& query = step.send->message;
        EXPECT_EQ(query.at(query.size() - 4) & 0x80, type == Type::txt ? 0 : 0x80); // DO, at OPT's end
        EXPECT_NE(query.at(3) & 0x20, 0);                                           // AD
    }
}

TEST(DnsExchange, NoServersOrNoName) {
    EXPECT_EQ(Script{0}.reason(), Reason::dns_network);
    Exchange exchange{"a..b", Type::txt, {dns::Candidate{}}, {}, Steady{8s}, [] { return std::uint16_t{1}; }};
    const Step step = exchange.start(Steady{0s});
    ASSERT_TRUE(step.done);
    EXPECT_FALSE(step.send);
    EXPECT_EQ(step.done->error(), Reason::dns_malformed);
}

TEST(DnsExchange, NothingHappensAfterTheEnd) {
    Script s{2};
    s.pass(2s);
    s.receive(0, s.reply(0));
    const auto sends = s.sends.size(), notes = s.notes.size();
    s.receive(1, s.reply(1));
    s.fail(1);
    s.pass(10s);
    EXPECT_EQ(s.sends.size(), sends);
    EXPECT_EQ(s.notes.size(), notes);
    EXPECT_EQ(s.text(), "from 0");
}

// One script that uses every transition: FORMERR, truncation, TCP. It is run with each kind of failure put in
// at each step in turn; whatever it is and wherever, the second server still answers, within the deadline.
TEST(DnsExchange, FailingAtEachStepInTurn) {
    using Break = std::function<void(Script&, std::size_t)>;
    const std::pair<const char*, Break> breaks[] = {
        {"silence", [](Script& s, std::size_t) { s.wake(); }},
        {"unreachable", [](Script& s, std::size_t i) { s.fail(i); }},
        {"no socket", [](Script& s, std::size_t i) { s.fail(i, IoError::local); }},
        {"servfail", [](Script& s, std::size_t i) { s.receive(i, s.reply(i, 2)); }},
        {"refused", [](Script& s, std::size_t i) { s.receive(i, s.reply(i, 5)); }},
        {"garbage",
         [](Script& s, std::size_t i) {
             s.take(s.exchange->message(i, dns::Bytes(40, 0xff), s.now));
             s.wake();
         }},
    };
    constexpr std::size_t steps = 4;
    for (const auto& [why, broken] : breaks) {
        for (std::size_t at = 0; at < steps; ++at) {
            Script s{2};
            bool broke = false;
            for (std::size_t i = 0; i < 20 && !s.result; ++i) {
                const std::size_t attempt = s.sends.size() - 1;
                const dns::Send& send = s.sends.back();
                if (!broke && i == at) {
                    broke = true;
                    broken(s, attempt);
                } else if (send.server == 0 && has_edns(send)) {
                    s.receive(attempt, s.reply(attempt, 1));
                } else if (send.server == 0 && send.transport == Transport::udp) {
                    s.truncate(attempt);
                } else {
                    s.receive(attempt, s.reply(attempt));
                }
            }
            EXPECT_FALSE(s.text().empty()) << why << " at " << at;
            EXPECT_LE(s.now, Steady{1004s}) << why << " at " << at;
        }
    }
}

} // namespace
