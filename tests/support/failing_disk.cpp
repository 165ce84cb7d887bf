// The definitions below take the place of the C library's; hardened builds have inline ones in the headers.
#undef _FORTIFY_SOURCE

#include "support/failing_disk.hpp"

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <cstdarg>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace test {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t sector = 512;

/// One write or truncation of a file.
struct Change {
    std::size_t at = 0;
    std::string octets;
    bool cut = false; ///< the file's size becomes `at`

    void apply(std::string& content) const {
        if (content.size() < at + octets.size() || cut) content.resize(at + octets.size());
        content.replace(at, octets.size(), octets);
    }
};

struct File {
    std::string safe;
    std::vector<Change> unsafe;
};
using FilePtr = std::shared_ptr<File>;
using Names = std::map<std::string, FilePtr>;

void set_name(Names& names, const std::string& name, const FilePtr& file) {
    if (file)
        names[name] = file;
    else
        names.erase(name);
}

/// What a call does, as far as it matters for faults.
enum class Call { look, open, make, read, write, cut, sync, lock, unlock, rename, remove, mode };

bool meets(Fault fault, Call call) {
    switch (fault) {
    case Fault::io_error: return call != Call::unlock;
    case Fault::full:
        return call == Call::make || call == Call::write || call == Call::rename || call == Call::sync;
    case Fault::short_write: return call == Call::write;
    case Fault::sync_failure: return call == Call::sync;
    case Fault::busy: return call == Call::lock;
    case Fault::garbage: return call == Call::read;
    case Fault::read_only:
        return call == Call::make || call == Call::write || call == Call::cut || call == Call::rename ||
               call == Call::remove || call == Call::mode;
    case Fault::no_descriptors: return call == Call::open || call == Call::make;
    }
    return false;
}

int error_of(Fault fault) {
    switch (fault) {
    case Fault::full:
    case Fault::short_write: return ENOSPC;
    case Fault::busy: return EAGAIN;
    case Fault::read_only: return EROFS;
    case Fault::no_descriptors: return EMFILE;
    default: return EIO;
    }
}

} // namespace

std::string_view to_string(Fault fault) {
    switch (fault) {
    case Fault::io_error: return "io_error";
    case Fault::full: return "full";
    case Fault::short_write: return "short_write";
    case Fault::sync_failure: return "sync_failure";
    case Fault::busy: return "busy";
    case Fault::garbage: return "garbage";
    case Fault::read_only: return "read_only";
    case Fault::no_descriptors: return "no_descriptors";
    }
    return "?";
}

struct FailingDisk::State {
    std::string folder;
    std::optional<Fault> fault;
    bool hangs = false;
    std::uint64_t first = 0, count = 0, met = 0, failed = 0;
    Names names, safe_names;
    /// Each is an atomic change of one or two names.
    std::vector<std::vector<std::pair<std::string, FilePtr>>> unsafe_names;
    std::map<int, FilePtr> open_files; ///< by descriptor
    std::set<int> open_folders;
    std::set<int> open_below; ///< files in folders of the folder

    /// The name of a file in the folder; empty: elsewhere.
    [[nodiscard]] std::string name_in(const char* path) const {
        const std::string_view all{path};
        if (!all.starts_with(folder) || all.size() <= folder.size() + 1 || all[folder.size()] != '/')
            return {};
        const std::string_view name = all.substr(folder.size() + 1);
        return name.find('/') == std::string_view::npos ? std::string(name) : std::string{};
    }
    [[nodiscard]] bool is_folder(const char* path) const { return folder == path; }
    [[nodiscard]] bool is_below(const char* path) const {
        return std::string_view(path).starts_with(folder + "/");
    }
    [[nodiscard]] FilePtr file(int fd) const {
        const auto found = open_files.find(fd);
        return found == open_files.end() ? nullptr : found->second;
    }
    /// Counts the call; true: it must fail.
    bool strikes(Call call) {
        if (!fault || !meets(*fault, call)) return false;
        ++met;
        if (met < first || met - first >= count) return false;
        ++failed;
        return true;
    }
    /// As strikes(), and sets errno.
    bool refuses(Call call) {
        if (!strikes(call)) return false;
        errno = error_of(*fault);
        return true;
    }
    void change_names(std::vector<std::pair<std::string, FilePtr>> group) {
        for (const auto& [name, file] : group) set_name(names, name, file);
        unsafe_names.push_back(std::move(group));
    }
    static void make_safe(File& file) {
        for (const Change& change : file.unsafe) change.apply(file.safe);
        file.unsafe.clear();
    }
};

