#include "explorer/events.hpp"

#include <algorithm>
#include <optional>
#include <span>

namespace explorer {

namespace {

constexpr std::array<std::string_view, acts> act_names{
    "query",         "1s",      "20s",       "61s",      "1h",           "1d",         "tick",
    "expire",        "evict",   "make-room", "restart",  "restart-late", "late",       "wall+3y",
    "wall-3y",       "wall+1h", "wall-1h",   "wall+30s", "wall-30s",     "validating", "validating-unknown",
    "not-validating"};

constexpr std::string_view txt_names[] = {"txt-same", "txt-new", "txt-gone", "txt-fail"};
constexpr std::string_view pace_names[] = {"get-fast", "get-slow"};
constexpr std::string_view got_names[] = {"get-86400",    "get-59",   "get-0",    "get-1",     "get-61",
                                          "get-31557600", "get-fail", "get-none", "get-broken"};
constexpr std::string_view commit_names[] = {"commit-ok", "commit-slow", "commit-fail"};
constexpr std::string_view dane_names[] = {"dane-no", "dane-yes", "dane-fail"};

constexpr std::string_view jitter_names[] = {"jitter-none", "jitter-early", "jitter-late"};
constexpr std::string_view memory_names[] = {"memory-left",     "memory-none",     "memory-gone",
                                             "memory-gone-dns", "memory-gone-get", "memory-gone-save"};

constexpr std::array<std::span<const std::string_view>, dimensions> setting_names{
    std::span<const std::string_view>{txt_names},
    pace_names,
    got_names,
    commit_names,
    dane_names,
    jitter_names,
    memory_names};

} // namespace

std::string_view name(Act act) { return act_names[static_cast<std::size_t>(act)]; }

std::string_view name(Dimension dimension, std::uint8_t value) {
    return setting_names[static_cast<std::size_t>(dimension)][value];
}

std::string to_string(const Sequence& sequence) {
    std::array<std::uint8_t, dimensions> standing{};
    std::string words;
    const auto add = [&words](std::string_view word) { words.append(words.empty() ? "" : ",").append(word); };
    for (const Step& step : sequence) {
        for (const Choice& choice : step.choices) {
            std::uint8_t& now = standing[static_cast<std::size_t>(choice.dimension)];
            if (now != choice.value) add(name(choice.dimension, choice.value));
            now = choice.value;
            if (choice.dimension == Dimension::txt && now == txt_new) now = txt_same;
        }
        add(name(step.act));
    }
    return words;
}

bool parse(std::string_view word, Act& act) {
    const auto* const found = std::ranges::find(act_names, word);
    if (found == act_names.end()) return false;
    act = static_cast<Act>(found - act_names.begin());
    return true;
}

bool parse(std::string_view word, Choice& choice) {
    for (std::size_t d = 0; d < dimensions; ++d)
        for (std::size_t v = 0; v < setting_names[d].size(); ++v)
            if (setting_names[d][v] == word) {
                choice = {static_cast<Dimension>(d), static_cast<std::uint8_t>(v)};
                return true;
            }
    return false;
}

std::size_t Alphabet::size() const {
    std::size_t words = acts.size();
    for (const auto& some : values)
        if (some.size() > 1) words += some.size(); // a setting with one value is not an event
    return words;
}

} // namespace explorer
