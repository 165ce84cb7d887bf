// The resolver over real sockets on loopback. No test depends on how long something takes, only on its
// result.
#include "dns/stub_resolver.hpp"

#include "support/dns_server.hpp"
#include "support/memory_log.hpp"
#include "support/real_clock.hpp"
#include "support/temp_folder.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <gtest/gtest.h>

#include <fcntl.h>
#include <malloc.h>
#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <set>

namespace {

namespace asio = boost::asio;
using base::Reason;
using dns::StubResolver;
using dns::Type;
using test::DnsServer;
using test::Message;
using Result = dns::Result;
using Slot = std::shared_ptr<std::optional<Result>>;
using namespace std::chrono_literals;

const std::string name = "_mta-sts.example.com";

class DnsStubResolver : public testing::Test {
protected:
    dns::Options options(const std::vector<std::string>& servers) const {
        dns::Options o;
        for (const std::string& server : servers)
            o.servers.push_back(net::parse_endpoint(server, 53).value());
        o.try_for = 100ms;
        o.question_for = 5s;
        return o;
    }
    void make(dns::Options o) {
        resolver = std::make_unique<StubResolver>(context.get_executor(), std::move(o), clock, log);
    }

    Slot ask(std::string what = name, Type type = Type::txt, dns::Purpose purpose = dns::Purpose::policy) {
        return take(resolver->resolve(std::move(what), type, purpose));
    }
    Slot take(asio::awaitable<Result> work) {
        auto slot = std::make_shared<std::optional<Result>>();
        asio::co_spawn(context, std::move(work), [slot](std::exception_ptr trouble, Result result) {
            ASSERT_FALSE(trouble);
            *slot = std::move(result);
        });
        return slot;
    }
    template <class Predicate>
    bool run_until(Predicate over) {
        const auto limit = std::chrono::steady_clock::now() + 20s;
        while (!over() && std::chrono::steady_clock::now() < limit) {
            context.restart();
            context.run_one_for(1s);
        }
        return over();
    }
    Result result(const Slot& slot) {
        if (!run_until([&] { return slot->has_value(); })) ADD_FAILURE() << "no result";
        return slot->value_or(base::unexpected(Reason::none));
    }
    Result resolve(std::string what = name, Type type = Type::txt) {
        return result(ask(std::move(what), type));
    }
    static std::string text(const Result& r) {
        if (!r) return std::string{base::to_string(r.error().reason)};
        return r->records.empty() ? "" : r->records[0];
    }

