// admin/page/troubles.hpp - what is wrong with the daemon, in words, with what to do about it. Pure.
//
// Derived from an overview alone. The alerts of packaging/monitoring watch for the same, over longer times.
#pragma once

#include "admin/page/overview.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace page {

struct Trouble {
    enum class Weight : std::uint8_t {
        note,    ///< nothing is wrong, but one should know it
        warning, ///< protection gets weaker, or will; mail flows
        problem, ///< mail waits, or the daemon cannot do its job
    };
    std::string_view id; ///< lower-case words joined by hyphens, the same as long as the trouble is
    Weight weight{};
    std::string words;  ///< a sentence, for a person
    std::string advice; ///< what to do, in sentences
};
[[nodiscard]] std::string_view to_string(Trouble::Weight weight) noexcept; ///< "note", "warning", "problem"

/// The weightiest first. Empty: all is well.
[[nodiscard]] std::vector<Trouble> troubles(const Overview& overview);

} // namespace page
