#include "wiring/secret_file.hpp"

#include "base/net/descriptor.hpp"
#include "base/text.hpp"

#include <cerrno>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace app {

namespace {

auto bad(const std::string& path, const std::string& words) {
    return base::unexpected(base::printable(path, 4096) + ": " + words);
}

std::string octal(mode_t mode) {
    std::string text{"0000"};
    for (std::size_t i = 4; i-- > 0; mode /= 8) text[i] = static_cast<char>('0' + mode % 8);
    return text;
}

/// Open and found good.
base::Expected<net::Descriptor, std::string> open_secret(const std::string& path, std::size_t limit) {
    // Opening a FIFO would wait.
    net::Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)};
    struct stat found {};
    if (!file || ::fstat(file.get(), &found) != 0)
        return bad(path, "cannot be read: " + std::generic_category().message(errno));
    if (!S_ISREG(found.st_mode)) return bad(path, "is not a regular file");
    if ((found.st_mode & S_IRWXO) != 0)
        return bad(path, "others may use it (mode " + octal(found.st_mode & 07777) +
                             "), and what is in it is a secret: chmod o= would do");
    if (found.st_size < 0 || static_cast<std::size_t>(found.st_size) > limit)
        return bad(path, "is larger than " + std::to_string(limit) + " octets");
    return file;
}

} // namespace

base::Expected<void, std::string> read_secret(const std::string& path, std::size_t limit,
                                              valkey::WipedText& secret) {
    const auto file = open_secret(path, limit);
    if (!file) return base::unexpected(file.error());
    valkey::wipe(secret.octets);
    secret.octets.resize(limit + 1); // at once: what a growing string leaves behind is not wiped
    std::size_t size = 0;
    while (size < secret.octets.size()) {
        const ssize_t got = ::read(file->get(), secret.octets.data() + size, secret.octets.size() - size);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return bad(path, "cannot be read: " + std::generic_category().message(errno));
        if (got == 0) break;
        size += static_cast<std::size_t>(got);
    }
    if (size > limit) return bad(path, "is larger than " + std::to_string(limit) + " octets");
    secret.octets.resize(size);
    return {};
}

base::Expected<void, std::string> read_password(const std::string& path, valkey::WipedText& password) {
    if (auto read = read_secret(path, max_password_file, password); !read) return read;
    std::string& octets = password.octets;
    if (octets.ends_with('\n')) octets.pop_back();
    if (octets.ends_with('\r')) octets.pop_back();
    if (octets.empty()) return bad(path, "there is no password in it");
    return {};
}

base::Expected<valkey::KeyRing, std::string> read_key_ring(const std::string& path) {
    valkey::WipedText file;
    if (auto read = read_secret(path, valkey::max_key_file, file); !read)
        return base::unexpected(read.error());
    auto ring = valkey::KeyRing::parse(file.octets);
    if (!ring) return bad(path, valkey::words(ring.error()));
    return std::move(*ring);
}

base::Expected<void, std::string> check_secret(const std::string& path, std::size_t limit) {
    if (const auto file = open_secret(path, limit); !file) return base::unexpected(file.error());
    return {};
}

} // namespace app
