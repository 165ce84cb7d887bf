// tests/explorer/ledger.hpp - what the daemon has promised about the one domain, kept by hand beside it, and
// the rules that no sequence of events may break. It knows how much time has really passed, whatever the
// clocks say.
#pragma once

#include "cache/store.hpp"
#include "explorer/events.hpp"
#include "explorer/hands.hpp"

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace explorer {

using Micros = Hands::Micros;

/// A policy as the host served it, told from all others by its number.
struct Served {
    base::seconds max_age{0};
    bool enforce = true;
    Micros at{};                    ///< the GET ended then
    std::size_t event = 0;          ///< in this event
    base::Instant wall{};           ///< by the wall clock
    std::optional<Micros> saved;    ///< given to the disk
    bool refused = false;           ///< which did not take it
    bool dropped = false;           ///< there was no memory to give it to the disk
    std::optional<Micros> set_back; ///< the wall clock was set back behind `wall`
    base::Instant set_back_to{};    ///< the earliest of the times it was set to
};

/// What is seen of the daemon's parts when nothing runs.
struct Seen {
    std::optional<std::size_t> entry; ///< number of the policy in memory
    bool entry_current = false;       ///< and it is not over by the wall clock
    bool on_agenda = false;
    std::optional<std::size_t> durable, eventual; ///< on the disk now, and when all is written
    bool late = false;                            ///< rows are still to be read
    std::optional<base::Instant> newest_fetch;    ///< of the rows on the disk
    std::size_t aloft = 0, running = 0, checking = 0, waiting = 0, timers = 0;
    bool outside_idle = true;         ///< neither disk nor network has anything under way
    std::optional<Micros> next_timer; ///< of the daemon's
};

/// A query that waits for its reply.
struct Asked {
    std::size_t event = 0;
    Micros at{};
};
inline constexpr base::milliseconds deadline{10'000}; ///< of every query

class Ledger {
public:
    explicit Ledger(const Hands& hands) : hands_(&hands) {}
    void reset();
    void begin_event() { ++event_; }

    /// The first broken rule, in words; empty: none.
    [[nodiscard]] const std::string& problem() const { return problem_; }
    void complain(std::string words) {
        if (problem_.empty()) problem_ = std::move(words);
    }

    // The network.
    void get_started();
    [[nodiscard]] std::size_t got(base::seconds max_age, bool enforce); ///< number of the policy
    void get_ended() { --gets_aloft_; }
    void dane_asked(Dane answer);

    // The disk and memory.
    void saving(std::size_t number, bool refused);
    void dropped(std::size_t number) { policies_[number].dropped = true; }
    void evicted();

    // The process.
    void killed() { gets_aloft_ = 0; }
    /// A new one runs; `row` is the domain's on the disk, and `late` whether it is still to be read.
    void started(const cache::Row* row, std::optional<std::size_t> number, bool late);
    /// A row that was late has been given to the daemon.
    void delivered(const cache::Row* row, std::optional<std::size_t> number);
    /// No memory was left for something, in this event.
    void run_out() { ran_out_ = true; }
    void jumped(base::seconds by); ///< the wall clock just did
    void resolver(bool validating, bool believed) { validating_ = validating, believed_ = believed; }

    /// A query has its reply. `number`: of the policy that it names.
    void told(std::string_view reply, std::optional<std::size_t> number, const Asked& asked,
              const Seen& seen);
    /// After everything that can run without time has run.
    void settled(const Seen& seen);
    /// After an event.
    void rested(const Seen& seen);

    [[nodiscard]] const Served& policy(std::size_t number) const { return policies_[number]; }
    [[nodiscard]] std::size_t policies() const { return policies_.size(); }
    [[nodiscard]] std::size_t event() const { return event_; }

    // All that the rules will depend on, for the state of the search. Times are relative to now.
    struct State {
        std::vector<std::int64_t> numbers;
        std::optional<std::size_t> held, eventual, stored;
    };
    [[nodiscard]] State state() const;

private:
    [[nodiscard]] Micros now() const { return hands_->passed(); }
    [[nodiscard]] bool over(const Served& p) const { return now() >= p.at + p.max_age; }
    /// A row may have a time of its own, a second earlier.
    [[nodiscard]] bool may_be_over(const Served& p) const {
        return now() + base::seconds{1} >= p.at + p.max_age;
    }
    [[nodiscard]] bool over_by_wall(const Served& p) const {
        const bool ahead = hands_->now() < p.wall && p.set_back;
        return hands_->now() >= (ahead ? p.set_back_to : p.wall) + p.max_age;
    }
    [[nodiscard]] bool clock_trusted(const Seen& seen) const;
    void told_secure(std::size_t number, const Asked& asked, const Seen& seen);
    void told_secure_despite_dane(const Asked& asked);
    void told_dane_only();
    void found_stored(std::optional<std::size_t> number);
    void told_nothing(const Seen& seen);

    const Hands* hands_;
    std::string problem_;
    std::size_t event_ = 0;
    std::vector<Served> policies_;
    std::optional<std::size_t> held_;        ///< what has to be told as long as it lasts
    std::optional<std::size_t> eventual_;    ///< what the disk was to have when last seen
    std::optional<std::size_t> withdrawn_;   ///< the policy that took all earlier ones back
    bool evicted_ = false, ran_out_ = false; ///< in this event
    /// When memory ran out, the policy is on no agenda, since then: it is found within some minutes.
    std::optional<Micros> stray_since_;
    int gets_aloft_ = 0;
    std::optional<Micros> last_get_;    ///< the last one of this run was started then
    std::optional<std::size_t> stored_; ///< the policy that this run found on the disk
    Micros run_since_{};
    struct Offset {
        Micros at{};
        base::seconds by{0};
    };
    std::deque<Offset> offsets_; ///< steps of the wall clock, of this run and the last hour
    // DANE, of this run but for a verdict that was stored.
    bool validating_ = false, believed_ = false;
    enum class Verdict : std::uint8_t { none, sts, dane } verdict_ = Verdict::none;
    struct Moment {
        Micros at{};
        base::Instant wall{};
    };
    [[nodiscard]] Moment this_moment() const { return {now(), hands_->now()}; }
    /// So long ago at most, by both clocks; longer ago, by both.
    [[nodiscard]] bool within(const Moment& m, base::seconds life) const {
        return now() - m.at < life && hands_->now() - m.wall < life;
    }
    [[nodiscard]] bool beyond(const Moment& m, base::seconds life) const {
        return now() - m.at > life && hands_->now() - m.wall > life;
    }
    Moment proven_, proven_dane_;
    std::optional<Moment> first_failure_;
    std::optional<Micros> last_asked_;
};

} // namespace explorer
