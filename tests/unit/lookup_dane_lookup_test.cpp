// The DANE lookup with a fake resolver: what is asked and when, limits, and lifetimes.
#include "lookup/dane_lookup.hpp"

#include "support/fake_resolver.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <stdexcept>

namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using base::Reason;
using dane::Advice;
using dns::Type;
using lookup::DaneLookup;

const std::string usable{"\3\1\1" + std::string(32, 'x')};

class DaneLookupTest : public testing::Test {
protected:
    void host(const std::string& name) {
        resolver.put(name, Type::a, {"\1\2\3\4"});
        resolver.put(name, Type::aaaa, {});
        resolver.put("_25._tcp." + name, Type::tlsa, {usable});
    }
    void start() {
        const auto handler = [this](std::exception_ptr error, dane::Verdict v) {
            thrown = error;
            verdict = std::move(v);
        };
        asio::co_spawn(io, lookup->verdict(domain), asio::bind_cancellation_slot(cancel.slot(), handler));
        run();
    }
    void run() {
        io.restart();
        io.poll();
    }
    Advice ask() {
        start();
        EXPECT_TRUE(verdict);
        return verdict ? verdict->advice : Advice::no_verdict;
    }
    test::FakeResolver resolver;
    asio::io_context io;
    std::unique_ptr<DaneLookup> lookup = std::make_unique<DaneLookup>(io.get_executor(), resolver);
    const base::Domain domain = *base::Domain::parse("example.org");
    asio::cancellation_signal cancel;
    std::optional<dane::Verdict> verdict;
    std::exception_ptr thrown;
};

TEST_F(DaneLookupTest, AsksMxThenAddressesThenTlsa) {
    resolver.mx("example.org", {{10, "mx.example.net"}});
    host("mx.example.net");
    EXPECT_EQ(ask(), Advice::dane_only);
    using Q = test::FakeResolver::Question;
    EXPECT_EQ(resolver.asked, (std::vector<Q>{{"example.org", Type::mx},
                                              {"mx.example.net", Type::a},
                                              {"mx.example.net", Type::aaaa},
                                              {"_25._tcp.mx.example.net", Type::tlsa}}));
    EXPECT_EQ(verdict->ttl, 300s);
    EXPECT_EQ(verdict->mx_hosts, std::vector<std::string>{"mx.example.net"});
    EXPECT_EQ(lookup->running(), 0u);
}

TEST_F(DaneLookupTest, AnUnsignedMxRrsetNeedsNoMoreQuestions) {
    resolver.mx("example.org", {{10, "mx.example.net"}}, false);
    host("mx.example.net");
    EXPECT_EQ(ask(), Advice::sts);
    EXPECT_EQ(resolver.asked.size(), 1u);
    EXPECT_EQ(verdict->mx_hosts, std::vector<std::string>{"mx.example.net"});
}

TEST_F(DaneLookupTest, AFailingMxLookupIsNoVerdict) {
    resolver.fail("example.org", Type::mx, Reason::dns_timeout);
    EXPECT_EQ(ask(), Advice::no_verdict);
    EXPECT_EQ(verdict->why, "MX lookup failed: dns-timeout");
}

TEST_F(DaneLookupTest, AHangingAaaaIsNotWaitedFor) {
    resolver.mx("example.org", {{10, "mx.example.net"}});
    host("mx.example.net");
    resolver.hold(Type::aaaa);
    EXPECT_EQ(ask(), Advice::dane_only);
    EXPECT_EQ(resolver.waiting(), 1u);
    resolver.release(); // comes too late, and does no harm
    run();
    EXPECT_EQ(lookup->running(), 0u);
}

TEST_F(DaneLookupTest, AsksAllHostsAtOnceWithinTheLimit) {
    std::vector<dns::Mx> hosts;
    for (std::uint16_t i = 0; i < dane::max_mx_hosts; ++i) {
        hosts.push_back({i, "mx" + std::to_string(i) + ".example.net"});
        host(hosts.back().host);
    }
    resolver.mx("example.org", hosts);
    resolver.hold(Type::a);
    resolver.hold(Type::aaaa);
    start();
    EXPECT_FALSE(verdict);
    EXPECT_EQ(resolver.waiting(), DaneLookup::max_questions_at_once);
    EXPECT_EQ(resolver.asked.size(), 1 + DaneLookup::max_questions_at_once);
    resolver.release();
    run();
    ASSERT_TRUE(verdict);
    EXPECT_EQ(verdict->advice, Advice::dane_only);
    // Questions still in the queue when the host was settled are asked too; their answers do not matter.
    EXPECT_EQ(resolver.asked.size(), 1 + 3 * dane::max_mx_hosts);
}

