// sqlite/files.hpp - the files around a database: creating one, setting a damaged one aside, making names durable,
// and a lock against a second process.
//
// If the system refuses, each function says so with the system's error or with words for an operator.
#pragma once

#include "base/clock.hpp"
#include "base/expected.hpp"
#include "base/net/descriptor.hpp"

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace sqlite {

/// Creates an empty file, with mode 0640 for any umask; true when it did not exist.
[[nodiscard]] base::Expected<bool, std::error_code> create_file(const std::filesystem::path& file);
enum class Aside { all, log_only };
/// Renames the file, its log and its index to "<file>.damaged-YYYYMMDDTHHMMSSZ[-n]" and returns that.
/// log_only: the file itself stays where it is. If max_set_aside are already kept, the files are removed
/// instead, and the returned path is empty: a disk that damages every file must not be filled, too.
[[nodiscard]] base::Expected<std::filesystem::path, std::string>
set_aside(const std::filesystem::path& file, base::Instant now, Aside what = Aside::all);
inline constexpr std::size_t max_set_aside = 10;
/// What set_aside() did, in words for a log line.
[[nodiscard]] std::string where(const std::filesystem::path& aside);
/// Removes the file, its log and its index, as far as it can.
void remove_files(const std::filesystem::path& file);
/// Makes the names of created, renamed and removed files in the folder durable.
[[nodiscard]] base::Expected<void, std::error_code> sync_directory_of(const std::filesystem::path& file);
[[nodiscard]] std::filesystem::path with_suffix(std::filesystem::path file, std::string_view suffix);
[[nodiscard]] std::filesystem::path folder_of(const std::filesystem::path& path);

/// Trouble of the system or the disk that may pass by itself, unlike trouble that an operator must repair.
[[nodiscard]] bool is_passing(int system_error) noexcept;

/// An exclusive flock(2), held while this lives.
class FileLock {
public:
    explicit FileLock(net::Descriptor fd) noexcept : fd_(std::move(fd)) {}
    /// False: no lock could be got, as the disk is in trouble.
    [[nodiscard]] bool held() const noexcept { return static_cast<bool>(fd_); }

private:
    net::Descriptor fd_;
};

/// Words when the folder of the file does not exist or is not a folder; nothing when it cannot be looked at.
[[nodiscard]] base::Expected<void, std::string> find_folder(const std::filesystem::path& path);

/// Locks "<path>.lock" against another daemon. Words only for what an operator must repair: no folder, no
/// permission, another daemon on the same file. Other trouble goes into `error`, and there is no lock.
[[nodiscard]] base::Expected<FileLock, std::string> lock_file(const std::filesystem::path& path, int& error);

} // namespace sqlite
