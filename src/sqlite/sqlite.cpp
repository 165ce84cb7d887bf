#include "sqlite/sqlite.hpp"

#include <sqlite3.h>

#include <cerrno>
#include <system_error>
#include <utility>

namespace sqlite {

namespace {

// None of our values is longer than a policy text (64 KiB). A damaged length must not make us allocate a
// gigabyte, and many rows must not share one long chain of pages.
constexpr int max_value = 1 << 17;
constexpr int steps_a_look = 1000; // at what is left of them
constexpr std::chrono::milliseconds usual_patience{2000};
constexpr int steps_a_glance = 10'000; // between two looks at the clock; thousands take a millisecond

Error error_of(sqlite3* db, int code) {
    Error e{sqlite3_extended_errcode(db), sqlite3_errmsg(db), 0};
    if ((e.code & 0xff) != (code & 0xff)) e = {code, sqlite3_errstr(code), 0};
    const int primary = e.code & 0xff;
    if (primary == SQLITE_IOERR || primary == SQLITE_CANTOPEN || primary == SQLITE_FULL)
        e.system = sqlite3_system_errno(db);
    if (primary == SQLITE_INTERRUPT) e.words = "more steps than a file of this size can need";
    if (e.system != 0) e.words += " (" + std::system_category().message(e.system) + ")";
    return e;
}

std::string uri(const std::filesystem::path& file, std::string_view parameter) {
    static constexpr std::string_view hex = "0123456789abcdef";
    std::string all = "file:";
    for (const char c : std::filesystem::absolute(file).string()) {
        const auto octet = static_cast<unsigned char>(c);
        if (octet > ' ' && octet < 0x7f && c != '%' && c != '?' && c != '#')
            all.push_back(c);
        else
            all.append({'%', hex[octet >> 4], hex[octet & 15]});
    }
    return all.append("?").append(parameter);
}

} // namespace

std::string_view library_version() noexcept { return sqlite3_libversion(); }

bool is_damage(const Error& error) noexcept {
    switch (error.code & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_FORMAT:
    case SQLITE_TOOBIG:
    case SQLITE_INTERRUPT: // of limit_steps(): it has no end
    case SQLITE_ERROR:     // "no such table" and the like: our statements never change
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH: return true;
    default: return false;
    }
}

bool is_busy(const Error& error) noexcept { return (error.code & 0xff) == SQLITE_BUSY; }

bool is_limit(const Error& error) noexcept { return (error.code & 0xff) == SQLITE_INTERRUPT; }

bool is_passing(const Error& error) noexcept {
    switch (error.code & 0xff) {
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_READONLY:
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
    case SQLITE_NOMEM: return true;
    case SQLITE_CANTOPEN: // the log or its index could not be made; what permissions forbid does not pass
        return error.system == ENOSPC || error.system == EDQUOT || error.system == EIO ||
               error.system == EMFILE || error.system == ENFILE || error.system == EFBIG ||
               error.system == EROFS;
    default: return false;
    }
}

bool is_disk_error(int code) noexcept { return (code & 0xff) == SQLITE_IOERR; }

void Statement::Finalize::operator()(sqlite3_stmt* handle) const noexcept { sqlite3_finalize(handle); }

// Binding fails only for a wrong index or lack of memory; step() then reports what is left unbound.
void Statement::bind(int index, std::int64_t value) { sqlite3_bind_int64(handle_.get(), index, value); }

void Statement::bind_text(int index, std::string_view value) {
    sqlite3_bind_text(handle_.get(), index, value.data() != nullptr ? value.data() : "",
                      static_cast<int>(value.size()), SQLITE_STATIC);
}

void Statement::bind_blob(int index, std::string_view value) {
    sqlite3_bind_blob(handle_.get(), index, value.data() != nullptr ? value.data() : "",
                      static_cast<int>(value.size()), SQLITE_STATIC);
}

base::Expected<bool, Error> Statement::step() {
    const int code = sqlite3_step(handle_.get());
    if (code == SQLITE_ROW) return true;
    if (code == SQLITE_DONE) return false;
    return base::unexpected(error_of(sqlite3_db_handle(handle_.get()), code));
}

Result Statement::run() {
    const base::Expected<bool, Error> done = step();
    reset();
    if (!done) return base::unexpected(done.error());
    return {};
}

void Statement::reset() noexcept {
    sqlite3_reset(handle_.get());
    sqlite3_clear_bindings(handle_.get()); // the bound values may no longer exist
}

std::string_view Statement::octets(int column) {
    const void* data = sqlite3_column_blob(handle_.get(), column);
    const int size = sqlite3_column_bytes(handle_.get(), column);
    return data == nullptr ? std::string_view{}
                           : std::string_view{static_cast<const char*>(data), static_cast<std::size_t>(size)};
}

std::int64_t Statement::integer(int column) { return sqlite3_column_int64(handle_.get(), column); }

void Db::Close::operator()(sqlite3* handle) const noexcept { sqlite3_close_v2(handle); }

base::Expected<Db, Error> Db::open(const std::filesystem::path& file, Use use) {
    sqlite3* handle = nullptr;
    // One thread at a time uses the connection, so SQLite need not lock it.
    const bool look = use == Use::look || use == Use::look_alone;
    const int flags = (look ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE) | SQLITE_OPEN_NOMUTEX |
                      SQLITE_OPEN_EXRESCODE | (use == Use::create ? SQLITE_OPEN_CREATE : 0);
    const bool alone = use == Use::salvage_alone || use == Use::look_alone;
    const bool unlocked = use == Use::salvage_unlocked || use == Use::salvage_alone;
    const bool salvage = use == Use::salvage || unlocked;
    const char* const vfs = unlocked ? "unix-none" : nullptr;
    const int code =
        alone ? sqlite3_open_v2(uri(file, "immutable=1").c_str(), &handle, flags | SQLITE_OPEN_URI, vfs)
              : sqlite3_open_v2(file.c_str(), &handle, flags, vfs);
    Db db{handle};
    if (handle == nullptr) return base::unexpected(Error{SQLITE_NOMEM, "out of memory", 0});
    if (code != SQLITE_OK) return base::unexpected(error_of(handle, code));
    db.set_patience(usual_patience);
    sqlite3_limit(handle, SQLITE_LIMIT_LENGTH, max_value);
    sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, salvage ? 0 : 1, nullptr);
    sqlite3_db_config(handle, SQLITE_DBCONFIG_WRITABLE_SCHEMA, salvage ? 1 : 0, nullptr);
    // These three only set flags of the connection; they do not read the file.
    if (Result done =
            db.exec("PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA temp_store = MEMORY");
        !done)
        return base::unexpected(done.error());
    return db;
}

