// The real fetcher over real sockets on the loopback addresses, against servers that behave in all ways.
#include "fetch/https_fetcher.hpp"

#include "support/address_resolver.hpp"
#include "support/memory_log.hpp"
#include "support/test_ca.hpp"
#include "support/tls_server.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>

#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <functional>
#include <optional>

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using base::Reason;
using fetch::HttpsFetcher;
using fetch::Options;
using std::chrono::milliseconds;
using std::chrono::steady_clock;
using test::Script;
using test::TlsServer;
using Fetched = base::Expected<std::string, fetch::Failure>;

const std::string host = "mta-sts.example.com";
const std::string policy = "version: STSv1\nmode: none\nmax_age: 86400\n";

const test::TestCa& ca() {
    static const test::TestCa made;
    return made;
}

Script good(std::string body = policy) {
    Script script;
    script.response =
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: " + std::to_string(body.size()) +
        "\r\n\r\n" + body;
    return script;
}

std::string show(const std::optional<Fetched>& fetched) {
    if (!fetched) return "(nothing)";
    return *fetched ? "body"
                    : std::string(base::to_string(fetched->error().reason)) + ": " + fetched->error().detail;
}

std::string reason(const std::optional<Fetched>& fetched) {
    if (!fetched) return "(nothing)";
    return std::string(base::to_string(*fetched ? Reason::none : fetched->error().reason));
}

class HttpsFetcherTest : public testing::Test {
protected:
    HttpsFetcherTest() {
        options.ca_file = ca().file();
        options.allow_private_addresses = true;
        options.timeout = milliseconds{10000};
        resolver.set(host, {"127.0.0.1"});
    }

    HttpsFetcher& fetcher() {
        if (!fetcher_) fetcher_ = std::make_unique<HttpsFetcher>(io.get_executor(), resolver, options, log);
        return *fetcher_;
    }

    std::shared_ptr<std::optional<Fetched>> begin(const std::string& name = host) {
        auto result = std::make_shared<std::optional<Fetched>>();
        asio::co_spawn(io, fetcher().get(name), [result](std::exception_ptr error, Fetched fetched) {
            if (error) std::rethrow_exception(error);
            *result = std::move(fetched);
        });
        return result;
    }

    /// Runs the loop until `done()`, for 20 s at most.
    bool run_until(const std::function<bool()>& done) {
        const auto until = steady_clock::now() + std::chrono::seconds{20};
        io.restart();
        while (!done() && steady_clock::now() < until) {
            io.run_one_for(milliseconds{20});
            if (io.stopped()) io.restart();
        }
        return done();
    }

    std::optional<Fetched> get(const std::string& name = host) {
        const auto result = begin(name);
        run_until([&] { return result->has_value(); });
        return *result;
    }

    asio::io_context io{1};
    test::AddressResolver resolver;
    test::MemoryLog log;
    Options options;
    std::unique_ptr<HttpsFetcher> fetcher_;
};

TEST_F(HttpsFetcherTest, GetsAPolicy) {
    TlsServer server{ca().leaf({host}), good()};
    options.port = server.port();
    const auto fetched = get();
    ASSERT_EQ(show(fetched), "body");
    EXPECT_EQ(**fetched, policy);
    ASSERT_EQ(server.requests().size(), 1u);
    EXPECT_TRUE(server.requests().front().starts_with(
        "GET /.well-known/mta-sts.txt HTTP/1.1\r\nHost: " + host + "\r\n"));
    EXPECT_EQ(server.sni(), std::vector<std::string>{host});
    EXPECT_EQ(log.count("debug fetch host=" + host), 1u);
    EXPECT_EQ(fetcher().running(), 0u);
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
    EXPECT_EQ(show(get()), "http-status: status 404");
    script.response = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n";
    server.set_script(script);
    EXPECT_EQ(show(get()), "http-media-type: content type text/html");
    script.response = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n" + policy;
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
    EXPECT_EQ(show(get()), "http-truncated: no response");
}

