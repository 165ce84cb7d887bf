// tests/explorer/main.cpp - walks every sequence of events, and some longer ones, and prints what it found.
//
//   explorer                        all searches; "N passed, N failed" at the end
//   explorer --search NAME          one of them
//   explorer --depth N              deeper or less deep than usual
//   explorer --random SECONDS       random walks for this long (10)
//   explorer --seed N               the same random walks again
//   explorer --stop                 ends after the first search that fails
//   explorer --at-most SECONDS      for all searches (900): one that has not reached its depth by then fails
//   explorer --replay WORDS         one sequence, "txt-new,get-59,commit-slow,query,1h", printed in full
#include "explorer/search.hpp"

#include <CLI/CLI.hpp>

#include <malloc.h>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <random>

namespace {

using namespace std::chrono_literals;
using namespace explorer;
using Clock = std::chrono::steady_clock;

struct Search {
    const char* name;
    std::size_t depth;
    Alphabet alphabet;
    const char* start = ""; ///< as words
};

const std::vector<std::uint8_t> one{0}; ///< a setting that is always as usual

/// All events except missing memory and small steps of the clock, which have their own searches.
const Alphabet& everything() {
    static const Alphabet all{{Act::query, Act::pass_1s, Act::pass_61s, Act::pass_1h, Act::pass_1d, Act::tick,
                               Act::expire, Act::evict, Act::make_room, Act::restart, Act::restart_late,
                               Act::late, Act::ahead_3y, Act::back_3y, Act::validating, Act::unknown,
                               Act::not_validating},
                              {{{txt_same, txt_new, txt_gone, txt_fail},
                                {get_fast, get_slow},
                                {got_1d, got_59, got_0, got_1, got_61, got_longest, got_fail},
                                {commit_ok, commit_slow, commit_fail},
                                {dane_no, dane_yes, dane_fail},
                                one,
                                one}}};
    return all;
}

/// At random there is room for more.
Alphabet for_chance() {
    Alphabet all = everything();
    all.acts.insert(all.acts.end(), {Act::query, Act::query, Act::query, Act::pass_20s, Act::ahead_1h,
                                     Act::back_1h, Act::ahead_30s, Act::back_30s});
    all.values[static_cast<std::size_t>(Dimension::get)] = {
        got_1d, got_59, got_0, got_1, got_61, got_longest, got_fail, got_none, got_broken};
    all.values[static_cast<std::size_t>(Dimension::jitter)] = {jitter_none, jitter_early, jitter_late};
    all.values[static_cast<std::size_t>(Dimension::memory)] = {memory_left, memory_left,  memory_left,
                                                               memory_none, memory_learn, memory_dns,
                                                               memory_get,  memory_save};
    return all;
}

std::vector<Search> searches() {
    std::vector<Search> all;
    all.push_back({"acts", 6, {everything().acts, {{one, one, one, one, one, one, one}}}});
    all.push_back({"clock",
                   5,
                   {{Act::query, Act::pass_1h, Act::pass_1d, Act::tick, Act::expire, Act::restart,
                     Act::ahead_3y, Act::back_3y, Act::ahead_1h, Act::back_1h, Act::ahead_30s, Act::back_30s},
                    {{one, one, {got_1d, got_fail}, one, one, one, one}}}});
    // A policy that was fetched while the clock was ahead.
    all.push_back(
        {"ahead",
         4,
         {{Act::query, Act::pass_1h, Act::pass_1d, Act::tick, Act::restart, Act::ahead_3y, Act::back_3y},
          {{one, one, {got_1d, got_fail}, one, one, one, one}}},
         "wall+3y,query,wall-3y"});
    all.push_back({"disk",
                   5,
                   {{Act::query, Act::pass_1s, Act::pass_20s, Act::pass_61s, Act::tick, Act::expire,
                     Act::evict, Act::make_room, Act::restart, Act::restart_late, Act::late},
                    {{one,
                      {get_fast, get_slow},
                      {got_1d, got_59},
                      {commit_ok, commit_slow, commit_fail},
                      one,
                      one,
                      one}}}});
    all.push_back(
        {"limit",
         7,
         {{Act::query, Act::pass_1s, Act::pass_20s, Act::pass_61s, Act::tick, Act::expire, Act::restart},
          {{{txt_same, txt_new}, one, {got_1d, got_0, got_1, got_59, got_fail}, one, one, one, one}}}});
    all.push_back({"dane",
                   4,
                   {{Act::query, Act::pass_1h, Act::pass_1d, Act::tick, Act::restart, Act::validating,
                     Act::unknown, Act::not_validating},
                    {{one,
                      one,
                      {got_longest, got_fail},
                      one,
                      {dane_no, dane_yes, dane_fail},
                      {jitter_none, jitter_late},
                      one}}},
                   "validating"});
    // A verdict that nobody renewed for two days.
    all.push_back(
        {"verdict",
         3,
         {{Act::query, Act::pass_1h, Act::pass_1d, Act::tick, Act::restart, Act::validating, Act::unknown},
          {{one, one, {got_longest, got_fail}, one, {dane_no, dane_yes, dane_fail}, one, one}}},
         "validating,query,not-validating,1d,1d"});
    all.push_back(
        {"memory",
         3,
         {{Act::query, Act::pass_61s, Act::pass_1h, Act::pass_1d, Act::tick, Act::expire, Act::restart},
          {{{txt_same, txt_new},
            {get_fast, get_slow},
            {got_1d, got_59, got_fail},
            one,
            one,
            one,
            {memory_left, memory_none, memory_learn, memory_dns, memory_get, memory_save}}}}});
    all.push_back({"everything", 3, everything()});
    return all;
}

/// Acts with their usual settings.
Sequence sequence_of(std::string_view words) {
    Sequence sequence;
    while (!words.empty()) {
        const std::string_view word = words.substr(0, words.find(','));
        words.remove_prefix(std::min(words.size(), word.size() + 1));
        if (Act act{}; parse(word, act)) sequence.push_back({act, {}});
    }
    return sequence;
}

/// Of this process, which does not count what others do beside it.
double processor_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

bool tell(const char* name, const Report& r, double begun, std::size_t wanted) {
    const double seconds = processor_seconds() - begun;
    std::printf("%-12s depth %zu: %llu sequences, %llu run, %zu states, %.1f s\n", name, r.depth,
                static_cast<unsigned long long>(r.sequences), static_cast<unsigned long long>(r.executions),
                r.states, seconds);
    for (const Failure& f : r.failures)
        std::printf("  FAILED %s\n    explorer --replay %s\n", f.problem.c_str(),
                    to_string(f.sequence).c_str());
    if (r.depth < wanted) std::printf("  FAILED no time left to reach depth %zu\n", wanted);
    std::fflush(stdout);
    return r.failures.empty() && r.depth >= wanted;
}

} // namespace

