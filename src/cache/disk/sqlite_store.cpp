#include "cache/disk/sqlite_store.hpp"

#include "base/keyed_hash.hpp"
#include "cache/disk/sqlite_file.hpp"
#include "cache/disk/store_file.hpp"
#include "cache/disk/store_start.hpp"
#include "cache/disk/stored_row.hpp"
#include "cache/disk/write_op.hpp"
#include "cache/disk/write_queue.hpp"
#include "sqlite/retry_times.hpp"

#include <algorithm>
#include <atomic>
#include <new>
#include <optional>
#include <span>
#include <system_error>
#include <thread>
#include <unordered_set>
#include <utility>
#include <vector>

namespace cache {

namespace fs = std::filesystem;
using SteadyClock = std::chrono::steady_clock;

namespace {

/// Of policy texts in one transaction, and one row.
constexpr std::size_t batch_octets = std::size_t{8} << 20;

/// Words so short that they need no memory themselves.
Trouble no_memory() { return {Trouble::Kind::passing, 0, "out of memory"}; }

/// Since when a thread has been at something; others may look.
class Busy {
public:
    /// At it, as long as this lives.
    class Now {
    public:
        explicit Now(Busy& busy) noexcept : busy_(busy) {
            busy_.since_.store(SteadyClock::now().time_since_epoch().count(), std::memory_order_relaxed);
        }
        ~Now() { busy_.since_.store(not_busy, std::memory_order_relaxed); }
        Now(const Now&) = delete;
        Now& operator=(const Now&) = delete;

    private:
        Busy& busy_;
    };
    [[nodiscard]] bool longer_than(base::milliseconds limit) const noexcept {
        const SteadyClock::rep since = since_.load(std::memory_order_relaxed);
        return since != not_busy &&
               SteadyClock::now() - SteadyClock::time_point{SteadyClock::duration{since}} > limit;
    }

private:
    static constexpr SteadyClock::rep not_busy = -1;
    std::atomic<SteadyClock::rep> since_{not_busy};
};

} // namespace

// Members above the line are for every thread; those below belong only to the store's thread.
struct SqliteStore::Worker {
    Worker(fs::path path_, Options options_, events::Sink& sink_, const base::Clock& clock_, FileLock lock_,
           Started started)
        : path(std::move(path_)), options(std::move(options_)), sink(sink_), clock(clock_),
          queue(options.max_waiting, options.max_octets), kept(options.max_kept, options.max_octets),
          retry(options.retry_first, options.retry_max) {
        batch.reserve(options.max_batch);
        const std::optional<Trouble> trouble = started.trouble;
        file.emplace(
            path, std::move(lock_), std::move(started), options.retry_max,
            [this](Row row) { pass_late(std::move(row)); }, sink, clock);
        if (trouble) begin_failing(*trouble);
        count_octets();
    }

    const fs::path path;
    const Options options;
    events::Sink& sink;
    const base::Clock& clock;
    WriteQueue queue;
    std::atomic<std::uint64_t> saved{0}, commits{0}, failed{0}, kept_count{0}, kept_size{0};
    std::atomic<bool> failing{false};
    Busy writing;                 ///< a disk that hangs lets no write end
    base::Counter failed_commits; ///< this and the next two: written by the store's thread alone
    base::Histogram<base::disk_bounds> took;
    base::Gauge file_octets;
    std::thread thread;
    // ---
    std::optional<StoreFile> file;        ///< never null; open, except while failing
    std::vector<WriteOp> batch;           ///< the result of take()
    std::optional<base::seconds> running; ///< the running time to be noted with them
    bool refill_asked = false;            ///< failing for another reason than missing rows
    KeptOps kept;
    sqlite::RetryTimes retry;
    /// Domains that were saved or forgotten since a refill began: the refill's rows of them may be older.
    std::optional<std::unordered_set<std::uint64_t, base::HashedAlready>> overtaken;

    [[nodiscard]] bool refill_needed() const { return refill_asked || file->rows_are_missing(); }

    void pass_late(Row row) const {
        if (options.late && !kept.contains(row.domain)) options.late(std::move(row));
    }

    void run() {
        while (true) {
            take(true);
            if (batch.empty() && queue.ended()) break;
            survive([this] {
                process(batch);
                if (failing && SteadyClock::now() >= retry.next()) recover();
                if (refill_needed() && !failing) refill();
            });
        }
        survive([this] { finish(); });
    }

    /// Without memory the present work is postponed, and nothing ends.
    template <class Step>
    void survive(Step step) {
        try {
            step();
        } catch (const std::bad_alloc&) {
            out_of_memory();
        }
    }
    void out_of_memory() {
        refill_asked = true; // rows may have been dropped with the present work
        overtaken.reset();
        if (failing)
            put_off();
        else
            begin_failing(no_memory());
    }
    void put_off() { retry.failed_again(SteadyClock::now()); }