namespace {

std::mutex mutex;
std::condition_variable healed;
FailingDisk::State* watched = nullptr; ///< under the mutex
std::atomic<bool> watching{false};

/// The state, while it is locked; null when nothing is watched.
class Watched {
public:
    Watched() {
        if (!watching.load(std::memory_order_acquire)) return;
        lock_ = std::unique_lock(mutex);
        state_ = watched;
    }
    explicit operator bool() const { return state_ != nullptr; }
    FailingDisk::State* operator->() const { return state_; }
    /// Waits while the disk hangs.
    void wait() {
        healed.wait(lock_, [this] { return !state_->hangs; });
    }

private:
    std::unique_lock<std::mutex> lock_;
    FailingDisk::State* state_ = nullptr;
};

template <class Function>
Function* next(const char* name) {
    return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

FilePtr file_as_it_is(const fs::path& path) {
    auto file = std::make_shared<File>();
    std::ifstream in(path, std::ios::binary);
    file->safe.assign(std::istreambuf_iterator<char>(in), {});
    return file;
}

int real_open(const char* path, int flags, mode_t mode) {
    static auto* const real = next<int(const char*, int, ...)>("open64");
    return real(path, flags, mode);
}
ssize_t real_pread(int fd, void* to, std::size_t size, off_t at) {
    static auto* const real = next<ssize_t(int, void*, std::size_t, off_t)>("pread64");
    return real(fd, to, size, at);
}
ssize_t real_pwrite(int fd, const void* from, std::size_t size, off_t at) {
    static auto* const real = next<ssize_t(int, const void*, std::size_t, off_t)>("pwrite64");
    return real(fd, from, size, at);
}

bool is_folder(int fd) {
    static auto* const real = next<int(int, struct stat*)>("fstat");
    struct stat status {};
    return real(fd, &status) == 0 && S_ISDIR(status.st_mode);
}

int watched_open(const char* path, int flags, mode_t mode) {
    const Watched state;
    if (!state) return real_open(path, flags, mode);
    if (state->is_folder(path)) {
        if (state->refuses(Call::open)) return -1;
        const int fd = real_open(path, flags, mode);
        if (fd >= 0) state->open_folders.insert(fd);
        return fd;
    }
    const std::string name = state->name_in(path);
    if (name.empty()) {
        const int fd = real_open(path, flags, mode);
        if (fd >= 0 && state->is_below(path)) state->open_below.insert(fd);
        return fd;
    }
    const bool made = (flags & O_CREAT) != 0 && !state->names.contains(name);
    // On a read-only disk a file cannot be opened for writing either, new or not.
    const bool writing = (flags & O_ACCMODE) != O_RDONLY && state->fault == Fault::read_only;
    if (state->refuses(made || writing ? Call::make : Call::open)) return -1;
    const int fd = real_open(path, flags, mode);
    if (fd < 0 || is_folder(fd)) return fd;
    if (made) state->change_names({{name, std::make_shared<File>()}});
    FilePtr& file = state->names[name];
    if (!file) file = file_as_it_is(path); // made past us, by a test
    state->open_files[fd] = file;
    return fd;
}

ssize_t watched_pread(int fd, void* to, std::size_t size, off_t at) {
    const Watched state;
    if (!state || !state->file(fd)) return real_pread(fd, to, size, at);
    const bool struck = state->strikes(Call::read);
    if (struck && state->fault != Fault::garbage) {
        errno = error_of(*state->fault);
        return -1;
    }
    const ssize_t got = real_pread(fd, to, size, at);
    if (struck)
        for (ssize_t i = 0; i < got; ++i) static_cast<char*>(to)[i] = static_cast<char*>(to)[i] ^ '\x5a';
    return got;
}

ssize_t watched_pwrite(int fd, const void* from, std::size_t size, off_t at) {
    Watched state;
    const FilePtr file = state ? state->file(fd) : nullptr;
    if (!file) return real_pwrite(fd, from, size, at);
    state.wait();
    if (state->strikes(Call::write)) {
        if (state->fault == Fault::short_write) size /= 2;
        if (state->fault != Fault::short_write || size == 0) {
            errno = error_of(*state->fault);
            return -1;
        }
    }
    const ssize_t put = real_pwrite(fd, from, size, at);
    if (put > 0)
        file->unsafe.push_back({static_cast<std::size_t>(at),
                                std::string(static_cast<const char*>(from), static_cast<std::size_t>(put)),
                                false});
    return put;
}

int watched_truncate(int fd, off_t size) {
    static auto* const real = next<int(int, off_t)>("ftruncate64");
    const Watched state;
    const FilePtr file = state ? state->file(fd) : nullptr;
    if (!file) return real(fd, size);
    if (state->refuses(Call::cut)) return -1;
    const int done = real(fd, size);
    if (done == 0) file->unsafe.push_back({static_cast<std::size_t>(size), {}, true});
    return done;
}

/// No need to wait for the real disk: this object records what counts as safe.
int watched_sync(int fd, const char* name) {
    Watched state;
    const FilePtr file = state ? state->file(fd) : nullptr;
    const bool folder = state && state->open_folders.contains(fd);
    if (state && state->open_below.contains(fd)) return 0;
    if (!file && !folder) return next<int(int)>(name)(fd);
    state.wait();
    if (state->refuses(Call::sync)) {
        // The kernel has dropped what it could not write, and the next fsync(2) knows nothing of it.
        if (state->fault == Fault::sync_failure && file) file->unsafe.clear();
        return -1;
    }
    if (file) return FailingDisk::State::make_safe(*file), 0;
    state->safe_names = state->names;
    state->unsafe_names.clear();
    return 0;
}

template <class Path>
int watched_look(const char* name, Path path, struct stat* status) {
    const Watched state;
    bool ours = false;
    if constexpr (std::is_same_v<Path, int>)
        ours = state && state->file(path);
    else
        ours = state && (state->is_folder(path) || !state->name_in(path).empty());
    if (ours && state->refuses(Call::look)) return -1;
    return next<int(Path, struct stat*)>(name)(path, status);
}

int watched_remove(const char* path, const char* function) {
    const Watched state;
    const std::string name = state ? state->name_in(path) : std::string{};
    if (!name.empty() && state->refuses(Call::remove)) return -1;
    const int done = next<int(const char*)>(function)(path);
    if (done == 0 && !name.empty()) state->change_names({{name, nullptr}});
    return done;
}

} // namespace

FailingDisk::FailingDisk(const fs::path& folder) : state_(std::make_unique<State>()) {
    state_->folder = folder.string();
    for (const auto& entry : fs::directory_iterator(folder))
        if (entry.is_regular_file())
            state_->names[entry.path().filename().string()] = file_as_it_is(entry.path());
    state_->safe_names = state_->names;
    const std::lock_guard lock{mutex};
    if (watched != nullptr) throw std::logic_error("a second FailingDisk");
    watched = state_.get();
    watching.store(true, std::memory_order_release);
}

FailingDisk::~FailingDisk() {
    const std::lock_guard lock{mutex};
    watching.store(false, std::memory_order_release);
    watched = nullptr;
}

void FailingDisk::fail(Fault fault, std::uint64_t first, std::uint64_t count) {
    const std::lock_guard lock{mutex};
    state_->fault = fault;
    state_->first = first;
    state_->count = count;
    state_->met = state_->failed = 0;
}

void FailingDisk::hang() {
    const std::lock_guard lock{mutex};
    state_->hangs = true;
}

void FailingDisk::heal() {
    const std::lock_guard lock{mutex};
    state_->fault.reset();
    state_->hangs = false;
    healed.notify_all();
}

std::uint64_t FailingDisk::failed() const {
    const std::lock_guard lock{mutex};
    return state_->failed;
}

void FailingDisk::lose_power(const fs::path& into, std::mt19937& random) const {
    fs::create_directories(into);
    const std::lock_guard lock{mutex};
    Names names = state_->safe_names;
    const std::size_t last = random() % (state_->unsafe_names.size() + 1);
    for (std::size_t i = 0; i < last; ++i)
        for (const auto& [name, file] : state_->unsafe_names[i]) set_name(names, name, file);
    for (const auto& [name, file] : names) {
        std::string content = file->safe;
        // All of it may have reached the disk, or none, or some.
        const unsigned luck = random() % 4;
        for (const Change& change : file->unsafe) {
            if (luck == 0 || (luck > 1 && random() % 2 == 0)) continue;
            Change part = change;
            if (luck == 3 && part.octets.size() > sector && random() % 4 == 0)
                part.octets.resize(random() % (part.octets.size() / sector) * sector);
            part.apply(content);
        }
        std::ofstream(into / name, std::ios::binary) << content;
    }
}

} // namespace test