TEST_F(HttpsFetcherTest, JudgesTheCertificate) {
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
    // A verdict is final: no other address is asked.
    TlsServer second{ca().leaf({host}), good(), {"127.0.0.2"}, server.port()};
    resolver.set(host, {"127.0.0.1", "127.0.0.2"});
    EXPECT_EQ(reason(get()), "cert-untrusted");
    EXPECT_EQ(second.connections(), 0u);
}

TEST_F(HttpsFetcherTest, JudgesTheHandshake) {
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

TEST_F(HttpsFetcherTest, TriesTheNextAddress) {
    TlsServer server{ca().leaf({host}), good(), {"127.0.0.1"}};
    options.port = server.port();
    options.attempt_delay = milliseconds{5000}; // a refusal does not wait for it
    resolver.set(host, {"127.0.0.2", "127.0.0.3", "127.0.0.1"});
    const auto begin = steady_clock::now();
    EXPECT_EQ(show(get()), "body");
    EXPECT_LT(steady_clock::now() - begin, milliseconds{3000});
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
    options.attempt_delay = milliseconds{100};
    resolver.set(host, {"127.0.0.1", "::1"});
    const auto begin = steady_clock::now();
    EXPECT_EQ(show(get()), "body");
    EXPECT_GE(steady_clock::now() - begin, milliseconds{100});
    EXPECT_LT(steady_clock::now() - begin, milliseconds{3000});
}

TEST_F(HttpsFetcherTest, AConnectionThatBreaksIsNotTheEnd) {
    for (const Script::Stage stage : {Script::Stage::accept, Script::Stage::hello, Script::Stage::request}) {
        Script broken = good();
        broken.reset_at = stage;
        TlsServer first{ca().leaf({host}), broken, {"127.0.0.1"}};
        TlsServer second{ca().leaf({host}), good(), {"127.0.0.2"}, first.port()};
        options.port = first.port();
        fetcher_.reset();
        resolver.set(host, {"127.0.0.1", "127.0.0.2"});
        EXPECT_EQ(show(get()), "body") << static_cast<int>(stage);
        EXPECT_EQ(first.connections(), 1u);
        if (stage == Script::Stage::accept) continue;   // may as well be seen as a failure to connect
        resolver.set(host, {"127.0.0.1", "127.0.0.3"}); // and if the rest fails, the broken one is the reason
        EXPECT_EQ(reason(get()), stage == Script::Stage::request ? "http-truncated" : "tls-handshake");
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

TEST_F(HttpsFetcherTest, OneDeadlineForAll) {
    Script silent, dribble = good(), held = good();
    silent.silent = true;
    dribble.per_octet = milliseconds{20};
    held.response.pop_back();
    held.close = Script::Close::hold;
    TlsServer server{ca().leaf({host}), silent};
    options.port = server.port();
    options.timeout = milliseconds{400};
    const auto timed = [&](const std::string& expected) {
        const auto begin = steady_clock::now();
        EXPECT_EQ(show(get()), expected);
        EXPECT_GE(steady_clock::now() - begin, milliseconds{400});
        EXPECT_LT(steady_clock::now() - begin, milliseconds{2500});
    };
    timed("fetch-timeout: in the TLS handshake after 400 ms");
    server.set_script(dribble);
    timed("fetch-timeout: in the response after 400 ms");
    server.set_script(held);
    timed("fetch-timeout: in the response after 400 ms");
    resolver.slow(host, dns::Type::a, test::AddressResolver::never);
    timed("fetch-timeout: in the address lookup after 400 ms");
}

TEST_F(HttpsFetcherTest, NoConnectionHasItsReasons) {
    TlsServer server{ca().leaf({host}), good(), {"127.0.0.1"}};
    test::BlackHole hole{"127.0.0.4", server.port()};
    options.port = server.port();
    options.timeout = milliseconds{300};
    resolver.set(host, {"127.0.0.2", "127.0.0.3"});
    EXPECT_EQ(show(get()), "connect-failed: 2 of 2 addresses failed, last 127.0.0.3: Connection refused");
    resolver.set(host, {"127.0.0.2", "127.0.0.4"});
    EXPECT_EQ(show(get()),
              "connect-timeout: no connection after 300 ms, 1 of 2 addresses failed, last 127.0.0.2: "
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
    const auto begin = steady_clock::now();
    EXPECT_EQ(show(get()), "body");
    EXPECT_LT(steady_clock::now() - begin, milliseconds{3000});
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
    // The others get their turn, each with its own full time: three rounds.
    const auto begun = steady_clock::now();
    for (const auto& result : results) {
        run_until([&] { return result->has_value(); });
        EXPECT_EQ(show(*result), "fetch-timeout: in the TLS handshake after 1000 ms");
    }
    EXPECT_EQ(hanging.connections(), 6u);
    EXPECT_GE(steady_clock::now() - begun, milliseconds{2000});
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
    run_until([&] { return results.front()->has_value() && results[fetch::max_queued]->has_value(); });
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
        if (!run_on) break; // the loop dies with everything in it
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
    asio::cancellation_signal signal;
    std::optional<Fetched> result;
    auto done = [&](std::exception_ptr, Fetched fetched) { result = std::move(fetched); };
    asio::co_spawn(io, fetcher().get(host), asio::bind_cancellation_slot(signal.slot(), done));
    ASSERT_TRUE(run_until([&] { return !server.requests().empty(); }));
    signal.emit(asio::cancellation_type::terminal);
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
    next.proxy = "nonsense";
    EXPECT_FALSE(fetcher().configure(next));
    EXPECT_EQ(reason(get()), "cert-untrusted");
    next.proxy = "";
    EXPECT_TRUE(fetcher().configure(next));
    EXPECT_EQ(show(get()), "body");
    next.ca_file = "/nonexistent/ca.pem";
    EXPECT_THROW(HttpsFetcher(io.get_executor(), resolver, next, log), std::runtime_error);
}

/// A proxy that answers CONNECT with `reply` and then passes octets on to 127.0.0.1:port, if there is a port.
class Proxy {
public:
    Proxy(asio::io_context& io, std::string reply, std::uint16_t port)
        : acceptor_(io, tcp::endpoint(asio::ip::address_v4::loopback(), 0)), reply_(std::move(reply)),
          port_(port) {
        asio::co_spawn(io, serve(), asio::detached);
    }
    [[nodiscard]] std::string url() const {
        return "http://127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port());
    }
    [[nodiscard]] std::uint16_t port() const { return acceptor_.local_endpoint().port(); }
    std::string request;

private:
    static asio::awaitable<void> pass(std::shared_ptr<tcp::socket> from, std::shared_ptr<tcp::socket> to) {
        std::string octets(4096, '\0');
        for (;;) {
            auto [error, n] =
                co_await from->async_read_some(asio::buffer(octets), asio::as_tuple(asio::use_awaitable));
            if (error) break;
            auto [failed, m] = co_await asio::async_write(*to, asio::buffer(octets.data(), n),
                                                          asio::as_tuple(asio::use_awaitable));
            if (failed) break;
        }
        boost::system::error_code ignored;
        to->shutdown(tcp::socket::shutdown_send, ignored);
    }
    asio::awaitable<void> serve() {
        auto client = std::make_shared<tcp::socket>(acceptor_.get_executor());
        auto [error] = co_await acceptor_.async_accept(*client, asio::as_tuple(asio::use_awaitable));
        if (error) co_return;
        auto [bad, n] = co_await asio::async_read_until(*client, asio::dynamic_buffer(request), "\r\n\r\n",
                                                        asio::as_tuple(asio::use_awaitable));
        auto [failed, m] =
            co_await asio::async_write(*client, asio::buffer(reply_), asio::as_tuple(asio::use_awaitable));
        if (bad || failed || port_ == 0) co_return;
        auto server = std::make_shared<tcp::socket>(acceptor_.get_executor());
        const tcp::endpoint remote(asio::ip::address_v4::loopback(), port_);
        auto [refused] = co_await server->async_connect(remote, asio::as_tuple(asio::use_awaitable));
        if (refused) co_return;
        asio::co_spawn(acceptor_.get_executor(), pass(client, server), asio::detached);
        asio::co_spawn(acceptor_.get_executor(), pass(server, client), asio::detached);
    }

    tcp::acceptor acceptor_;
    std::string reply_;
    std::uint16_t port_;
};

const std::string established = "HTTP/1.1 200 Connection established\r\n\r\n";

TEST_F(HttpsFetcherTest, GoesThroughAProxy) {
    TlsServer server{ca().leaf({host}), good()};
    Proxy proxy{io, established, server.port()};
    options.proxy = proxy.url();
    options.allow_private_addresses = false; // the proxy itself may be private
    EXPECT_EQ(show(get()), "body");
    EXPECT_TRUE(proxy.request.starts_with("CONNECT " + host + ":443 HTTP/1.1\r\nHost: " + host + ":443\r\n"));
    EXPECT_EQ(server.sni(), std::vector<std::string>{host});
    EXPECT_TRUE(resolver.asked().empty());
}

TEST_F(HttpsFetcherTest, LooksUpTheProxyOnly) {
    TlsServer server{ca().leaf({"www.example.com"}), good()};
    Proxy proxy{io, established, server.port()};
    resolver.set("proxy.example.net", {"127.0.0.1"});
    options.proxy = "http://proxy.example.net:" + std::to_string(proxy.port());
    EXPECT_EQ(reason(get()), "cert-name-mismatch") << "the certificate must still be the policy host's";
    EXPECT_EQ(resolver.asked(), (std::vector<std::string>{"proxy.example.net", "proxy.example.net"}));
}

TEST_F(HttpsFetcherTest, AProxysFailuresAreTheProxys) {
    const std::pair<std::string, std::string> rows[] = {
        {"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "proxy-failed: status 407"},
        {"SSH-2.0-OpenSSH\r\n", "proxy-failed: reply to CONNECT: not an HTTP/1 response"},
        {"HTTP/1.1 200 OK\r\n", "proxy-failed: reply to CONNECT: End of file"},
        {established + "more", "proxy-failed: octets after the reply to CONNECT"},
        {established, "tls-handshake: TLS handshake: stream truncated"},
    };
    for (const auto& [reply, expected] : rows) {
        Proxy proxy{io, reply, 0};
        options.proxy = proxy.url();
        fetcher_.reset();
        EXPECT_EQ(show(get()), expected);
    }
    fetcher_.reset();
    options.proxy = "http://127.0.0.5:1";
    EXPECT_EQ(show(get()), "proxy-failed: 1 of 1 addresses failed, last 127.0.0.5: Connection refused");
    fetcher_.reset();
    options.proxy = "http://proxy.nowhere.example:1";
    EXPECT_EQ(reason(get()), "proxy-failed");
    fetcher_.reset();
    Script silent;
    silent.silent = true;
    TlsServer mute{ca().leaf({host}), silent};
    options.proxy = "http://127.0.0.1:" + std::to_string(mute.port());
    options.timeout = milliseconds{200};
    EXPECT_EQ(show(get()), "proxy-failed: no tunnel after 200 ms");
}

TEST_F(HttpsFetcherTest, TheEnvironmentIsNotAsked) {
    ::setenv("https_proxy", "http://127.0.0.1:1", 1);
    ::setenv("HTTPS_PROXY", "http://127.0.0.1:1", 1);
    TlsServer server{ca().leaf({host}), good()};
    options.port = server.port();
    EXPECT_EQ(show(get()), "body");
    ::unsetenv("https_proxy");
    ::unsetenv("HTTPS_PROXY");
}

} // namespace
