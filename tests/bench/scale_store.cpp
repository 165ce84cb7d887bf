// bench_scale_store FILE KNOWN NEW: how many policies a second the store takes, durably, through its own API.
//
// FILE holds KNOWN domains already (bench_fill_store). NEW ones are saved as fast as the queue takes them, in
// random order, as a busy sender meets them. Each is counted when its done(true) came: then its row is on the
// disk. Then every one of them is saved again, as a refresh does. Prints one JSON object.
#include "bench/domains.hpp"
#include "cache/disk/sqlite_store.hpp"
#include "support/memory_log.hpp"
#include "support/real_clock.hpp"

#include <nlohmann/json.hpp>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <semaphore>

namespace {

using Clock = std::chrono::steady_clock;

/// Rows that may wait for their commit: as many as the learner allows flights.
constexpr std::ptrdiff_t in_the_air = 16384;

nlohmann::json save_all(cache::SqliteStore& store, std::uint64_t from, std::uint64_t count,
                        base::Instant now) {
    std::counting_semaphore<in_the_air> room{in_the_air};
    std::atomic<std::uint64_t> durable{0};
    const std::uint64_t commits = store.counters().commits;
    const auto begun = Clock::now();
    for (std::uint64_t i = 0; i < count; ++i) {
        const std::uint64_t n = from + (i * 7919) % count; // 7919 is prime: each number once, in mixed order
        room.acquire();
        store.save({base::Domain::parse(bench::domain(n)).value(), bench::policy(n),
                    std::string(bench::record_id), now, now},
                   [&](bool ok) {
                       durable += ok ? 1 : 0;
                       room.release();
                   });
    }
    for (std::ptrdiff_t i = 0; i < in_the_air; ++i) room.acquire();
    const double seconds = std::chrono::duration<double>(Clock::now() - begun).count();
    const std::uint64_t made = store.counters().commits - commits;
    return {{"rows", durable.load()},
            {"per_second", static_cast<double>(durable) / seconds},
            {"commits", made},
            {"rows_a_commit", static_cast<double>(durable) / static_cast<double>(made)}};
}

} // namespace

int main(int argc, char** argv) {
    if (argc != 4) {
        std::fputs("usage: bench_scale_store FILE KNOWN NEW\n", stderr);
        return 2;
    }
    test::MemoryLog log;
    const test::RealClock clock;
    std::size_t loaded = 0;
    auto opened = cache::SqliteStore::open(argv[1], {}, log, clock, [&](const cache::Row&) { ++loaded; });
    if (!opened) {
        std::fprintf(stderr, "bench_scale_store: %s\n", opened.error().c_str());
        return 1;
    }
    const std::uint64_t known = std::strtoull(argv[2], nullptr, 10),
                        fresh = std::strtoull(argv[3], nullptr, 10);
    nlohmann::json out{{"known", loaded}};
    out["new"] = save_all(*opened->store, known, fresh, clock.now());
    out["again"] = save_all(*opened->store, known, fresh, clock.now() + base::seconds{1});
    std::cout << out << '\n';
    return 0;
}
