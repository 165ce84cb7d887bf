// state/start.hpp - the steps before state.db can be written: open, read the overrides, and if it is damaged,
// salvage. Part of state/keeper.
#pragma once

#include "base/clock.hpp"
#include "base/expected.hpp"
#include "events/sink.hpp"
#include "state/file.hpp"

#include <filesystem>
#include <map>
#include <optional>
#include <string>

namespace state {

/// By their domain.
using ByDomain = std::map<std::string, decision::Override, std::less<>>;

struct Started {
    std::optional<File> file;       ///< none: there is passing trouble
    std::optional<Trouble> trouble; ///< the same; not logged yet
    ByDomain overrides;             ///< what the file says
    bool unread = false;            ///< the file may say more
};

/// Makes the file ready for writing. Words only for what an operator must repair: no permission, a file from a newer
/// version, which is not changed. `known`: the overrides that a new file gets in place of a damaged one's; null: those
/// that can be read.
[[nodiscard]] base::Expected<Started, std::string>
start(const std::filesystem::path& path, const ByDomain* known, events::Sink& events, base::Instant now);

/// Puts a new file in the place of one that is damaged, gone or not ours any more, with all rows that can be read
/// through `from`, or else from what lies at `path`, which is set aside. The new one is complete before that, so a
/// crash in between loses nothing. Afterwards start() opens it.
[[nodiscard]] base::Expected<void, Trouble> renew(const std::filesystem::path& path, File* from,
                                                  std::string_view problem, const ByDomain* known,
                                                  ByDomain& found, events::Sink& events, base::Instant now);

} // namespace state
