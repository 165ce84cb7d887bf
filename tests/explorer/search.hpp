// tests/explorer/search.hpp - walks every sequence of an alphabet to a depth, then some at random beyond it.
//
// Breadth first, each sequence from the beginning, as coroutines cannot be copied. A sequence that leads to a
// state that a shorter or an equally long one has led to goes on as that one does: it counts as walked, with
// all that follows.
#pragma once

#include "explorer/events.hpp"
#include "explorer/oracle.hpp"
#include "explorer/world.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace explorer {

struct Failure {
    std::string problem;
    Sequence sequence;
};

struct Report {
    std::size_t depth = 0;        ///< all sequences of so many acts, and shorter ones
    std::uint64_t sequences = 0;  ///< acts with settings, of one act to `depth`
    std::uint64_t executions = 0; ///< of which so many were run
    std::size_t states = 0;
    std::vector<Failure> failures; ///< the shortest of each kind
};

/// All sequences of `alphabet` that follow `start`. Gives up, with what there is until then, at `until`: the
/// depth is that of the last level that was finished. So it does at the first failure, when told so.
[[nodiscard]] Report walk_all(const Alphabet& alphabet, const Sequence& start, std::size_t depth,
                              std::chrono::steady_clock::time_point until, bool stop_at_first);

/// Random sequences of `length` acts, until then.
[[nodiscard]] Report walk_some(const Alphabet& alphabet, std::size_t length, std::uint64_t seed,
                               std::chrono::steady_clock::time_point until);

/// The same failure with as few acts and unusual settings as possible.
[[nodiscard]] Failure smallest(const Alphabet& alphabet, Failure failure);

/// Runs words such as "txt-new,get-59,query"; prints what happens. The problem, or empty.
[[nodiscard]] std::string replay(const std::string& words);

} // namespace explorer
