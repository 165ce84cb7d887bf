// cache/disk/store_start.hpp - the steps before the store's file can be written: lock, open, load, and if it
// is damaged, salvage. Part of cache/disk/sqlite_store; nothing else includes it.
#pragma once

#include "base/clock.hpp"
#include "base/expected.hpp"
#include "cache/disk/sqlite_file.hpp"
#include "events/sink.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <utility>

namespace cache {

using sqlite::FileLock;

/// Locks the store against another daemon. Words only for what an operator must repair: no folder, no
/// permission, another daemon on the same file. A disk in trouble must not stop the daemon: then there is a
/// warning and no lock.
[[nodiscard]] base::Expected<FileLock, std::string> lock_store(const std::filesystem::path& path,
                                                               events::Sink& events);

struct Started {
    std::optional<SqliteFile> file; ///< none: there is passing trouble
    std::optional<Trouble> trouble; ///< passing, and not logged yet
    SqliteFile::Loaded loaded;
    bool incomplete = false; ///< the file lacks rows that were passed to `sink`
    bool renewed = false;    ///< a damaged file was set aside
    bool unread = false;     ///< the file may have rows that were not passed to `sink`
};

/// What to do about parts of the file that the disk cannot read (EIO).
enum class Unreadable {
    wait,    ///< they may become readable: passing trouble
    give_up, ///< treat it as damage: the readable rows go into a new file
};

/// Loads the store into `sink` and makes it ready for writing. Words only for what an operator must repair:
/// no permission, a file from a newer version. In trouble `sink` may get a domain twice, with the same row.
[[nodiscard]] base::Expected<Started, std::string> start_store(const std::filesystem::path& path,
                                                               const SqliteFile::Sink& sink,
                                                               events::Sink& events, base::Instant now,
                                                               Unreadable unreadable);

} // namespace cache
