#include "cache/disk/store_check.hpp"

#include "cache/disk/sqlite_file.hpp"

#include <system_error>
#include <utility>

namespace cache {
namespace {

using State = StoreCheck::State;

/// What an error says about the file; `found` is what was known before.
StoreCheck with(const sqlite::Error& error, StoreCheck found) {
    if (sqlite::is_busy(error)) {
        found.state = State::in_use;
        return found;
    }
    found.state = sqlite::is_limit(error)    ? State::unfinished
                  : sqlite::is_damage(error) ? State::damaged
                                             : State::unreadable;
    found.words = found.state == State::unfinished ? "there was not enough time" : error.words;
    return found;
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
        check.state = State::unreadable;
        check.words = error.message();
        return check;
    }
    const bool log = std::filesystem::exists(with_suffix(file, "-wal"), error);
    if (check.octets == 0 && !log) return check;

    using sqlite::Db;
    auto db = Db::open(file, log ? Db::Use::look : Db::Use::look_alone);
    if (!db) return with(db.error(), std::move(check));
    db->set_patience(limit / 10);
    db->limit_time(std::chrono::steady_clock::now() + limit);

    const auto application = db->number("PRAGMA application_id");
    if (!application) return with(application.error(), std::move(check));
    const auto schema = db->number("PRAGMA user_version");
    if (!schema) return with(schema.error(), std::move(check));
    if (*application != store_application_id && *schema != 0) {
        check.state = State::damaged;
        check.words = "this is not a store of stsmapd";
        return check;
    }
    const int known = migrations().back().version;
    if (*schema > known) {
        check.state = State::newer;
        check.words = "written by a newer stsmapd (schema " + std::to_string(*schema) + ", known is " +
                      std::to_string(known) + ")";
        return check;
    }
    const auto verdict = db->word("PRAGMA quick_check(1)");
    if (!verdict) return with(verdict.error(), std::move(check));
    check.state = *verdict == "ok" ? State::good : State::damaged;
    if (*verdict != "ok") check.words = *verdict;
    return check;
}

} // namespace cache
