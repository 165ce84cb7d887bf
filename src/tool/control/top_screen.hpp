// tool/control/top_screen.hpp - what `stsmap top` shows, out of one or two replies of /status.json. Pure.
//
// Nothing of the replies is trusted: what has another type counts as missing, and text goes through safe_text().
#pragma once

#include "tool/client/control_text.hpp"
#include "tool/control/texts.hpp"

#include <chrono>
#include <cstddef>
#include <string>

namespace tool {

struct ScreenSize {
    std::size_t columns = 80; ///< at least 40 are used
    std::size_t rows = 0;     ///< 0: as many as there are
};

/// An earlier reply, and how long before the other it came.
struct Earlier {
    const Json& reply;
    std::chrono::milliseconds before;
};

/// Lines that fit into the columns, each with its newline; the most important first, as many as fit into the rows.
/// Without an earlier reply of the same process rates are those of the last hour. `colour`: with colours of ECMA-48.
[[nodiscard]] std::string top_screen(const Json& reply, const Earlier* earlier, const Moment& moment,
                                     ScreenSize size, bool colour);

} // namespace tool
