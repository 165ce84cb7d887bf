#include "sqlite/files.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>

namespace sqlite {

namespace fs = std::filesystem;

namespace {

std::string system_words(int error) { return std::system_category().message(error); }
auto refuse(std::string words) { return base::unexpected(std::move(words)); }

base::Expected<void, std::string> check_folder(const fs::path& path) {
    if (auto there = find_folder(path); !there) return there;
    const fs::path folder = folder_of(path);
    // Effective ids, as open() uses them.
    if (::faccessat(AT_FDCWD, folder.c_str(), W_OK | X_OK, AT_EACCESS) != 0 && !is_passing(errno))
        return refuse("cannot write to the folder " + folder.string() + ": " + system_words(errno));
    return {};
}

} // namespace

fs::path folder_of(const fs::path& path) { return path.has_parent_path() ? path.parent_path() : "."; }

bool is_passing(int error) noexcept {
    switch (error) {
    case ENOSPC:
    case EDQUOT:
    case EIO:
    case EROFS:
    case EMFILE:
    case ENFILE:
    case ENOMEM: return true;
    default: return false;
    }
}

std::filesystem::path with_suffix(std::filesystem::path file, std::string_view suffix) {
    file += suffix;
    return file;
}

base::Expected<bool, std::error_code> create_file(const std::filesystem::path& file) {
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

void remove_files(const fs::path& path) {
    std::error_code ignored;
    for (const char* part : {"-wal", "-shm", "-journal", ""}) fs::remove(with_suffix(path, part), ignored);
}

base::Expected<void, std::string> find_folder(const fs::path& path) {
    const fs::path folder = folder_of(path);
    std::error_code error;
    const fs::file_status status = fs::status(folder, error);
    if (status.type() == fs::file_type::not_found)
        return refuse("the folder " + folder.string() + " does not exist");
    if (fs::status_known(status) && !fs::is_directory(status))
        return refuse(folder.string() + " is not a folder");
    return {};
}

base::Expected<FileLock, std::string> lock_file(const fs::path& path, int& error) {
    if (auto usable = check_folder(path); !usable) return refuse(usable.error());
    const fs::path name = with_suffix(path, ".lock");
    const auto unlocked = [&error](int found) {
        error = found;
        return FileLock{net::Descriptor{}};
    };
    net::Descriptor file{::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640)};
    if (!file && errno == EROFS) file = net::Descriptor{::open(name.c_str(), O_RDONLY | O_CLOEXEC)};
    if (!file && (is_passing(errno) || errno == ENOENT)) return unlocked(errno);
    if (!file) return refuse("cannot open " + name.string() + ": " + system_words(errno));
    if (::flock(file.get(), LOCK_EX | LOCK_NB) == 0) return FileLock{std::move(file)};
    if (errno == EWOULDBLOCK) return refuse(path.string() + " is in use by another stsmapd");
    if (is_passing(errno)) return unlocked(errno);
    return refuse("cannot lock " + name.string() + ": " + system_words(errno));
}

} // namespace sqlite
