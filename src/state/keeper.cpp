#include "state/keeper.hpp"

#include "sqlite/files.hpp"
#include "sqlite/retry_times.hpp"
#include "state/pending.hpp"
#include "state/start.hpp"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <new>
#include <system_error>
#include <thread>
#include <utility>
#include <variant>

namespace state {

namespace fs = std::filesystem;
using SteadyClock = std::chrono::steady_clock;

namespace {

constexpr std::string_view no_room = "nothing was changed: stsmapd is busy, or about to stop";
constexpr std::chrono::hours trim_every{1};

struct Save {
    decision::Override entry;
    Keeper::Done done;
};
struct Remove {
    std::string domain;
    Keeper::Done done;
};
struct RemoveEnded {};
struct Began {
    std::string domain;
    base::Instant at, until;
};
struct Ended {
    std::string domain;
};
struct Since {
    std::string domain;
    std::function<void(std::optional<base::Instant>)> done;
};
struct Add {
    std::vector<Observed> more;
    std::uint64_t forgotten = 0;
};
struct Ask {
    std::function<void(base::Expected<Summary, std::string>)> done;
};
struct Keep {
    base::seconds time;
};
using Job = std::variant<Save, Remove, RemoveEnded, Began, Ended, Since, Add, Ask, Keep>;

Trouble no_memory() { return {Trouble::Kind::passing, 0, "out of memory"}; }

} // namespace

// Members above the line are for every thread; those below belong only to the keeper's own.
struct Keeper::Worker {
    Worker(fs::path path_, Options options_, events::Sink& sink_, const base::Clock& clock_,
           sqlite::FileLock lock_)
        : path(std::move(path_)), options(std::move(options_)), sink(sink_), clock(clock_),
          lock(std::move(lock_)), keep_observed(options.keep_observed),
          retry(options.retry_first, options.retry_max) {}

    const fs::path path;
    const Options options;
    events::Sink& sink;
    const base::Clock& clock;
    const sqlite::FileLock lock;
    std::mutex mutex;
    std::condition_variable came;
    std::deque<Job> jobs; ///< under the mutex, as the next
    bool ending = false;
    std::thread thread;
    // ---
    std::optional<File> file; ///< none: it is tried again
    ByDomain known;           ///< the overrides; as in the file, or to be written into it (rewrite)
    bool unread = false;      ///< the file may have others
    bool rewrite = false;
    bool trim = false; ///< the sums have grown, or it is time
    bool failing = false;
    Pending pending{max_observed};
    base::seconds keep_observed;
    sqlite::RetryTimes retry;

    bool push(Job job) {
        {
            const std::lock_guard guard{mutex};
            if (ending || jobs.size() >= max_waiting) return false;
            jobs.push_back(std::move(job));
        }
        came.notify_one();
        return true;
    }

    void run() {
        for (bool more = true; more;) {
            std::deque<Job> taken;
            more = take(taken);
            try {
                process(taken);
            } catch (const std::bad_alloc&) {
                if (!failing) begin_failing(no_memory());
                for (Job& job : taken) give_up(job);
            }
        }
        if (file) (void)file->checkpoint(); // what it cannot move stays in the log
        file.reset();
    }

    /// False: these are the last.
    bool take(std::deque<Job>& taken) {
        std::unique_lock guard{mutex};
        const auto something = [this] { return ending || !jobs.empty(); };
        const auto hour = SteadyClock::now() + trim_every;
        if (!came.wait_until(guard, failing ? std::min(retry.next(), hour) : hour, something)) trim = true;
        taken.swap(jobs);
        return !ending;
    }

    void process(std::deque<Job>& taken) {
        std::vector<Job*> changes;
        for (Job& job : taken) {
            if (auto* began = std::get_if<Began>(&job))
                pending.began(began->domain, began->at, began->until);
            else if (auto* ended = std::get_if<Ended>(&job))
                pending.ended(ended->domain);
            else if (auto* add = std::get_if<Add>(&job))
                absorb(*add);
            else if (auto* keep = std::get_if<Keep>(&job))
                keep_observed = keep->time, trim = true;
            else if (std::holds_alternative<Save>(job) || std::holds_alternative<Remove>(job) ||
                     std::holds_alternative<RemoveEnded>(job))
                changes.push_back(&job);
        }
        const bool due = !failing || SteadyClock::now() >= retry.next();
        const bool notes = !pending.empty() || trim || rewrite || failing;
        if (!changes.empty() || (notes && due)) write(changes);
        for (Job& job : taken) answer(job);
    }

    void absorb(const Add& add) {
        for (const Observed& more : add.more) pending.add(more);
        pending.add_forgotten(add.forgotten);
        trim = true;
    }

