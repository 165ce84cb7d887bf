#include "cache/disk/store_start.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

namespace cache {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t salvage_batch = 1000;

std::string system_words(int error) { return std::system_category().message(error); }
auto refuse(std::string words) { return base::unexpected(std::move(words)); }

using sqlite::is_passing;
Trouble passing_trouble(int error, std::string_view doing) {
    return {Trouble::Kind::passing, 0, std::string(doing) + ": " + system_words(error)};
}

/// What exists of the store on the disk.
struct Found {
    fs::file_status file, fresh; ///< as in fs::status()
    std::uintmax_t size = 0, log_size = 0;
};
base::Expected<Found, Trouble> look(const fs::path& path) {
    Found found;
    const auto look_at = [](const fs::path& at, fs::file_status& status, std::uintmax_t& size) {
        std::error_code error;
        status = fs::symlink_status(at, error);
        if (fs::is_symlink(status)) status = fs::status(at, error);
        if (status.type() == fs::file_type::none) return error.value();
        if (!fs::is_regular_file(status)) return 0;
        size = fs::file_size(at, error);
        return error.value();
    };
    fs::file_status log;
    std::uintmax_t ignored = 0;
    for (const int error :
         {look_at(path, found.file, found.size), look_at(with_suffix(path, "-wal"), log, found.log_size),
          look_at(with_suffix(path, ".new"), found.fresh, ignored)})
        if (error != 0) return base::unexpected(passing_trouble(error, "cannot look at the file"));
    return found;
}

struct Copied {
    SqliteFile::Salvaged salvaged;
    bool complete = false; ///< all salvaged rows are in the new file
};
/// Makes a new store at `path` with what is readable in `from`.
Copied write_salvaged(const fs::path& from, const fs::path& path, const SqliteFile::Sink& sink) {
    sqlite::remove_files(path);
    std::optional<SqliteFile> out;
    bool ok = create_file(path).has_value();
    if (ok) {
        if (auto opened = SqliteFile::open(path))
            out.emplace(std::move(*opened));
        else
            ok = false;
    }
    std::size_t in_batch = 0;
    const auto copy = [&](Row row) {
        ok = ok && (in_batch > 0 || out->begin()) && out->put(row);
        if (ok && ++in_batch == salvage_batch) {
            ok = out->commit().has_value();
            in_batch = 0;
        }
        sink(std::move(row));
    };
    Copied copied;
    auto in = SqliteFile::open_to_read(from);
    if (in)
        copied.salvaged = in->salvage(copy);
    else if (in.error().kind == Trouble::Kind::passing)
        copied.salvaged.passing = in.error();
    if (ok && in_batch > 0) ok = out->commit().has_value();
    copied.complete = ok && out->checkpoint();
    return copied;
}

/// Replaces the damaged store by a new one. The new one is complete before the old one is moved, so a crash
/// in between loses nothing.
base::Expected<void, Trouble> renew(const fs::path& path, std::string_view problem,
                                    const SqliteFile::Sink& sink, events::Sink& events, base::Instant now,
                                    Unreadable unreadable, Started& started) {
    const fs::path fresh = with_suffix(path, ".new");
    std::error_code error;
    Copied copied;
    copied.complete = true;
    started.loaded = {};
    // SQLite deletes an orphaned log when it opens an empty file next to it; there is nothing to read then.
    const base::Expected<Found, Trouble> found = look(path);
    if (!found) return base::unexpected(found.error());
    const bool readable = fs::is_regular_file(found->file) && found->size > 0;
    if (readable) copied = write_salvaged(path, fresh, sink);
    started.loaded.rows = copied.salvaged.rows;
    if (copied.salvaged.passing && unreadable == Unreadable::wait) {
        sqlite::remove_files(fresh);
        return base::unexpected(*std::move(copied.salvaged.passing));
    }
    started.unread = false; // what could not be salvaged is lost, or set aside
    const base::Expected<fs::path, std::string> aside = sqlite::set_aside(path, now);
    started.incomplete = !copied.complete || !aside;
    if (!aside) {
        sqlite::remove_files(fresh);
        return base::unexpected(Trouble{Trouble::Kind::passing, 0,
                                        "damaged (" + std::string(problem) + "), and " + aside.error()});
    }
    if (readable && copied.complete) {
        fs::rename(fresh, path, error);
        if (error) started.incomplete = true;
        if (!error && !sqlite::sync_directory_of(path)) started.incomplete = true;
    }
    if (started.incomplete) sqlite::remove_files(fresh);
    started.renewed = true;
    events.emit(events::StoreDamaged{.file = path.native(),
                                     .problem = problem,
                                     .moved_to = sqlite::where(*aside),
                                     .salvaged = copied.salvaged.rows});
    return {};
}

/// Passing trouble at the start: reads what is readable, and leaves the rest to the store's retries.
void go_on_without(const fs::path& path, Trouble trouble, const SqliteFile::Sink& sink, Started& started) {
    started.file.reset();
    started.trouble = std::move(trouble);
    started.unread = true;
    started.loaded = {};
    const auto count = [&](Row row) {
        ++started.loaded.rows;
        sink(std::move(row));
    };
    using Use = sqlite::Db::Use;
    for (const Use use : {Use::salvage, Use::salvage_unlocked, Use::salvage_alone}) {
        base::Expected<SqliteFile, Trouble> file = SqliteFile::open_to_read(path, use);
        if (!file) continue;
        if (auto loaded = file->load(count)) {
            started.loaded = std::move(*loaded);
            // While another process writes, or without the log, there may be rows that we did not see.
            started.unread = use != Use::salvage;
            return;
        }
        started.loaded.rows = 0;
        (void)file->salvage(count);
        if (started.loaded.rows > 0) return;
    }
}

} // namespace

