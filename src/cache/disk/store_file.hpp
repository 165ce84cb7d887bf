// cache/disk/store_file.hpp - the store's file and its health: whether it is unchanged since the last write,
// and what replaces it if not. Part of cache/disk/sqlite_store, whose trouble it describes; nothing else
// includes it. Belongs to the store's thread.
//
// If a disk damages one file after the other, files are renewed only at growing intervals
// (cache/disk/renewals.hpp). A new file has missing rows: rows_are_missing() says so until the owner's rows
// are asked for.
#pragma once

#include "base/clock.hpp"
#include "cache/disk/renewals.hpp"
#include "cache/disk/sqlite_file.hpp"
#include "cache/disk/store_start.hpp"
#include "events/sink.hpp"

#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace cache {

class StoreFile {
public:
    using Result = SqliteFile::Result;
    using Time = std::chrono::steady_clock::time_point;

    /// `late` gets the rows that the start could not read, as soon as they are readable. `events` and `clock`
    /// outlive this. `renew_after`: the first interval between two renewals.
    StoreFile(std::filesystem::path path, FileLock lock, Started started, base::milliseconds renew_after,
              SqliteFile::Sink late, events::Sink& events, const base::Clock& clock);

    [[nodiscard]] const std::filesystem::path& path() const { return path_; }
    [[nodiscard]] bool is_open() const { return file_.has_value(); }
    /// Only when it is open.
    [[nodiscard]] SqliteFile& operator*() { return *file_; }
    [[nodiscard]] SqliteFile* operator->() { return &*file_; }
    void close() { file_.reset(); }

    /// Call it before each write, and at the end. If the file is not as the last commit left it, a file of
    /// ours replaces it. After an error it may be closed.
    [[nodiscard]] Result examine();
    /// After a write that failed with this: whether a new file may replace this one.
    [[nodiscard]] bool may_replace(const Trouble& trouble) const;
    /// Replaces it: sets the damaged file aside.
    [[nodiscard]] Result replace(const Trouble& trouble);
    /// Closes the file and opens it again, after passing trouble; replaces it when it is damaged.
    [[nodiscard]] Result open_again();

    /// Rows that are still unreadable at that time are given up.
    void give_up_unread_at(Time time) { give_up_at_ = time; }

    /// The file lacks rows that the owner has.
    [[nodiscard]] bool rows_are_missing() const { return rows_missing_; }
    void set_rows_missing(bool missing) { rows_missing_ = missing; }
    /// Unusable rows: remove them with the next write, then clear this.
    [[nodiscard]] std::vector<std::string>& bad_keys() { return bad_keys_; }

private:
    void take_over(Started& started);
    [[nodiscard]] bool may_renew() const { return renewals_.may(std::chrono::steady_clock::now()); }
    void note_renewal() { renewals_.note(std::chrono::steady_clock::now()); }
    void abandon();
    Result begin_anew(const Trouble& trouble);
    Result look_again();
    Result take_back(SqliteFile::Touched how);
    Result replace_moved();
    Result replace_shrunk();
    Result read_again();
    Result reopen();

    const std::filesystem::path path_;
    const SqliteFile::Sink late_;
    events::Sink& events_;
    const base::Clock& clock_;
    std::optional<FileLock> lock_;
    std::optional<SqliteFile> file_; ///< none only after an error
    Renewals renewals_;
    std::vector<std::string> bad_keys_;
    Time give_up_at_ = Time::max();
    bool touched_ = false; ///< others wrote to the file, and it has not been renewed since
    bool unread_ = false;  ///< the file may have rows that were not passed to the owner
    bool rows_missing_ = false;
};

} // namespace cache