    test::RealClock clock;
    test::MemoryLog log;
    asio::io_context context;
    std::unique_ptr<StubResolver> resolver;
};

TEST_F(DnsStubResolver, AsksAndAnswers) {
    DnsServer server{context, DnsServer::text("hello")};
    make(options({server.address()}));
    const Result r = resolve();
    EXPECT_EQ(text(r), "hello");
    EXPECT_EQ(r->canonical_name, name);
    EXPECT_EQ(r->ttl, 300s);
    ASSERT_EQ(server.queries().size(), 1U);
    EXPECT_EQ(server.queries()[0].question.name, name);
    EXPECT_FALSE(server.queries()[0].tcp);
    EXPECT_EQ(resolver->in_flight(), 0U);
}

TEST_F(DnsStubResolver, OverIpv6) {
    std::optional<DnsServer> server;
    try {
        server.emplace(context, DnsServer::text("six"), "::1");
    } catch (const boost::system::system_error&) {
        GTEST_SKIP() << "no IPv6 loopback here";
    }
    make(options({server->address()}));
    EXPECT_EQ(text(resolve()), "six");
}

TEST_F(DnsStubResolver, IdsAndPortsVary) {
    DnsServer server{context, DnsServer::text("x")};
    make(options({server.address()}));
    for (int i = 0; i < 16; ++i) resolve();
    std::set<unsigned> ids, ports;
    for (const auto& query : server.queries()) {
        ids.insert(query.question.id);
        ports.insert(query.from_port);
    }
    EXPECT_GE(ids.size(), 14U);
    EXPECT_GE(ports.size(), 8U); // a free port may be used again, but it must not always be the same one
}

/// Answers `count` times, except for names under "slow.", which get no answer.
DnsServer::Script times(std::size_t count, const std::string& txt) {
    return [=](const DnsServer::Query& query) {
        if (query.question.name.starts_with("slow.")) return DnsServer::Play{};
        auto play = DnsServer::text(txt)(query);
        play.messages.resize(count, play.messages.front());
        return play;
    };
}

TEST_F(DnsStubResolver, UnderLoadALoopbackSocketIsUsedAgain) {
    DnsServer server{context, times(1, "first")};
    make(options({server.address()}));
    const Slot slow = ask("slow.example.com");
    EXPECT_EQ(text(resolve()), "first");
    server.play(times(1, "second"));
    EXPECT_EQ(text(resolve()), "second");
    std::map<std::string, std::vector<unsigned>> ports;
    for (const auto& query : server.queries()) ports[query.question.name].push_back(query.from_port);
    ASSERT_EQ(ports[name].size(), 2U);
    EXPECT_EQ(ports[name][0], ports[name][1]);
    EXPECT_NE(ports[name][0], ports["slow.example.com"][0]);
}

TEST_F(DnsStubResolver, ASocketWithSurplusDatagramsIsNotUsedAgain) {
    DnsServer server{context, times(2, "first")};
    make(options({server.address()}));
    const Slot slow = ask("slow.example.com");
    EXPECT_EQ(text(resolve()), "first");
    server.play(times(1, "second"));
    EXPECT_EQ(text(resolve()), "second");
    std::vector<unsigned> ports;
    for (const auto& query : server.queries())
        if (query.question.name == name) ports.push_back(query.from_port);
    ASSERT_EQ(ports.size(), 2U);
    EXPECT_NE(ports[0], ports[1]);
    EXPECT_EQ(log.count("warning"), 0U);
}

TEST_F(DnsStubResolver, TrustsTheAdBitAsToldTo) {
    DnsServer server{context, [](const DnsServer::Query& query) {
                         Message m = test::reply_to(query.question, {test::txt(query.question.name, "x")});
                         m.ad = true;
                         return DnsServer::answer(m);
                     }};
    make(options({server.address()}));
    const auto worth = [&] { return result(ask(name, Type::txt, dns::Purpose::dane))->worth; };
    EXPECT_EQ(worth(), dns::Worth::indeterminate) << "it has not shown yet that it validates";
    ASSERT_EQ(resolver->servers().size(), 1U);
    EXPECT_EQ(resolver->servers()[0].name, server.address());
    EXPECT_TRUE(resolver->servers()[0].trusted); // loopback
    resolver->judged(server.address(), dns::Validates::yes, "why");
    EXPECT_EQ(worth(), dns::Worth::secure);
    resolver->judged(server.address(), dns::Validates::no, "why");
    EXPECT_EQ(worth(), dns::Worth::indeterminate);
    resolver->judged("192.0.2.1:53", dns::Validates::yes, "why"); // not one of our servers
    auto o = options({server.address()});
    o.trust_ad = dns::TrustAd::no;
    resolver->configure(o);
    resolver->judged(server.address(), dns::Validates::yes, "why");
    EXPECT_FALSE(resolver->servers()[0].trusted);
    EXPECT_EQ(worth(), dns::Worth::indeterminate);
    // A probe trusts its answer.
    EXPECT_TRUE(result(take(resolver->ask(server.address(), name, Type::txt)))->secure());
    EXPECT_EQ(text(result(take(resolver->ask("192.0.2.1:53", name, Type::txt)))), "dns-network");
}

TEST_F(DnsStubResolver, AnAnswerThatLostItsAdPutsTheServerInDoubt) {
    bool ad = true;
    DnsServer server{context, [&ad](const DnsServer::Query& query) {
                         Message m = test::reply_to(query.question, {test::txt(query.question.name, "x")});
                         m.ad = ad;
                         return DnsServer::answer(m);
                     }};
    make(options({server.address()}));
    unsigned doubts = 0;
    resolver->on_doubt([&doubts] { ++doubts; });
    const auto worth = [&](const char* what) {
        return result(ask(what, Type::txt, dns::Purpose::dane))->worth;
    };
    EXPECT_EQ(resolver->servers().size(), 1U);
    resolver->judged(server.address(), dns::Validates::yes, "why");
    EXPECT_EQ(worth("signed.example"), dns::Worth::secure);
    ad = false;
    EXPECT_EQ(worth("plain.example"), dns::Worth::insecure);
    EXPECT_EQ(doubts, 0U);
    EXPECT_EQ(worth("signed.example"), dns::Worth::indeterminate);
    EXPECT_TRUE(run_until([&] { return doubts == 1; }));
    EXPECT_EQ(worth("plain.example"), dns::Worth::indeterminate) << "nothing counts until it is known";
    ad = true;
    EXPECT_EQ(worth("other.example"), dns::Worth::secure);
    ad = false;
    resolver->judged(server.address(), dns::Validates::yes, "why");
    EXPECT_EQ(worth("signed.example"), dns::Worth::insecure) << "it was the zone, not the server";
    EXPECT_EQ(worth("plain.example"), dns::Worth::insecure);
    EXPECT_EQ(doubts, 1U);
}

TEST_F(DnsStubResolver, DaneIsAskedOfWhoValidates) {
    const auto answers = [](bool ad) {
        return [ad](const DnsServer::Query& query) {
            Message m = test::reply_to(query.question, {test::txt(query.question.name, "x")});
            m.ad = ad;
            return DnsServer::answer(m);
        };
    };
    DnsServer first{context, answers(false)}, second{context, answers(true)};
    make(options({first.address(), second.address()}));
    EXPECT_EQ(resolver->servers().size(), 2U);
    resolver->judged(first.address(), dns::Validates::no, "why");
    resolver->judged(second.address(), dns::Validates::yes, "why");
    EXPECT_TRUE(result(ask(name, Type::txt, dns::Purpose::dane))->secure());
    EXPECT_EQ(first.queries().size(), 0U);
    EXPECT_EQ(text(resolve()), "x");
    EXPECT_EQ(first.queries().size(), 1U);
    // It falls silent: the other server proves nothing, especially not that a name is unsigned.
    second.play(DnsServer::silence());
    auto o = options({first.address(), second.address()});
    o.question_for = 300ms;
    resolver->configure(o);
    EXPECT_EQ(text(result(ask(name, Type::txt, dns::Purpose::dane))), "dns-timeout");
    resolver->judged(second.address(), dns::Validates::unknown, "why");
    EXPECT_EQ(result(ask(name, Type::txt, dns::Purpose::dane))->worth, dns::Worth::indeterminate);
}

TEST_F(DnsStubResolver, DaneHasItsShareAndWaitsBehindTheOthers) {
    DnsServer server{context, DnsServer::silence()};
    auto o = options({server.address()});
    o.max_in_flight = 4;
    o.try_for = o.question_for = 10s;
    make(o);
    std::vector<Slot> dane;
    for (int i = 0; i < 10; ++i)
        dane.push_back(ask("d" + std::to_string(i) + ".example", Type::txt, dns::Purpose::dane));
    ASSERT_TRUE(run_until([&] { return server.queries().size() == 2 && resolver->waiting() == 8; }));
    server.play(DnsServer::text("x"));
    EXPECT_EQ(text(resolve()), "x") << "there is always room for the others";
    EXPECT_EQ(resolver->waiting(), 8U);
}

// tests/THREATS.md counts with this many, of this size.
TEST_F(DnsStubResolver, WaitingQuestionsHaveALimitAndTakeLittle) {
    DnsServer server{context, DnsServer::silence()};
    auto o = options({server.address()});
    o.max_in_flight = 2;
    o.try_for = o.question_for = 60s;
    make(o);
    const auto held = [] { return ::mallinfo2().uordblks; };
    const auto before = held();
    std::size_t refused = 0, places = 2;
    const std::string longest = std::string(60, 'a') + "." + std::string(60, 'b') + "." +
                                std::string(60, 'c') + "." + std::string(60, 'd') + ".example";
    for (std::size_t i = 0; i < StubResolver::max_waiting + places + 3; ++i)
        asio::co_spawn(context, resolver->resolve(longest, Type::txt, dns::Purpose::policy),
                       [&refused](std::exception_ptr, const Result& result) {
                           refused += !result && result.error() == Reason::overloaded;
                       });
    ASSERT_TRUE(run_until([&] { return resolver->waiting() == StubResolver::max_waiting && refused == 3; }));
    EXPECT_LT(held() - before, StubResolver::max_waiting * 2560) << "octets";
    std::cout << (held() - before) / StubResolver::max_waiting << " octets a question\n";
    // Questions for DANE have waiting places of their own.
    const Slot dane = ask(name, Type::txt, dns::Purpose::dane);
    ASSERT_TRUE(run_until([&] { return resolver->waiting() == StubResolver::max_waiting + 1; }));
    resolver.reset();
    EXPECT_EQ(result(dane).error(), Reason::shutting_down);
}

TEST_F(DnsStubResolver, SaysWhatWasTried) {
    DnsServer server{context, DnsServer::error(2)};
    make(options({server.address()}));
    const Result failed = resolve();
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().detail,
              server.address() + " udp+edns dns-servfail (rcode 2), udp dns-servfail (rcode 2)");
}