    void write(const std::vector<Job*>& changes) {
        File::Result result = ready();
        if (result && file->is_changed())
            result = replace("moved, removed, replaced or cut while in use", true);
        if (result) result = attempt(changes);
        if (!result && result.error().kind == Trouble::Kind::damage) {
            result = replace(result.error().words, false);
            if (result) result = attempt(changes);
        }
        if (result)
            end_failing();
        else if (failing)
            retry.failed_again(SteadyClock::now());
        else
            begin_failing(result.error());
        for (Job* job : changes) {
            if (result) note_written(*job);
            if (Done* done = done_of(*job)) {
                base::Expected<void, std::string> told;
                if (!result)
                    told = base::unexpected("nothing was changed: " + path.string() + ": " +
                                            result.error().words);
                options.post([done = std::move(*done), told = std::move(told)] { done(told); });
                *done = nullptr;
            }
        }
    }

    /// Whoever still waits for the job gets a reply, as far as there is memory for one.
    void give_up(Job& job) noexcept {
        const auto words = [] { return base::unexpected(std::string{"nothing was changed: out of memory"}); };
        try {
            if (Done* done = done_of(job))
                options.post([done = std::move(*done), words] { done(words()); });
            else if (auto* since = std::get_if<Since>(&job); since != nullptr && since->done)
                options.post([done = std::move(since->done)] { done(std::nullopt); });
            else if (auto* ask = std::get_if<Ask>(&job); ask != nullptr && ask->done)
                options.post([done = std::move(ask->done), words] { done(words()); });
        } catch (const std::bad_alloc&) {
            return;
        }
    }

    static Done* done_of(Job& job) {
        if (auto* save = std::get_if<Save>(&job)) return save->done ? &save->done : nullptr;
        if (auto* remove = std::get_if<Remove>(&job)) return remove->done ? &remove->done : nullptr;
        return nullptr;
    }

    void note_written(const Job& job) {
        if (const auto* save = std::get_if<Save>(&job))
            known.insert_or_assign(save->entry.domain, save->entry);
        if (const auto* remove = std::get_if<Remove>(&job)) known.erase(remove->domain);
        if (std::holds_alternative<RemoveEnded>(job))
            std::erase_if(known, [now = clock.now()](const auto& one) { return one.second.until <= now; });
    }

    /// The file is open.
    File::Result ready() {
        if (file) return {};
        auto started = state::start(path, unread ? nullptr : &known, sink, clock.now());
        if (!started) return base::unexpected(Trouble{Trouble::Kind::other, 0, started.error()});
        if (started->trouble) return base::unexpected(*started->trouble);
        file = std::move(started->file);
        if (unread) {
            known = std::move(started->overrides);
            unread = false;
            std::vector<decision::Override> all;
            for (const auto& [domain, entry] : known) all.push_back(entry);
            if (options.late) options.post([late = options.late, all = std::move(all)] { late(all); });
        } else {
            rewrite = rewrite || known != started->overrides;
        }
        return {};
    }

    File::Result replace(const std::string& problem, bool readable) {
        ByDomain found;
        file->leave_as_is();
        if (!readable) file.reset();
        auto renewed = renew(path, file ? &*file : nullptr, problem, unread ? nullptr : &known, found, sink,
                             clock.now());
        file.reset();
        if (!renewed) return base::unexpected(std::move(renewed.error()));
        return ready();
    }

    /// One transaction.
    File::Result attempt(const std::vector<Job*>& changes) {
        File::Result result = put_all(changes);
        if (result) {
            pending.clear();
            rewrite = trim = false;
            return result;
        }
        file->rollback();
        // After a disk error it is not known what of earlier writes is on the disk.
        if (is_disk_error(result.error())) {
            file->leave_as_is();
            file.reset();
            rewrite = true;
        }
        return result;
    }

    File::Result put_all(const std::vector<Job*>& changes) {
        File::Result result = file->begin();
        if (result && rewrite) {
            result = file->remove_all_overrides();
            for (const auto& [domain, entry] : known)
                if (result) result = file->put(entry);
        }
        for (const Job* job : changes) {
            if (!result) return result;
            if (const auto* save = std::get_if<Save>(job)) result = file->put(save->entry);
            if (const auto* remove = std::get_if<Remove>(job)) result = file->remove_override(remove->domain);
            if (std::holds_alternative<RemoveEnded>(*job)) result = file->remove_ended(clock.now());
        }
        for (const auto& [domain, note] : pending.notes()) {
            if (result && note.ended) result = file->remove_protected(domain);
            if (result && note.since) result = file->put(Protected{domain, *note.since, note.until});
        }
        for (const auto& [domain, sum] : pending.observed())
            if (result) result = file->add(sum);
        if (result && !pending.observed().empty()) result = file->note_observed_since(first_observed());
        if (result && failing) result = file->note_try(clock.now());
        if (result) result = file->add_forgotten(pending.forgotten());
        if (result && trim) result = file->trim_observed(clock.now() - keep_observed);
        if (result) result = file->commit();
        return result;
    }

    [[nodiscard]] base::Instant first_observed() const {
        base::Instant first = base::Instant::max();
        for (const auto& [domain, sum] : pending.observed()) first = std::min(first, sum.first);
        return first;
    }

