// cache/disk/sqlite_file.hpp - the store's file: its format, how it is opened, read, written, salvaged and set
// aside. Part of cache/disk/sqlite_store; nothing else includes it. A SqliteFile belongs to one thread at a time.
//
// Format (schema 2). A SQLite 3 database in WAL mode, application_id 0x5354534d ("STSM"), user_version = the
// schema. One table, one row a policy domain, columns as in cache/disk/stored_row.hpp:
//     policies(domain TEXT PRIMARY KEY, policy_text BLOB, txt_id TEXT, fetched_at INTEGER, last_asked
//     INTEGER, dane_at INTEGER, sum INTEGER, dane_failed_at INTEGER, ahead_since INTEGER, over_since INTEGER)
// and one of numbers, of which there is one, the time that the daemon has been running in all:
//     counters(name TEXT PRIMARY KEY, value INTEGER)
// Every row has the text, although many domains share one. A table of texts would save disk space (about 150
// octets a domain), but each row is independent on purpose: it is checked alone, salvaged alone, written by
// one statement, and no text is ever left over.
//
// How it is opened, migrated and locked is in sqlite/database.hpp.
#pragma once

#include "base/clock.hpp"
#include "base/expected.hpp"
#include "cache/store.hpp"
#include "sqlite/database.hpp"
#include "sqlite/files.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace cache {

using sqlite::create_file;
using sqlite::is_disk_error;
using sqlite::Migration;
using sqlite::Trouble;
using sqlite::with_suffix;

/// All steps, from version 1, without gaps.
[[nodiscard]] std::span<const Migration> migrations();

inline constexpr std::int64_t store_application_id = 0x5354534d;

class SqliteFile {
public:
    /// Opens, migrates and calls checkpoint(). The file must exist; an empty one becomes an empty store.
    [[nodiscard]] static base::Expected<SqliteFile, Trouble>
    open(const std::filesystem::path& file, std::span<const Migration> steps = migrations());
    /// Opens only for load() or salvage(), with as little writing as SQLite needs: works on a full disk, and
    /// reads the committed log, too. `use`: one of those for salvaging.
    [[nodiscard]] static base::Expected<SqliteFile, Trouble>
    open_to_read(const std::filesystem::path& file, sqlite::Db::Use use = sqlite::Db::Use::salvage);

    struct Loaded {
        std::size_t rows = 0;
        std::size_t skipped = 0;           ///< rows that read_row() refused
        std::string_view first_problem;    ///< of the skipped ones
        std::vector<std::string> bad_keys; ///< their keys, for remove(); at most max_bad_keys
    };
    static constexpr std::size_t max_bad_keys = 10'000, max_bad_octets = 4 << 20;
    using Sink = std::function<void(Row)>;

    /// Passes every good row. Rows that were passed before an error are good, too.
    [[nodiscard]] base::Expected<Loaded, Trouble> load(const Sink& sink);
    struct Salvaged {
        std::size_t rows = 0;
        std::optional<Trouble> passing; ///< rows that the disk could not read may become readable
    };
    /// Passes every good row that can still be reached in a damaged file: range by range, from both ends.
    Salvaged salvage(const Sink& sink);

    // A write: begin, any number of changes, commit. After an error: rollback. Nothing is kept of a write not
    // committed.
    using Result = base::Expected<void, Trouble>;
    [[nodiscard]] Result begin();
    [[nodiscard]] Result put(const Row& row);
    /// Writes the row, unless the domain's row is the same, or was fetched later and not in the future.
    [[nodiscard]] Result put_if_newer(const Row& row, base::Instant now);
    /// With `fetched_at`: only the row that was fetched then. (The table in memory stores all times after
    /// 2106 as that one, so that one matches all of them.)
    [[nodiscard]] Result remove(std::string_view domain, std::optional<base::Instant> fetched_at = {});
    [[nodiscard]] Result put_running(base::seconds total);
    [[nodiscard]] Result commit(); ///< on the disk for good when it succeeds
    void rollback();

    /// Moves the log into the file and empties it.
    [[nodiscard]] Result checkpoint();
    [[nodiscard]] bool moved() { return db_.moved(); }
    /// True when the file has become smaller since the last call: we never do that.
    [[nodiscard]] bool shrunk();
    /// Notes the state of the file and its log. Call it after each commit, and after opening.
    void note_state();
    /// Octets of both, as noted; 0: not known.
    [[nodiscard]] std::uint64_t octets() const noexcept;
    /// Running time noted; zero when there is none.
    [[nodiscard]] base::seconds running();
    enum class Touched { no, log_gone, yes };
    /// Whether anybody else has removed the log, or written to either, since then. Programs that respect
    /// SQLite's locks cannot.
    [[nodiscard]] Touched touched() const;
    /// Reads the whole file, not SQLite's pages in memory: an error of kind damage if anything is wrong.
    [[nodiscard]] Result check();
    void leave_as_is() { db_.leave_as_is(); }

private:
    /// What identifies a file's state; zeros: there is no file.
    struct Stamp {
        std::uint64_t device = 0, inode = 0;
        std::int64_t size = 0, seconds = 0, nanoseconds = 0;
        friend bool operator==(const Stamp&, const Stamp&) = default;
    };
    [[nodiscard]] static std::optional<Stamp> stamp(const std::filesystem::path& file);

    SqliteFile(sqlite::Db db, std::filesystem::path path) : db_(std::move(db)), path_(std::move(path)) {}
    Result prepare();
    Result write(std::optional<sqlite::Statement>& statement, const Row& row);

    sqlite::Db db_;
    std::filesystem::path path_;
    std::int64_t size_ = 0;                       ///< when shrunk() was last called
    std::optional<Stamp> file_stamp_, log_stamp_; ///< none: the system does not say
    std::optional<sqlite::Statement> put_, put_if_newer_, remove_, remove_named_,
        put_running_; // after db_: finalised before it closes
};

} // namespace cache
