// The fetcher over real sockets: responses, addresses, limits, lifetimes.
#include "support/fetch_world.hpp"
#include "support/late.hpp"

#include "fetch/address_gate.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include <regex>
#include <stdexcept>
#include <utility>
#include <vector>

namespace {

using base::Reason;
using fetch::HttpsFetcher;
using fetch::Options;
using std::chrono::milliseconds;
using std::chrono::steady_clock;
using test::ca;
using test::Fetched;
using test::good;
using test::reason;
using test::Script;
using test::show;
using test::TlsServer;

const std::string host = test::policy_host;
using HttpsFetcherTest = test::FetchTest;

TEST_F(HttpsFetcherTest, GetsAPolicy) {
    TlsServer server{ca().leaf({host}), good()};
    options.port = server.port();
    const auto fetched = get();
    ASSERT_EQ(show(fetched), "body");
    EXPECT_EQ(**fetched, test::policy_text);
    ASSERT_EQ(server.requests().size(), 1u);
    EXPECT_TRUE(server.requests().front().starts_with(
        "GET /.well-known/mta-sts.txt HTTP/1.1\r\nHost: " + host + "\r\n"));
    EXPECT_EQ(server.sni(), std::vector<std::string>{host});
    EXPECT_EQ(log.count("debug fetch host=" + host), 1u);
    EXPECT_EQ(fetcher().running(), 0u);
}

TEST_F(HttpsFetcherTest, TellsHowAPolicyCame) {
    test::CertSpec spec;
    spec.dns = {host};
    spec.not_after = std::chrono::hours{24 * 10};
    TlsServer server{ca().leaf_of(spec), good()};
    options.port = server.port();
    const auto soon = std::chrono::system_clock::now() + spec.not_after;
    ASSERT_EQ(show(get()), "body");
    EXPECT_EQ(how.address, "127.0.0.1");
    EXPECT_EQ(how.tls, "TLSv1.3");
    EXPECT_EQ(how.issuer, "CN=test intermediate");
    const auto off = std::chrono::duration_cast<std::chrono::seconds>(how.certificate_ends - soon);
    EXPECT_LE(std::chrono::abs(off), std::chrono::seconds{30});
}

TEST_F(HttpsFetcherTest, SendsNoFinalDot) {
    TlsServer server{ca().leaf({host}), good()};
    options.port = server.port();
    EXPECT_EQ(show(get(host + ".")), "body");
    EXPECT_EQ(server.sni(), std::vector<std::string>{host});
    EXPECT_NE(server.requests().at(0).find("\r\nHost: " + host + "\r\n"), std::string::npos);
}

TEST_F(HttpsFetcherTest, JudgesTheResponse) {
    TlsServer server{ca().leaf({host}), good()};
    options.port = server.port();
    Script script;
    script.close = Script::Close::hold; // a refusal must not wait for a body
    script.response = "HTTP/1.1 404 Not Found\r\nContent-Length: 100000\r\n\r\n";
    server.set_script(script);
    EXPECT_EQ(show(get()), "http-status: status 404 at 127.0.0.1");
    script.response = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n";
    server.set_script(script);
    EXPECT_EQ(show(get()), "http-media-type: Content-Type text/html at 127.0.0.1");
    script.response = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n" + test::policy_text;
    script.close = Script::Close::close_notify;
    server.set_script(script);
    EXPECT_EQ(show(get()), "body");
    script.close = Script::Close::fin;
    server.set_script(script);
    EXPECT_EQ(reason(get()), "http-truncated");
    script.close = Script::Close::reset;
    server.set_script(script);
    EXPECT_EQ(reason(get()), "http-truncated");
    script.response = "";
    script.close = Script::Close::close_notify;
    server.set_script(script);
    EXPECT_EQ(show(get()), "http-truncated: no response at 127.0.0.1");
}

TEST_F(HttpsFetcherTest, TriesTheNextAddress) {
    TlsServer server{ca().leaf({host}), good(), {"127.0.0.1"}};
    options.port = server.port();
    options.timeout = milliseconds{60000};
    options.attempt_delay = milliseconds{15000}; // a refusal does not wait for it
    resolver.set(host, {"127.0.0.2", "127.0.0.3", "127.0.0.1"});
    const auto begun = steady_clock::now();
    EXPECT_EQ(show(get()), "body");
    EXPECT_LT(steady_clock::now() - begun, test::late);
}

TEST_F(HttpsFetcherTest, IPv6FirstAndOnly) {
    TlsServer v4{ca().leaf({host}), good(), {"127.0.0.1"}};
    TlsServer v6{ca().leaf({host}), good(), {"::1"}, v4.port()};
    options.port = v4.port();
    resolver.set(host, {"127.0.0.1", "::1"});
    EXPECT_EQ(show(get()), "body");
    EXPECT_EQ(v6.connections(), 1u);
    EXPECT_EQ(v4.connections(), 0u);
}

TEST_F(HttpsFetcherTest, DeadIPv6CostsOneAttemptDelay) {
    TlsServer server{ca().leaf({host}), good(), {"127.0.0.1"}};
    test::BlackHole hole{"::1", server.port()};
    options.port = server.port();
    options.timeout = milliseconds{60000};
    options.attempt_delay = milliseconds{100};
    resolver.set(host, {"127.0.0.1", "::1"});
    const auto begun = steady_clock::now();
    EXPECT_EQ(show(get()), "body");
    EXPECT_GE(steady_clock::now() - begun, milliseconds{100});
    EXPECT_LT(steady_clock::now() - begun, test::late);
}

TEST_F(HttpsFetcherTest, AConnectionThatBreaksIsNotTheEndUntilTheRequest) {
    for (const Script::Stage stage : {Script::Stage::accept, Script::Stage::hello, Script::Stage::request}) {
        Script broken = good();
        broken.reset_at = stage;
        TlsServer first{ca().leaf({host}), broken, {"127.0.0.1"}};
        TlsServer second{ca().leaf({host}), good(), {"127.0.0.2"}, first.port()};
        options.port = first.port();
        fetcher_.reset();
        resolver.set(host, {"127.0.0.1", "127.0.0.2"});
        if (stage == Script::Stage::request) { // no request is sent twice
            EXPECT_EQ(show(get()), "http-truncated: no response (Connection reset by peer) at 127.0.0.1");
            EXPECT_EQ(second.connections(), 0u);
            continue;
        }
        EXPECT_EQ(show(get()), "body") << static_cast<int>(stage);
        EXPECT_EQ(first.connections(), 1u);
        if (stage == Script::Stage::accept) continue;   // may also look like a failure to connect
        resolver.set(host, {"127.0.0.1", "127.0.0.3"}); // and if the rest fails, the broken one is the reason
        const auto fetched = get();
        EXPECT_EQ(reason(fetched), "tls-handshake");
        EXPECT_NE(show(fetched).find("127.0.0.1: "), std::string::npos) << show(fetched);
        EXPECT_NE(show(fetched).find("; 127.0.0.3: Connection refused"), std::string::npos) << show(fetched);
    }
}

TEST_F(HttpsFetcherTest, ASilentAddressLeavesTimeForTheOthers) {
    Script silent;
    silent.silent = true;
    TlsServer first{ca().leaf({host}), silent, {"127.0.0.1"}};
    TlsServer second{ca().leaf({host}), good(), {"127.0.0.2"}, first.port()};
    options.port = first.port();
    options.timeout = milliseconds{2000};
    resolver.set(host, {"127.0.0.1", "127.0.0.2"});
    EXPECT_EQ(show(get()), "body");
}

TEST_F(HttpsFetcherTest, SilentAddressesCostLittle) {
    Script silent;
    silent.silent = true;
    TlsServer mute{ca().leaf({host}), silent, {"127.0.0.1", "127.0.0.3"}};
    TlsServer second{ca().leaf({host}), good(), {"127.0.0.2"}, mute.port()};
    options.port = mute.port();
    options.timeout = milliseconds{60000};
    resolver.set(host, {"127.0.0.1", "127.0.0.3", "127.0.0.2"});
    const auto begun = steady_clock::now();
    EXPECT_EQ(show(get()), "body");
    EXPECT_LT(steady_clock::now() - begun, milliseconds{8000} + test::late);
}

TEST_F(HttpsFetcherTest, AnAddressWeWereOutOfPatienceWithIsTriedOnceMore) {
    Script slow = good();
    slow.before_handshake = milliseconds{1000};
    TlsServer server{ca().leaf({host}), slow, {"127.0.0.1"}};
    options.port = server.port();
    options.timeout = milliseconds{3000}; // a quarter is not enough for its handshake
    resolver.set(host, {"127.0.0.1", "127.0.0.2"});
    EXPECT_EQ(show(get()), "body");
    EXPECT_EQ(server.connections(), 2u);
    EXPECT_EQ(server.requests().size(), 1u);
    slow.silent = true;
    server.set_script(slow);
    options.timeout = milliseconds{4000};
    fetcher_.reset();
    // A quarter of the time left when the address is known.
    const std::regex quarter{"no octet for ([5-9][0-9][0-9]|1000) ms"};
    EXPECT_EQ(std::regex_replace(show(get()), quarter, "no octet for a quarter"),
              "fetch-timeout: in the TLS handshake after 4000 ms at 127.0.0.1; before that "
              "127.0.0.1: TLS handshake: no octet for a quarter; 127.0.0.2: Connection refused");
}

TEST_F(HttpsFetcherTest, BesideFiftyHangingHostsAtItsAddressAnHonestOneIsSoonLearnt) {
    Script hanging;
    hanging.close = Script::Close::hold; // answers the handshake, then nothing
    Script silent;
    silent.silent = true;
    for (const bool after_handshake : {false, true}) {
        TlsServer server{ca().leaf({"*.hanging.example"}), after_handshake ? hanging : silent};
        std::unique_ptr<TlsServer> honest;
        options.port = server.port();
        options.timeout = milliseconds{30000};
        fetcher_.reset();
        std::vector<std::shared_ptr<std::optional<Fetched>>> results;
        for (int i = 0; i < 50; ++i) {
            const std::string name = "h" + std::to_string(i) + ".hanging.example";
            resolver.set(name, {"127.0.0.1"});
            results.push_back(begin(name));
        }
        if (after_handshake) {
            server.on_sni(host, ca().leaf({host}));
            server.on_sni(host, good());
        } else {
            // The server knows only after some octets for which host it must be silent.
            server.silent_but_for(host, ca().leaf({host}), good());
        }
        const auto begun = steady_clock::now();
        const auto result = begin(host);
        std::size_t most = 0;
        run_until([&] {
            most = std::max(most, server.open());
            return result->has_value();
        });
        EXPECT_EQ(show(*result), "body");
        EXPECT_LT(steady_clock::now() - begun, test::late) << after_handshake;
        EXPECT_LE(most, fetch::max_at_address + 10) << "of 51; those just closed may still seem open";
        std::size_t gave_way = 0;
        for (const auto& one : results)
            if (one->has_value() && show(*one).find("gave way to another policy host") != std::string::npos)
                ++gave_way;
        EXPECT_GE(gave_way, 50u + 1 - fetch::max_at_address);
        for (const auto& one : results)
            EXPECT_TRUE(!one->has_value() || reason(*one) == "fetch-timeout") << show(*one);
        fetcher_.reset();
        run_until([&] { return server.open() == 0; });
    }
}

TEST_F(HttpsFetcherTest, OneDeadlineForAll) {
    Script silent, dribble = good(), held = good();
    silent.silent = true;
    dribble.per_octet = milliseconds{20};
    held.response.pop_back();
    held.close = Script::Close::hold;
    TlsServer server{ca().leaf({host}), silent};
    options.port = server.port();
    options.timeout = milliseconds{1500};
    const auto timed = [&](const std::string& expected) {
        const auto begun = steady_clock::now();
        EXPECT_EQ(show(get()), expected);
        EXPECT_GE(steady_clock::now() - begun, milliseconds{1500});
        EXPECT_LT(steady_clock::now() - begun, milliseconds{1500} + test::late);
    };
    timed("fetch-timeout: in the TLS handshake after 1500 ms at 127.0.0.1");
    server.set_script(dribble);
    timed("fetch-timeout: in the response after 1500 ms at 127.0.0.1");
    server.set_script(held);
    timed("fetch-timeout: in the response after 1500 ms at 127.0.0.1");
    resolver.slow(host, dns::Type::a, test::AddressResolver::never);
    timed("fetch-timeout: in the address lookup after 1500 ms");
}

TEST_F(HttpsFetcherTest, NoConnectionHasItsReasons) {
    TlsServer server{ca().leaf({host}), good(), {"127.0.0.1"}};
    test::BlackHole hole{"127.0.0.4", server.port()};
    options.port = server.port();
    options.timeout = milliseconds{1500};
    resolver.set(host, {"127.0.0.2", "127.0.0.3"});
    EXPECT_EQ(show(get()), "connect-failed: 2 of 2 addresses failed: 127.0.0.2: Connection refused; "
                           "127.0.0.3: Connection refused");
    resolver.set(host, {"127.0.0.2", "127.0.0.4"});
    EXPECT_EQ(show(get()),
              "connect-timeout: no connection after 1500 ms, 1 of 2 addresses failed: 127.0.0.2: "
              "Connection refused");
}

TEST_F(HttpsFetcherTest, LookupsHaveTheirReasons) {
    EXPECT_EQ(show(get("mta-sts.nowhere.example")), "host-unresolvable: AAAA: no such name, A: no such name");
    resolver.set(host, {});
    EXPECT_EQ(show(get()), "host-unresolvable: AAAA: no address, A: no address");
    resolver.fail(host, dns::Type::aaaa, Reason::dns_servfail);
    EXPECT_EQ(show(get()), "host-unresolvable: AAAA: dns-servfail, A: no address");
    resolver.fail(host, dns::Type::a, Reason::overloaded);
    EXPECT_EQ(reason(get()), "overloaded");
}

TEST_F(HttpsFetcherTest, OneLookupIsEnough) {
    TlsServer server{ca().leaf({host}), good()};
    options.port = server.port();
    resolver.fail(host, dns::Type::aaaa, Reason::dns_timeout);
    EXPECT_EQ(show(get()), "body");
    resolver.slow(host, dns::Type::aaaa, test::AddressResolver::never);
    options.timeout = milliseconds{60000};
    fetcher_.reset();
    const auto begun = steady_clock::now();
    EXPECT_EQ(show(get()), "body");
    EXPECT_LT(steady_clock::now() - begun, test::late);
}

TEST_F(HttpsFetcherTest, LateAddressesAreTriedToo) {
    TlsServer server{ca().leaf({host}), good(), {"::1"}};
    options.port = server.port();
    resolver.set(host, {"127.0.0.1", "::1"});
    resolver.slow(host, dns::Type::aaaa, milliseconds{300});
    EXPECT_EQ(show(get()), "body");
}

TEST_F(HttpsFetcherTest, RefusesPrivateAddresses) {
    TlsServer server{ca().leaf({host}), good()};
    options.port = server.port();
    options.allow_private_addresses = false;
    EXPECT_EQ(show(get()), "host-refused-address: 127.0.0.1 is loopback");
    resolver.set(host, {"::ffff:127.0.0.1"});
    EXPECT_EQ(show(get()), "host-refused-address: ::ffff:127.0.0.1 is loopback");
    resolver.set(host, {"10.0.0.1", "fd00::1"});
    EXPECT_EQ(reason(get()), "host-refused-address");
    EXPECT_EQ(server.connections(), 0u);
}

TEST_F(HttpsFetcherTest, RunsSoManyAtATimeInOrder) {
    Script slow = good();
    slow.before_response = milliseconds{30};
    for (const std::size_t limit : {std::size_t{1}, std::size_t{3}}) {
        TlsServer server{ca().leaf({"*.example.com"}), slow};
        options.port = server.port();
        options.max_concurrent = limit;
        fetcher_.reset();
        std::vector<std::shared_ptr<std::optional<Fetched>>> results;
        std::vector<std::string> names;
        for (char c = 'a'; c < 'i'; ++c) {
            names.push_back(std::string(1, c) + ".example.com");
            resolver.set(names.back(), {"127.0.0.1"});
            results.push_back(begin(names.back()));
        }
        EXPECT_TRUE(
            run_until([&] { return fetcher().running() == limit && fetcher().queued() == 8 - limit; }));
        for (const auto& result : results) {
            run_until([&] {
                EXPECT_LE(fetcher().running(), limit);
                return result->has_value();
            });
            EXPECT_EQ(show(*result), "body");
        }
        EXPECT_EQ(fetcher().queued(), 0u);
        if (limit == 1) {
            EXPECT_EQ(server.sni(), names);
        }
    }
}

TEST_F(HttpsFetcherTest, ManyHostsOnOneHangingAddressHoldUpNobodyElse) {
    Script silent;
    silent.silent = true;
    TlsServer hanging{ca().leaf({host}), silent, {"127.0.0.2"}};
    TlsServer healthy{ca().leaf({host}), good(), {"127.0.0.1"}, hanging.port()};
    options.port = hanging.port();
    options.max_concurrent = 3;
    options.max_per_address = 2;
    options.timeout = milliseconds{1000};
    resolver.set("mta-sts.hanging.example", {"127.0.0.2"});
    std::vector<std::shared_ptr<std::optional<Fetched>>> results;
    for (int i = 0; i < 6; ++i) results.push_back(begin("mta-sts.hanging.example"));
    ASSERT_TRUE(run_until([&] { return hanging.connections() == 2 && fetcher().queued() == 4; }));
    EXPECT_EQ(show(get()), "body");
    EXPECT_EQ(hanging.connections(), 2u);
    for (const auto& result : results) EXPECT_FALSE(result->has_value());
    // The others get their turn, each with its full time: three rounds.
    const auto begun = steady_clock::now();
    for (const auto& result : results) {
        run_until([&] { return result->has_value(); });
        EXPECT_EQ(show(*result), "fetch-timeout: in the TLS handshake after 1000 ms at 127.0.0.2");
    }
    EXPECT_EQ(hanging.connections(), 6u);
    EXPECT_GE(steady_clock::now() - begun, milliseconds{2000});
}

TEST_F(HttpsFetcherTest, HostsThatHangMakeRoomForThoseThatAnswer) {
    Script silent;
    silent.silent = true;
    std::vector<std::string> addresses;
    for (int i = 0; i < 20; ++i) addresses.push_back("127.0.3." + std::to_string(i + 1));
    TlsServer hanging{ca().leaf({host}), silent, addresses};
    TlsServer healthy{ca().leaf({host}), good(), {"127.0.0.1"}, hanging.port()};
    options.port = hanging.port();
    options.max_concurrent = 2;
    options.patience = milliseconds{20};
    std::vector<std::shared_ptr<std::optional<Fetched>>> results;
    for (int i = 0; i < 20; ++i) {
        const std::string name = "mta-sts.h" + std::to_string(i) + ".example";
        resolver.set(name, {addresses[static_cast<std::size_t>(i)]});
        results.push_back(begin(name));
    }
    EXPECT_EQ(show(get()), "body") << "though ten times as many hang as may be fetched at a time";
    EXPECT_EQ(hanging.connections(), 20u);
    for (const auto& result : results) EXPECT_FALSE(result->has_value());
}

TEST_F(HttpsFetcherTest, TheQueueIsBounded) {
    Script silent;
    silent.silent = true;
    TlsServer server{ca().leaf({host}), silent};
    options.port = server.port();
    options.max_concurrent = 1;
    std::vector<std::shared_ptr<std::optional<Fetched>>> results;
    for (std::size_t i = 0; i < fetch::max_queued + 2; ++i) results.push_back(begin());
    run_until([&] { return results.back()->has_value(); });
    EXPECT_EQ(reason(*results.back()), "overloaded");
    EXPECT_EQ(fetcher().queued(), fetch::max_queued);
    fetcher_.reset();
    std::size_t ended = 0; // of the first ones; checking all of them each time takes too long
    run_until([&] {
        while (ended < results.size() && results[ended]->has_value()) ++ended;
        return ended == results.size();
    });
    for (std::size_t i = 0; i <= fetch::max_queued; ++i) ASSERT_EQ(reason(*results[i]), "shutting-down");
}

TEST_F(HttpsFetcherTest, CanBeDestroyedAtAnyMoment) {
    Script silent, held;
    silent.silent = true;
    held.close = Script::Close::hold;
    TlsServer server{ca().leaf({host}), silent};
    TlsServer holding{ca().leaf({host}), held, {"127.0.0.3"}, server.port()};
    test::BlackHole hole{"127.0.0.4", server.port()};
    options.port = server.port();
    resolver.set("lookup.example.com", {"127.0.0.1"});
    resolver.slow("lookup.example.com", dns::Type::a, milliseconds{200});
    resolver.set("connect.example.com", {"127.0.0.4"});
    resolver.set("response.example.com", {"127.0.0.3"});
    holding.on_sni("response.example.com", ca().leaf({"response.example.com"}));
    for (const bool run_on : {true, false}) {
        options.max_concurrent = 4;
        std::vector<std::shared_ptr<std::optional<Fetched>>> results;
        for (const char* name : {"lookup.example.com", "connect.example.com", "mta-sts.example.com",
                                 "response.example.com", "queued.example.com"})
            results.push_back(begin(name));
        const std::size_t before = holding.requests().size();
        ASSERT_TRUE(run_until([&] { return holding.requests().size() > before; }));
        fetcher_.reset();
        if (!run_on) break; // the loop is destroyed with everything in it
        for (const auto& result : results) {
            run_until([&] { return result->has_value(); });
            EXPECT_EQ(reason(*result), "shutting-down");
        }
        EXPECT_TRUE(run_until([&] { return server.open() + holding.open() == 0; }))
            << "connections stay open";
    }
}

TEST_F(HttpsFetcherTest, ACancelledCallerEndsItsFetch) {
    Script held;
    held.close = Script::Close::hold;
    TlsServer server{ca().leaf({host}), held};
    options.port = server.port();
    boost::asio::cancellation_signal signal;
    std::optional<Fetched> result;
    auto done = [&](std::exception_ptr, fetch::Result fetched) {
        result = test::body_of(std::move(fetched));
    };
    boost::asio::co_spawn(io, fetcher().get(host), boost::asio::bind_cancellation_slot(signal.slot(), done));
    ASSERT_TRUE(run_until([&] { return !server.requests().empty(); }));
    signal.emit(boost::asio::cancellation_type::terminal);
    ASSERT_TRUE(run_until([&] { return result.has_value(); }));
    EXPECT_EQ(reason(result), "shutting-down");
    EXPECT_TRUE(run_until([&] { return server.open() == 0 && fetcher().running() == 0; }));
}

TEST_F(HttpsFetcherTest, ConfigureTakesEffectOrLeavesAllAsItWas) {
    const test::TestCa other;
    TlsServer server{other.leaf({host}), good()};
    options.port = server.port();
    EXPECT_EQ(reason(get()), "cert-untrusted");
    Options next = options;
    next.ca_file = "/nonexistent/ca.pem";
    const auto bad = fetcher().configure(next);
    ASSERT_FALSE(bad);
    EXPECT_NE(bad.error().find("/nonexistent/ca.pem"), std::string::npos) << bad.error();
    next.ca_file = other.file();
    next.max_per_address = 0;
    EXPECT_FALSE(fetcher().configure(next));
    EXPECT_EQ(reason(get()), "cert-untrusted");
    next.max_per_address = options.max_per_address;
    EXPECT_TRUE(fetcher().configure(next));
    EXPECT_EQ(show(get()), "body");
    next.ca_file = "/nonexistent/ca.pem";
    EXPECT_THROW(HttpsFetcher(io.get_executor(), resolver, next, log), std::runtime_error);
}

} // namespace
