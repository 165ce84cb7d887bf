#include "cache/store_start.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

namespace cache {

namespace fs = std::filesystem;
using base::Level;

namespace {

constexpr std::size_t salvage_batch = 1000;

std::string system_words(int error) { return std::system_category().message(error); }
bool passing(int error) { return error == ENOSPC || error == EDQUOT || error == EIO; }
auto refuse(std::string words) { return base::unexpected(std::move(words)); }

base::Expected<void, std::string> check_folder(const fs::path& path) {
    const fs::path folder = path.has_parent_path() ? path.parent_path() : ".";
    std::error_code error;
    const fs::file_status status = fs::status(folder, error);
    if (!fs::exists(status)) return refuse("the folder " + folder.string() + " does not exist");
    if (!fs::is_directory(status)) return refuse(folder.string() + " is not a folder");
    // Effective ids, as open() uses them.
    if (::faccessat(AT_FDCWD, folder.c_str(), W_OK | X_OK, AT_EACCESS) != 0)
        return refuse("cannot write to the folder " + folder.string() + ": " + system_words(errno));
    return {};
}

base::Expected<FileLock, std::string> take_lock(const fs::path& path, base::Log& log) {
    const fs::path name = with_suffix(path, ".lock");
    const int fd = ::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    if (fd < 0 && passing(errno)) { // no room even for an empty file: better unlocked than not at all
        log.write(Level::warning, "store-unlocked",
                  {{"file", name.string()}, {"problem", system_words(errno)}});
        return FileLock{-1};
    }
    if (fd < 0) return refuse("cannot open " + name.string() + ": " + system_words(errno));
    FileLock lock{fd};
    if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno == EWOULDBLOCK) return refuse(path.string() + " is in use by another stsmapd");
        return refuse("cannot lock " + name.string() + ": " + system_words(errno));
    }
    return lock;
}

void remove_store_file(const fs::path& path) {
    std::error_code ignored;
    for (const char* part : {"-wal", "-shm", "-journal", ""}) fs::remove(with_suffix(path, part), ignored);
}

/// A new store at `path` with what can be read in `from`. True when all of that is in it.
bool write_salvaged(const fs::path& from, const fs::path& path, const SqliteFile::Sink& sink,
                    std::size_t& rows) {
    remove_store_file(path);
    std::optional<SqliteFile> out;
    bool ok = create_store_file(path).has_value();
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
    if (auto in = SqliteFile::open_to_read(from)) rows = in->salvage(copy);
    if (ok && in_batch > 0) ok = out->commit().has_value();
    if (ok) out->checkpoint();
    return ok;
}

/// Puts a new store in the damaged one's place. The new one is complete before the old one is moved, so that
/// a crash in between loses nothing.
base::Expected<void, std::string> renew(const fs::path& path, std::string_view problem,
                                        const SqliteFile::Sink& sink, base::Log& log, base::Instant now,
                                        Started& started) {
    const fs::path fresh = with_suffix(path, ".new");
    std::error_code error;
    std::size_t rows = 0;
    bool complete = true;
    // SQLite throws an orphaned log away when it opens an empty file beside it; there is nothing to read
    // then.
    const bool readable = fs::is_regular_file(path, error) && fs::file_size(path, error) > 0;
    if (readable) complete = write_salvaged(path, fresh, sink, rows);
    base::Expected<fs::path, std::string> aside = set_aside(path, now);
    if (!aside) return refuse("damaged (" + std::string(problem) + "), and " + aside.error());
    if (readable && complete) {
        fs::rename(fresh, path, error);
        if (error) complete = false;
        sync_directory_of(path);
    }
    if (!complete) remove_store_file(fresh);
    log.write(
        Level::error, "store-damaged",
        {{"file", path.string()}, {"problem", problem}, {"moved_to", aside->string()}, {"salvaged", rows}});
    started.loaded = {};
    started.loaded.rows = rows;
    started.incomplete = !complete;
    return {};
}

/// Passing trouble on the way in: reads what can be read, and leaves the rest to the store's retries.
void go_on_without(const fs::path& path, Trouble trouble, const SqliteFile::Sink& sink, Started& started) {
    started.file.reset();
    started.trouble = std::move(trouble);
    base::Expected<SqliteFile, Trouble> file = SqliteFile::open_to_read(path);
    if (!file) return;
    std::size_t rows = 0;
    const auto count = [&](Row row) {
        ++rows;
        sink(std::move(row));
    };
    if (auto loaded = file->load(count))
        started.loaded = std::move(*loaded);
    else
        started.loaded.rows = rows;
}

} // namespace

FileLock::~FileLock() {
    if (fd_ >= 0) ::close(fd_);
}

base::Expected<Started, std::string> start_store(const fs::path& path, const SqliteFile::Sink& sink,
                                                 base::Log& log, base::Instant now) {
    if (auto usable = check_folder(path); !usable) return refuse(usable.error());
    base::Expected<FileLock, std::string> lock = take_lock(path, log);
    if (!lock) return refuse(lock.error());
    Started started{std::move(*lock), {}, {}, {}, false};

    std::error_code error;
    const fs::path fresh = with_suffix(path, ".new");
    // Killed in renew() after the damaged file went and before the complete new one came.
    if (!fs::exists(fs::symlink_status(path, error)) && fs::exists(fresh, error))
        fs::rename(fresh, path, error);
    else
        remove_store_file(fresh);

    const fs::file_status status = fs::status(path, error);
    const fs::path wal = with_suffix(path, "-wal");
    const bool log_left = fs::is_regular_file(wal, error) && fs::file_size(wal, error) > 0;
    std::string damage;
    if (fs::exists(status) && !fs::is_regular_file(status))
        damage = "it is not a file";
    else if (!fs::exists(status) && log_left)
        damage = "the file is gone, its log is not";
    else if (fs::is_regular_file(status) && fs::file_size(path, error) == 0) {
        if (log_left)
            damage = "the file is empty, its log is not";
        else
            log.write(Level::warning, "store-empty",
                      {{"file", path.string()}, {"problem", "zero octets; begun anew"}});
    }
    // One round for the file as it is, one for the file that replaces a damaged one.
    for (int round = 0; round < 2; ++round) {
        if (damage.empty()) {
            base::Expected<bool, std::error_code> created = create_store_file(path);
            if (!created && passing(created.error().value())) {
                started.trouble = Trouble{Trouble::Kind::passing, 0, created.error().message()};
                return started;
            }
            if (!created) return refuse("cannot create " + path.string() + ": " + created.error().message());
            if (::faccessat(AT_FDCWD, path.c_str(), R_OK | W_OK, AT_EACCESS) != 0)
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
                started.file.emplace(std::move(*file));
                return started;
            } else {
                file->leave_as_is();
                trouble = loaded.error();
            }
            file = base::unexpected(*trouble); // closed before anything else touches it
            if (trouble->kind == Trouble::Kind::passing) {
                if (round == 0)
                    go_on_without(path, std::move(*trouble), sink, started);
                else
                    started.trouble = std::move(*trouble);
                return started;
            }
            if (trouble->kind != Trouble::Kind::damage) return refuse(path.string() + ": " + trouble->words);
            damage = trouble->words;
        }
        if (round > 0) break;
        if (auto renewed = renew(path, damage, sink, log, now, started); !renewed)
            return refuse(path.string() + ": " + renewed.error());
        damage.clear();
    }
    return refuse(path.string() + ": damaged again as soon as it was renewed; look at the disk");
}

} // namespace cache
