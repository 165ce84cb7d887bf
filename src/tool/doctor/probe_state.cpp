#include "tool/doctor/probes.hpp"

#include "cache/disk/store_check.hpp"

#include <openssl/x509.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include <pwd.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <unistd.h>

namespace doctor {
namespace {

std::string name_of(uid_t id) {
    const passwd* entry = ::getpwuid(id);
    return entry ? entry->pw_name : std::to_string(id);
}

void take_store(const cache::StoreCheck& check, StateFacts& facts) {
    using From = cache::StoreCheck::State;
    using To = StateFacts::Store;
    switch (check.state) {
    case From::none: facts.store = To::none; break;
    case From::good: facts.store = To::good; break;
    case From::in_use: facts.store = To::in_use; break;
    case From::damaged: facts.store = To::damaged; break;
    case From::newer: facts.store = To::newer; break;
    case From::unreadable:
    case From::unfinished: facts.store = To::not_looked; break;
    }
    facts.store_words = check.words;
    facts.store_octets = check.octets;
}

constexpr const char* store_name = "stsmapd.sqlite";

/// The names of stores that were renamed as damaged, without those of their logs.
std::vector<std::string> set_aside(const std::string& folder) {
    std::vector<std::string> names;
    std::error_code ignored;
    const std::string start = std::string(store_name) + ".damaged-";
    for (std::filesystem::directory_iterator each(folder, ignored), end; !ignored && each != end;
         each.increment(ignored)) {
        const std::string name = each->path().filename().string();
        if (name.starts_with(start) && !name.ends_with("-wal") && !name.ends_with("-shm"))
            names.push_back(name);
    }
    std::ranges::sort(names);
    return names;
}

} // namespace

StateFacts probe_state(const std::string& folder, const std::optional<std::string>& user,
                       std::chrono::milliseconds limit) {
    StateFacts facts;
    facts.folder = folder;
    facts.daemon_user = user;
    struct stat found {};
    if (::stat(folder.c_str(), &found) != 0) {
        if (errno == EACCES)
            facts.there = facts.is_folder = true; // as far as we can see
        else if (errno != ENOENT && errno != ENOTDIR)
            facts.trouble = std::generic_category().message(errno);
        return facts;
    }
    facts.there = true;
    facts.is_folder = S_ISDIR(found.st_mode);
    if (!facts.is_folder) return facts;
    facts.owner = name_of(found.st_uid);
    facts.writable_by_owner = found.st_uid == 0 || (found.st_mode & 0700) == 0700;
    facts.may_look = ::access(folder.c_str(), R_OK | X_OK) == 0;
    if (!facts.may_look) return facts;
    struct statvfs disk {};
    if (::statvfs(folder.c_str(), &disk) != 0) {
        facts.trouble = std::generic_category().message(errno);
        return facts;
    }
    facts.read_only = (disk.f_flag & ST_RDONLY) != 0;
    facts.free_octets = static_cast<std::uint64_t>(disk.f_bavail) * disk.f_frsize;
    facts.counts_inodes = disk.f_files > 0;
    facts.free_inodes = disk.f_favail;
    const std::string file = folder + '/' + store_name;
    struct stat store {};
    if (::stat(file.c_str(), &store) == 0) {
        facts.file_owner = name_of(store.st_uid);
        facts.written = base::Instant{base::seconds{store.st_mtim.tv_sec}};
    }
    facts.set_aside = set_aside(folder);
    take_store(cache::check_store(file, limit), facts);
    return facts;
}

CaFacts probe_ca(const std::string& ca_file, setup::Host& host) {
    CaFacts facts;
    if (!ca_file.empty()) {
        const setup::CaFile file = host.ca_file(ca_file);
        facts.source = ca_file;
        facts.certificates = file.certificates;
        if (!file.readable) facts.trouble = "cannot be read";
        return facts;
    }
    // What OpenSSL reads by default, after looking at the environment.
    const auto place = [](const char* variable, const char* otherwise) {
        const char* value = std::getenv(variable);
        return std::string(value ? value : otherwise);
    };
    const std::string file = place(X509_get_default_cert_file_env(), X509_get_default_cert_file());
    const std::string folder = place(X509_get_default_cert_dir_env(), X509_get_default_cert_dir());
    const std::size_t in_file = host.ca_file(file).certificates, in_folder = host.ca_folder(folder);
    facts.source = in_file > in_folder ? file : folder;
    facts.certificates = std::max(in_file, in_folder);
    return facts;
}

bool clock_is_kept() {
    timex state{};
    const int answer = ::adjtimex(&state); // without a mode it changes nothing
    return answer >= 0 && answer != TIME_ERROR && (state.status & STA_UNSYNC) == 0;
}

} // namespace doctor