int main(int argc, char** argv) {
    // Memory that one world frees is kept for the next, not returned to the system.
    (void)mallopt(M_MMAP_THRESHOLD, 64 << 20);
    (void)mallopt(M_TRIM_THRESHOLD, 256 << 20);
    (void)mallopt(M_TOP_PAD, 16 << 20);
    std::string only, words;
    std::size_t depth = 0;
    double random_for = 0, at_most = 900;
    bool stop = false;
    std::uint64_t seed = std::random_device{}();
    CLI::App app{"walks every sequence of events"};
    app.add_option("--search", only);
    app.add_option("--depth", depth);
    app.add_option("--random", random_for);
    app.add_option("--seed", seed);
    app.add_option("--at-most", at_most, "seconds for all searches");
    app.add_flag("--stop", stop);
    app.add_option("--replay", words);
    CLI11_PARSE(app, argc, argv);

    if (!words.empty()) {
        const std::string problem = replay(words);
        std::printf("%s\n", problem.empty() ? "no rule is broken" : ("BROKEN: " + problem).c_str());
        return problem.empty() ? 0 : 1;
    }
    const auto until =
        Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(at_most));
    unsigned passed = 0, failed = 0;
    for (const Search& search : searches()) {
        if (stop && failed > 0) break;
        if (!only.empty() && only != search.name) continue;
        const double begun = processor_seconds();
        const std::size_t wanted = depth > 0 ? depth : search.depth;
        const Report r = walk_all(search.alphabet, sequence_of(search.start), wanted, until, stop);
        (tell(search.name, r, begun, wanted) ? passed : failed) += 1;
    }
    if (random_for > 0 && !(stop && failed > 0)) {
        const double begun = processor_seconds();
        std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
        const auto end = Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                            std::chrono::duration<double>(random_for));
        const Report r = walk_some(for_chance(), 40, seed, end);
        (tell("random", r, begun, 0) ? passed : failed) += 1;
    }
    std::printf("%u passed, %u failed\n", passed, failed);
    return failed == 0 ? 0 : 1;
}