TEST_F(DnsStubResolver, ADatagramLargerThanWhatWasOfferedIsTaken) {
    DnsServer server{context, [](const DnsServer::Query& query) {
                         std::vector<test::Rr> records;
                         for (int i = 0; i < 60; ++i)
                             records.push_back(test::txt(query.question.name, std::string(250, 'x')));
                         return DnsServer::answer(test::reply_to(query.question, std::move(records)));
                     }};
    make(options({server.address()}));
    const Result large = resolve();
    ASSERT_TRUE(large);
    EXPECT_EQ(large->records.size(), 60U);
    EXPECT_FALSE(server.queries().at(0).tcp);
}

TEST_F(DnsStubResolver, AFloodOfDatagramsEndsItsTry) {
    DnsServer server{context, [](const DnsServer::Query& query) {
                         Message guess = test::reply_to(query.question, {test::txt(name, "wrong")});
                         ++guess.id;
                         DnsServer::Play play;
                         play.messages.assign(300, guess.bytes());
                         return play;
                     }};
    make(options({server.address()}));
    EXPECT_EQ(text(resolve()), "dns-malformed");
}

TEST_F(DnsStubResolver, TruncatedGoesOverTcp) {
    DnsServer server{context, [](const DnsServer::Query& query) {
                         Message m = test::reply_to(query.question);
                         m.tc = !query.tcp;
                         if (query.tcp)
                             m.answer.assign(400, test::txt(query.question.name, std::string(100, 'x')));
                         return DnsServer::answer(m); // 50 kB
                     }};
    make(options({server.address()}));
    const Result r = resolve();
    ASSERT_TRUE(r);
    EXPECT_EQ(r->records.size(), 400U);
    EXPECT_EQ(server.queries().size(), 2U);
    EXPECT_EQ(log.count("debug dns-retry"), 1U);
}

