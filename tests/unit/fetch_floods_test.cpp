// Input that keeps a TLS client busy without progress, over real sockets: none of it delays the loop's
// timers, or goes on without end.
#include "config/values.hpp"
#include "support/fetch_world.hpp"
#include "support/flooder.hpp"

#include "fetch/tls_stream.hpp"
#include "fetch/turns.hpp"
#include "support/late.hpp"
#include "support/sanitized.hpp"

#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <ctime>
#include <map>
#include <memory>
#include <vector>

namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::steady_clock;
using test::ca;
using test::Fetched;
using test::Flood;
using test::Flooder;
using test::good;
using test::name_of;
using test::reason;
using test::show;
using test::TlsServer;

const std::string host = test::policy_host;

microseconds thread_cpu() {
    timespec now{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return std::chrono::duration_cast<microseconds>(std::chrono::seconds{now.tv_sec} +
                                                    std::chrono::nanoseconds{now.tv_nsec});
}

/// A timer of one millisecond in the loop, and the thread's processor time between two of its calls: that is
/// the work of one turn of the loop.
class Ticker {
public:
    explicit Ticker(boost::asio::io_context& io) : timer_(io) { tick(); }
    ~Ticker() = default;
    Ticker(const Ticker&) = delete;
    Ticker& operator=(const Ticker&) = delete;

    std::vector<microseconds> turns;
    [[nodiscard]] microseconds longest() const {
        return turns.empty() ? thread_cpu() - last_ : *std::max_element(turns.begin(), turns.end());
    }

private:
    void tick() {
        last_ = thread_cpu();
        timer_.expires_after(milliseconds{1});
        timer_.async_wait([this, alive = std::weak_ptr<bool>(alive_)](const boost::system::error_code&) {
            if (alive.expired()) return;
            turns.push_back(thread_cpu() - last_);
            tick();
        });
    }
    boost::asio::steady_timer timer_;
    microseconds last_{};
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

// A turn may take 2 ms, plus the public-key work of one handshake. A debug build or a sanitizer is several
// times slower than the released program.
constexpr milliseconds longest_turn{test::sanitized ? 60 : 10};

using FloodTest = test::FetchTest;

TEST_F(FloodTest, EachEndsByALimitAndNeverHoldsUpTheLoop) {
    const std::string wire = "http-too-large: response: over 1048576 octets from the peer";
    const std::map<Flood, std::string> expected{
        {Flood::hello_requests, "tls-handshake: TLS handshake: over 16 HelloRequest, KeyUpdate and"},
        {Flood::key_updates, "tls-handshake: response: over 16 HelloRequest, KeyUpdate and"},
        {Flood::tickets, "tls-handshake: response: over 16 HelloRequest, KeyUpdate and"},
        {Flood::renegotiations, "tls-handshake: response: over 16 HelloRequest, KeyUpdate and"},
        {Flood::certificates, "tls-handshake: "},
        {Flood::fragments, "tls-handshake: "},
        {Flood::empty_records, "tls-handshake: "},
        {Flood::alerts, "tls-handshake: "},
        {Flood::cipher_changes, "tls-handshake: "},
        {Flood::junk, "tls-handshake: "},
        {Flood::one_octet, wire},
        {Flood::head, wire},
        {Flood::interim, "http-malformed: "},
        {Flood::chunks, wire},
        {Flood::body, "http-too-large: body over 65536 octets"},
    };
    for (const Flood flood : test::all_floods) {
        Flooder flooder{flood, ca().leaf({host})};
        options.port = flooder.port();
        options.timeout = milliseconds{30000};
        fetcher_.reset();
        (void)fetcher();
        Ticker ticker{io};
        const auto begun = steady_clock::now();
        const auto fetched = get();
        const auto took = std::chrono::duration_cast<milliseconds>(steady_clock::now() - begun);
        EXPECT_TRUE(show(fetched).starts_with(expected.at(flood))) << name_of(flood) << ": " << show(fetched);
        EXPECT_LT(took, milliseconds{19000}) << name_of(flood) << " ended by the deadline alone";
        EXPECT_LE(ticker.longest(), longest_turn) << name_of(flood);
        RecordProperty(std::string("longest_turn_us_") + name_of(flood),
                       static_cast<int>(ticker.longest().count()));
        std::printf("%-15s %5lld ms, longest turn %5lld us, %s\n", name_of(flood),
                    static_cast<long long>(took.count()), static_cast<long long>(ticker.longest().count()),
                    show(fetched).c_str());
        std::fflush(stdout);
    }
}

TEST_F(FloodTest, AProxyHasTheSameLimits) {
    for (const Flood flood : {Flood::proxy_head}) {
        Flooder flooder{flood, ca().leaf({host})};
        options.proxy = config::parse_proxy("http://127.0.0.1:" + std::to_string(flooder.port())).value();
        fetcher_.reset();
        (void)fetcher();
        Ticker ticker{io};
        EXPECT_EQ(reason(get()), "proxy-failed");
        EXPECT_LE(ticker.longest(), longest_turn);
    }
}

TEST_F(FloodTest, ManyAtOnceLeaveAnHonestHostItsTurns) {
    // Each fetch reaches its limits after some milliseconds of work: when one ends, the next one begins.
    for (const Flood flood : {Flood::fragments, Flood::one_octet, Flood::certificates, Flood::key_updates}) {
        Flooder flooder{flood, ca().leaf({"*.flood.example"})};
        TlsServer honest{ca().leaf({host}), good(), {"127.0.0.2"}, flooder.port()};
        resolver.set(host, {"127.0.0.2"});
        options.port = flooder.port();
        options.max_concurrent = 64;
        options.max_per_address = 64;
        fetcher_.reset();
        (void)fetcher();
        Ticker ticker{io};
        std::vector<std::shared_ptr<std::optional<Fetched>>> floods;
        int next = 0;
        const auto keep_going = [&] {
            std::erase_if(floods, [](const auto& one) { return one->has_value(); });
            while (floods.size() < 16) {
                const std::string name = "h" + std::to_string(next++) + ".flood.example";
                resolver.set(name, {"127.0.0.1"});
                floods.push_back(begin(name));
            }
        };
        keep_going();
        ASSERT_TRUE(run_until([&] { return flooder.connections() >= 12; }));
        std::vector<milliseconds> times;
        for (int i = 0; i < 5; ++i) {
            const auto begun = steady_clock::now();
            const auto result = begin(host);
            run_until([&] {
                keep_going();
                return result->has_value();
            });
            EXPECT_EQ(show(*result), "body") << name_of(flood);
            times.push_back(std::chrono::duration_cast<milliseconds>(steady_clock::now() - begun));
        }
        std::sort(times.begin(), times.end());
        const milliseconds took = times[2];
        EXPECT_LT(took, milliseconds{5000}) << name_of(flood);
        EXPECT_LE(ticker.longest(), longest_turn) << name_of(flood);
        std::printf("%-15s %d floods begun, honest %lld ms, longest turn %lld us\n", name_of(flood), next,
                    static_cast<long long>(took.count()), static_cast<long long>(ticker.longest().count()));
        fetcher_.reset();
        run_until([&] {
            return std::all_of(floods.begin(), floods.end(),
                               [](const auto& one) { return one->has_value(); });
        });
    }
}

TEST_F(FloodTest, TheFetcherEndsAtOnceBesideThem) {
    Flooder flooder{Flood::one_octet, ca().leaf({host})};
    options.port = flooder.port();
    options.timeout = milliseconds{60000};
    const auto result = begin();
    ASSERT_TRUE(run_until([&] { return flooder.sent() > 100'000; }));
    const auto begun = steady_clock::now();
    fetcher_.reset();
    ASSERT_TRUE(run_until([&] { return result->has_value(); }));
    EXPECT_LT(steady_clock::now() - begun, test::late);
}

} // namespace
