// tests/explorer/events.hpp - the alphabet of the explorer: what can happen, and how the world may behave
// when it is asked.
//
// An Act is an event that makes the daemon's parts run. A Setting is how DNS, the policy host or the disk
// behaves; it matters only when it is used, so an act takes its settings when they are first used, and keeps
// them to its end. A sequence is written as words separated by commas: "txt-new,get-59,commit-slow,query,1h".
// There a setting stays until it is set again, except txt-new: the record that was new is the same
// afterwards.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace explorer {

enum class Act : std::uint8_t {
    query,
    pass_1s,
    pass_20s,
    pass_61s,
    pass_1h,
    pass_1d,
    tick,         ///< time passes until the next delayed call, which is made: the refresher's, mostly
    expire,       ///< time passes until the policy ends; what is due at that very moment is still to be done
    evict,        ///< another domain's policy takes the only place in memory
    make_room,    ///< a reload leaves no place in memory, and another one gives it back
    restart,      ///< kill -9 and a new process
    restart_late, ///< the same, and the disk neither gives nor takes anything for ten seconds, or until
    late,         ///< it gives its rows back, of which the daemon hears only after the next event
    ahead_3y,     ///< the wall clock alone goes three years forward
    back_3y,      ///< and back
    ahead_1h,
    back_1h,
    ahead_30s,
    back_30s,
    validating, ///< the resolver validates
    unknown,    ///< nobody knows whether it does
    not_validating,
};
inline constexpr std::size_t acts = 22;

[[nodiscard]] std::string_view name(Act act);

enum class Dimension : std::uint8_t { txt, pace, get, commit, dane, jitter, memory };
inline constexpr std::size_t dimensions = 7;

enum Txt : std::uint8_t { txt_same, txt_new, txt_gone, txt_fail };
enum Pace : std::uint8_t { get_fast, get_slow };
enum Got : std::uint8_t { got_1d, got_59, got_0, got_1, got_61, got_longest, got_fail, got_none, got_broken };
enum Commit : std::uint8_t { commit_ok, commit_slow, commit_fail };
enum Dane : std::uint8_t { dane_no, dane_yes, dane_fail };
enum Jitter : std::uint8_t { jitter_none, jitter_early, jitter_late }; ///< of the refresher's next look
enum Memory : std::uint8_t {
    memory_left,
    memory_none,  ///< for another flight
    memory_learn, ///< gone when one begins,
    memory_dns,   ///< when it asks for the TXT record,
    memory_get,   ///< when it asks for the policy,
    memory_save,  ///< when it saves it
};

[[nodiscard]] std::string_view name(Dimension dimension, std::uint8_t value);

/// One act and the settings it used, in the order of use.
struct Choice {
    Dimension dimension{};
    std::uint8_t value = 0;
    friend bool operator==(const Choice&, const Choice&) = default;
};
struct Step {
    Act act{};
    std::vector<Choice> choices;
};
using Sequence = std::vector<Step>;

/// As words; what stands already is not said again.
[[nodiscard]] std::string to_string(const Sequence& sequence);

/// A word: an act, or a setting. False for anything else.
[[nodiscard]] bool parse(std::string_view word, Act& act);
[[nodiscard]] bool parse(std::string_view word, Choice& choice);

/// What may happen in one search. The first of the values is the usual one.
struct Alphabet {
    std::vector<Act> acts;
    std::array<std::vector<std::uint8_t>, dimensions> values;
    /// Events, counted as the words they are written with.
    [[nodiscard]] std::size_t size() const;
};

} // namespace explorer