TEST_F(DnsStubResolver, BrokenTcpGoesToTheNextServer) {
    for (int how = 0; how < 3; ++how) {
        DnsServer broken{context, [how](const DnsServer::Query& query) {
                             Message m = test::reply_to(query.question);
                             m.tc = !query.tcp;
                             DnsServer::Play play = DnsServer::answer(m);
                             if (query.tcp && how == 2) play.messages = {test::Bytes{}};
                             play.reset = how == 0;
                             play.hang_up = query.tcp && how == 1;
                             return play;
                         }};
        DnsServer good{context, DnsServer::text("good")};
        make(options({broken.address(), good.address()}));
        EXPECT_EQ(text(resolve()), "good") << how;
    }
}

TEST_F(DnsStubResolver, ASilentServerCostsOneTryAndIsAskedLastThen) {
    DnsServer silent{context, DnsServer::silence()}, good{context, DnsServer::text("good")};
    make(options({silent.address(), good.address()}));
    EXPECT_EQ(text(resolve()), "good");
    EXPECT_EQ(silent.queries().size(), 2U);
    EXPECT_EQ(log.count("warning dns-server-silent server=" + silent.address() + " reason=dns-timeout"), 1U);
    EXPECT_EQ(log.count("debug dns-try-failed"), 1U);
    for (int i = 0; i < 5; ++i) EXPECT_EQ(text(resolve()), "good");
    EXPECT_EQ(silent.queries().size(), 2U);
    // Now the reverse: it is still asked, as the last one, and its answer restores its place.
    silent.play(DnsServer::text("back"));
    good.play(DnsServer::error(2));
    EXPECT_EQ(text(resolve()), "back");
    EXPECT_EQ(log.count("info dns-server-back server=" + silent.address()), 1U);
    good.play(DnsServer::text("good"));
    EXPECT_EQ(text(resolve()), "back");
    // A second silence within the minute is not reported again.
    silent.play(DnsServer::silence());
    EXPECT_EQ(text(resolve()), "good");
    EXPECT_EQ(log.count("warning"), 1U);
}

