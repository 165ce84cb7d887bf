// cache/disk/sqlite_store.hpp - the store port over one SQLite file and one thread. The format is in
// cache/disk/sqlite_file.hpp.
//
// Group commit: everything queued while the last commit ran (up to max_batch) goes into the next transaction,
// with no artificial delay. WAL with synchronous=FULL: after done(true) the row survives kill -9 and power
// loss.
//
// Trouble never stops the daemon:
// * Full, failing or read-only disk: done(false), one error line (store-failed), and the newest row of each
//   domain is kept (up to max_kept) and tried again after 1 s, 2 s, ... 60 s; one info line (store-recovered)
//   when that has worked. The same at open, where whatever can be read is loaded.
// * Damage: the file, its log and its index are renamed to "<file>.damaged-YYYYMMDDTHHMMSSZ[-n]", one error
//   line (store-damaged) says so, and a new file replaces it: at open with all rows that can still be read,
//   later with what the owner has (`refill`). A file removed while in use is recreated in the same way
//   (store-moved). One that another process wrote to, or whose log is gone, is read again and refilled
//   (store-changed). All this is checked before each write and at the end.
// * No memory on the store's thread (std::bad_alloc): as a full disk. If a callback throws because memory ran
//   out, it counts as called: whoever waits for `done` should not wait forever.
// * Rows that read_row() refuses are left out, counted, logged once (store-rows-skipped) and removed with the
//   first write.
// * A disk that is read-only, or does not give back all of the file when the store is opened: what can be
//   read is loaded, the rest (`late`) as soon as the disk gives it back (store-read).
//
// One process a file: an flock(2) on "<file>.lock", and SQLite's own locks, so that the sqlite3 tool finds
// the file locked meanwhile. A write beyond RLIMIT_FSIZE raises SIGXFSZ: the process should ignore it.
#pragma once

#include "base/clock.hpp"
#include "base/counter.hpp"
#include "base/duration_bounds.hpp"
#include "base/expected.hpp"
#include "cache/store.hpp"
#include "events/sink.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

namespace cache {

class SqliteStore final : public Store {
public:
    /// Accepts one row; false: stop, no more rows are wanted.
    using RowSink = std::function<bool(Row)>;

    struct Options {
        std::size_t max_batch = 1000; ///< rows a transaction
        std::size_t max_waiting =
            100'000;                    ///< queued rows; above, a save fails at once, and a refill repeats it
        std::size_t max_kept = 100'000; ///< rows kept while the disk does not take them; above, the same
        /// Octets of either: a row has up to 64 KiB. Above, the same.
        std::size_t max_octets = std::size_t{64} << 20;
        base::milliseconds retry_first{1000}, retry_max{60'000};
        base::milliseconds stuck_after{10'000}; ///< a write that takes longer counts as failing
        base::milliseconds stop_within{1500};   ///< time for the rows that are queued when stop() is called
        /// Passes everything the owner has, until the sink says stop. Called on the store's thread (also
        /// while stop() waits for it) when the file had to be recreated. Rows older than what the file has
        /// meanwhile are ignored.
        std::function<void(const RowSink&)> refill;
        /// Gets the rows that could not be read when the store was opened, as soon as they are readable; rows
        /// that were read before may come again. Called on the store's thread. The owner's own rows are
        /// newer.
        std::function<void(Row)> late;
        /// Rows that the disk cannot read for this long are given up: the file is set aside, and its readable
        /// rows go into a new one.
        base::milliseconds unreadable_for{60'000};
    };

    struct Opened {
        std::unique_ptr<SqliteStore> store; ///< never null
        std::size_t rows = 0;               ///< passed to on_row
        std::size_t skipped = 0;            ///< rows in the file that are not fit to be passed
        base::seconds running{};            ///< the last note_running()
    };

    /// Words like those of open(), when the folder of `file` does not exist or is not a folder.
    [[nodiscard]] static base::Expected<void, std::string> find_folder(const std::filesystem::path& file);
    /// Loads the file, row by row, into `on_row` (on this thread; from a damaged file a row may come twice)
    /// and starts the thread. Fails, with words for an operator, when the folder is missing or not writable,
    /// the file belongs to a running stsmapd or to a newer version, or permissions forbid its use. `events`
    /// and `clock` must outlive the store.
    [[nodiscard]] static base::Expected<Opened, std::string> open(std::filesystem::path file, Options options,
                                                                  events::Sink& events,
                                                                  const base::Clock& clock,
                                                                  const std::function<void(Row)>& on_row);
    ~SqliteStore() override; ///< stop()

    // After stop() `done` is called at once, on the caller's thread, with false. `done` must not throw
    // anything but std::bad_alloc.
    void save(Row row, std::function<void(bool)> done) override;
    void forget(base::Domain domain, std::optional<base::Instant> fetched_at) override;
    void note_running(base::seconds total) override;

    /// Writes what is queued (for at most stop_within; waits for a running commit), moves the log into the
    /// file and closes it. Call it from one thread; later calls do nothing.
    void stop();

    struct Counters {
        std::uint64_t saved = 0;   ///< committed rows, including those caught up later and refilled ones
        std::uint64_t commits = 0; ///< transactions
        std::uint64_t failed = 0;  ///< saves answered with false
        std::uint64_t kept = 0;    ///< rows now waiting for the disk to recover
        std::uint64_t waiting_octets = 0, kept_octets = 0; ///< octets of the queue and of those rows
        bool failing = false; ///< the last write failed, or the present one takes longer than stuck_after
        std::uint64_t failed_commits = 0;                ///< transactions
        base::Histogram<base::disk_bounds>::Counts took; ///< transactions, failed or not
        std::uint64_t octets = 0;                        ///< of the file and its log; 0: not known
    };
    [[nodiscard]] Counters counters() const; ///< any thread

private:
    struct Worker;
    explicit SqliteStore(std::unique_ptr<Worker> worker);
    std::unique_ptr<Worker> worker_;
};

} // namespace cache
