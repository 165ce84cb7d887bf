#include "cache/disk/sqlite_file.hpp"

#include "cache/disk/stored_row.hpp"

#include <sys/stat.h>

#include <array>
#include <cerrno>
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

auto failed(const sqlite::Error& e) { return base::unexpected(sqlite::trouble_of(e)); }

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

} // namespace

std::span<const Migration> migrations() { return all_migrations; }

base::Expected<SqliteFile, Trouble> SqliteFile::open(const std::filesystem::path& path,
                                                     std::span<const Migration> steps) {
    auto opened = sqlite::open_database(path, {store_application_id, "a store of stsmapd", steps});
    if (!opened) return base::unexpected(std::move(opened.error()));
    SqliteFile file{std::move(*opened), path};
    const auto refuse = [&file](Trouble t) {
        file.leave_as_is();
        return base::unexpected(std::move(t));
    };
    if (Result done = file.prepare(); !done) return refuse(done.error());
    // Now the log exists, too. SQLite syncs its name once and does not check the result.
    if (auto done = sqlite::sync_directory_of(path); !done)
        return refuse({Trouble::Kind::passing, 0, "cannot sync the folder: " + done.error().message()});
    // The same for the file itself: its log is sound, so the file is rewritten from it.
    if (Result done = file.checkpoint(); !done) return refuse(done.error());
    file.note_state();
    file.db_.limit_steps(0);
    return file;
}

base::Expected<SqliteFile, Trouble> SqliteFile::open_to_read(const std::filesystem::path& path,
                                                             sqlite::Db::Use use) {
    auto opened = sqlite::open_to_read(path, use);
    if (!opened) return base::unexpected(std::move(opened.error()));
    return SqliteFile{std::move(*opened), path};
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
    db_.limit_steps(sqlite::steps_for(path_));
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
    db_.limit_steps(sqlite::steps_for(path_));
    auto up = select(db_, " WHERE domain >= ?1 AND domain < ?2 ORDER BY domain");
    auto down = select(db_, " WHERE domain > ?1 AND domain < ?2 ORDER BY domain DESC");
    if (!up && is_passing(up.error())) salvaged.passing = sqlite::trouble_of(up.error());
    if (!up || !down) return salvaged;
    salvaged.passing = sqlite::salvage(*up, *down, [&](sqlite::Statement& statement) {
        if (base::Expected<Row, std::string_view> row = row_of(statement)) {
            ++salvaged.rows;
            sink(std::move(*row));
        }
    });
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

SqliteFile::Result SqliteFile::checkpoint() { return sqlite::checkpoint(db_); }

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

std::uint64_t SqliteFile::octets() const noexcept {
    std::int64_t sum = 0;
    for (const auto& one : {file_stamp_, log_stamp_}) sum += one ? one->size : 0;
    return static_cast<std::uint64_t>(sum);
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

} // namespace cache