    /// The next batch; with `wait`, it waits until there is something to do. Needs no memory.
    void take(bool wait) {
        WriteQueue::Time until = WriteQueue::Time::min();
        if (wait && (failing || !refill_needed())) until = failing ? retry.next() : WriteQueue::Time::max();
        if (queue.take(batch, options.max_batch, batch_octets, until)) refill_asked = true;
    }

    void process(std::vector<WriteOp>& ops, std::span<const Row> rows = {}) {
        running = queue.take_running();
        if (ops.empty() && rows.empty() && !running) return;
        if (overtaken)
            for (const WriteOp& op : ops)
                if (!op.refused()) overtaken->insert(base::keyed_hash(op.domain().name()));
        bool written = false;
        survive([&] { written = !failing && !queue.out_of_time() && write(rows, ops); });
        for (WriteOp& op : ops) {
            const std::function<void(bool)> done = std::move(op.done);
            const bool ok = written && !op.refused();
            if (!ok && !std::holds_alternative<Removal>(op.what)) ++failed;
            if (!written) keep(std::move(op));
            if (done) survive([&] { done(ok); });
        }
    }

    bool write(std::span<const Row> rows, std::span<const WriteOp> ops) {
        const Busy::Now at_it{writing};
        SqliteFile::Result result = file->examine();
        if (result) result = attempt_or_renew(rows, ops);
        if (!result) begin_failing(result.error());
        return result.has_value();
    }

    SqliteFile::Result attempt_or_renew(std::span<const Row> rows, std::span<const WriteOp> ops) {
        SqliteFile::Result result = attempt(rows, ops);
        if (result || !file->may_replace(result.error())) return result;
        result = file->replace(result.error());
        if (result) result = attempt(rows, ops);
        return result;
    }

    /// One transaction.
    SqliteFile::Result attempt(std::span<const Row> rows, std::span<const WriteOp> ops) {
        SqliteFile::Result result;
        const SteadyClock::time_point begun = SteadyClock::now();
        try {
            result = put_all(rows, ops);
        } catch (const std::bad_alloc&) {
            result = base::unexpected(no_memory());
        }
        took.observe(SteadyClock::now() - begun);
        if (!result) {
            failed_commits.add();
            (*file)->rollback();
        } else {
            (*file)->note_state();
            count_octets();
        }
        return result;
    }
    void count_octets() {
        if (file->is_open()) file_octets.set((*file)->octets());
    }
    SqliteFile::Result put_all(std::span<const Row> rows, std::span<const WriteOp> ops) {
        SqliteFile::Result result = (*file)->begin();
        if (!result) return result;
        for (const std::string& key : file->bad_keys())
            if (result) result = (*file)->remove(key);
        for (const Row& row : rows)
            if (result) result = (*file)->put_if_newer(row, clock.now());
        std::uint64_t written = rows.size();
        for (const WriteOp& op : ops) {
            if (!result) break;
            if (const Row* row = std::get_if<Row>(&op.what)) {
                result = (*file)->put(*row);
                ++written;
            } else if (const Removal* removal = std::get_if<Removal>(&op.what)) {
                result = (*file)->remove(removal->domain.name(), removal->fetched_at);
            }
        }
        if (result && running) result = (*file)->put_running(*running);
        if (result) result = (*file)->commit();
        if (!result) return result;
        file->bad_keys().clear();
        saved += written;
        ++commits;
        return result;
    }

    void begin_failing(const Trouble& trouble) {
        failing = true;
        retry.failed(SteadyClock::now());
        file->give_up_unread_at(retry.failing_since() + options.unreadable_for);
        // A disk error may have destroyed more than the last write: afterwards the file gets all rows again.
        if (is_disk_error(trouble)) refill_asked = true;
        try {
            sink.emit(
                events::StoreFailed{.file = path.native(), .problem = trouble.words, .code = trouble.code});
        } catch (const std::bad_alloc&) { // whoever finds no memory says so, too
        }
    }

    void keep(WriteOp op) {
        if (op.refused()) return;
        try {
            if (!kept.keep(std::move(op))) refill_asked = true;
        } catch (const std::bad_alloc&) {
            refill_asked = true;
        }
        count_kept();
    }
    void count_kept() {
        kept_count = kept.size();
        kept_size = kept.octets();
    }

    /// Tries the disk again: opens the file and writes what was kept.
    void recover() {
        SqliteFile::Result result = file->open_again();
        std::size_t caught_up = 0;
        while (result && !kept.empty() && !queue.out_of_time()) {
            std::vector<WriteOp> ops;
            ops.reserve(std::min(kept.size(), options.max_batch));
            while (!kept.empty() && ops.size() < options.max_batch) ops.push_back(kept.take());
            result = attempt_or_renew({}, ops);
            if (result)
                caught_up += ops.size();
            else
                for (WriteOp& op : ops) keep(std::move(op));
        }
        count_kept();
        if (!result) {
            put_off();
            sink.emit(events::StoreStillFailing{.problem = result.error().words});
            return;
        }
        failing = false;
        const auto now = SteadyClock::now();
        retry.recovered(now);
        const auto lasted = std::chrono::duration_cast<base::seconds>(now - retry.failing_since());
        sink.emit(events::StoreRecovered{.file = path.native(), .caught_up = caught_up, .after = lasted});
    }