Result Db::exec(const char* sql) {
    const int code = sqlite3_exec(handle_.get(), sql, nullptr, nullptr, nullptr);
    if (code != SQLITE_OK) return base::unexpected(error_of(handle_.get(), code));
    return {};
}

base::Expected<Statement, Error> Db::prepare(std::string_view sql) {
    sqlite3_stmt* handle = nullptr;
    const int code =
        sqlite3_prepare_v2(handle_.get(), sql.data(), static_cast<int>(sql.size()), &handle, nullptr);
    if (code != SQLITE_OK) return base::unexpected(error_of(handle_.get(), code));
    return Statement{handle};
}

base::Expected<std::int64_t, Error> Db::number(std::string_view sql) {
    base::Expected<Statement, Error> statement = prepare(sql);
    if (!statement) return base::unexpected(statement.error());
    const base::Expected<bool, Error> row = statement->step();
    if (!row) return base::unexpected(row.error());
    return *row ? statement->integer(0) : 0;
}

base::Expected<std::string, Error> Db::word(std::string_view sql) {
    base::Expected<Statement, Error> statement = prepare(sql);
    if (!statement) return base::unexpected(statement.error());
    const base::Expected<bool, Error> row = statement->step();
    if (!row) return base::unexpected(row.error());
    return *row ? std::string(statement->octets(0)) : std::string{};
}

void Db::limit_steps(std::int64_t steps) {
    if (!steps_left_) steps_left_ = std::make_unique<std::int64_t>();
    *steps_left_ = steps;
    const auto look = [](void* left) {
        return (*static_cast<std::int64_t*>(left) -= steps_a_look) < 0 ? 1 : 0;
    };
    sqlite3_progress_handler(handle_.get(), steps > 0 ? steps_a_look : 0, look, steps_left_.get());
}

void Db::set_patience(std::chrono::milliseconds patience) {
    sqlite3_busy_timeout(handle_.get(), static_cast<int>(patience.count()));
}

void Db::limit_time(std::chrono::steady_clock::time_point end) {
    end_ = std::make_unique<std::chrono::steady_clock::time_point>(end);
    const auto look = [](void* until) {
        const bool over = std::chrono::steady_clock::now() >= *static_cast<decltype(end)*>(until);
        return over ? 1 : 0;
    };
    sqlite3_progress_handler(handle_.get(), steps_a_glance, look, end_.get());
}

bool Db::moved() {
    int moved = 0;
    return sqlite3_file_control(handle_.get(), "main", SQLITE_FCNTL_HAS_MOVED, &moved) == SQLITE_OK &&
           moved != 0;
}

std::int64_t Db::size() {
    sqlite3_file* file = nullptr;
    sqlite3_int64 size = 0;
    const bool known =
        sqlite3_file_control(handle_.get(), "main", SQLITE_FCNTL_FILE_POINTER, &file) == SQLITE_OK &&
        file != nullptr && file->pMethods != nullptr && file->pMethods->xFileSize(file, &size) == SQLITE_OK;
    return known ? size : -1;
}

void Db::leave_as_is() { sqlite3_db_config(handle_.get(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr); }

} // namespace sqlite
