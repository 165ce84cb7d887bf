// state/book.hpp - the overrides in use: those of the configuration and those that were added at run time, as one set
// that does not change. A new one takes its place when an override is added, removed, ends, or the configuration is
// read again.
//
// An override is on the disk before it is in use. Of each that ends there is an event; one of the run time then leaves
// the set and the disk. Threads: the back thread, as the callbacks of the keeper and the timers.
#pragma once

#include "base/clock.hpp"
#include "base/expected.hpp"
#include "decision/override.hpp"
#include "events/sink.hpp"
#include "state/keeper.hpp"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace state {

class Book {
public:
    using Set = std::shared_ptr<const decision::Overrides>; ///< null: there are none

    struct Parts { // all outlive it
        Keeper& keeper;
        events::Sink& sink;
        const base::Clock& clock;
        base::Timers& timers;
        std::function<void()> changed; ///< current() is another one
    };

    /// `run_time`: as the keeper has loaded them. Those that have ended are dropped with an event.
    Book(Parts parts, std::vector<decision::Override> run_time);
    ~Book();
    Book(const Book&) = delete;
    Book& operator=(const Book&) = delete;

    [[nodiscard]] const Set& current() const noexcept { return current_; }
    /// One that was added at run time; null: there is none. `domain` as in decision::Override.
    [[nodiscard]] const decision::Override* find(std::string_view domain) const;
    [[nodiscard]] std::size_t run_time() const noexcept { return run_time_.size(); }

    /// Words when these and those of the run time are too many together.
    [[nodiscard]] base::Expected<void, std::string>
    check(const std::vector<decision::Override>& configured) const;
    /// After check(). Calls changed() when they are others.
    void set_configured(std::vector<decision::Override> configured);
    /// Instead of those that the keeper could not read at first.
    void set_run_time(std::vector<decision::Override> run_time);
    /// An event that says how many are in use, when there are any.
    void report() const;

    /// When one that is on the disk is used.
    enum class Use {
        at_once, ///< before its callback
        later,   ///< at the next change, or with use_added(): a new set for each of many is much work
    };
    /// In place of one for the same domain. `hides`: what it hides, "" not known, for the event.
    void add(decision::Override entry, std::string hides, Keeper::Done done, Use use = Use::at_once);
    void use_added();
    /// One that was added at run time; `by`: who does it. Call it only for one that find() finds.
    void remove(std::string_view domain, std::string by, Keeper::Done done);

private:
    void renew(bool tell = true);
    void drop_ended();
    void emit_ended(const decision::Override& entry) const;
    void plan();

    Parts parts_;
    std::vector<decision::Override> configured_;
    std::map<std::string, decision::Override, std::less<>> run_time_;
    std::size_t adding_ = 0;   ///< not on the disk yet
    bool added_later_ = false; ///< current_ does not have all of run_time_
    Set current_;
    base::Instant checked_;       ///< what ended until then is dealt with
    base::Timers::Id timer_ = 0;  ///< for the next end
    std::shared_ptr<Book*> self_; ///< for the keeper's callbacks: null once this is gone
};

/// "yes" or "no", as events say it.
[[nodiscard]] constexpr std::string_view yes_no(bool value) noexcept { return value ? "yes" : "no"; }

} // namespace state
