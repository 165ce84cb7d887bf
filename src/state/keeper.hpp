// state/keeper.hpp - keeps what must outlive the daemon and the policies' store: overrides that were added at run
// time, sums of domains that are only observed, and since when each domain is protected. The file is state.db
// (state/file.hpp).
//
// A thread of its own writes; what waits is written together. An override is on the disk before its callback says so;
// if the disk does not take it, nothing is changed and the callback has words. Notes (sums, protection) wait until the
// disk takes them, as many as state/pending.hpp keeps. Trouble never stops the daemon:
// * Full, failing or read-only disk: one error line (store-failed); tried again after 1 s, 2 s, ... 60 s, and with each
//   override; one info line (store-recovered) when that has worked. At the start whatever can be read is used.
// * Damage, or a file moved away: it is set aside (store-damaged), and a new one gets the overrides from memory and the
//   rows that can still be read.
//
// One process a file: an flock(2) on "state.db.lock", and SQLite's own locks. Threads: each member may be called from
// any; callbacks come through Options::post.
#pragma once

#include "base/clock.hpp"
#include "base/expected.hpp"
#include "decision/override.hpp"
#include "events/sink.hpp"
#include "state/observed.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace state {

class Keeper {
public:
    /// Words for a person when nothing was changed.
    using Done = std::function<void(base::Expected<void, std::string>)>;
    static constexpr std::size_t max_waiting =
        100'000; ///< jobs; above, a job fails at once, and a note is lost

    struct Options {
        std::function<void(std::function<void()>)> post; ///< runs a callback on its owner's thread
        /// Through post: the overrides that the file was found to have after all, when it could not be read at the
        /// start. They replace those that open() returned.
        std::function<void(std::vector<decision::Override>)> late = {};
        base::seconds keep_observed{90 * 86400};
        base::milliseconds retry_first{1000}, retry_max{60'000};
    };
    struct Opened {
        std::unique_ptr<Keeper> keeper; ///< never null
        std::vector<decision::Override> overrides;
    };

    /// Loads the overrides and starts the thread. Fails, with words for an operator, when the folder is missing or not
    /// writable, the file belongs to a running stsmapd or to a newer version, or permissions forbid its use. `events`
    /// and `clock` outlive it; `events` belongs to its thread from now on.
    [[nodiscard]] static base::Expected<Opened, std::string>
    open(std::filesystem::path file, Options options, events::Sink& events, const base::Clock& clock);
    ~Keeper(); ///< stop()

    /// In place of one for the same domain.
    void save(decision::Override entry, Done done);
    void remove(std::string domain, Done done);
    /// Rows of overrides that have ended.
    void remove_ended();

    /// An enforced policy protects the domain from `at` on, or has for longer; it expires at `until`.
    void began(std::string domain, base::Instant at, base::Instant until);
    /// It no longer does.
    void ended(std::string domain);
    /// Nothing: it does not, or nobody has noted since when.
    void protected_since(std::string domain, std::function<void(std::optional<base::Instant>)> done);

    /// Adds to the sums; `forgotten`: domains that could not be counted.
    void add(std::vector<Observed> more, std::uint64_t forgotten);
    void observed(std::function<void(base::Expected<Summary, std::string>)> done);
    void set_keep_observed(base::seconds keep);

    /// Writes what waits and closes the file. Call it from one thread; later calls do nothing.
    void stop();

private:
    struct Worker;
    explicit Keeper(std::unique_ptr<Worker> worker);
    std::unique_ptr<Worker> worker_;
};

} // namespace state
