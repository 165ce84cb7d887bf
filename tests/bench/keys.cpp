// bench_keys MIX COUNT DOMAINS: writes COUNT lookup keys, one a line, about DOMAINS domains.
//
// MIX: each = every domain once, in random order (COUNT is ignored); uniform; mail = as a large sender asks:
// 30 % of all for one domain, 12 % for four more, 10 % for three more, the rest Zipf (s = 1) over all; of
// every 1,000 keys 10 in upper case, 2 with a U-label, 10 in brackets.
#include "bench/domains.hpp"

#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <string>

namespace {

void put(const std::string& key) {
    std::fputs(key.c_str(), stdout);
    std::fputc('\n', stdout);
}

std::string as_written(std::string name, std::mt19937_64& random) {
    const std::uint64_t luck = random() % 1000;
    if (luck < 10)
        for (char& c : name) c = static_cast<char>(std::toupper(c));
    else if (luck < 12)
        name.insert(0, "b\xc3\xbc"
                       "cher."); // this makes another policy domain, which is unknown
    else if (luck < 22)
        name.insert(0, "[").append("]");
    return name;
}

std::uint64_t popular(const bench::Zipf& zipf, std::mt19937_64& random) {
    const std::uint64_t luck = random() % 100;
    if (luck < 30) return 0;
    if (luck < 42) return 1 + random() % 4;
    if (luck < 52) return 5 + random() % 3;
    return zipf(random);
}

} // namespace

int main(int argc, char** argv) {
    if (argc != 4) {
        std::fputs("usage: bench_keys each|uniform|mail COUNT DOMAINS\n", stderr);
        return 2;
    }
    const std::string how = argv[1];
    const std::uint64_t count = std::strtoull(argv[2], nullptr, 10);
    const std::uint64_t domains = std::strtoull(argv[3], nullptr, 10);
    std::mt19937_64 random{8461}; // the same keys each time
    if (how == "each") {
        std::vector<std::uint64_t> order(domains);
        std::iota(order.begin(), order.end(), std::uint64_t{0});
        std::ranges::shuffle(order, random);
        for (std::uint64_t n : order) put(bench::domain(n));
    } else if (how == "uniform") {
        for (std::uint64_t i = 0; i < count; ++i) put(bench::domain(random() % domains));
    } else {
        const bench::Zipf zipf{domains};
        for (std::uint64_t i = 0; i < count; ++i)
            put(as_written(bench::domain(popular(zipf, random)), random));
    }
    return std::fflush(stdout) == 0 ? 0 : 1;
}
