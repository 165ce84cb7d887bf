// http_responses.json: the raw octets of each vector go over a real TLS socket to the real fetcher. One
// server serves all and knows the vector by the SNI. Many vectors run at the same time, so the slow ones do
// not add up.
#include "fetch/https_fetcher.hpp"
#include "support/address_resolver.hpp"
#include "support/memory_log.hpp"
#include "support/test_ca.hpp"
#include "support/tls_server.hpp"
#include "vectors_runner/runner.hpp"

#include <boost/asio/co_spawn.hpp>

#include <boost/asio/io_context.hpp>
#include <functional>

#include <chrono>
#include <cmath>
#include <functional>
#include <memory>
#include <optional>

namespace vectors {

namespace {

namespace asio = boost::asio;
using std::chrono::milliseconds;
using Fetched = fetch::Result;

// The deadline of a whole fetch is 60 s, and a vector about it would take as long. Such vectors, and others
// that would take long, run faster: their pauses and their fetcher's deadline are both divided by this
// number.
constexpr int speed_up = 20;
constexpr milliseconds long_time{10000};
constexpr milliseconds whole_fetch{60000};
constexpr milliseconds quick_fetch = whole_fetch / speed_up;

struct Case {
    const json* vector;
    std::string host;
    bool quick = false;
    std::string cannot; // why it cannot be run
    std::optional<Fetched> fetched;
};

/// Returns "" when the whole vector is understood, else why not.
std::string prepare(const json& vector, test::Script& script, bool& quick) {
    using Close = test::Script::Close;
    if (!vector.contains("raw_b64")) return "no raw_b64";
    script.response = from_base64(vector.at("raw_b64").get<std::string>());
    const std::string close = vector.value("tls_close", "close_notify");
    if (close == "close_notify")
        script.close = Close::close_notify;
    else if (close == "none" || close == "fin" || close == "eof" || close == "tcp" || close == "tcp_fin" ||
             close == "truncated" || close == "no_close_notify" || close == "missing" || close == "abrupt")
        script.close = Close::fin;
    else if (close == "reset" || close == "rst" || close == "tcp_rst" || close == "tcp_reset")
        script.close = Close::reset;
    else if (close == "never" || close == "open" || close == "hold" || close == "keep_open")
        script.close = Close::hold;
    else
        return "unknown tls_close " + close;
    if (!vector.contains("timing")) return "";
    const json& timing = vector.at("timing");
    // The other vectors run in real time: a slow server must not be treated as a dead one.
    milliseconds takes{0};
    for (const auto& [key, value] : timing.items()) {
        const milliseconds time{std::llround(value.get<double>() * 1000)};
        if (key == "before_headers_s")
            script.before_response = time;
        else if (key == "per_octet_s")
            script.per_octet = time;
        else
            return "unknown timing " + key;
        takes += key == "per_octet_s" ? time * static_cast<int>(script.response.size()) : time;
    }
    quick = takes > long_time;
    if (quick) {
        script.before_response /= speed_up;
        script.per_octet /= speed_up;
    }
    return "";
}

bool fits(const json& outcome, const Fetched& fetched) {
    if (outcome.at("accept").get<bool>() != fetched.has_value()) return false;
    if (!fetched) return true; // the reason is advisory
    if (outcome.contains("body_len") && outcome.at("body_len").get<std::size_t>() != fetched->body.size())
        return false;
    return !outcome.contains("body_b64") ||
           from_base64(outcome.at("body_b64").get<std::string>()) == fetched->body;
}

std::string came(const Fetched& fetched) {
    if (fetched) return "a body of " + std::to_string(fetched->body.size()) + " octets";
    return "refused, " + std::string(base::to_string(fetched.error().reason)) + ": " + fetched.error().detail;
}

constexpr std::size_t at_once = 32;

} // namespace

void run_http_responses(const json& vectors, Report& report) {
    const test::TestCa ca;
    test::TlsServer server{ca.leaf({"*.vectors.example"}), test::Script{}};
    asio::io_context io{1};
    test::AddressResolver resolver;
    test::MemoryLog log;

    std::vector<std::unique_ptr<Case>> cases;
    for (const json& vector : vectors) {
        auto item = std::make_unique<Case>();
        item->vector = &vector;
        item->host = "v" + std::to_string(cases.size()) + ".vectors.example";
        test::Script script;
        item->cannot = prepare(vector, script, item->quick);
        server.on_sni(item->host, script);
        resolver.set(item->host, {"127.0.0.1"});
        cases.push_back(std::move(item));
    }

    fetch::Options options;
    options.ca_file = ca.file();
    options.allow_private_addresses = true;
    options.port = server.port();
    options.max_concurrent = options.max_per_address = at_once;
    options.timeout = whole_fetch;
    fetch::HttpsFetcher fetcher{io.get_executor(), resolver, options, log};
    options.timeout = quick_fetch;
    fetch::HttpsFetcher quick_fetcher{io.get_executor(), resolver, options, log};
    // All share one address: no fetch may wait for a place there, or slow ones would have to give up theirs.
    std::size_t begun = 0;
    const std::function<void()> next = [&] {
        while (begun < cases.size() && !cases[begun]->cannot.empty()) ++begun;
        if (begun == cases.size()) return;
        Case& item = *cases[begun++];
        asio::co_spawn(io, (item.quick ? quick_fetcher : fetcher).get(item.host),
                       [&item, &next](std::exception_ptr error, Fetched fetched) {
                           if (!error) item.fetched = std::move(fetched);
                           next();
                       });
    };
    for (std::size_t i = 0; i < at_once; ++i) next();
    io.run();

    for (const auto& item : cases) {
        if (!item->cannot.empty()) {
            report.fail(*item->vector, item->cannot);
        } else if (!item->fetched) {
            report.fail(*item->vector, "the fetch threw");
        } else {
            bool fit = false;
            for (const json& outcome : outcomes(*item->vector)) fit = fit || fits(outcome, *item->fetched);
            if (fit)
                report.pass(*item->vector);
            else
                report.fail(*item->vector, "expected " + item->vector->at("expect").dump() + ", came " +
                                               came(*item->fetched));
        }
    }
}

} // namespace vectors
