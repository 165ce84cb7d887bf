#include "cache/disk/sqlite_file.hpp"

#include "base/net/descriptor.hpp"
#include "cache/disk/stored_row.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <system_error>
#include <utility>

namespace cache {

namespace {

constexpr std::array all_migrations{
    Migration{1, "CREATE TABLE policies("
                 " domain TEXT PRIMARY KEY NOT NULL,"
                 " policy_text BLOB NOT NULL,"
                 " txt_id TEXT NOT NULL,"
                 " fetched_at INTEGER NOT NULL,"
                 " last_asked INTEGER NOT NULL,"
                 " dane_at INTEGER NOT NULL,"
                 " sum INTEGER NOT NULL"
                 ") STRICT, WITHOUT ROWID"},
    Migration{2, "ALTER TABLE policies ADD COLUMN dane_failed_at INTEGER NOT NULL DEFAULT 0;"
                 "ALTER TABLE policies ADD COLUMN ahead_since INTEGER NOT NULL DEFAULT 0;"
                 "ALTER TABLE policies ADD COLUMN over_since INTEGER NOT NULL DEFAULT 0;"
                 "CREATE TABLE counters(name TEXT PRIMARY KEY NOT NULL, value INTEGER NOT NULL) "
                 "STRICT, WITHOUT ROWID"},
};

const std::string columns = "domain, policy_text, txt_id, fetched_at, last_asked, dane_at, sum, "
                            "dane_failed_at, ahead_since, over_since";
const std::string insert = "INTO policies(" + columns + ") VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";

Trouble trouble(const sqlite::Error& e) {
    using Kind = Trouble::Kind;
    const Kind kind = is_damage(e) ? Kind::damage : is_passing(e) ? Kind::passing : Kind::other;
    return {kind, e.code, e.words};
}
auto failed(const sqlite::Error& e) { return base::unexpected(trouble(e)); }

SqliteFile::Result plain(const sqlite::Result& result) {
    if (!result) return failed(result.error());
    return {};
}

base::Expected<Row, std::string_view> row_of(sqlite::Statement& s) {
    return read_row({s.octets(0), s.octets(1), s.octets(2), s.integer(3), s.integer(4), s.integer(5),
                     s.integer(6), s.integer(7), s.integer(8), s.integer(9)});
}

/// Rows in today's form. A file that could not be migrated, because the disk is full or the file is damaged,
/// may still be of schema 1.
base::Expected<sqlite::Statement, sqlite::Error> select(sqlite::Db& db, const std::string& rest) {
    auto all = db.prepare("SELECT " + columns + " FROM policies" + rest);
    if (all) return all;
    auto older = db.prepare(
        "SELECT domain, policy_text, txt_id, fetched_at, last_asked, dane_at, sum, 0, 0, 0 FROM policies" +
        rest);
    return older ? std::move(older) : std::move(all);
}

/// SQLite's steps for reading all rows twice, at most: a row has at least about 40 octets, and takes about 15
/// steps.
std::int64_t steps_for(const std::filesystem::path& path) {
    constexpr std::int64_t least = 2'000'000, for_each_octet = 2;
    std::int64_t octets = 0;
    for (const char* part : {"", "-wal"}) {
        std::error_code error;
        const std::uintmax_t size = std::filesystem::file_size(with_suffix(path, part), error);
        if (!error) octets += static_cast<std::int64_t>(size);
    }
    return least + for_each_octet * octets;
}

std::error_code system_error() { return {errno, std::system_category()}; }

/// Overwrites the log with its own content, and syncs it. Data that an earlier fsync(2), even of another
/// process, failed to save looks written to every reader, and also to the next fsync(2). And if data is moved
/// into the file from a log that is not on the disk, it cannot be undone after a power failure.
base::Expected<void, std::error_code> rewrite_log(const std::filesystem::path& log) {
    const net::Descriptor file{::open(log.c_str(), O_RDWR | O_CLOEXEC)};
    const int fd = file.get();
    if (fd < 0 && errno == ENOENT) return {};
    if (fd < 0) return base::unexpected(system_error());
    std::vector<char> piece(1 << 16);
    ssize_t got = 0;
    for (off_t at = 0; (got = ::pread(fd, piece.data(), piece.size(), at)) > 0; at += got) {
        const ssize_t put = ::pwrite(fd, piece.data(), static_cast<std::size_t>(got), at);
        if (put < 0) break;
        got = put; // the rest comes with the next piece
    }
    std::error_code error;
    if (got != 0 || ::fsync(fd) != 0) error = system_error();
    if (error) return base::unexpected(error);
    return {};
}

} // namespace

bool is_disk_error(const Trouble& trouble) noexcept { return sqlite::is_disk_error(trouble.code); }

std::span<const Migration> migrations() { return all_migrations; }

base::Expected<SqliteFile, Trouble> SqliteFile::open(const std::filesystem::path& path,
                                                     std::span<const Migration> steps) {
    if (auto done = rewrite_log(with_suffix(path, "-wal")); !done)
        return base::unexpected(
            Trouble{Trouble::Kind::passing, 0, "cannot save the log: " + done.error().message()});
    base::Expected<sqlite::Db, sqlite::Error> opened = sqlite::Db::open(path, sqlite::Db::Use::normal);
    if (!opened) return failed(opened.error());
    SqliteFile file{std::move(*opened), path};
    sqlite::Db& db = file.db_;
    db.limit_steps(steps_for(path));
    // Must be set before the file is read for the first time: then the log's index is not a mapped file.
    if (auto done = db.exec("PRAGMA locking_mode = EXCLUSIVE"); !done) return failed(done.error());
    // Until the file is known to be a sound store, it and its log are not changed.
    const auto application = db.number("PRAGMA application_id");
    const auto refuse = [&db](Trouble t) {
        db.leave_as_is();
        return base::unexpected(std::move(t));
    };
    if (!application) return refuse(trouble(application.error()));
    const auto version = db.number("PRAGMA user_version");
    if (!version) return refuse(trouble(version.error()));
    const auto objects = db.number("SELECT count(*) FROM sqlite_schema");
    if (!objects) return refuse(trouble(objects.error()));

    const bool fresh = *application == 0 && *version == 0 && *objects == 0;
    const std::int64_t newest = steps.empty() ? 0 : steps.back().version;
    if (!fresh && *application != store_application_id)
        return refuse({Trouble::Kind::damage, 0,
                       "not a store of stsmapd (application_id " + std::to_string(*application) + ")"});
    if (*version < 0)
        return refuse({Trouble::Kind::damage, 0, "impossible schema version " + std::to_string(*version)});
    if (*version > newest)
        return refuse({Trouble::Kind::newer, 0,
                       "written by a newer stsmapd (schema " + std::to_string(*version) +
                           ", this one knows " + std::to_string(newest) +
                           "): upgrade stsmapd, or move the file away"});

    const auto mode = db.word("PRAGMA journal_mode = WAL");
    if (!mode) return refuse(trouble(mode.error()));
    if (*mode != "wal")
        return refuse(
            {Trouble::Kind::other, 0, "this file system cannot hold a write-ahead log (mode " + *mode + ")"});
    // A batch of rows in random order changes as many pages. They stay in memory until the commit, so that
    // they are not written to the log twice. The log goes into the file once in several batches.
    if (auto done = db.exec("PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 16777216;"
                            "PRAGMA wal_autocheckpoint = 4000; PRAGMA cache_spill = OFF");
        !done)
        return refuse(trouble(done.error()));
    for (const Migration& step : steps) {
        if (step.version <= *version) continue;
        const std::string sql = "BEGIN IMMEDIATE; " + std::string(step.sql) +
                                "; PRAGMA application_id = " + std::to_string(store_application_id) +
                                "; PRAGMA user_version = " + std::to_string(step.version) + "; COMMIT";
        if (auto done = db.exec(sql.c_str()); !done) return refuse(trouble(done.error()));
    }
    if (Result done = file.prepare(); !done) return refuse(done.error());
    // Now the log exists, too. SQLite syncs its name once and does not check the result.
    if (auto done = sync_directory_of(path); !done)
        return refuse({Trouble::Kind::passing, 0, "cannot sync the folder: " + done.error().message()});
    // The same for the file itself: its log is sound, so the file is rewritten from it.
    if (Result done = file.checkpoint(); !done) return refuse(done.error());
    file.note_state();
    db.limit_steps(0);
    return file;
}

base::Expected<SqliteFile, Trouble> SqliteFile::open_to_read(const std::filesystem::path& path,
                                                             sqlite::Db::Use use) {
    base::Expected<sqlite::Db, sqlite::Error> opened = sqlite::Db::open(path, use);
    if (!opened) return failed(opened.error());
    SqliteFile file{std::move(*opened), path};
    file.leave_as_is();
    if (auto done = file.db_.exec("PRAGMA locking_mode = EXCLUSIVE"); !done) return failed(done.error());
    return file;
}

SqliteFile::Result SqliteFile::prepare() {
    auto put = db_.prepare("INSERT OR REPLACE " + insert);
    if (!put) return failed(put.error());
    put_ = std::move(*put);
    auto put_if_newer = db_.prepare(
        "INSERT " + insert +
        " ON CONFLICT(domain) DO UPDATE SET policy_text = excluded.policy_text, txt_id = excluded.txt_id,"
        " fetched_at = excluded.fetched_at, last_asked = excluded.last_asked, dane_at = excluded.dane_at,"
        " sum = excluded.sum, dane_failed_at = excluded.dane_failed_at, ahead_since = excluded.ahead_since,"
        " over_since = excluded.over_since"
        " WHERE excluded.fetched_at > fetched_at OR (excluded.fetched_at = fetched_at AND excluded.sum <> "
        "sum)"
        " OR fetched_at > ?11");
    if (!put_if_newer) return failed(put_if_newer.error());
    put_if_newer_ = std::move(*put_if_newer);
    auto remove = db_.prepare("DELETE FROM policies WHERE domain = ?1");
    if (!remove) return failed(remove.error());
    remove_ = std::move(*remove);
    auto remove_named = db_.prepare("DELETE FROM policies WHERE domain = ?1 AND (fetched_at = ?2 OR"
                                    " (?2 >= 4294967294 AND fetched_at >= ?2))");
    if (!remove_named) return failed(remove_named.error());
    remove_named_ = std::move(*remove_named);
    auto put_running = db_.prepare("INSERT OR REPLACE INTO counters(name, value) VALUES('running', ?1)");
    if (!put_running) return failed(put_running.error());
    put_running_ = std::move(*put_running);
    return {};
}

base::Expected<SqliteFile::Loaded, Trouble> SqliteFile::load(const Sink& sink) {
    Loaded loaded;
    std::size_t bad_octets = 0;
    db_.limit_steps(steps_for(path_));
    auto all = select(db_, "");
    if (!all) return failed(all.error());
    for (;;) {
        const auto more = all->step();
        if (!more) return failed(more.error());
        if (!*more) break;
        base::Expected<Row, std::string_view> row = row_of(*all);
        if (row) {
            ++loaded.rows;
            sink(std::move(*row));
            continue;
        }
        if (loaded.skipped++ == 0) loaded.first_problem = row.error();
        const std::string_view key = all->octets(0);
        if (loaded.bad_keys.size() == max_bad_keys || bad_octets + key.size() > max_bad_octets) continue;
        bad_octets += key.size();
        loaded.bad_keys.emplace_back(key);
    }
    db_.limit_steps(0);
    return loaded;
}

SqliteFile::Salvaged SqliteFile::salvage(const Sink& sink) {
    Salvaged salvaged;
    const auto note = [&salvaged](const sqlite::Error& e) {
        if (is_passing(e)) salvaged.passing = trouble(e);
    };
    // A scan ends at the first page that cannot be read. Many short ones, each from both ends, lose little
    // more than that page. The ranges are the first two octets of a domain name.
    db_.limit_steps(steps_for(path_));
    const std::string octets = "-.0123456789_abcdefghijklmnopqrstuvwxyz";
    auto up = select(db_, " WHERE domain >= ?1 AND domain < ?2 ORDER BY domain");
    auto down = select(db_, " WHERE domain > ?1 AND domain < ?2 ORDER BY domain DESC");
    if (!up) note(up.error());
    if (!up || !down) return salvaged;
    std::string last; // the last key read going up
    const auto scan = [&](sqlite::Statement& statement, const std::string& from, const std::string& to) {
        statement.bind_text(1, from);
        statement.bind_text(2, to);
        base::Expected<bool, sqlite::Error> more = statement.step();
        for (; more && *more; more = statement.step()) {
            last = std::string(statement.octets(0));
            if (base::Expected<Row, std::string_view> row = row_of(statement)) {
                ++salvaged.rows;
                sink(std::move(*row));
            }
        }
        if (!more) note(more.error());
        statement.reset();
        return static_cast<bool>(more);
    };
    for (const char first : octets)
        for (const char second : octets) {
            const std::string from{first, second}, to{first, static_cast<char>(second + 1)};
            last = from;
            if (scan(*up, from, to)) continue;
            const std::string reached = last;
            (void)scan(*down, reached, to);
        }
    db_.limit_steps(0);
    return salvaged;
}

SqliteFile::Result SqliteFile::begin() { return plain(db_.exec("BEGIN IMMEDIATE")); }
SqliteFile::Result SqliteFile::commit() { return plain(db_.exec("COMMIT")); }
void SqliteFile::rollback() { (void)db_.exec("ROLLBACK"); } // fails if SQLite has already rolled back

SqliteFile::Result SqliteFile::write(std::optional<sqlite::Statement>& statement, const Row& row) {
    const RawRow raw = raw_row(row);
    statement->bind_text(1, raw.domain);
    statement->bind_blob(2, raw.policy_text);
    statement->bind_text(3, raw.txt_id);
    statement->bind(4, raw.fetched_at);
    statement->bind(5, raw.last_asked);
    statement->bind(6, raw.dane_at);
    statement->bind(7, raw.sum);
    statement->bind(8, raw.dane_failed_at);
    statement->bind(9, raw.ahead_since);
    statement->bind(10, raw.over_since);
    return plain(statement->run());
}

SqliteFile::Result SqliteFile::put(const Row& row) { return write(put_, row); }
SqliteFile::Result SqliteFile::put_if_newer(const Row& row, base::Instant now) {
    put_if_newer_->bind(11, now.time_since_epoch().count());
    return write(put_if_newer_, row);
}

SqliteFile::Result SqliteFile::remove(std::string_view domain, std::optional<base::Instant> fetched_at) {
    std::optional<sqlite::Statement>& statement = fetched_at ? remove_named_ : remove_;
    statement->bind_text(1, domain);
    if (fetched_at) statement->bind(2, fetched_at->time_since_epoch().count());
    return plain(statement->run());
}

SqliteFile::Result SqliteFile::put_running(base::seconds total) {
    put_running_->bind(1, total.count());
    return plain(put_running_->run());
}

base::seconds SqliteFile::running() {
    const auto found = db_.number("SELECT coalesce(max(value), 0) FROM counters WHERE name = 'running'");
    return base::seconds{found && *found > 0 ? *found : 0};
}

SqliteFile::Result SqliteFile::checkpoint() {
    const auto busy = db_.number("PRAGMA wal_checkpoint(TRUNCATE)");
    if (!busy) return failed(busy.error());
    if (*busy != 0) return base::unexpected(Trouble{Trouble::Kind::passing, 0, "the log is in use"});
    return {};
}

bool SqliteFile::shrunk() {
    const std::int64_t before = std::exchange(size_, db_.size());
    return size_ >= 0 && size_ < before;
}

std::optional<SqliteFile::Stamp> SqliteFile::stamp(const std::filesystem::path& file) {
    struct stat status {};
    if (::stat(file.c_str(), &status) == 0)
        return Stamp{status.st_dev, status.st_ino, status.st_size, status.st_mtim.tv_sec,
                     status.st_mtim.tv_nsec};
    if (errno == ENOENT) return Stamp{};
    return std::nullopt;
}

void SqliteFile::note_state() {
    file_stamp_ = stamp(path_);
    log_stamp_ = stamp(with_suffix(path_, "-wal"));
}

SqliteFile::Touched SqliteFile::touched() const {
    const std::optional<Stamp> file = stamp(path_), log = stamp(with_suffix(path_, "-wal"));
    if (file_stamp_ && file && *file_stamp_ != *file) return Touched::yes;
    if (!log_stamp_ || !log || *log_stamp_ == *log) return Touched::no;
    return *log == Stamp{} ? Touched::log_gone : Touched::yes;
}

SqliteFile::Result SqliteFile::check() {
    const auto verdict = db_.word("PRAGMA quick_check(1)");
    if (!verdict) return failed(verdict.error());
    if (*verdict != "ok") return base::unexpected(Trouble{Trouble::Kind::damage, 0, *verdict});
    return {};
}

std::filesystem::path with_suffix(std::filesystem::path file, std::string_view suffix) {
    file += suffix;
    return file;
}

base::Expected<bool, std::error_code> create_store_file(const std::filesystem::path& file) {
    const net::Descriptor made{::open(file.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0640)};
    if (!made && errno == EEXIST) return false;
    // SQLite gives the log and its index the same mode.
    if (!made || ::fchmod(made.get(), 0640) != 0)
        return base::unexpected(std::error_code(errno, std::system_category()));
    return true;
}

namespace {

std::size_t set_aside_already(const std::filesystem::path& file) {
    const std::string start = file.filename().string() + ".damaged-";
    std::size_t count = 0;
    std::error_code ignored;
    const std::filesystem::path folder = file.has_parent_path() ? file.parent_path() : ".";
    for (std::filesystem::directory_iterator at{folder, ignored}, end; !ignored && at != end;
         at.increment(ignored)) {
        const std::string name = at->path().filename().string();
        count += name.starts_with(start) && !name.ends_with("-wal") && !name.ends_with("-shm") ? 1 : 0;
    }
    return count;
}

} // namespace

base::Expected<std::filesystem::path, std::string> set_aside(const std::filesystem::path& file,
                                                             base::Instant now, Aside what) {
    const auto date = std::chrono::floor<std::chrono::days>(now);
    const std::chrono::year_month_day ymd{date};
    const std::chrono::hh_mm_ss hms{now - date};
    std::array<char, 64> stamp{};
    std::snprintf(stamp.data(), stamp.size(), ".damaged-%04d%02u%02uT%02d%02d%02dZ",
                  static_cast<int>(ymd.year()), static_cast<unsigned>(ymd.month()),
                  static_cast<unsigned>(ymd.day()), static_cast<int>(hms.hours().count()),
                  static_cast<int>(hms.minutes().count()), static_cast<int>(hms.seconds().count()));
    std::error_code ignored;
    std::filesystem::path to = with_suffix(file, stamp.data());
    const auto taken = [&ignored](const std::filesystem::path& path) {
        return std::filesystem::exists(std::filesystem::symlink_status(path, ignored)) ||
               std::filesystem::exists(with_suffix(path, "-wal"), ignored);
    };
    for (int n = 1; taken(to); ++n)
        to = with_suffix(file, std::string(stamp.data()) + "-" + std::to_string(n));
    const bool keep = set_aside_already(file) < max_set_aside;
    // The log goes first: next to a new file it would be taken for the new file's log.
    for (const std::string_view part : {"-wal", "-shm", ""}) {
        if (part.empty() && what == Aside::log_only) continue;
        std::error_code error;
        if (keep)
            std::filesystem::rename(with_suffix(file, part), with_suffix(to, part), error);
        else
            std::filesystem::remove_all(with_suffix(file, part), error);
        if (error && error != std::errc::no_such_file_or_directory)
            return base::unexpected("cannot rename " + with_suffix(file, part).string() + ": " +
                                    error.message());
    }
    (void)sync_directory_of(file); // the new file's names are synced after these, or it is not used
    return keep ? to : std::filesystem::path{};
}

std::string where(const std::filesystem::path& aside) {
    if (!aside.empty()) return aside.string();
    return "removed: " + std::to_string(max_set_aside) + " damaged files lie here already";
}

base::Expected<void, std::error_code> sync_directory_of(const std::filesystem::path& file) {
    const std::filesystem::path parent = file.has_parent_path() ? file.parent_path() : ".";
    const net::Descriptor folder{::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    // Some file systems keep names in another way and do not support this call (EINVAL).
    if (!folder || (::fsync(folder.get()) != 0 && errno != EINVAL))
        return base::unexpected(std::error_code(errno, std::system_category()));
    return {};
}

} // namespace cache
