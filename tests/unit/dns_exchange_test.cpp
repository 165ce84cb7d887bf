// One question, step by step: what is sent and when, and the result.
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
using dns::Actions;
using dns::Exchange;
using dns::IoError;
using dns::Note;
using dns::Transport;
using dns::Type;
using test::Message;
using namespace std::chrono_literals;

const std::string name = "_mta-sts.example.com";

/// An exchange with its clock. Ids are 1000 + the number of the try.
struct Script {
    Script(const Script&) = delete;
    Script& operator=(const Script&) = delete;
    /// Servers that have answered the high form before.
    explicit Script(std::size_t servers, dns::ExchangeOptions options = {}, base::milliseconds whole = 8s)
        : Script(candidates(servers, true), false, options, whole) {}
    Script(std::vector<dns::Candidate> asked, bool worth_matters, dns::ExchangeOptions options = {},
           base::milliseconds whole = 8s) {
        exchange.emplace(name, Type::txt, worth_matters, std::move(asked), options, now + whole,
                         [this] { return next_id++; });
        take(exchange->start(now));
    }
    static std::vector<dns::Candidate> candidates(std::size_t servers, bool proven, bool believed = true) {
        std::vector<dns::Candidate> out;
        for (std::size_t i = 0; i < servers; ++i) out.push_back({i, believed, false, proven});
        return out;
    }
    void take(Actions s) {
        actions = std::move(s);
        for (const dns::Send& send : actions.sends) sends.push_back(send);
        for (const Note& note : actions.notes) notes.push_back(note);
        if (actions.done) result = std::move(actions.done);
    }
    /// Lets time pass until the moment that the exchange asked for.
    void wake() {
        now = std::max(now, actions.wake);
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
    std::string forms() const { // "0e 1 0d 0at": likewise, d for EDNS with DO and AD, e for EDNS, a for AD
        std::string out;
        for (const dns::Send& send : sends) {
            const bool edns = send.message.at(11) == 1, ad = (send.message.at(3) & 0x20) != 0;
            const bool dnssec_ok = edns && (send.message.at(send.message.size() - 4) & 0x80) != 0;
            out += (out.empty() ? "" : " ") + std::to_string(send.server);
            if (dnssec_ok)
                out += ad ? "d" : "?";
            else if (edns)
                out += ad ? "!" : "e";
            else if (ad)
                out += "a";
            if (send.transport == Transport::tcp) out += "t";
        }
        return out;
    }
    void garble(std::size_t attempt) { // id and question are right, but the answer is missing
        auto bytes = reply(attempt).bytes();
        bytes.pop_back();
        take(exchange->message(attempt, bytes, now));
    }
    Reason reason() const { return result && !*result ? result->error().reason : Reason::none; }
    std::string text() const {
        return result && *result && !(*result)->records.empty() ? (*result)->records[0] : "";
    }

    Steady now{1000s};
    std::uint16_t next_id = 1000;
    std::optional<Exchange> exchange;
    Actions actions;
    std::vector<dns::Send> sends;
    std::vector<Note> notes;
    std::optional<dns::Result> result;
};

bool has_edns(const dns::Send& send) { return send.message.at(11) == 1; }

TEST(DnsExchange, AsksTheFirstServerAndTakesItsAnswer) {
    Script s{2};
    EXPECT_EQ(s.asked(), "0");
    EXPECT_EQ(s.sends[0].message[0] << 8 | s.sends[0].message[1], 1000);
    EXPECT_EQ(s.actions.wake, s.now + 2s);
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

TEST(DnsExchange, WhatAnAnswerIsWorth) {
    using dns::Worth;
    struct Row {
        bool believed, worth_matters, low, ad;
        Worth worth;
    };
    const Row rows[] = {
        {true, true, false, true, Worth::secure},          {true, true, false, false, Worth::insecure},
        {true, true, true, true, Worth::secure},           {true, true, true, false, Worth::indeterminate},
        {true, false, false, false, Worth::indeterminate}, // nobody asked for it
        {false, true, false, true, Worth::indeterminate},  {false, true, false, false, Worth::indeterminate},
        {false, true, true, true, Worth::indeterminate},   {false, false, false, true, Worth::indeterminate},
    };
    for (const Row& row : rows) {
        Script s{{{0, row.believed, row.low, false}}, row.worth_matters};
        Message m = s.reply(0);
        m.ad = row.ad;
        s.receive(0, m);
        ASSERT_TRUE(s.result && *s.result);
        EXPECT_EQ((*s.result)->worth, row.worth) << row.believed << row.worth_matters << row.low << row.ad;
        EXPECT_EQ(s.notes.back().ad, row.ad);
        EXPECT_EQ(s.exchange->answered_by(), 0U);
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
    EXPECT_EQ(late.actions.wake, late.now + 1s);
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
        s.receive(0, s.reply(0, rcode)); // the lower form gets its own try
        EXPECT_EQ(s.asked(), "0 1 0");
        s.receive(2, s.reply(2, rcode));
        EXPECT_EQ(s.asked(), "0 1 0 2");
        s.receive(1, s.reply(1));
        EXPECT_EQ(s.text(), "from 1");
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

// How a server is asked that answers each form of a query differently, and the result. Each letter stands for
// a form: e and d with EDNS, a and b without (with AD, and bare), t over TCP. The mark is the server's answer
// to it.
//   . silence   ! an error code   ~ nonsense   ok an answer
TEST(DnsExchange, FormsOfAQuestion) {
    enum class Does { silence, error, garbage, answer };
    using enum Does;
    struct Row {
        const char* what;
        bool worth_matters, low;
        Does high, lower, tcp;
        std::string asked; ///< until the end
        Reason reason;
        base::milliseconds took;
    };
    const Row rows[] = {
        {"all is well", false, false, answer, answer, answer, "0e", Reason::none, 0s},
        {"all is well, DANE", true, false, answer, answer, answer, "0d", Reason::none, 0s},
        {"EDNS is dropped", false, false, silence, answer, answer, "0e 0", Reason::none, 2s},
        {"DO is dropped", true, false, silence, answer, answer, "0d 0a", Reason::none, 2s},
        {"an error to EDNS", false, false, error, answer, answer, "0e 0", Reason::none, 0s},
        {"an error to DO", true, false, error, answer, answer, "0d 0a", Reason::none, 0s},
        {"garbage to EDNS", false, false, garbage, answer, answer, "0e 0", Reason::none, 0s},
        {"garbage to DO", true, false, garbage, answer, answer, "0d 0a", Reason::none, 0s},
        {"garbage over UDP", false, false, garbage, garbage, answer, "0e 0 0t", Reason::none, 0s},
        {"garbage over UDP, DANE", true, false, garbage, garbage, answer, "0d 0a 0at", Reason::none, 0s},
        {"garbage everywhere", false, false, garbage, garbage, garbage, "0e 0 0t 0t", Reason::dns_malformed,
         500ms},
        {"an error everywhere", false, false, error, error, error, "0e 0", Reason::dns_servfail, 0s},
        {"an error, then garbage", false, false, error, garbage, answer, "0e 0 0t", Reason::none, 0s},
        {"garbage, then an error", false, false, garbage, error, answer, "0e 0 0", Reason::dns_servfail, 0s},
        {"silence, then garbage", false, false, silence, garbage, answer, "0e 0 0t", Reason::none, 2s},
        {"silence", false, false, silence, silence, silence, "0e 0 0e 0", Reason::dns_timeout, 8s},
        {"begun low", false, true, silence, answer, answer, "0", Reason::none, 0s},
        {"begun low, DANE", true, true, silence, answer, answer, "0a", Reason::none, 0s},
        {"begun low, silence", false, true, answer, silence, answer, "0 0e", Reason::none, 2s},
        {"begun low, an error", false, true, answer, error, answer, "0 0", Reason::dns_servfail, 0s},
        {"begun low, garbage", false, true, answer, garbage, answer, "0 0t", Reason::none, 0s},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.what);
        Script s{{{0, true, row.low, false}}, row.worth_matters};
        for (std::size_t i = 0; i < 20 && !s.result; ++i) {
            const std::size_t tries = s.sends.size(), attempt = tries - 1;
            const dns::Send& send = s.sends.back();
            const Does does = send.transport == Transport::tcp ? row.tcp
                              : send.message.at(11) == 1       ? row.high
                                                               : row.lower;
            if (does == silence) s.wake();
            if (does == error) s.receive(attempt, s.reply(attempt, 2));
            if (does == garbage) s.garble(attempt);
            if (does == answer) s.receive(attempt, s.reply(attempt));
            if (!s.result && s.sends.size() == tries) s.wake(); // a pause between rounds
        }
        EXPECT_EQ(s.forms(), row.asked);
        EXPECT_EQ(s.reason(), row.reason);
        EXPECT_EQ(s.now - Steady{1000s}, row.took);
        EXPECT_EQ(!s.text().empty(), row.reason == Reason::none);
    }
}

TEST(DnsExchange, AServerThatIsNotKnownIsAskedInBothFormsBesideTheNext) {
    Script s{Script::candidates(2, false), false};
    s.wake();
    EXPECT_EQ(s.forms(), "0e 1e 0");
    EXPECT_EQ(s.actions.wake, s.now + 2s);
    s.receive(2, s.reply(2));
    EXPECT_EQ(s.text(), "from 0");
    // Both drop EDNS.
    Script both{Script::candidates(2, false), false};
    both.wake();
    both.wake();
    EXPECT_EQ(both.forms(), "0e 1e 0 0e 1");
    // A failure of the other server ends nobody's turn.
    Script beside{Script::candidates(2, false), false};
    beside.wake();
    beside.fail(2);
    EXPECT_EQ(beside.forms(), "0e 1e 0");
    beside.receive(1, beside.reply(1));
    EXPECT_EQ(beside.text(), "from 1");
}

TEST(DnsExchange, OnlyTheBelievedAreAskedWhatTheirAnswerIsWorth) {
    Script s{{{0, false, false, true}, {1, true, false, true}}, true};
    s.wake();
    EXPECT_EQ(s.forms(), "0e 1d");
}

TEST(DnsExchange, GarbageOfNobodyEndsNoTry) {
    Script s{2};
    s.take(s.exchange->message(0, dns::Bytes{1, 2, 3}, s.now)); // anybody may have sent it
    EXPECT_EQ(s.asked(), "0");
    s.garble(0);
    EXPECT_EQ(s.forms(), "0e 0");
    s.garble(0); // once a try
    EXPECT_EQ(s.forms(), "0e 0");
    s.receive(0, s.reply(0)); // the right one after all
    EXPECT_EQ(s.text(), "from 0");
}

TEST(DnsExchange, SaysWhatWasTried) {
    Script s{{{0, true, false, true}, {1, false, false, true}}, true};
    s.wake();
    s.receive(1, s.reply(1, 5));
    s.receive(2, s.reply(2, 5));
    s.garble(3);
    s.fail(4);
    for (int i = 0; i < 10 && !s.result; ++i) s.wake();
    const std::string tried = s.exchange->tried([](std::size_t n) { return "server" + std::to_string(n); });
    EXPECT_EQ(tried,
              "server0 udp+dnssec dns-timeout, server1 udp+edns dns-refused (rcode 5), udp dns-refused "
              "(rcode 5), server0 udp dns-malformed, tcp dns-network, tcp dns-timeout");
    EXPECT_EQ(s.reason(), Reason::dns_refused);
    Script many{4};
    for (int i = 0; i < 20 && !many.result; ++i) many.wake();
    EXPECT_LE(many.exchange->tried([](std::size_t) { return std::string(150, 'x'); }).size(), dns::max_tried);
}

TEST(DnsExchange, ServerThatCannotGoesToTheNextAndIsLeftAlone) {
    const std::pair<unsigned, Reason> rows[] = {{1, Reason::dns_refused},  {2, Reason::dns_servfail},
                                                {4, Reason::dns_refused},  {5, Reason::dns_refused},
                                                {9, Reason::dns_servfail}, {16, Reason::dns_refused}};
    for (const auto& [rcode, reason] : rows) {
        const auto refuse = [rcode = rcode](Script& s, std::size_t i) {
            Message m = s.reply(i, rcode);
            m.edns = rcode > 15;
            s.receive(i, m);
        };
        Script s{2};
        refuse(s, 0);
        EXPECT_EQ(s.forms(), "0e 0");
        EXPECT_EQ(s.notes.back().what, Note::What::stepped);
        refuse(s, 1);
        EXPECT_EQ(s.forms(), "0e 0 1e");
        s.receive(2, s.reply(2));
        EXPECT_EQ(s.text(), "from 1");
        Script all{2};
        for (std::size_t i = 0; i < 4; ++i) refuse(all, i);
        EXPECT_EQ(all.reason(), reason);
        EXPECT_EQ(all.forms(), "0e 0 1e 1");
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

TEST(DnsExchange, StraysAreIgnoredAndExtendNothing) {
    Script s{2};
    const auto wake = s.actions.wake;
    s.now += 1s;
    Message other_id = s.reply(0), other_name = s.reply(0), other_type = s.reply(0);
    other_id.id = 1;
    other_name.name = "a.example";
    other_type.type = test::rr::a;
    for (const Message& m : {other_id, other_name, other_type}) s.receive(0, m);
    s.take(s.exchange->message(0, {}, s.now));
    EXPECT_EQ(s.actions.wake, wake);
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
    EXPECT_EQ(s.actions.wake, s.now + 500ms);
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
    // A server's own answer is the better reason.
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
    s.receive(1, s.reply(1, 2));
    s.wake();
    EXPECT_EQ(s.asked(), "0 0 1 1");
    s.wake();
    EXPECT_EQ(s.reason(), Reason::dns_servfail);
    EXPECT_EQ(s.now, Steady{1004s});
}

TEST(DnsExchange, NoServersOrNoName) {
    EXPECT_EQ(Script{0}.reason(), Reason::dns_network);
    Exchange exchange{
        "a..b", Type::txt, false, {dns::Candidate{}}, {}, Steady{8s}, [] { return std::uint16_t{1}; }};
    const Actions actions = exchange.start(Steady{0s});
    ASSERT_TRUE(actions.done);
    EXPECT_TRUE(actions.sends.empty());
    EXPECT_EQ(actions.done->error(), Reason::dns_malformed);
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

// One script that uses every transition: FORMERR, truncation, TCP. It is run with each kind of failure
// inserted at each action in turn. In all cases the second server still answers, within the deadline.
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
