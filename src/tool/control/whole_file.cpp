#include "tool/control/whole_file.hpp"

#include "base/net/descriptor.hpp"
#include "base/text.hpp"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace tool {

namespace {

/// -1 and errno, as the calls it makes.
int write_all(int fd, std::string_view text) {
    while (!text.empty()) {
        const ssize_t count = ::write(fd, text.data(), text.size());
        if (count < 0 && errno != EINTR) return -1;
        if (count > 0) text.remove_prefix(static_cast<std::size_t>(count));
    }
    if (::fchmod(fd, 0644) != 0) return -1;
    return ::fsync(fd);
}

} // namespace

base::Expected<void, std::string> replace_file(const std::string& path, std::string_view text) {
    const std::filesystem::path file(path);
    const std::filesystem::path folder = file.has_parent_path() ? file.parent_path() : ".";
    const auto failed = [&path](int error) {
        return base::unexpected(base::printable(path, 200) + ": " + std::generic_category().message(error));
    };
    if (!file.has_filename()) return failed(EISDIR);
    // Beside it, under a name that nobody takes for a file of metrics.
    std::string beside = (folder / ("." + file.filename().string() + ".XXXXXX")).string();
    const net::Descriptor fd(::mkostemp(beside.data(), O_CLOEXEC));
    if (!fd) return failed(errno);
    if (write_all(fd.get(), text) != 0 || ::rename(beside.c_str(), path.c_str()) != 0) {
        const int error = errno;
        (void)::unlink(beside.c_str());
        return failed(error);
    }
    const net::Descriptor of_folder(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (of_folder) (void)::fsync(of_folder.get()); // without it, a loss of power may bring the old file back
    return {};
}

} // namespace tool
