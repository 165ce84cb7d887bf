#include "cache/disk/store_file.hpp"

#include <string_view>
#include <system_error>
#include <utility>

namespace cache {

namespace fs = std::filesystem;
StoreFile::StoreFile(fs::path path, FileLock lock, Started started, base::milliseconds renew_after,
                     SqliteFile::Sink late, events::Sink& events, const base::Clock& clock)
    : path_(std::move(path)), late_(std::move(late)), events_(events), clock_(clock),
      lock_(std::in_place, std::move(lock)), renewals_(renew_after) {
    take_over(started);
}

void StoreFile::take_over(Started& started) {
    file_ = std::move(started.file);
    bad_keys_ = std::move(started.loaded.bad_keys);
    unread_ = started.unread;
    if (started.incomplete) rows_missing_ = true;
    if (started.renewed) note_renewal();
}

/// Closes a file that is no longer ours, without touching its new content.
void StoreFile::abandon() {
    file_->leave_as_is();
    file_.reset();
}

StoreFile::Result StoreFile::examine() {
    if (file_->moved()) return look_again();
    if (file_->shrunk()) return replace_shrunk();
    const SqliteFile::Touched now = file_->touched();
    if (now != SqliteFile::Touched::no) touched_ = true;
    if (touched_ && may_renew()) return take_back(now);
    return {};
}

bool StoreFile::may_replace(const Trouble& trouble) const {
    return trouble.kind == Trouble::Kind::damage && may_renew();
}

StoreFile::Result StoreFile::replace(const Trouble& trouble) {
    abandon();
    return begin_anew(trouble);
}

StoreFile::Result StoreFile::open_again() {
    file_.reset();
    Result result = reopen();
    if (!result && may_replace(result.error())) result = begin_anew(result.error());
    return result;
}

/// SQLite also reports a file as moved if it cannot look at it. A file whose log is taken away loses rows.
StoreFile::Result StoreFile::look_again() {
    std::error_code error;
    const fs::file_status status = fs::status(path_, error);
    if (status.type() == fs::file_type::none)
        return base::unexpected(Trouble{Trouble::Kind::passing, 0, error.message()});
    if (fs::exists(status) && !file_->moved()) return {};
    const fs::path folder = path_.has_parent_path() ? path_.parent_path() : ".";
    if (fs::status(folder, error).type() != fs::file_type::not_found) return replace_moved();
    // Do not recreate the directory: it may be an unmounted mount point.
    abandon();
    rows_missing_ = true;
    return base::unexpected(Trouble{Trouble::Kind::passing, 0, "the folder " + folder.string() + " is gone"});
}

/// Others wrote to the file or its log, or removed the log: the file's rows are read again, and missing ones
/// come from the owner.
StoreFile::Result StoreFile::take_back(SqliteFile::Touched how) {
    note_renewal();
    rows_missing_ = true;
    // A removed log is still moved into the file when the file is closed.
    if (how != SqliteFile::Touched::log_gone) file_->leave_as_is();
    file_.reset();
    SqliteFile::Result result = reopen();
    if (result) result = file_->check();
    if (result) touched_ = false;
    const std::string_view problem = "written to by another process while in use";
    if (result) events_.emit(events::StoreChanged{.file = path_.native(), .problem = problem});
    if (result || result.error().kind != Trouble::Kind::damage) return result;
    if (file_) abandon();
    return begin_anew(
        {Trouble::Kind::damage, result.error().code, std::string(problem) + ": " + result.error().words});
}

StoreFile::Result StoreFile::replace_moved() {
    constexpr std::string_view problem = "renamed, removed or replaced while in use";
    abandon();
    // The old file's log is still here; any file opened at this path would use it as its own.
    const auto aside = sqlite::set_aside(path_, clock_.now(), sqlite::Aside::log_only);
    if (!aside)
        return base::unexpected(
            Trouble{Trouble::Kind::passing, 0, std::string(problem) + ", and " + aside.error()});
    touched_ = false;
    rows_missing_ = true;
    const SqliteFile::Result result = reopen();
    if (result) {
        events_.emit(events::StoreMoved{.file = path_.native(),
                                        .problem = std::string(problem) + "; begun anew",
                                        .log_moved_to = aside->string() + "-wal"});
        return result;
    }
    Trouble trouble = result.error();
    trouble.words = std::string(problem) + ": " + trouble.words;
    if (may_replace(trouble)) return begin_anew(trouble);
    return base::unexpected(std::move(trouble));
}

StoreFile::Result StoreFile::replace_shrunk() {
    abandon();
    rows_missing_ = true;
    return begin_anew({Trouble::Kind::damage, 0, "cut short while in use"});
}

/// The start could not read all of the file: read it again, from the beginning.
StoreFile::Result StoreFile::read_again() {
    const bool wait = std::chrono::steady_clock::now() < give_up_at_;
    auto started =
        start_store(path_, late_, events_, clock_.now(), wait ? Unreadable::wait : Unreadable::give_up);
    if (!started) return base::unexpected(Trouble{Trouble::Kind::other, 0, started.error()});
    const std::optional<Trouble> trouble = started->trouble;
    const std::size_t rows = started->loaded.rows;
    take_over(*started);
    if (trouble) return base::unexpected(*trouble);
    events_.emit(events::StoreRead{.file = path_.native(), .rows = rows});
    return {};
}

StoreFile::Result StoreFile::reopen() {
    if (unread_) return read_again();
    const auto created = create_file(path_);
    if (!created) return base::unexpected(Trouble{Trouble::Kind::passing, 0, created.error().message()});
    if (*created) {
        rows_missing_ = true;
        std::error_code error;
        if (!fs::exists(with_suffix(path_, ".lock"), error) && !error)
            if (auto again = lock_store(path_, events_)) lock_.emplace(*std::move(again));
    }
    base::Expected<SqliteFile, Trouble> opened = SqliteFile::open(path_);
    if (!opened) return base::unexpected(opened.error());
    file_.emplace(std::move(*opened));
    return {};
}

/// Sets the damaged file aside; the owner fills the new one again.
StoreFile::Result StoreFile::begin_anew(const Trouble& trouble) {
    note_renewal();
    touched_ = false;
    bad_keys_.clear();
    const auto aside = sqlite::set_aside(path_, clock_.now());
    events_.emit(events::StoreDamaged{.file = path_.native(),
                                      .problem = trouble.words,
                                      .moved_to = aside ? sqlite::where(*aside) : "not moved: " + aside.error(),
                                      .salvaged = {}});
    if (!aside) return base::unexpected(Trouble{Trouble::Kind::passing, 0, aside.error()});
    return reopen();
}

} // namespace cache
