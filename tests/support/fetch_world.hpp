// tests/support/fetch_world.hpp - the real fetcher on loopback addresses: shared by its tests.
#pragma once

#include "fetch/https_fetcher.hpp"
#include "support/address_resolver.hpp"
#include "support/memory_log.hpp"
#include "support/test_ca.hpp"
#include "support/tls_server.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace test {

/// The body, or the reason against it.
using Fetched = base::Expected<std::string, fetch::Failure>;
inline Fetched body_of(fetch::Result result) {
    if (!result) return base::unexpected(std::move(result.error()));
    return std::move(result->body);
}

inline const std::string policy_host = "mta-sts.example.com";
inline const std::string policy_text = "version: STSv1\nmode: none\nmax_age: 86400\n";

inline const TestCa& ca() {
    static const TestCa made;
    return made;
}

/// A server that answers with this body.
inline Script good(const std::string& body = policy_text) {
    Script script;
    script.response =
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: " + std::to_string(body.size()) +
        "\r\n\r\n" + body;
    return script;
}

/// "body", or "reason: detail".
inline std::string show(const std::optional<Fetched>& fetched) {
    if (!fetched) return "(nothing)";
    return *fetched ? "body"
                    : std::string(base::to_string(fetched->error().reason)) + ": " + fetched->error().detail;
}

/// The reason's name, "none" for a body.
inline std::string reason(const std::optional<Fetched>& fetched) {
    if (!fetched) return "(nothing)";
    return std::string(base::to_string(*fetched ? base::Reason::none : fetched->error().reason));
}

/// A fetcher that is made from `options` when first used, and the world around it.
class FetchTest : public testing::Test {
protected:
    FetchTest() {
        options.ca_file = ca().file();
        options.allow_private_addresses = true;
        options.timeout = std::chrono::milliseconds{10000};
        resolver.set(policy_host, {"127.0.0.1"});
    }

    fetch::HttpsFetcher& fetcher() {
        if (!fetcher_)
            fetcher_ = std::make_unique<fetch::HttpsFetcher>(io.get_executor(), resolver, options, log);
        return *fetcher_;
    }

    std::shared_ptr<std::optional<Fetched>> begin(const std::string& name = policy_host) {
        auto result = std::make_shared<std::optional<Fetched>>();
        boost::asio::co_spawn(io, fetcher().get(name),
                              [this, result](std::exception_ptr error, fetch::Result fetched) {
                                  if (error) std::rethrow_exception(error);
                                  if (fetched) how = fetched->how;
                                  *result = body_of(std::move(fetched));
                              });
        return result;
    }

    /// Runs the loop until `done()`, for 20 s at most.
    bool run_until(const std::function<bool()>& done) {
        const auto until = std::chrono::steady_clock::now() + std::chrono::seconds{20};
        io.restart();
        while (!done() && std::chrono::steady_clock::now() < until) {
            io.run_one_for(std::chrono::milliseconds{20});
            if (io.stopped()) io.restart();
        }
        return done();
    }

    std::optional<Fetched> get(const std::string& name = policy_host) {
        const auto result = begin(name);
        run_until([&] { return result->has_value(); });
        return *result;
    }

    boost::asio::io_context io{1};
    AddressResolver resolver;
    MemoryLog log;
    fetch::Circumstances how; ///< of the last success
    fetch::Options options;
    std::unique_ptr<fetch::HttpsFetcher> fetcher_;
};

} // namespace test
