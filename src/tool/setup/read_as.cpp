#include "tool/setup/read_as.hpp"

#include "base/net/descriptor.hpp"
#include "tool/setup/way.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace setup {
namespace {

using Content = base::Expected<std::optional<std::string>, std::string>;

/// The first octet of a child's output.
enum FirstOctet : char { content = 'c', nothing = 'n', trouble = 't' };

/// Does the C library treat this error as a missing file?
bool is_absence(int error) {
    constexpr std::array errors{ENOENT, ENOTDIR, ELOOP, EACCES, EPERM, EISDIR};
    return std::ranges::find(errors, error) != errors.end();
}

/// Reads an open file; false with errno set.
bool read_whole(int fd, std::string& text) {
    struct stat found {};
    if (::fstat(fd, &found) != 0) return false;
    if (!S_ISREG(found.st_mode)) {
        errno = EISDIR;
        return false;
    }
    std::array<char, 4096> some;
    while (text.size() < max_read_as) {
        const ssize_t got = ::read(fd, some.data(), std::min(some.size(), max_read_as - text.size()));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return false;
        if (got == 0) break;
        text.append(some.data(), static_cast<std::size_t>(got));
    }
    return true;
}

/// Opens the file below the root of this process, or below the folder `root`, without leaving it over links.
/// An empty descriptor with errno set on error.
net::Descriptor open_within(const std::string& root, const std::string& file) {
    constexpr int flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK;
    if (root.empty()) return net::Descriptor{::open(file.c_str(), flags)};
    const net::Descriptor folder{::open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)};
    if (!folder) return net::Descriptor{};
    open_how how{};
    how.flags = flags;
    how.resolve = RESOLVE_IN_ROOT;
    return net::Descriptor{
        static_cast<int>(::syscall(SYS_openat2, folder.get(), file.c_str(), &how, sizeof how))};
}

Content read_here(const std::string& root, const std::string& file) {
    const net::Descriptor opened = open_within(root, file);
    std::string text;
    if (opened && read_whole(opened.get(), text)) return text;
    const int error = errno;
    if (is_absence(error) && error != EACCES) return std::nullopt;
    return base::unexpected(root + file + ": " + std::generic_category().message(error));
}

/// For the parent: what became of it, as a letter, and the content or the words.
std::string read_there(const std::string& file) {
    const net::Descriptor opened{::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
    std::string text;
    if (opened && read_whole(opened.get(), text)) return std::string(1, content) + text;
    if (is_absence(errno)) return std::string(1, nothing);
    return std::string(1, trouble) + std::generic_category().message(errno);
}

} // namespace

Content read_as(const std::string& user, const std::string& root, const std::string& file,
                std::chrono::milliseconds limit) {
    if (::geteuid() != 0 || (user.empty() && root.empty())) return read_here(root, file);
    const ChildResult result = run_as(
        {user, root}, [&file] { return read_there(file); }, limit);
    const auto failed = [&](const std::string& words) {
        return base::unexpected(root + file + ": " + words);
    };
    if (result.how == ChildResult::How::failed) return base::unexpected(result.words);
    if (result.words.starts_with(content)) return result.words.substr(1);
    if (result.words.starts_with(nothing)) return std::nullopt;
    return failed(result.words.empty() ? "could not be read in time" : result.words.substr(1));
}

} // namespace setup