TEST_F(DnsStubResolver, AnUnreachableServerIsPassedOver) {
    std::string closed;
    {
        DnsServer gone{context, DnsServer::silence()};
        closed = gone.address();
    }
    DnsServer good{context, DnsServer::text("good")};
    auto o = options({closed, good.address()});
    o.try_for = 4s; // a timeout would be noticed as a failure below
    o.question_for = 4s;
    make(o);
    EXPECT_EQ(text(resolve()), "good");
    EXPECT_EQ(log.count("reason=dns-network"), 2U); // the try and the warning
    resolver->configure(options({closed}));
    EXPECT_EQ(text(resolve()), "dns-network");
}

TEST_F(DnsStubResolver, OnlyTheRightReplyCounts) {
    DnsServer elsewhere{context, [](const DnsServer::Query& query) {
                            DnsServer::Play play = DnsServer::answer(test::reply_to(query.question));
                            play.from_elsewhere = true;
                            return play;
                        }};
    DnsServer server{
        context, [](const DnsServer::Query& query) {
            Message id = test::reply_to(query.question), question = id, good = id;
            ++id.id;
            question.name = "_mta-sts.example.org";
            good.answer = {test::txt(name, "good")};
            DnsServer::Play play;
            play.messages = {id.bytes(), question.bytes(), test::Bytes{}, test::Bytes(5000, 7), good.bytes()};
            return play;
        }};
    make(options({elsewhere.address(), server.address()}));
    EXPECT_EQ(text(resolve()), "good");
    EXPECT_EQ(elsewhere.queries().size(), 2U);      // the second in the other form
    EXPECT_EQ(log.count("reason=dns-timeout"), 2U); // of the server that replies from another address
}

TEST_F(DnsStubResolver, GarbageOnly) {
    DnsServer server{context, [](const DnsServer::Query& query) {
                         Message m = test::reply_to(query.question, {test::txt(name, "x")});
                         m.edns = false;
                         auto bytes = m.bytes();
                         bytes.pop_back();
                         DnsServer::Play play;
                         play.messages.push_back(std::move(bytes));
                         return play;
                     }};
    auto o = options({server.address()});
    o.question_for = 150ms;
    make(o);
    EXPECT_EQ(text(resolve()), "dns-malformed");
}

TEST_F(DnsStubResolver, ServfailFromOneThenAnAnswerFromTheOther) {
    DnsServer bad{context, DnsServer::error(2)}, good{context, DnsServer::text("good")};
    make(options({bad.address(), good.address()}));
    EXPECT_EQ(text(resolve()), "good");
    good.play(DnsServer::error(5));
    EXPECT_EQ(text(resolve()), "dns-servfail");
    EXPECT_EQ(log.count("warning"), 0U);
}

TEST_F(DnsStubResolver, TheDeadlineIsSpentDown) {
    DnsServer first{context, DnsServer::silence()}, second{context, DnsServer::silence()};
    auto o = options({first.address(), second.address()});
    o.try_for = 50ms;
    o.question_for = 225ms;
    make(o);
    const auto before = clock.steady();
    EXPECT_EQ(text(resolve()), "dns-timeout");
    EXPECT_GE(clock.steady() - before, 225ms);
    EXPECT_GE(first.queries().size() + second.queries().size(), 2U);
    EXPECT_LE(first.queries().size() + second.queries().size(), 5U);
}

