// sqlite/sqlite.hpp - SQLite's C handles, with owners. Nothing else includes sqlite3.h.
//
// A Db and its Statements belong to one thread at a time. Errors are values: SQLite's extended code and its
// words.
#pragma once

#include "base/expected.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

namespace sqlite {

struct Error {
    int code = 0;      ///< SQLite's extended result code
    std::string words; ///< SQLite's own, with the system's words if there are any
    int system = 0;    ///< errno of a failed system call; 0: none
};
using Result = base::Expected<void, Error>;

/// Of the library as it was loaded: "3.40.1".
[[nodiscard]] std::string_view library_version() noexcept;

/// The file's content is at fault, not the disk: SQLITE_CORRUPT, SQLITE_NOTADB and what follows from
/// overwritten pages (a schema our fixed statements do not fit, a value longer than any we write).
[[nodiscard]] bool is_damage(const Error& error) noexcept;
/// Another process has the file locked.
[[nodiscard]] bool is_busy(const Error& error) noexcept;
/// The limit on steps or on time.
[[nodiscard]] bool is_limit(const Error& error) noexcept;
/// The disk is full, failing, or read-only; later may be better.
[[nodiscard]] bool is_passing(const Error& error) noexcept;

/// Reading, writing or syncing failed for another reason than lack of room.
[[nodiscard]] bool is_disk_error(int code) noexcept;

class Statement {
public:
    void bind(int index, std::int64_t value);
    /// The octets must stay valid until the statement is stepped.
    void bind_text(int index, std::string_view value);
    void bind_blob(int index, std::string_view value);
    /// True: a row is there. False: done. Call reset() before the statement is used again.
    [[nodiscard]] base::Expected<bool, Error> step();
    /// Steps once and resets; for statements without rows.
    [[nodiscard]] Result run();
    void reset() noexcept;
    /// Columns of the current row, from 0. The view is valid until the next step() or reset().
    [[nodiscard]] std::string_view octets(int column);
    [[nodiscard]] std::int64_t integer(int column);

private:
    friend class Db;
    explicit Statement(sqlite3_stmt* handle) : handle_(handle) {}
    struct Finalize {
        void operator()(sqlite3_stmt* handle) const noexcept;
    };
    std::unique_ptr<sqlite3_stmt, Finalize> handle_;
};

class Db {
public:
    enum class Use {
        normal,
        create,           ///< creates the file if there is none
        salvage,          ///< reads as much as it can of a truncated file, or one with a bad schema
        salvage_unlocked, ///< the same without any lock: a read-only disk allows none
        salvage_alone,    ///< the same without lock and log: the file has no log, and none can be made
        look,             ///< writes nothing; SQLite takes its locks, and reads the log
        look_alone,       ///< the same without lock and log, for a file that nobody has open
    };
    /// Opens, for reading and writing but to look, with the settings every use of ours shares (no trust in the file's
    /// schema, cells checked, bounded value length, two seconds of patience for another process's lock).
    /// Reads nothing yet.
    [[nodiscard]] static base::Expected<Db, Error> open(const std::filesystem::path& file, Use use);

    [[nodiscard]] Result exec(const char* sql);
    [[nodiscard]] base::Expected<Statement, Error> prepare(std::string_view sql);
    /// The first column of the first row, as a number or as text.
    [[nodiscard]] base::Expected<std::int64_t, Error> number(std::string_view sql);
    [[nodiscard]] base::Expected<std::string, Error> word(std::string_view sql);
    /// From now on all statements together may take this many steps of SQLite's virtual machine, then they
    /// fail with SQLITE_INTERRUPT: in a damaged file a tree of pages or a view may have no end. 0: no limit.
    void limit_steps(std::int64_t steps);
    /// Instead of two seconds.
    void set_patience(std::chrono::milliseconds patience);
    /// Instead of a limit of steps: from `end` on statements fail with SQLITE_INTERRUPT.
    void limit_time(std::chrono::steady_clock::time_point end);
    /// True when the file was renamed, removed or replaced under us.
    [[nodiscard]] bool moved();
    /// Octets in the file, without its log; -1: not known.
    [[nodiscard]] std::int64_t size();
    /// Makes closing leave the file and its log as they are.
    void leave_as_is();

private:
    explicit Db(sqlite3* handle) : handle_(handle) {}
    struct Close {
        void operator()(sqlite3* handle) const noexcept;
    };
    // Before the handle: SQLite has their addresses.
    std::unique_ptr<std::int64_t> steps_left_;
    std::unique_ptr<std::chrono::steady_clock::time_point> end_;
    std::unique_ptr<sqlite3, Close> handle_;
};

} // namespace sqlite
