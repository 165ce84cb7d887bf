// tls_flooder KIND UPSTREAM: support/flooder as an HTTP proxy, for the black box tests. Prints its port and
// the path of its CA file, then runs until standard input ends.
#include "support/flooder.hpp"

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

int main(int argc, char** argv) {
    std::vector<test::Flood> kinds(std::begin(test::all_floods), std::end(test::all_floods));
    kinds.push_back(test::Flood::proxy_head);
    if (argc != 3) {
        for (const test::Flood kind : kinds) std::puts(test::name_of(kind));
        return argc == 1 ? 0 : 2;
    }
    std::signal(SIGPIPE, SIG_IGN);
    const test::TestCa ca;
    for (const test::Flood kind : kinds) {
        if (std::string(argv[1]) != test::name_of(kind)) continue;
        const test::Flooder flooder(kind, ca, static_cast<std::uint16_t>(std::atoi(argv[2])));
        std::printf("%d %s\n", int{flooder.port()}, ca.file().c_str());
        std::fflush(stdout);
        while (std::getchar() != EOF) {
        }
        return 0;
    }
    std::fprintf(stderr, "no such flood: %s\n", argv[1]);
    return 2;
}