TEST_F(DnsStubResolver, ALateAnswerOfTheFirstServerCounts) {
    DnsServer slow{context, [](const DnsServer::Query& query) {
                       DnsServer::Play play =
                           DnsServer::answer(test::reply_to(query.question, {test::txt(name, "late")}));
                       play.delay = 150ms;
                       return play;
                   }};
    DnsServer silent{context, DnsServer::silence()};
    make(options({slow.address(), silent.address()}));
    EXPECT_EQ(text(resolve()), "late");
    EXPECT_EQ(silent.queries().size(), 1U);
}

TEST_F(DnsStubResolver, InFlightIsBoundedAndFirstComeFirstServed) {
    DnsServer server{context, DnsServer::silence()};
    auto o = options({server.address()});
    o.max_in_flight = 2;
    o.try_for = o.question_for = 10s;
    make(o);
    std::vector<Slot> slots;
    for (int i = 0; i < 5; ++i) slots.push_back(ask("n" + std::to_string(i) + ".example"));
    ASSERT_TRUE(run_until([&] { return server.queries().size() == 2 && resolver->waiting() == 3; }));
    EXPECT_EQ(resolver->in_flight(), 2U);
    // More places: those who wait longest get them.
    o.max_in_flight = 3;
    resolver->configure(o);
    ASSERT_TRUE(run_until([&] { return server.queries().size() == 3; }));
    EXPECT_EQ(server.queries()[2].question.name, "n2.example");
    server.play(DnsServer::text("x"));
    o.max_in_flight = 1000;
    resolver->configure(o);
    EXPECT_EQ(text(result(slots[3])), "x");
    EXPECT_EQ(text(result(slots[4])), "x");
    EXPECT_EQ(resolver->waiting(), 0U);
}

TEST_F(DnsStubResolver, APlaceComesFreeWithTheAnswer) {
    DnsServer server{context, DnsServer::text("x")};
    auto o = options({server.address()});
    o.max_in_flight = 1;
    make(o);
    std::vector<Slot> slots;
    for (int i = 0; i < 20; ++i) slots.push_back(ask());
    for (const Slot& slot : slots) EXPECT_EQ(text(result(slot)), "x");
    EXPECT_EQ(resolver->in_flight(), 0U);
}

TEST_F(DnsStubResolver, WaitingForAPlaceCostsNothingOfTheQuestionsTime) {
    bool silent = true;
    DnsServer server{context, [&silent](const DnsServer::Query& query) {
                         return std::exchange(silent, false) ? DnsServer::Play{}
                                                             : DnsServer::text("x")(query);
                     }};
    auto o = options({server.address()});
    o.max_in_flight = 1;
    o.try_for = o.question_for = 200ms;
    make(o);
    const Slot first = ask(), second = ask();
    EXPECT_EQ(text(result(first)), "dns-timeout");
    EXPECT_EQ(text(result(second)), "x") << "it began when it had its place";
    EXPECT_EQ(resolver->waiting(), 0U);
}

TEST_F(DnsStubResolver, DestroyedInMidFlight) {
    DnsServer server{context, DnsServer::silence()};
    auto o = options({server.address()});
    o.max_in_flight = 2;
    o.question_for = 100s;
    make(o);
    std::vector<Slot> slots;
    for (int i = 0; i < 4; ++i) slots.push_back(ask());
    ASSERT_TRUE(run_until([&] { return server.queries().size() >= 2 && resolver->waiting() == 2; }));
    resolver.reset();
    for (const Slot& slot : slots) EXPECT_EQ(text(result(slot)), "shutting-down");
}

