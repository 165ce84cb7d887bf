// monitoring/page_sample.cpp - prints the status page of a made-up daemon, for browsers: `page_sample healthy|broken|observing`; with
// `--policy`, the hash of the style sheet for its Content-Security-Policy.
#include "admin/page/page.hpp"

#include "support/sample_overview.hpp"

#include <iostream>
#include <string_view>

int main(int argc, char** argv) {
    const std::string_view which = argc == 2 ? argv[1] : "";
    if (which == "--policy")
        std::cout << page::style_hash() << '\n';
    else if (which == "healthy")
        std::cout << page::html(test::healthy_overview());
    else if (which == "broken")
        std::cout << page::html(test::broken_overview());
    else if (which == "observing")
        std::cout << page::html(test::observing_overview());
    else
        return 2;
    return std::cout.flush() ? 0 : 1;
}
