#include "cache/disk/store_check.hpp"

#include "cache/disk/sqlite_file.hpp"

#include <sqlite3.h>

#include <memory>
#include <system_error>

namespace cache {
namespace {

using Clock = std::chrono::steady_clock;

/// SQLite asks every so many steps of its virtual machine whether to go on; some thousands a millisecond.
constexpr int steps_between_looks = 10'000;

struct CloseDb {
    void operator()(sqlite3* db) const noexcept { sqlite3_close_v2(db); }
};
struct Finalize {
    void operator()(sqlite3_stmt* statement) const noexcept { sqlite3_finalize(statement); }
};

/// "file:" with what would mean something else in a URI escaped.
std::string uri_of(const std::filesystem::path& file, bool immutable) {
    std::string uri = "file:";
    for (const char c : std::filesystem::absolute(file).string()) {
        if (c == '%' || c == '?' || c == '#') {
            constexpr std::string_view digits = "0123456789ABCDEF";
            const auto octet = static_cast<unsigned char>(c);
            uri += '%';
            uri += digits[octet >> 4];
            uri += digits[octet & 15];
        } else {
            uri += c;
        }
    }
    return uri + (immutable ? "?immutable=1" : "?mode=ro");
}

StoreCheck::State state_of(int code) {
    switch (code & 0xff) {
    case SQLITE_INTERRUPT: return StoreCheck::State::unfinished;
    case SQLITE_BUSY: return StoreCheck::State::in_use;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return StoreCheck::State::damaged;
    default: return StoreCheck::State::unreadable;
    }
}

/// One value of one row, as text; the check is put where it failed.
bool first_value(sqlite3* db, const char* sql, std::string& value, StoreCheck& check) {
    sqlite3_stmt* raw = nullptr;
    int code = sqlite3_prepare_v2(db, sql, -1, &raw, nullptr);
    const std::unique_ptr<sqlite3_stmt, Finalize> statement(raw);
    if (code == SQLITE_OK) code = sqlite3_step(statement.get());
    if (code != SQLITE_ROW) {
        check.state = state_of(code);
        switch (check.state) {
        case StoreCheck::State::unfinished: check.words = "there was not enough time"; break;
        case StoreCheck::State::in_use: break;
        default: check.words = sqlite3_errmsg(db); break;
        }
        return false;
    }
    const unsigned char* text = sqlite3_column_text(statement.get(), 0);
    value = text ? reinterpret_cast<const char*>(text) : "";
    return true;
}

} // namespace

StoreCheck check_store(const std::filesystem::path& file, std::chrono::milliseconds limit) {
    StoreCheck check;
    std::error_code error;
    const std::filesystem::file_status status = std::filesystem::status(file, error);
    if (status.type() == std::filesystem::file_type::not_found) return check;
    check.octets = std::filesystem::file_size(file, error);
    if (error) {
        check.octets = 0;
        check.state = StoreCheck::State::unreadable;
        check.words = error.message();
        return check;
    }
    const bool log = std::filesystem::exists(with_suffix(file, "-wal"), error);
    if (check.octets == 0 && !log) return check;

    sqlite3* raw = nullptr;
    int code = sqlite3_open_v2(uri_of(file, !log).c_str(), &raw,
                               SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_URI, nullptr);
    const std::unique_ptr<sqlite3, CloseDb> db(raw);
    if (code != SQLITE_OK) {
        check.state = state_of(code);
        check.words = raw ? sqlite3_errmsg(raw) : "out of memory";
        return check;
    }
    Clock::time_point end = Clock::now() + limit;
    sqlite3_busy_timeout(raw, static_cast<int>(limit.count() / 10));
    sqlite3_progress_handler(
        raw, steps_between_looks,
        [](void* until) { return Clock::now() >= *static_cast<Clock::time_point*>(until) ? 1 : 0; }, &end);

    std::string value;
    if (!first_value(raw, "PRAGMA application_id", value, check)) return check;
    const bool ours = value == std::to_string(store_application_id);
    if (!first_value(raw, "PRAGMA user_version", value, check)) return check;
    if (!ours && value != "0") {
        check.state = StoreCheck::State::damaged;
        check.words = "this is not a store of stsmapd";
        return check;
    }
    const int known = migrations().back().version;
    if (value.size() > 9 || std::stol(value) > known) {
        check.state = StoreCheck::State::newer;
        check.words =
            "written by a newer stsmapd (schema " + value + ", known is " + std::to_string(known) + ")";
        return check;
    }
    if (!first_value(raw, "PRAGMA quick_check(1)", value, check)) return check;
    check.state = value == "ok" ? StoreCheck::State::good : StoreCheck::State::damaged;
    if (value != "ok") check.words = value;
    return check;
}

} // namespace cache
