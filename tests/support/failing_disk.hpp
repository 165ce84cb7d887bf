// tests/support/failing_disk.hpp - the system calls on the files of one folder: they fail when a test wants
// it, and what they write is lost when the power goes.
//
// The test program defines open(2), pwrite(2), fsync(2) and the others of that kind itself; SQLite, the C++
// library and our own code end up there. Calls on other folders are passed on. One FailingDisk at a time;
// any thread may use the files.
//
// Power: what was written is safe once its file was synced, a name (made, renamed, removed) once the folder
// was. Of the rest any part may survive a loss of power: changes of names up to some moment in their order,
// writes in any order, the last ones torn at sectors.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <random>
#include <string_view>

namespace test {

enum class Fault {
    io_error,       ///< any call: EIO
    full,           ///< what needs room (a new file, a write, a rename, a sync): ENOSPC
    short_write,    ///< a write takes half of what it is given, at last nothing: ENOSPC
    sync_failure,   ///< fsync: EIO, once; what it should have saved is never saved, as on Linux
    busy,           ///< a lock of SQLite's is held by another process: EAGAIN
    garbage,        ///< a read gives other octets
    read_only,      ///< whatever changes anything: EROFS
    no_descriptors, ///< open: EMFILE
};
std::string_view to_string(Fault fault);

class FailingDisk {
public:
    static constexpr std::uint64_t for_ever = ~std::uint64_t{0};

    /// Watches the files of `folder`, not of folders in it. Existing files are safe.
    explicit FailingDisk(const std::filesystem::path& folder);
    ~FailingDisk();
    FailingDisk(const FailingDisk&) = delete;
    FailingDisk& operator=(const FailingDisk&) = delete;

    /// Of the calls that such a fault can meet, counted from now and from 1, number `first` and the following
    /// fail, `count` of them.
    void fail(Fault fault, std::uint64_t first, std::uint64_t count = for_ever);
    /// From now on writes and syncs do not return until heal(), which must come before the end of this object.
    void hang();
    void heal();
    /// Calls that failed since fail().
    [[nodiscard]] std::uint64_t failed() const;

    /// Lays out in `into` (a folder, made if missing) what a loss of power at this moment could leave.
    void lose_power(const std::filesystem::path& into, std::mt19937& random) const;

    struct State;

private:
    std::unique_ptr<State> state_;
};

} // namespace test
