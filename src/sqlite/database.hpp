// sqlite/database.hpp - a database file of ours: its application id and schema are checked and migrated, its log is
// made durable, and nobody else may use it. Reading what is left of a damaged one.
//
// An older schema is migrated when the file is opened, one transaction per step. A newer one is refused, and
// not changed. An open file is locked against every other process, and the log's index is in our memory: a mapped
// file would kill us (SIGBUS) if somebody truncates it, or the disk cannot read a page of it.
#pragma once

#include "base/expected.hpp"
#include "sqlite/sqlite.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace sqlite {

/// Why a file cannot be used as it is.
struct Trouble {
    enum class Kind {
        damage,  ///< its content is broken: set aside, salvaged, recreated
        newer,   ///< a newer stsmapd wrote it: refused
        passing, ///< the disk is full, failing or read-only: tried again later
        other,   ///< permissions and the like: an operator must act
    };
    Kind kind{};
    int code = 0;      ///< SQLite's extended result code; 0: found by us
    std::string words; ///< for a log line
};
[[nodiscard]] Trouble trouble_of(const Error& error);
/// A system call on the file failed, and it is not known which earlier writes are on the disk.
[[nodiscard]] bool is_disk_error(const Trouble& trouble) noexcept;

/// One step from schema `version` - 1 to `version`.
struct Migration {
    int version;
    const char* sql;
};

struct Format {
    std::int64_t application_id = 0;
    std::string_view what;            ///< "a store of stsmapd"
    std::span<const Migration> steps; ///< from version 1, without gaps
};

/// Opens and migrates. The file must exist; an empty one becomes an empty database. The log exists afterwards, and its
/// name is synced by the caller. Its steps are limited until the caller lifts that (Db::limit_steps()).
[[nodiscard]] base::Expected<Db, Trouble> open_database(const std::filesystem::path& file,
                                                        const Format& format);
/// Opens only for reading, with as little writing as SQLite needs: works on a full disk, and reads the committed
/// log, too. `use`: one of those for salvaging.
[[nodiscard]] base::Expected<Db, Trouble> open_to_read(const std::filesystem::path& file, Db::Use use);

/// Moves the log into the file and empties it.
[[nodiscard]] base::Expected<void, Trouble> checkpoint(Db& db);

/// SQLite's steps for reading all rows twice, at most: a row has at least about 40 octets, and takes about 15
/// steps.
[[nodiscard]] std::int64_t steps_for(const std::filesystem::path& file);

/// Passes each row that can still be reached in a damaged file: range by range, from both ends. `up` and `down`
/// select rows whose first column is a domain name, or one with a dot in front, between two bounds (?1, ?2): from ?1
/// on, ascending, and after ?1, descending. Returns what may pass by itself and kept rows back.
std::optional<Trouble> salvage(Statement& up, Statement& down, const std::function<void(Statement&)>& row);

} // namespace sqlite