base::Expected<FileLock, std::string> lock_store(const fs::path& path, events::Sink& events) {
    int error = 0;
    auto lock = sqlite::lock_file(path, error);
    const std::string name = with_suffix(path, ".lock").native(), words = system_words(error);
    if (lock && !lock->held()) events.emit(events::StoreUnlocked{.file = name, .problem = words});
    return lock;
}

base::Expected<Started, std::string> start_store(const fs::path& path, const SqliteFile::Sink& sink,
                                                 events::Sink& events, base::Instant now,
                                                 Unreadable unreadable) {
    Started started;
    const auto wait = [&](Trouble trouble) -> base::Expected<Started, std::string> {
        started.trouble = std::move(trouble);
        return std::move(started);
    };
    started.unread = true; // until the file has been loaded or salvaged
    base::Expected<Found, Trouble> found = look(path);
    if (!found) return wait(found.error());
    const fs::path fresh = with_suffix(path, ".new");
    if (!fs::exists(found->file) && fs::exists(found->fresh)) {
        // A kill in renew() left this: the damaged file was moved, and the complete new one not yet put in
        // its place.
        std::error_code error;
        fs::rename(fresh, path, error);
        if (error) return wait(passing_trouble(error.value(), "cannot rename " + fresh.string()));
        found = look(path);
        if (!found) return wait(found.error());
    } else if (fs::exists(found->fresh)) {
        sqlite::remove_files(fresh);
    }

    std::string damage;
    if (fs::exists(found->file) && !fs::is_regular_file(found->file))
        damage = "it is not a file";
    else if (!fs::exists(found->file) && found->log_size > 0)
        damage = "the file is gone, its log is not";
    else if (fs::is_regular_file(found->file) && found->size == 0) {
        if (found->log_size > 0)
            damage = "the file is empty, its log is not";
        else
            events.emit(events::StoreEmpty{.file = path.native(), .problem = "zero octets; begun anew"});
    }
    // One round for the present file, one for the file that replaces a damaged one.
    for (int round = 0; round < 2; ++round) {
        if (damage.empty()) {
            base::Expected<bool, std::error_code> created = false;
            if (round > 0 || !fs::exists(found->file)) created = create_file(path);
            if (!created && is_passing(created.error().value()))
                return wait(passing_trouble(created.error().value(), "cannot create the file"));
            if (!created) return refuse("cannot create " + path.string() + ": " + created.error().message());
            if (::faccessat(AT_FDCWD, path.c_str(), R_OK | W_OK, AT_EACCESS) != 0 && !is_passing(errno))
                return refuse("cannot write to " + path.string() + ": " + system_words(errno));
            base::Expected<SqliteFile, Trouble> file = SqliteFile::open(path);
            std::optional<Trouble> trouble;
            if (!file)
                trouble = file.error();
            else if (round > 0) { // loaded already, while it was salvaged
                started.file.emplace(std::move(*file));
                return started;
            } else if (auto loaded = file->load(sink)) {
                started.loaded = std::move(*loaded);
                started.unread = false;
                started.file.emplace(std::move(*file));
                return started;
            } else {
                file->leave_as_is();
                trouble = loaded.error();
            }
            const bool opened = file.has_value();
            file = base::unexpected(*trouble); // closed before other code touches it
            const bool given_up = round == 0 && opened && unreadable == Unreadable::give_up;
            if (trouble->kind == Trouble::Kind::passing && !given_up) {
                if (round == 0)
                    go_on_without(path, std::move(*trouble), sink, started);
                else
                    started.trouble = std::move(*trouble);
                return started;
            }
            if (trouble->kind != Trouble::Kind::damage && !given_up)
                return refuse(path.string() + ": " + trouble->words);
            damage = trouble->words;
        }
        if (round > 0) break;
        const auto renewed = renew(path, damage, sink, events, now, unreadable, started);
        if (!renewed) return wait(renewed.error());
        damage.clear();
    }
    return wait({Trouble::Kind::passing, 0, "damaged again as soon as it was renewed: " + damage});
}

} // namespace cache