// What the test program's parts call instead of the C library.
extern "C" {

int open(const char* path, int flags, ...) {
    std::va_list more;
    va_start(more, flags);
    const mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(more, mode_t) : 0;
    va_end(more);
    return test::watched_open(path, flags, mode);
}
int open64(const char* path, int flags, ...) {
    std::va_list more;
    va_start(more, flags);
    const mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(more, mode_t) : 0;
    va_end(more);
    return test::watched_open(path, flags, mode);
}
int close(int fd) {
    static auto* const real = test::next<int(int)>("close");
    const test::Watched state;
    if (state) {
        state->open_files.erase(fd);
        state->open_folders.erase(fd);
        state->open_below.erase(fd);
    }
    return real(fd);
}
ssize_t pread(int fd, void* to, std::size_t size, off_t at) { return test::watched_pread(fd, to, size, at); }
ssize_t pread64(int fd, void* to, std::size_t size, off64_t at) {
    return test::watched_pread(fd, to, size, at);
}
ssize_t pwrite(int fd, const void* from, std::size_t size, off_t at) {
    return test::watched_pwrite(fd, from, size, at);
}
ssize_t pwrite64(int fd, const void* from, std::size_t size, off64_t at) {
    return test::watched_pwrite(fd, from, size, at);
}
int ftruncate(int fd, off_t size) noexcept { return test::watched_truncate(fd, size); }
int ftruncate64(int fd, off64_t size) noexcept { return test::watched_truncate(fd, size); }
int fsync(int fd) { return test::watched_sync(fd, "fsync"); }
int fdatasync(int fd) { return test::watched_sync(fd, "fdatasync"); }
int stat(const char* path, struct stat* status) noexcept { return test::watched_look("stat", path, status); }
int stat64(const char* path, struct stat64* status) noexcept {
    return test::watched_look("stat", path, reinterpret_cast<struct stat*>(status));
}
int lstat(const char* path, struct stat* status) noexcept {
    return test::watched_look("lstat", path, status);
}
int lstat64(const char* path, struct stat64* status) noexcept {
    return test::watched_look("lstat", path, reinterpret_cast<struct stat*>(status));
}
int fstat(int fd, struct stat* status) noexcept { return test::watched_look("fstat", fd, status); }
int fstat64(int fd, struct stat64* status) noexcept {
    return test::watched_look("fstat", fd, reinterpret_cast<struct stat*>(status));
}
int access(const char* path, int mode) noexcept {
    static auto* const real = test::next<int(const char*, int)>("access");
    const test::Watched state;
    if (state && !state->name_in(path).empty() && state->refuses(test::Call::look)) return -1;
    return real(path, mode);
}
int faccessat(int folder, const char* path, int mode, int flags) noexcept {
    static auto* const real = test::next<int(int, const char*, int, int)>("faccessat");
    const test::Watched state;
    const bool ours = state && (state->is_folder(path) || !state->name_in(path).empty());
    const bool writing = ours && (mode & W_OK) != 0 && state->fault == test::Fault::read_only;
    if (ours && state->refuses(writing ? test::Call::mode : test::Call::look)) return -1;
    return real(folder, path, mode, flags);
}
int unlink(const char* path) noexcept { return test::watched_remove(path, "unlink"); }
int remove(const char* path) noexcept { return test::watched_remove(path, "remove"); }
int rename(const char* from, const char* to) noexcept {
    static auto* const real = test::next<int(const char*, const char*)>("rename");
    const test::Watched state;
    const std::string old_name = state ? state->name_in(from) : std::string{};
    if (!old_name.empty() && state->refuses(test::Call::rename)) return -1;
    const int done = real(from, to);
    if (done == 0 && !old_name.empty())
        state->change_names({{state->name_in(to), state->names[old_name]}, {old_name, nullptr}});
    return done;
}
int fchmod(int fd, mode_t mode) noexcept {
    static auto* const real = test::next<int(int, mode_t)>("fchmod");
    const test::Watched state;
    if (state && state->file(fd) && state->refuses(test::Call::mode)) return -1;
    return real(fd, mode);
}
int flock(int fd, int how) noexcept {
    static auto* const real = test::next<int(int, int)>("flock");
    const test::Watched state;
    // Fault::busy does not apply to the lock between daemons: that call waits.
    const bool busy = state && state->fault == test::Fault::busy;
    if (state && state->file(fd) && !busy && state->refuses(test::Call::lock)) return -1;
    return real(fd, how);
}
int usleep(useconds_t time) {
    static auto* const real = test::next<int(useconds_t)>("usleep");
    {
        // SQLite waits for a lock by counting its sleeps.
        const test::Watched state;
        if (state && state->fault == test::Fault::busy) return 0;
    }
    return real(time);
}
int fcntl64(int fd, int command, ...) {
    static auto* const real = test::next<int(int, int, ...)>("fcntl64");
    std::va_list more;
    va_start(more, command);
    void* const argument = va_arg(more, void*);
    va_end(more);
    if (command == F_SETLK || command == F_SETLKW || command == F_OFD_SETLK) {
        const test::Watched state;
        const auto* lock = static_cast<struct flock*>(argument);
        if (state && state->file(fd) && lock->l_type != F_UNLCK && state->refuses(test::Call::lock))
            return -1;
    }
    return real(fd, command, argument);
}

} // extern "C"
