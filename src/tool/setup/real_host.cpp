#include "tool/setup/real_host.hpp"

#include "base/net/descriptor.hpp"
#include "tool/setup/read_as.hpp"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

namespace setup {
namespace {

namespace fs = std::filesystem;

/// Larger than every main.cf and every bundle of certificates.
constexpr std::uintmax_t max_file = 16 << 20;

constexpr std::chrono::milliseconds shortest_lookup{1000};

/// Where Debian, Red Hat, Alpine and SUSE keep the system's CA certificates.
constexpr std::array system_bundles{"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt",
                                    "/etc/ssl/cert.pem", "/etc/ssl/ca-bundle.pem"};

std::string words(const std::string& file) { return file + ": " + std::generic_category().message(errno); }

/// Writes all of it and syncs it to the disk; false with errno set.
bool fill(int fd, std::string_view content) {
    while (!content.empty()) {
        const ssize_t written = ::write(fd, content.data(), content.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return false;
        content.remove_prefix(static_cast<std::size_t>(written));
    }
    return ::fsync(fd) == 0;
}

/// The access list of a file as the kernel keeps it (acl(5)); "" for none.
constexpr const char* access_list = "system.posix_acl_access";
std::string access_list_of(const std::string& file) {
    std::array<char, 4096> bytes;
    const ssize_t size = ::getxattr(file.c_str(), access_list, bytes.data(), bytes.size());
    return size > 0 ? std::string(bytes.data(), static_cast<std::size_t>(size)) : std::string{};
}

/// Gives it the owner, mode and access list of `like`; false with errno set. Only root can give a file away.
bool make_like(int fd, const std::string& like) {
    struct stat model {};
    if (::stat(like.c_str(), &model) != 0) return false;
    if (::fchown(fd, model.st_uid, model.st_gid) != 0 && ::geteuid() == 0) return false;
    const std::string list = access_list_of(like);
    // `like` has none: remove the one that a new file may get from its folder.
    if (list.empty() && ::fremovexattr(fd, access_list) != 0 && errno != ENODATA && errno != EOPNOTSUPP)
        return false;
    if (::fchmod(fd, model.st_mode & 07777) != 0) return false;
    return list.empty() || ::fsetxattr(fd, access_list, list.data(), list.size(), 0) == 0;
}

/// "0a1b2c3d.0", as c_rehash names certificates.
bool hashed_name(const std::string& name) {
    return name.size() >= 10 && name[8] == '.' && name.find_first_not_of("0123456789abcdef") == 8 &&
           name.find_first_not_of("0123456789", 9) == std::string::npos;
}

using Fingerprints = std::set<std::string>;

/// The fingerprint of each certificate in a PEM file; nullopt when it cannot be read.
std::optional<Fingerprints> fingerprints_of(const std::string& path) {
    std::error_code error;
    if (!fs::is_regular_file(path, error) || fs::file_size(path, error) > max_file) return std::nullopt;
    const std::unique_ptr<BIO, decltype(&BIO_free)> file(BIO_new_file(path.c_str(), "r"), BIO_free);
    if (!file) {
        ERR_clear_error();
        return std::nullopt;
    }
    Fingerprints found;
    for (;;) {
        const std::unique_ptr<X509, decltype(&X509_free)> certificate(
            PEM_read_bio_X509_AUX(file.get(), nullptr, nullptr, nullptr), X509_free);
        if (!certificate) break;
        std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
        unsigned length = 0;
        if (X509_digest(certificate.get(), EVP_sha256(), digest.data(), &length) != 1) break;
        found.emplace(digest.begin(), digest.begin() + length);
    }
    ERR_clear_error();
    return found;
}

} // namespace

std::chrono::milliseconds RealHost::within(std::chrono::milliseconds limit) const {
    using std::chrono::milliseconds;
    const auto left = limits_.until - std::chrono::steady_clock::now();
    return std::clamp(std::chrono::duration_cast<milliseconds>(left), milliseconds{1}, limit);
}

base::Expected<Ran, std::string> RealHost::run(const std::vector<std::string>& command) {
    return run_program(command, within(limits_.program));
}

base::Expected<Ran, std::string> RealHost::run_in(const std::string& folder,
                                                  const std::vector<std::string>& command) {
    return run_program(command, within(limits_.program), folder);
}

base::Expected<std::optional<std::string>, std::string> RealHost::read(const std::string& file) {
    errno = 0;
    std::error_code error;
    const fs::file_status status = fs::status(file, error);
    if (status.type() == fs::file_type::not_found) return std::nullopt;
    if (!fs::is_regular_file(status))
        return base::unexpected(file + ": " + (error ? error.message() : "is not a file"));
    if (fs::file_size(file, error) > max_file) return base::unexpected(file + ": is too large");
    std::ifstream stream(file, std::ios::binary);
    std::stringstream content;
    content << stream.rdbuf();
    if (!stream.is_open() || stream.bad()) return base::unexpected(words(file));
    return content.str();
}

base::Expected<std::optional<std::string>, std::string>
RealHost::read_as(const std::string& user, const std::string& root, const std::string& file) {
    return setup::read_as(user, root, file, within(limits_.program));
}

base::Expected<void, std::string> RealHost::write(const std::string& file, const std::string& content,
                                                  const std::string& like) {
    if (::access(like.c_str(), F_OK) != 0) return base::unexpected(words(like));
    std::string name = file + ".XXXXXX";
    const net::Descriptor made{::mkostemp(name.data(), O_CLOEXEC)};
    if (!made) return base::unexpected(words(name));
    if (fill(made.get(), content) && make_like(made.get(), like) && ::rename(name.c_str(), file.c_str()) == 0)
        return {};
    const std::string trouble = words(file);
    ::unlink(name.c_str());
    return base::unexpected(trouble);
}

void RealHost::remove(const std::string& file) { (void)::unlink(file.c_str()); }

bool RealHost::is_link(const std::string& file) {
    std::error_code ignored;
    return fs::is_symlink(file, ignored);
}

std::string RealHost::attributes(const std::string& file) {
    const std::string mode = mode_of(file);
    return mode + (mode.empty() || access_list_of(file).empty() ? "" : "+");
}

base::Expected<std::string, std::string> RealHost::make_folder(const std::string& folder) {
    std::string name = folder + "/stsmap-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) return base::unexpected(words(name));
    return name;
}

void RealHost::remove_folder(const std::string& folder) {
    std::error_code ignored;
    fs::remove_all(folder, ignored);
}

CaFile RealHost::ca_file(const std::string& path) {
    CaFile result;
    result.path = path;
    const std::optional<Fingerprints> found = fingerprints_of(path);
    if (!found) return result;
    result.readable = true;
    result.certificates = found->size();
    if (!system_roots_) system_roots_ = fingerprints_of(system_ca()).value_or(Fingerprints{});
    result.of_system = static_cast<std::size_t>(std::ranges::count_if(
        *system_roots_, [&](const std::string& root) { return found->contains(root); }));
    return result;
}

std::size_t RealHost::ca_folder(const std::string& path) {
    std::size_t count = 0;
    std::error_code error;
    for (fs::directory_iterator each(path, error), end; !error && each != end; each.increment(error))
        if (hashed_name(each->path().filename().string())) ++count;
    return count;
}

std::string RealHost::system_ca() {
    for (const char* file : system_bundles)
        if (const auto found = fingerprints_of(file); found && !found->empty()) return file;
    return {};
}

base::Expected<std::string, std::string> RealHost::status(const std::string& address,
                                                          const std::string& key) {
    auto reply = ask_(address, key, within(limits_.question));
    if (!reply) return base::unexpected(reply.error().words);
    return std::move(*reply);
}

Reached RealHost::reach(const std::string& address, const Way& way, const std::string& key) {
    return setup::reach(ask_, address, way, key, within(limits_.question));
}

bool RealHost::is_root() { return ::geteuid() == 0; }

bool RealHost::systemd_runs() { return ::access("/run/systemd/system", F_OK) == 0; } // sd_booted(3)

std::vector<std::vector<ServerReply>> RealHost::ask_servers(const std::vector<AskedServer>& servers,
                                                            const std::vector<DnsLookup>& lookups) {
    const std::chrono::milliseconds limit = within(limits_.lookup);
    // With less time, a server that answers could be reported as one that does not.
    if (limit < std::min(limits_.lookup, shortest_lookup)) return {};
    return setup::ask_servers(servers, lookups, limit);
}

} // namespace setup