TEST_F(DnsStubResolver, IoContextDestroyedInMidFlight) {
    for (const bool resolver_first : {false, true}) {
        auto other = std::make_unique<asio::io_context>();
        auto server = std::make_unique<DnsServer>(*other, [](const DnsServer::Query& query) {
            Message m = test::reply_to(query.question); // one question hangs in TCP too
            m.tc = true;
            return query.tcp || query.question.name == "a.example" ? DnsServer::Play{} : DnsServer::answer(m);
        });
        auto o = options({server->address()});
        o.max_in_flight = 2;
        o.try_for = 10s;
        auto mine = std::make_unique<StubResolver>(other->get_executor(), o, clock, log);
        for (const char* what : {"a.example", "b.example", "c.example"})
            asio::co_spawn(*other, mine->resolve(what, Type::txt, dns::Purpose::policy), asio::detached);
        const auto limit = std::chrono::steady_clock::now() + 20s;
        while (server->queries().size() < 3 && std::chrono::steady_clock::now() < limit)
            other->run_one_for(1s);
        EXPECT_EQ(server->queries().size(), 3U);
        server.reset();
        if (resolver_first) mine.reset();
        other.reset();
    }
}

TEST_F(DnsStubResolver, CancelledByItsCaller) {
    using namespace asio::experimental::awaitable_operators;
    DnsServer server{context, DnsServer::silence()};
    auto o = options({server.address()});
    o.max_in_flight = 1;
    o.question_for = 100s;
    make(o);
    // The second one is cancelled while it waits for a place.
    for (int i = 0; i < 2; ++i) {
        bool over = false;
        const auto race = [](StubResolver& r) -> asio::awaitable<void> {
            auto executor = co_await asio::this_coro::executor;
            asio::steady_timer timer{executor, 50ms};
            auto both =
                r.resolve(name, Type::txt, dns::Purpose::policy) || timer.async_wait(asio::use_awaitable);
            auto won = co_await std::move(both);
            EXPECT_EQ(won.index(), 1U);
        };
        const Slot held = i == 1 ? ask() : nullptr;
        asio::co_spawn(context, race(*resolver), [&over](std::exception_ptr trouble) {
            EXPECT_FALSE(trouble);
            over = true;
        });
        EXPECT_TRUE(run_until([&] { return over; }));
        EXPECT_EQ(resolver->waiting(), 0U);
        EXPECT_EQ(resolver->in_flight(), i == 1 ? 1U : 0U);
    }
}

TEST_F(DnsStubResolver, OutOfDescriptorsIsOurOverloadAndIsLoggedOnce) {
    DnsServer server{context, DnsServer::text("x")};
    make(options({server.address()}));
    EXPECT_EQ(text(resolve()), "x");
    rlimit before{};
    ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
    const int lowest_free = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    ASSERT_GE(lowest_free, 0);
    ::close(lowest_free);
    rlimit none = before;
    none.rlim_cur = static_cast<rlim_t>(lowest_free);
    ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
    const std::string first = text(resolve()), second = text(resolve());
    ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
    EXPECT_EQ(first, "overloaded");
    EXPECT_EQ(second, "overloaded");
    EXPECT_EQ(log.count("error dns-no-socket"), 1U);
    EXPECT_EQ(log.count("warning"), 0U);
    EXPECT_EQ(text(resolve()), "x");
}

TEST_F(DnsStubResolver, ANameThatCannotBeAsked) {
    DnsServer server{context, DnsServer::text("x")};
    make(options({server.address()}));
    EXPECT_EQ(text(resolve("a..b")), "dns-malformed");
    EXPECT_TRUE(server.queries().empty());
}

TEST_F(DnsStubResolver, ReadsResolvConfAndNoticesItsChange) {
    const test::TempFolder folder;
    const std::filesystem::path path = folder / "resolv.conf";
    // The file has no ports, so nothing answers; the log shows which server was asked.
    std::ofstream{path} << "nameserver 127.77.0.1\noptions timeout:1 attempts:1 trust-ad\n";
    auto o = options({});
    o.resolv_conf = path;
    o.try_for = o.question_for = 50ms;
    make(o);
    const Result before = resolve();
    EXPECT_FALSE(before);
    EXPECT_EQ(log.count("info dns-servers servers=127.77.0.1:53"), 1U);
    std::ofstream{path} << "nameserver 127.77.0.2\nnameserver ::1\n";
    EXPECT_TRUE(run_until([&] {
        result(ask());
        return log.count("info dns-servers servers=127.77.0.2:53,[::1]:53") == 1;
    }));
}

} // namespace
