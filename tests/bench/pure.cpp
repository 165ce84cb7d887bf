// bench_pure: the pure parts of an answer, one by one (Google Benchmark).
#include "bench/domains.hpp"
#include "cache/table.hpp"
#include "decision/decide.hpp"
#include "decision/override.hpp"
#include "events/recorder.hpp"
#include "events/render.hpp"
#include "log/log.hpp"
#include "log/log_format.hpp"
#include "lookup/service.hpp"
#include "postfix/answer.hpp"
#include "postfix/netstring.hpp"
#include "postfix/request.hpp"
#include "sts/match.hpp"
#include "sts/policy.hpp"
#include "sts/record.hpp"
#include "support/client.hpp"
#include "support/fake_fetcher.hpp"
#include "support/fake_resolver.hpp"
#include "support/fake_store.hpp"
#include "support/manual_time.hpp"
#include "wiring/real_time.hpp"

#include <benchmark/benchmark.h>
#include <boost/asio/io_context.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace {

constexpr base::Instant now{base::seconds{1'700'000'000}};

void netstring_in(benchmark::State& state) {
    const std::string request = postfix::frame("sts " + bench::domain(1));
    postfix::NetstringReader reader{10000};
    for (auto _ : state) {
        reader.feed(request);
        auto payload = reader.next();
        benchmark::DoNotOptimize(payload);
    }
}
BENCHMARK(netstring_in);

void request_key(benchmark::State& state, std::string key) {
    const std::string request = "sts " + key;
    for (auto _ : state) {
        auto parsed = postfix::parse_request(request);
        benchmark::DoNotOptimize(parsed);
    }
}
BENCHMARK_CAPTURE(request_key, plain, "mail.example.com");
BENCHMARK_CAPTURE(request_key, upper_case, "MAIL.EXAMPLE.COM");
BENCHMARK_CAPTURE(request_key, brackets, "[mail.example.com]:587");
BENCHMARK_CAPTURE(request_key, u_label,
                  "b\xc3\xbc"
                  "cher.example.com");
BENCHMARK_CAPTURE(request_key, parent, ".example.com");

void policy_text(benchmark::State& state) {
    const std::string text = bench::policy(1);
    for (auto _ : state) {
        auto policy = sts::parse_policy(text);
        benchmark::DoNotOptimize(policy);
    }
}
BENCHMARK(policy_text);

void txt_record(benchmark::State& state) {
    const std::vector<std::string> records{"v=spf1 -all", "v=STSv1; id=20240101T000000;"};
    for (auto _ : state) {
        auto id = sts::find_id(records);
        benchmark::DoNotOptimize(id);
    }
}
BENCHMARK(txt_record);

void mx_match(benchmark::State& state) {
    const auto policy = sts::parse_policy(
        "version: STSv1\nmode: enforce\nmx: mx1.example.com\nmx: *.example.net\nmax_age: 86400\n");
    for (auto _ : state) benchmark::DoNotOptimize(sts::admits(*policy, "mx7.example.net"));
}
BENCHMARK(mx_match);

void answer_format(benchmark::State& state, postfix::Dialect dialect) {
    const std::string text = bench::policy(1);
    const sts::PolicyText policy{text, sts::parse_policy(text).value()};
    const std::string domain = bench::domain(1);
    decision::Facts facts;
    facts.domain = domain;
    facts.policy = &policy;
    facts.expires_at = now + base::seconds{1};
    std::string answer;
    for (auto _ : state) {
        answer.clear();
        postfix::append_answer(decision::decide(facts, now).answer, dialect, answer);
        benchmark::DoNotOptimize(answer);
    }
}
BENCHMARK_CAPTURE(answer_format, plain, postfix::Dialect::plain);
BENCHMARK_CAPTURE(answer_format, tlsrpt, postfix::Dialect::tlsrpt);

/// For a domain without an override, among as many as there may be: the cost that each answer has. `suffixes`: one
/// override in ten is a suffix, so that each label is looked for, too.
void override_find(benchmark::State& state, bool suffixes) {
    std::vector<decision::Override> all(decision::max_overrides);
    for (std::size_t n = 0; n < all.size(); ++n)
        all[n].domain = (suffixes && n % 10 == 0 ? "." : "") + bench::domain(1'000'000 + n);
    const decision::Overrides overrides = decision::Overrides::of(std::move(all)).value();
    std::vector<std::string> domains;
    for (std::uint64_t n = 0; n < 1000; ++n) domains.push_back(bench::domain(n));
    std::size_t at = 0;
    for (auto _ : state) {
        const decision::Override* found = overrides.find(domains[at], now);
        benchmark::DoNotOptimize(found);
        if (++at == domains.size()) at = 0;
    }
}
BENCHMARK_CAPTURE(override_find, exact, false);
BENCHMARK_CAPTURE(override_find, suffixes, true);

/// The text line of a lookup, as the log's writer makes it.
void log_line(benchmark::State& state) {
    const std::string domain = bench::domain(1);
    events::Lookup event{
        .domain = domain, .answer = "secure", .source = "memory", .age = base::seconds{86400}};
    event.took_ms = 0.002;
    app::LogBuffer line;
    for (auto _ : state) {
        line.clear();
        app::append_text_head(line, app::LogTime{std::chrono::milliseconds{1}}, base::Level::info);
        const events::Line made = events::render(event);
        app::append_text_line(line, made.name, made.fields());
        benchmark::DoNotOptimize(line.text());
    }
}
BENCHMARK(log_line);

/// Processor time of the thread that answers, for a known domain's answer from memory, while the log's writer
/// works in another thread. The difference between the two levels is what a log line costs.
void answered(benchmark::State& state, base::Level level) {
    boost::asio::io_context io;
    app::SystemClock clock;
    test::ManualTime timers;
    test::FakeResolver resolver;
    test::FakeFetcher fetcher;
    test::FakeStore store;
    cache::Table table{cache::Limits{}};
    const std::string domain = bench::domain(1), request = "sts " + domain;
    cache::Entry entry;
    entry.policy = table.intern(bench::policy(1)).value();
    entry.txt_id = bench::record_id;
    entry.fetched_at = entry.txt_checked = entry.gets.last = clock.now();
    entry.dane.check_at = clock.now() + std::chrono::hours{1};
    entry.dane.advice = dane::Advice::sts;
    table.put(base::Domain::parse(domain).value(), std::move(entry), clock.now());
    app::LogPlaces places;
    places.fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
    {
        config::Log settings;
        settings.level = level;
        app::LineLog log{settings, places};
        events::Recorder recorder{log, clock};
        lookup::DaneLookup dane{io.get_executor(), resolver};
        lookup::Learner learner{
            {io.get_executor(), resolver, fetcher, dane, store, table, clock, timers, recorder}, {}};
        class Nobody final : public base::Inbox {
        public:
            void post(std::function<void()>) override {}
        } front;
        lookup::Service service{{front, io.get_executor(), learner, table, clock, timers, recorder}, {}};
        test::Client nobody{[](const std::string&) {}};
        std::string reply;
        int asked = 0;
        for (auto _ : state) {
            if (++asked % 1000 == 0) { // no faster than the writer can write
                state.PauseTiming();
                std::this_thread::sleep_for(std::chrono::milliseconds{5});
                state.ResumeTiming();
            }
            reply.clear();
            if (service.answer(request, clock.steady(), reply, nobody) != lookup::Reply::answered)
                return state.SkipWithError("not known");
            benchmark::DoNotOptimize(reply);
        }
    }
    close(places.fd);
}
BENCHMARK_CAPTURE(answered, unlogged, base::Level::warning);
BENCHMARK_CAPTURE(answered, logged, base::Level::info);

/// As in a query, for names in random order. The names lie in memory in that order, because a query's name is
/// in the processor's cache when the table is asked: only the table is measured.
void table_ask(benchmark::State& state) {
    std::vector<std::uint64_t> order(static_cast<std::size_t>(state.range(0)));
    cache::Table table{cache::Limits{}};
    for (std::uint64_t n = 0; n < order.size(); ++n) {
        order[n] = n;
        cache::Entry entry;
        entry.policy = table.intern(bench::policy(n)).value();
        entry.txt_id = bench::record_id;
        entry.fetched_at = entry.txt_checked = entry.gets.last = now; // as after a GET of the policy
        table.put(base::Domain::parse(bench::domain(n)).value(), std::move(entry), now);
    }
    std::mt19937_64 random{1};
    std::ranges::shuffle(order, random);
    std::vector<base::Domain> domains;
    domains.reserve(order.size());
    for (const std::uint64_t n : order) domains.push_back(base::Domain::parse(bench::domain(n)).value());
    std::size_t at = 0;
    for (auto _ : state) {
        auto known = table.ask(domains[at], now);
        benchmark::DoNotOptimize(known);
        if (++at == domains.size()) at = 0;
    }
}
BENCHMARK(table_ask)->Arg(1000)->Arg(1'000'000);

} // namespace