    void begin_failing(const Trouble& trouble) {
        failing = true;
        retry.failed(SteadyClock::now());
        try {
            sink.emit(
                events::StoreFailed{.file = path.native(), .problem = trouble.words, .code = trouble.code});
        } catch (const std::bad_alloc&) { // whoever finds no memory says so, too
        }
    }
    void end_failing() {
        if (!failing) return;
        failing = false;
        const auto now = SteadyClock::now();
        retry.recovered(now);
        sink.emit(events::StoreRecovered{
            .file = path.native(),
            .caught_up = 0,
            .after = std::chrono::duration_cast<base::seconds>(now - retry.failing_since())});
    }

    void answer(Job& job) {
        if (auto* since = std::get_if<Since>(&job)) {
            std::optional<Protected> found;
            if (file)
                if (auto read = file->find_protected(since->domain)) found = *std::move(read);
            // What is not written yet is newer.
            const auto at = pending.notes().find(since->domain);
            if (at != pending.notes().end()) {
                const Pending::Note& note = at->second;
                if (note.ended) found.reset();
                if (note.since) found = joined(found, {since->domain, *note.since, note.until});
            }
            std::optional<base::Instant> told;
            if (found) told = found->since;
            options.post([done = std::move(since->done), told] { done(told); });
        } else if (auto* ask = std::get_if<Ask>(&job)) {
            base::Expected<Summary, std::string> told = base::unexpected(path.string() + " cannot be read");
            if (file) {
                auto summary = file->observed();
                if (summary)
                    told = std::move(*summary);
                else
                    told = base::unexpected(path.string() + ": " + summary.error().words);
            }
            options.post([done = std::move(ask->done), told = std::move(told)] { done(told); });
        }
    }
};

Keeper::Keeper(std::unique_ptr<Worker> worker) : worker_(std::move(worker)) {
    worker_->thread = std::thread([w = worker_.get()] { w->run(); });
}

Keeper::~Keeper() { stop(); }

base::Expected<Keeper::Opened, std::string> Keeper::open(fs::path path, Options options, events::Sink& events,
                                                         const base::Clock& clock) {
    int error = 0;
    auto lock = sqlite::lock_file(path, error);
    if (!lock) return base::unexpected(std::move(lock.error()));
    if (!lock->held()) {
        const std::string name = sqlite::with_suffix(path, ".lock").native();
        const std::string words = std::system_category().message(error);
        events.emit(events::StoreUnlocked{.file = name, .problem = words});
    }
    auto started = start(path, nullptr, events, clock.now());
    if (!started) return base::unexpected(std::move(started.error()));
    auto worker =
        std::make_unique<Worker>(std::move(path), std::move(options), events, clock, std::move(*lock));
    worker->file = std::move(started->file);
    worker->unread = started->unread;
    worker->trim = true;
    Opened opened;
    for (auto& [domain, entry] : started->overrides) {
        opened.overrides.push_back(entry);
        worker->known.insert_or_assign(domain, std::move(entry));
    }
    if (started->trouble) worker->begin_failing(*started->trouble);
    opened.keeper.reset(new Keeper{std::move(worker)});
    return opened;
}

void Keeper::save(decision::Override entry, Done done) {
    if (!worker_->push(Save{std::move(entry), done}))
        worker_->options.post([done] { done(base::unexpected(std::string{no_room})); });
}
void Keeper::remove(std::string domain, Done done) {
    if (!worker_->push(Remove{std::move(domain), done}))
        worker_->options.post([done] { done(base::unexpected(std::string{no_room})); });
}
void Keeper::remove_ended() { (void)worker_->push(RemoveEnded{}); }
void Keeper::began(std::string domain, base::Instant at, base::Instant until) {
    (void)worker_->push(Began{std::move(domain), at, until});
}
void Keeper::ended(std::string domain) { (void)worker_->push(Ended{std::move(domain)}); }
void Keeper::protected_since(std::string domain, std::function<void(std::optional<base::Instant>)> done) {
    if (!worker_->push(Since{std::move(domain), done})) worker_->options.post([done] { done(std::nullopt); });
}
void Keeper::add(std::vector<Observed> more, std::uint64_t forgotten) {
    (void)worker_->push(Add{std::move(more), forgotten});
}
void Keeper::observed(std::function<void(base::Expected<Summary, std::string>)> done) {
    if (!worker_->push(Ask{done}))
        worker_->options.post([done] { done(base::unexpected(std::string{no_room})); });
}
void Keeper::set_keep_observed(base::seconds keep) { (void)worker_->push(Keep{keep}); }

void Keeper::stop() {
    if (!worker_->thread.joinable()) return;
    {
        const std::lock_guard guard{worker_->mutex};
        worker_->ending = true;
    }
    worker_->came.notify_one();
    worker_->thread.join();
}

} // namespace state
