#include "state/file.hpp"

#include "sqlite/files.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

namespace state {

namespace {

using sqlite::Statement;

constexpr std::array all_migrations{
    sqlite::Migration{1, "CREATE TABLE overrides("
                         " domain TEXT PRIMARY KEY NOT NULL,"
                         " action TEXT NOT NULL,"
                         " match TEXT NOT NULL,"
                         " until INTEGER NOT NULL,"
                         " reason TEXT NOT NULL,"
                         " weakens INTEGER NOT NULL,"
                         " added_at INTEGER NOT NULL,"
                         " added_by TEXT NOT NULL,"
                         " sum INTEGER NOT NULL"
                         ") STRICT, WITHOUT ROWID;"
                         "CREATE TABLE observed("
                         " domain TEXT PRIMARY KEY NOT NULL,"
                         " would TEXT NOT NULL,"
                         " lookups INTEGER NOT NULL,"
                         " first INTEGER NOT NULL,"
                         " last INTEGER NOT NULL,"
                         " sum INTEGER NOT NULL"
                         ") STRICT, WITHOUT ROWID;"
                         "CREATE INDEX observed_last ON observed(last);"
                         "CREATE TABLE protected("
                         " domain TEXT PRIMARY KEY NOT NULL,"
                         " since INTEGER NOT NULL,"
                         " sum INTEGER NOT NULL"
                         ") STRICT, WITHOUT ROWID;"
                         "CREATE TABLE counters(name TEXT PRIMARY KEY NOT NULL, value INTEGER NOT NULL) "
                         "STRICT, WITHOUT ROWID"},
    sqlite::Migration{2, "ALTER TABLE protected ADD COLUMN until INTEGER NOT NULL DEFAULT 0"},
};

constexpr std::string_view override_columns =
    "domain, action, match, until, reason, weakens, added_at, added_by, sum";
constexpr std::string_view observed_columns = "domain, would, lookups, first, last, sum";
constexpr std::string_view protected_columns = "domain, since, sum, until";

auto failed(const sqlite::Error& e) { return base::unexpected(sqlite::trouble_of(e)); }

std::optional<decision::Override> override_of(Statement& s) {
    return read(RawOverride{s.octets(0), s.octets(1), s.octets(2), s.integer(3), s.octets(4), s.integer(5),
                            s.integer(6), s.octets(7)},
                s.integer(8));
}
std::optional<Observed> observed_of(Statement& s) {
    return read(RawObserved{s.octets(0), s.octets(1), s.integer(2), s.integer(3), s.integer(4)},
                s.integer(5));
}
std::optional<Protected> protected_of(Statement& s) {
    return read(RawProtected{s.octets(0), s.integer(1), s.integer(3)}, s.integer(2));
}

std::int64_t count(base::Instant time) { return time.time_since_epoch().count(); }

std::string select(std::string_view columns, std::string_view table, std::string_view rest) {
    return "SELECT " + std::string{columns} + " FROM " + std::string{table} + std::string{rest};
}

} // namespace

std::span<const sqlite::Migration> migrations() { return all_migrations; }

base::Expected<File, Trouble> File::open(const std::filesystem::path& path,
                                         std::span<const sqlite::Migration> steps) {
    auto opened = sqlite::open_database(path, {application_id, "a state of stsmapd", steps});
    if (!opened) return base::unexpected(std::move(opened.error()));
    File file{std::move(*opened), path};
    const auto refuse = [&file](Trouble trouble) {
        file.leave_as_is();
        return base::unexpected(std::move(trouble));
    };
    if (auto done = sqlite::sync_directory_of(path); !done)
        return refuse({Trouble::Kind::passing, 0, "cannot sync the folder: " + done.error().message()});
    if (Result done = file.checkpoint(); !done) return refuse(std::move(done.error()));
    const auto rows = file.number("SELECT count(*) FROM protected");
    if (!rows) return refuse(rows.error());
    file.protected_rows_ = static_cast<std::size_t>(*rows);
    file.size_ = file.db_.size();
    return file;
}

base::Expected<File, Trouble> File::open_to_read(const std::filesystem::path& path, sqlite::Db::Use use) {
    auto opened = sqlite::open_to_read(path, use);
    if (!opened) return base::unexpected(std::move(opened.error()));
    return File{std::move(*opened), path};
}

base::Expected<Statement*, Trouble> File::statement(const char* sql) {
    auto found = prepared_.find(sql);
    if (found == prepared_.end()) {
        auto made = db_.prepare(sql);
        if (!made) return failed(made.error());
        found = prepared_.emplace(sql, std::move(*made)).first;
    }
    return &found->second;
}

File::Result File::run(const char* sql, const std::function<void(Statement&)>& bind) {
    auto ready = statement(sql);
    if (!ready) return base::unexpected(std::move(ready.error()));
    bind(**ready);
    if (auto done = (*ready)->run(); !done) return failed(done.error());
    return {};
}

base::Expected<std::int64_t, Trouble> File::number(std::string_view sql) {
    const auto found = db_.number(sql);
    if (!found) return failed(found.error());
    return *found;
}

base::Expected<std::int64_t, Trouble> File::changed() {
    auto ready = statement("SELECT changes()");
    if (!ready) return base::unexpected(std::move(ready.error()));
    const auto more = (*ready)->step();
    const std::int64_t rows = more && *more ? (*ready)->integer(0) : 0;
    (*ready)->reset();
    if (!more) return failed(more.error());
    return rows;
}

base::Expected<File::Found, Trouble> File::load(const std::function<void(decision::Override)>& sink) {
    Found found;
    db_.limit_steps(sqlite::steps_for(path_));
    auto all = db_.prepare(select(override_columns, "overrides", ""));
    if (!all) return failed(all.error());
    for (;;) {
        const auto more = all->step();
        if (!more) return failed(more.error());
        if (!*more) break;
        auto row = override_of(*all);
        ++(row ? found.rows : found.skipped);
        if (row) sink(std::move(*row));
    }
    db_.limit_steps(0);
    return found;
}

template <class Read>
void File::salvage_table(std::string_view columns, std::string_view table, Found& found, const Read& read) {
    // Each table has its own limit: one whose pages go in circles must not take the others' steps.
    db_.limit_steps(sqlite::steps_for(path_));
    auto up = db_.prepare(select(columns, table, " WHERE domain >= ?1 AND domain < ?2 ORDER BY domain"));
    auto down =
        db_.prepare(select(columns, table, " WHERE domain > ?1 AND domain < ?2 ORDER BY domain DESC"));
    if (!up && is_passing(up.error())) found.passing = sqlite::trouble_of(up.error());
    if (!up || !down) return;
    auto passing =
        sqlite::salvage(*up, *down, [&](Statement& row) { ++(read(row) ? found.rows : found.skipped); });
    if (passing) found.passing = std::move(passing);
}

File::Found File::salvage(const Rows& rows) {
    const auto pass = [](auto row, const auto& sink) {
        if (row) sink(std::move(*row));
        return true;
    };
    Found found;
    salvage_table(override_columns, "overrides", found, [&](Statement& s) {
        auto row = override_of(s);
        return row && pass(std::move(row), rows.exception);
    });
    salvage_table(observed_columns, "observed", found, [&](Statement& s) {
        auto row = observed_of(s);
        return row && pass(std::move(row), rows.observed);
    });
    salvage_table(protected_columns, "protected", found, [&](Statement& s) {
        auto row = protected_of(s);
        return row && pass(std::move(row), rows.protection);
    });
    db_.limit_steps(0);
    return found;
}

File::Result File::begin() {
    protected_before_ = protected_rows_;
    if (auto done = db_.exec("BEGIN IMMEDIATE"); !done) return failed(done.error());
    return {};
}
File::Result File::commit() {
    if (auto done = db_.exec("COMMIT"); !done) return failed(done.error());
    size_ = db_.size();
    return {};
}
void File::rollback() {
    (void)db_.exec("ROLLBACK"); // fails if SQLite has already rolled back
    protected_rows_ = protected_before_;
}

File::Result File::put(const decision::Override& entry) {
    const std::string match = match_column(entry);
    const RawOverride row = raw(entry, match);
    return run("INSERT OR REPLACE INTO overrides VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
               [&](Statement& s) {
                   s.bind_text(1, row.domain);
                   s.bind_text(2, row.action);
                   s.bind_text(3, row.match);
                   s.bind(4, row.until);
                   s.bind_text(5, row.reason);
                   s.bind(6, row.weakens);
                   s.bind(7, row.added_at);
                   s.bind_text(8, row.added_by);
                   s.bind(9, sum_of(row));
               });
}
File::Result File::remove_override(std::string_view domain) {
    return run("DELETE FROM overrides WHERE domain = ?1", [&](Statement& s) { s.bind_text(1, domain); });
}
File::Result File::remove_all_overrides() {
    return run("DELETE FROM overrides", [](Statement&) {});
}
File::Result File::remove_ended(base::Instant now) {
    return run("DELETE FROM overrides WHERE until <= ?1", [&](Statement& s) { s.bind(1, count(now)); });
}

File::Result File::put(const Observed& row) {
    const RawObserved columns = raw(row);
    return run("INSERT OR REPLACE INTO observed VALUES(?1, ?2, ?3, ?4, ?5, ?6)", [&](Statement& s) {
        s.bind_text(1, columns.domain);
        s.bind_text(2, columns.would);
        s.bind(3, columns.lookups);
        s.bind(4, columns.first);
        s.bind(5, columns.last);
        s.bind(6, sum_of(columns));
    });
}

base::Expected<std::optional<Observed>, Trouble> File::find_observed(std::string_view domain) {
    auto ready = statement("SELECT domain, would, lookups, first, last, sum FROM observed WHERE domain = ?1");
    if (!ready) return base::unexpected(std::move(ready.error()));
    (*ready)->bind_text(1, domain);
    const auto more = (*ready)->step();
    std::optional<Observed> found;
    if (more && *more) found = observed_of(**ready);
    (*ready)->reset();
    if (!more) return failed(more.error());
    return found;
}

File::Result File::add(const Observed& more) {
    auto found = find_observed(more.domain);
    if (!found) return base::unexpected(std::move(found.error()));
    Observed sum = more;
    if (*found) {
        sum.lookups += (*found)->lookups;
        sum.first = std::min(sum.first, (*found)->first);
        sum.last = std::max(sum.last, (*found)->last);
    }
    return put(sum);
}

File::Result File::note_observed_since(base::Instant first) {
    return run("INSERT INTO counters VALUES('observed_since', ?1) ON CONFLICT(name) DO NOTHING",
               [&](Statement& s) { s.bind(1, count(first)); });
}

File::Result File::note_try(base::Instant now) {
    return run("INSERT INTO counters VALUES('tried', ?1) "
               "ON CONFLICT(name) DO UPDATE SET value = max(value + 1, excluded.value)",
               [&](Statement& s) { s.bind(1, count(now)); });
}

File::Result File::add_forgotten(std::uint64_t domains) {
    if (domains == 0) return {};
    return run("INSERT INTO counters VALUES('observed_forgotten', ?1) "
               "ON CONFLICT(name) DO UPDATE SET value = value + excluded.value",
               [&](Statement& s) { s.bind(1, static_cast<std::int64_t>(domains)); });
}

File::Result File::trim_observed(base::Instant before) {
    Result done =
        run("DELETE FROM observed WHERE last < ?1", [&](Statement& s) { s.bind(1, count(before)); });
    if (!done) return done;
    const auto dropped = changed();
    if (!dropped) return base::unexpected(dropped.error());
    const auto rows = number("SELECT count(*) FROM observed");
    if (!rows) return base::unexpected(rows.error());
    if (*rows == 0)
        return run("DELETE FROM counters WHERE name IN ('observed_since', 'observed_forgotten')",
                   [](Statement&) {});
    if (*dropped > 0)
        done =
            run("UPDATE counters SET value = (SELECT min(first) FROM observed) WHERE name = 'observed_since'",
                [](Statement&) {});
    if (!done) return done;
    const auto above = *rows - static_cast<std::int64_t>(max_observed);
    if (above <= 0) return {};
    done = run("DELETE FROM observed WHERE domain IN (SELECT domain FROM observed ORDER BY last LIMIT ?1)",
               [&](Statement& s) { s.bind(1, above); });
    if (!done) return done;
    return add_forgotten(static_cast<std::uint64_t>(above));
}

File::Result File::put(const Protected& row) {
    const auto before = find_protected(row.domain);
    if (!before) return base::unexpected(before.error());
    const Protected after = joined(*before, row);
    if (after == *before || (!*before && protected_rows_ >= max_protected)) return {};
    const RawProtected columns = raw(after);
    Result done = run("INSERT OR REPLACE INTO protected VALUES(?1, ?2, ?3, ?4)", [&](Statement& s) {
        s.bind_text(1, columns.domain);
        s.bind(2, columns.since);
        s.bind(3, sum_of(columns));
        s.bind(4, columns.until);
    });
    if (done && !*before) ++protected_rows_;
    return done;
}

File::Result File::remove_protected(std::string_view domain) {
    Result done =
        run("DELETE FROM protected WHERE domain = ?1", [&](Statement& s) { s.bind_text(1, domain); });
    if (!done) return done;
    const auto removed = changed();
    if (!removed) return base::unexpected(removed.error());
    if (*removed > 0 && protected_rows_ > 0) --protected_rows_;
    return {};
}

base::Expected<std::optional<Protected>, Trouble> File::find_protected(std::string_view domain) {
    auto ready = statement("SELECT domain, since, sum, until FROM protected WHERE domain = ?1");
    if (!ready) return base::unexpected(std::move(ready.error()));
    (*ready)->bind_text(1, domain);
    const auto more = (*ready)->step();
    std::optional<Protected> found;
    if (more && *more) found = protected_of(**ready);
    (*ready)->reset();
    if (!more) return failed(more.error());
    return found;
}

base::Expected<Summary, Trouble> File::observed() {
    Summary summary;
    auto sums = db_.prepare("SELECT would, count(*), sum(lookups) FROM observed GROUP BY would");
    if (!sums) return failed(sums.error());
    for (;;) {
        const auto more = sums->step();
        if (!more) return failed(more.error());
        if (!*more) break;
        summary.would[std::string{sums->octets(0)}] = {static_cast<std::uint64_t>(sums->integer(1)),
                                                       static_cast<std::uint64_t>(sums->integer(2))};
    }
    auto top = db_.prepare(select(observed_columns, "observed", " ORDER BY lookups DESC, domain LIMIT ?1"));
    if (!top) return failed(top.error());
    top->bind(1, static_cast<std::int64_t>(Summary::max_top));
    for (;;) {
        const auto more = top->step();
        if (!more) return failed(more.error());
        if (!*more) break;
        if (auto row = observed_of(*top)) summary.top.push_back(std::move(*row));
    }
    const auto since = number("SELECT coalesce(max(value), -1) FROM counters WHERE name = 'observed_since'");
    const auto forgotten =
        number("SELECT coalesce(max(value), 0) FROM counters WHERE name = 'observed_forgotten'");
    if (!since) return base::unexpected(since.error());
    if (!forgotten) return base::unexpected(forgotten.error());
    if (*since >= 0) summary.since = base::Instant{base::seconds{*since}};
    summary.forgotten = static_cast<std::uint64_t>(std::max<std::int64_t>(*forgotten, 0));
    return summary;
}

bool File::is_changed() {
    const std::int64_t before = std::exchange(size_, db_.size());
    return db_.moved() || (size_ >= 0 && size_ < before);
}

} // namespace state
