// bench_fill_store FILE COUNT [AGE]: writes a policy store with COUNT domains, all fetched AGE seconds ago.
#include "bench/domains.hpp"
#include "cache/disk/sqlite_file.hpp"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>

namespace {

constexpr std::uint64_t rows_a_commit = 50'000;

void need(const base::Expected<void, cache::Trouble>& result) {
    if (!result) throw std::runtime_error(result.error().words);
}

void fill(const std::filesystem::path& path, std::uint64_t count, base::seconds age) {
    if (const auto made = cache::create_file(path); !made)
        throw std::runtime_error(made.error().message());
    auto file = cache::SqliteFile::open(path);
    if (!file) throw std::runtime_error(file.error().words);
    const auto now = std::chrono::floor<base::seconds>(std::chrono::system_clock::now());
    for (std::uint64_t n = 0; n < count; ++n) {
        if (n % rows_a_commit == 0) need(file->begin());
        cache::Row row{base::Domain::parse(bench::domain(n)).value(), bench::policy(n),
                       std::string(bench::record_id), now - age, now - age};
        need(file->put(row));
        if ((n + 1) % rows_a_commit == 0 || n + 1 == count) need(file->commit());
    }
    file->checkpoint();
}

} // namespace

int main(int argc, char** argv) {
    if (argc < 3) {
        std::fputs("usage: bench_fill_store FILE COUNT [AGE]\n", stderr);
        return 2;
    }
    try {
        fill(argv[1], std::strtoull(argv[2], nullptr, 10),
             base::seconds{argc > 3 ? std::strtol(argv[3], nullptr, 10) : 0});
    } catch (const std::exception& error) {
        std::fprintf(stderr, "bench_fill_store: %s\n", error.what());
        return 1;
    }
    return 0;
}
