// state/file.hpp - state.db: its format, how it is opened, read, written and salvaged. Part of state/keeper; a File
// belongs to one thread at a time.
//
// Format (schema 2). A SQLite 3 database in WAL mode, application_id 0x53545344 ("STSD"), user_version = the schema.
// Each table has a domain as its key, and a sum over each row (state/rows.hpp); and one of numbers:
//     overrides(domain, action, match, until, reason, weakens, added_at, added_by, sum)
//     observed(domain, would, lookups, first, last, sum)
//     protected(domain, since, sum, until)
//     counters(name, value): observed_forgotten, observed_since, tried
// How it is opened, migrated and locked is in sqlite/database.hpp.
#pragma once

#include "base/clock.hpp"
#include "base/expected.hpp"
#include "sqlite/database.hpp"
#include "state/observed.hpp"
#include "state/rows.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace state {

using sqlite::Trouble;

inline constexpr std::int64_t application_id = 0x53545344;
inline constexpr std::size_t max_observed =
    100'000; ///< domains; above, the one asked for longest ago is dropped
inline constexpr std::size_t max_protected = 2'000'000; ///< domains; above, no more are noted

/// All steps, from version 1, without gaps.
[[nodiscard]] std::span<const sqlite::Migration> migrations();

class File {
public:
    using Result = base::Expected<void, Trouble>;

    /// Opens, migrates and empties the log. The file must exist; an empty one becomes an empty state.
    [[nodiscard]] static base::Expected<File, Trouble>
    open(const std::filesystem::path& path, std::span<const sqlite::Migration> steps = migrations());
    /// Opens only for reading, as much as can be read.
    [[nodiscard]] static base::Expected<File, Trouble> open_to_read(const std::filesystem::path& path,
                                                                    sqlite::Db::Use use);

    struct Rows {
        std::function<void(decision::Override)> exception;
        std::function<void(Observed)> observed;
        std::function<void(Protected)> protection;
    };
    struct Found {
        std::size_t rows = 0, skipped = 0;
        std::optional<Trouble> passing; ///< of salvage(): rows that may become readable
    };
    /// The overrides alone, which must be known before anything is answered.
    [[nodiscard]] base::Expected<Found, Trouble> load(const std::function<void(decision::Override)>& sink);
    /// Every good row that can still be reached.
    Found salvage(const Rows& rows);

    // A write: begin, any number of changes, commit. After an error: rollback.
    [[nodiscard]] Result begin();
    [[nodiscard]] Result put(const decision::Override& entry);
    [[nodiscard]] Result remove_override(std::string_view domain);
    /// Also rows that nobody can read any more.
    [[nodiscard]] Result remove_all_overrides();
    [[nodiscard]] Result remove_ended(base::Instant now);
    [[nodiscard]] Result put(const Observed& row);
    /// Adds to what is known of the domain.
    [[nodiscard]] Result add(const Observed& more);
    /// Counting began then, if it had not before.
    [[nodiscard]] Result note_observed_since(base::Instant first);
    /// Changes something, to find out whether the disk takes it.
    [[nodiscard]] Result note_try(base::Instant now);
    [[nodiscard]] Result add_forgotten(std::uint64_t domains);
    /// Drops what was not asked for since `before`: counting began with the oldest that stays; and of the rest what is
    /// above max_observed, which is counted.
    [[nodiscard]] Result trim_observed(base::Instant before);
    /// Joined with what is noted already.
    [[nodiscard]] Result put(const Protected& row);
    [[nodiscard]] Result remove_protected(std::string_view domain);
    [[nodiscard]] Result commit(); ///< on the disk for good when it succeeds
    void rollback();
    [[nodiscard]] std::size_t protected_rows() const noexcept { return protected_rows_; }

    [[nodiscard]] base::Expected<std::optional<Protected>, Trouble> find_protected(std::string_view domain);
    [[nodiscard]] base::Expected<Summary, Trouble> observed();

    [[nodiscard]] Result checkpoint() { return sqlite::checkpoint(db_); }
    /// Somebody has moved, removed, replaced or cut the file.
    [[nodiscard]] bool is_changed();
    void leave_as_is() { db_.leave_as_is(); }

private:
    File(sqlite::Db db, std::filesystem::path path) : db_(std::move(db)), path_(std::move(path)) {}
    base::Expected<sqlite::Statement*, Trouble> statement(const char* sql);
    Result run(const char* sql, const std::function<void(sqlite::Statement&)>& bind);
    base::Expected<std::int64_t, Trouble> number(std::string_view sql);
    /// Rows that the last statement has changed.
    base::Expected<std::int64_t, Trouble> changed();
    base::Expected<std::optional<Observed>, Trouble> find_observed(std::string_view domain);
    template <class Read>
    void salvage_table(std::string_view columns, std::string_view table, Found& found, const Read& read);

    sqlite::Db db_;
    std::filesystem::path path_;
    std::int64_t size_ = 0;
    std::size_t protected_rows_ = 0, protected_before_ = 0; ///< now; before begin()
    /// By their text, which is a literal. After db_: finalised before it closes.
    std::map<const char*, sqlite::Statement> prepared_;
};

} // namespace state
