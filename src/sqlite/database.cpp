#include "sqlite/database.hpp"

#include "base/net/descriptor.hpp"
#include "sqlite/files.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>
#include <vector>

namespace sqlite {

namespace {

auto failed(const Error& e) { return base::unexpected(trouble_of(e)); }

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

Trouble trouble_of(const Error& e) {
    using Kind = Trouble::Kind;
    const Kind kind = is_damage(e) ? Kind::damage : is_passing(e) ? Kind::passing : Kind::other;
    return {kind, e.code, e.words};
}

bool is_disk_error(const Trouble& trouble) noexcept { return is_disk_error(trouble.code); }

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

base::Expected<Db, Trouble> open_database(const std::filesystem::path& path, const Format& format) {
    if (auto done = rewrite_log(with_suffix(path, "-wal")); !done)
        return base::unexpected(
            Trouble{Trouble::Kind::passing, 0, "cannot save the log: " + done.error().message()});
    base::Expected<Db, Error> opened = Db::open(path, Db::Use::normal);
    if (!opened) return failed(opened.error());
    Db& db = *opened;
    db.limit_steps(steps_for(path));
    // Must be set before the file is read for the first time: then the log's index is not a mapped file.
    if (auto done = db.exec("PRAGMA locking_mode = EXCLUSIVE"); !done) return failed(done.error());
    // Until the file is known to be a sound database of ours, it and its log are not changed.
    const auto application = db.number("PRAGMA application_id");
    const auto refuse = [&db](Trouble t) {
        db.leave_as_is();
        return base::unexpected(std::move(t));
    };
    if (!application) return refuse(trouble_of(application.error()));
    const auto version = db.number("PRAGMA user_version");
    if (!version) return refuse(trouble_of(version.error()));
    const auto objects = db.number("SELECT count(*) FROM sqlite_schema");
    if (!objects) return refuse(trouble_of(objects.error()));

    const bool fresh = *application == 0 && *version == 0 && *objects == 0;
    const std::int64_t newest = format.steps.empty() ? 0 : format.steps.back().version;
    if (!fresh && *application != format.application_id)
        return refuse(
            {Trouble::Kind::damage, 0,
             "not " + std::string{format.what} + " (application_id " + std::to_string(*application) + ")"});
    if (*version < 0)
        return refuse({Trouble::Kind::damage, 0, "impossible schema version " + std::to_string(*version)});
    if (*version > newest)
        return refuse({Trouble::Kind::newer, 0,
                       "written by a newer stsmapd (schema " + std::to_string(*version) +
                           ", this one knows " + std::to_string(newest) +
                           "): upgrade stsmapd, or move the file away"});

    const auto mode = db.word("PRAGMA journal_mode = WAL");
    if (!mode) return refuse(trouble_of(mode.error()));
    if (*mode != "wal")
        return refuse(
            {Trouble::Kind::other, 0, "this file system cannot hold a write-ahead log (mode " + *mode + ")"});
    // A batch of rows in random order changes as many pages. They stay in memory until the commit, so that
    // they are not written to the log twice. The log goes into the file once in several batches.
    if (auto done = db.exec("PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 16777216;"
                            "PRAGMA wal_autocheckpoint = 4000; PRAGMA cache_spill = OFF");
        !done)
        return refuse(trouble_of(done.error()));
    for (const Migration& step : format.steps) {
        if (step.version <= *version) continue;
        const std::string sql = "BEGIN IMMEDIATE; " + std::string(step.sql) +
                                "; PRAGMA application_id = " + std::to_string(format.application_id) +
                                "; PRAGMA user_version = " + std::to_string(step.version) + "; COMMIT";
        if (auto done = db.exec(sql.c_str()); !done) return refuse(trouble_of(done.error()));
    }
    return std::move(*opened);
}

base::Expected<Db, Trouble> open_to_read(const std::filesystem::path& path, Db::Use use) {
    base::Expected<Db, Error> opened = Db::open(path, use);
    if (!opened) return failed(opened.error());
    opened->leave_as_is();
    if (auto done = opened->exec("PRAGMA locking_mode = EXCLUSIVE"); !done) return failed(done.error());
    return std::move(*opened);
}

base::Expected<void, Trouble> checkpoint(Db& db) {
    const auto busy = db.number("PRAGMA wal_checkpoint(TRUNCATE)");
    if (!busy) return failed(busy.error());
    if (*busy != 0) return base::unexpected(Trouble{Trouble::Kind::passing, 0, "the log is in use"});
    return {};
}

std::optional<Trouble> salvage(Statement& up, Statement& down, const std::function<void(Statement&)>& row) {
    // A scan ends at the first page that cannot be read. Many short ones, each from both ends, lose little
    // more than that page. The ranges are the first two octets of a domain name.
    std::optional<Trouble> passing;
    std::string last; // the last key read going up
    const auto scan = [&](Statement& statement, const std::string& from, const std::string& to) {
        statement.bind_text(1, from);
        statement.bind_text(2, to);
        base::Expected<bool, Error> more = statement.step();
        for (; more && *more; more = statement.step()) {
            last = std::string(statement.octets(0));
            row(statement);
        }
        if (!more && is_passing(more.error())) passing = trouble_of(more.error());
        statement.reset();
        return static_cast<bool>(more);
    };
    const std::string octets = "-.0123456789_abcdefghijklmnopqrstuvwxyz";
    for (const char first : octets)
        for (const char second : octets) {
            const std::string from{first, second}, to{first, static_cast<char>(second + 1)};
            last = from;
            if (scan(up, from, to)) continue;
            const std::string reached = last;
            (void)scan(down, reached, to);
        }
    return passing;
}

} // namespace sqlite