    /// Makes the owner pass everything; saves that arrive meanwhile go into the same transactions, after the
    /// passed rows.
    void refill() {
        refill_asked = false;
        file->set_rows_missing(false);
        if (!options.refill) return;
        std::vector<Row> passed;
        std::size_t rows = 0, octets = 0;
        bool ok = true;
        overtaken.emplace();
        const auto flush = [&] {
            take(false);
            process(batch, passed);
            // With so many changes it is not worth continuing this snapshot: a new one is taken.
            ok = ok && !failing && !queue.out_of_time() && overtaken->size() < options.max_kept;
            rows += passed.size();
            octets = 0;
            passed.clear();
        };
        options.refill([&](Row row) {
            if (ok && !overtaken->contains(base::keyed_hash(row.domain.name())) && read_row(raw_row(row))) {
                octets += row.policy_text.size();
                passed.push_back(std::move(row));
            }
            if (passed.size() >= options.max_batch || octets >= batch_octets) flush();
            return ok;
        });
        if (ok) flush();
        overtaken.reset();
        if (ok)
            sink.emit(events::StoreRefilled{.file = path.native(), .rows = rows});
        else
            refill_asked = true;
    }

    /// The queue is empty, or the time is over.
    void finish() {
        if (failing)
            recover();
        else if (const SqliteFile::Result result = file->examine();
                 !result) // there may have been no write for a long time
            begin_failing(result.error());
        if (refill_needed() && !failing && !queue.out_of_time()) refill();
        if (!kept.empty() || refill_needed())
            sink.emit(events::StoreIncomplete{
                .file = path.native(), .unwritten = kept.size(), .refill = refill_needed()});
        if (file->is_open() && !failing) (void)(*file)->checkpoint(); // what it cannot move stays in the log
        file->close();
    }
};

SqliteStore::SqliteStore(std::unique_ptr<Worker> worker) : worker_(std::move(worker)) {
    worker_->thread = std::thread([w = worker_.get()] { w->run(); });
}

SqliteStore::~SqliteStore() { stop(); }

base::Expected<void, std::string> SqliteStore::find_folder(const fs::path& file) {
    return sqlite::find_folder(file);
}

base::Expected<SqliteStore::Opened, std::string> SqliteStore::open(fs::path file, Options options,
                                                                   events::Sink& events,
                                                                   const base::Clock& clock,
                                                                   const std::function<void(Row)>& on_row) {
    base::Expected<FileLock, std::string> lock = lock_store(file, events);
    if (!lock) return base::unexpected(lock.error());
    base::Expected<Started, std::string> started =
        start_store(file, on_row, events, clock.now(), Unreadable::wait);
    if (!started) return base::unexpected(started.error());
    const SqliteFile::Loaded& loaded = started->loaded;
    if (loaded.skipped > 0)
        events.emit(events::StoreRowsSkipped{
            .file = file.native(), .rows = loaded.skipped, .first_problem = loaded.first_problem});
    Opened opened{nullptr, loaded.rows, loaded.skipped, {}};
    if (started->file) opened.running = started->file->running();
    options.max_batch = std::max<std::size_t>(options.max_batch, 1);
    opened.store.reset(new SqliteStore(std::make_unique<Worker>(
        std::move(file), std::move(options), events, clock, std::move(*lock), std::move(*started))));
    return opened;
}

void SqliteStore::save(Row row, std::function<void(bool)> done) {
    // A row that could not be read back is not written: see read_row().
    const bool fit = read_row(raw_row(row)).has_value();
    if (!fit)
        worker_->sink.emit(
            events::StoreRowRefused{.domain = row.domain.name(), .problem = read_row(raw_row(row)).error()});
    worker_->queue.push(fit ? WriteOp{std::move(row), std::move(done)} : WriteOp{Refused{}, std::move(done)});
}

void SqliteStore::forget(base::Domain domain, std::optional<base::Instant> fetched_at) {
    worker_->queue.push(WriteOp{Removal{std::move(domain), fetched_at}, nullptr});
}

void SqliteStore::note_running(base::seconds total) { worker_->queue.note_running(total); }

void SqliteStore::stop() {
    if (!worker_->thread.joinable()) return;
    worker_->queue.stop(SteadyClock::now() + worker_->options.stop_within);
    worker_->thread.join();
}

SqliteStore::Counters SqliteStore::counters() const {
    Counters counters;
    counters.saved = worker_->saved;
    counters.commits = worker_->commits;
    counters.failed_commits = worker_->failed_commits.value();
    counters.failed = worker_->failed;
    counters.kept = worker_->kept_count;
    counters.waiting_octets = worker_->queue.octets();
    counters.kept_octets = worker_->kept_size;
    counters.failing = worker_->failing || worker_->writing.longer_than(worker_->options.stuck_after);
    worker_->took.add_to(counters.took);
    counters.octets = worker_->file_octets.value();
    return counters;
}

} // namespace cache