TEST_F(DaneLookupTest, CancelledByItsCaller) {
    resolver.mx("example.org", {{10, "mx.example.net"}});
    resolver.hold(Type::mx);
    start();
    ASSERT_EQ(lookup->running(), 1u);
    cancel.emit(asio::cancellation_type::terminal);
    run();
    ASSERT_TRUE(verdict);
    EXPECT_FALSE(thrown);
    EXPECT_EQ(verdict->advice, Advice::no_verdict);
    EXPECT_EQ(verdict->why, "the lookup was given up");
    EXPECT_EQ(lookup->running(), 0u);
    resolver.release();
    run();
    EXPECT_EQ(resolver.asked.size(), 1u);
}

TEST_F(DaneLookupTest, DestroyedWithLookupsUnderWay) {
    resolver.mx("example.org", {{10, "mx.example.net"}});
    host("mx.example.net");
    resolver.hold(Type::a);
    resolver.hold(Type::aaaa);
    start();
    EXPECT_FALSE(verdict);
    lookup.reset();
    run();
    ASSERT_TRUE(verdict);
    EXPECT_EQ(verdict->advice, Advice::no_verdict);
    const auto asked = resolver.asked.size();
    resolver.release();
    run();
    EXPECT_EQ(resolver.asked.size(), asked);
}

TEST_F(DaneLookupTest, DestroyedBeforeItBegins) {
    const auto handler = [this](std::exception_ptr, dane::Verdict v) { verdict = std::move(v); };
    auto later = lookup->verdict(domain);
    lookup.reset();
    asio::co_spawn(io, std::move(later), handler);
    run();
    ASSERT_TRUE(verdict);
    EXPECT_EQ(verdict->advice, Advice::no_verdict);
    EXPECT_TRUE(resolver.asked.empty());
}

TEST_F(DaneLookupTest, TheContextEndsWithLookupsUnderWay) {
    auto context = std::make_unique<asio::io_context>();
    DaneLookup other{context->get_executor(), resolver};
    resolver.mx("example.org", {{10, "mx.example.net"}});
    resolver.hold(Type::a);
    asio::co_spawn(*context, other.verdict(domain), [](std::exception_ptr, const dane::Verdict&) { FAIL(); });
    context->poll();
    EXPECT_EQ(other.running(), 1u);
    context.reset();
    EXPECT_EQ(other.running(), 0u);
}

/// Throws where a resolver must not throw.
class BrokenResolver final : public dns::Resolver {
public:
    boost::asio::awaitable<dane::Result> resolve(std::string, Type, dns::Purpose) override {
        throw std::runtime_error("broken");
        co_return base::unexpected(Reason::dns_timeout);
    }
};

TEST_F(DaneLookupTest, NoExceptionEscapes) {
    BrokenResolver broken;
    lookup = std::make_unique<DaneLookup>(io.get_executor(), broken);
    EXPECT_EQ(ask(), Advice::no_verdict);
    EXPECT_FALSE(thrown);
}

// Many domains with many MX hosts whose name servers never answer, and one healthy domain.
TEST_F(DaneLookupTest, OneDomainsHostsTakeNothingFromAnothers) {
    constexpr std::size_t slow = 300;
    resolver.hold(Type::a);
    resolver.hold(Type::aaaa);
    std::vector<dns::Mx> hosts;
    for (std::uint16_t i = 0; i < dane::max_mx_hosts; ++i)
        hosts.push_back({i, "mx" + std::to_string(i) + ".slow.example"});
    std::size_t answered = 0;
    for (std::size_t n = 0; n < slow; ++n) {
        const std::string name = "d" + std::to_string(n) + ".example";
        resolver.mx(name, hosts);
        asio::co_spawn(io, lookup->verdict(*base::Domain::parse(name)),
                       [&answered](std::exception_ptr, const dane::Verdict&) { ++answered; });
    }
    run();
    EXPECT_EQ(answered, 0U);
    EXPECT_LE(resolver.waiting(), DaneLookup::max_questions_in_all);
    EXPECT_GE(resolver.waiting(), DaneLookup::max_questions_in_all / 2);
    resolver.mx("example.org", {{10, "mx.example.net"}});
    resolver.put("mx.example.net", Type::a, {"\1\2\3\4"}, false);
    resolver.never_hold("mx.example.net");
    EXPECT_EQ(ask(), Advice::sts);
    EXPECT_EQ(lookup->running(), slow);
    // This gives no finding about the slow domains, and none of their questions is lost.
    resolver.release();
    while (answered < slow && io.run_one_for(5s) > 0) {
    }
    EXPECT_EQ(answered, slow);
    EXPECT_EQ(lookup->running(), 0U);
}

} // namespace
