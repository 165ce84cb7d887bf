// server/admission.hpp - who may connect, and whose connections make room, when connections run out. Pure:
// counts, times and error numbers in, decisions out; the server carries them out.
//
// Two limits: max_connections, and the descriptors of the process less a reserve for DNS, HTTPS and the
// store. Half of max_connections is set aside in equal parts for the listeners, the rest is for whoever comes
// first. Where there is no room for a newcomer, connections that have been idle for closable_after make room,
// the idlest first: those of the newcomer's listener if it has its share of all connections, else those of
// the listener that has most.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include <sys/resource.h>

namespace server {

/// A connection that has asked nothing for so long may have to make room for another. Postfix connects again
/// by itself, at once, when it finds one closed.
constexpr std::chrono::milliseconds closable_after{1000};
/// After a search for idle connections that found none, the next one waits this long: it looks at all.
constexpr std::chrono::milliseconds search_pause{50};
/// Of this many connections of a listener, one is closed in one search (and one more).
constexpr std::size_t closed_at_once = 64;
/// Descriptors that connections leave to the rest of the process: what DNS (1,024 questions) and HTTPS (64
/// fetches to a few addresses each) may have open at once, but never more than a quarter of all.
constexpr rlim_t most_reserved = 2048;

/// Connections get descriptors below this number, where the process may have `limit` of them (RLIMIT_NOFILE);
/// the kernel always gives the lowest one that is free.
[[nodiscard]] int descriptors_for_connections(rlim_t limit) noexcept;

/// What an error of accept(2) means for the next call.
enum class AcceptError {
    none_waiting,     ///< the queue is empty
    try_next,         ///< about that one connection
    out_of_resources, ///< or unknown: pause, never spin
};
[[nodiscard]] AcceptError meaning_of(int error) noexcept;

/// The connections as they are, and the rule. Listeners have numbers, from 0. Of one thread.
class Admission {
public:
    using Instant = std::chrono::steady_clock::time_point;
    using Duration = std::chrono::steady_clock::duration;

    enum class Room { free, connections_full, descriptors_full };

    /// What a connection takes, to be given back when it ends.
    struct Slot {
        std::size_t listener = 0;
        bool reserved = false; ///< its descriptor is one of the reserve
    };

    /// `max_connections`: 1 or more. `descriptors`: as descriptors_for_connections().
    Admission(std::size_t max_connections, int descriptors) noexcept;
    /// The same for what comes from now on.
    void set_limits(std::size_t max_connections, int descriptors) noexcept;
    /// The number of the new listener.
    [[nodiscard]] std::size_t add_listener();

    /// A connection of `listener` was accepted as descriptor `fd`.
    [[nodiscard]] Slot admit(std::size_t listener, int fd) noexcept;
    /// It has ended.
    void release(Slot slot) noexcept;

    [[nodiscard]] std::size_t connections() const noexcept { return connections_; }
    [[nodiscard]] std::size_t connections(std::size_t listener) const { return of_listener_.at(listener); }

    /// Is there room for the next connection of `listener`?
    [[nodiscard]] Room room(std::size_t listener) const noexcept;

    /// Whether to look for idle connections now, when there is no room.
    [[nodiscard]] bool may_search(Instant now) const noexcept { return now >= search_again_; }
    /// The listener whose connections make room for a newcomer of `listener`.
    [[nodiscard]] std::size_t makes_room(std::size_t listener) const noexcept;
    /// Which of that listener's connections to close: indices into `idle`, idlest first. `idle` has for each
    /// of them how long it has been idle, or nothing while it waits for an answer or for its turn.
    [[nodiscard]] std::vector<std::size_t> choose(std::span<const std::optional<Duration>> idle, Instant now);

private:
    [[nodiscard]] bool descriptors_are_short() const noexcept;

    std::size_t max_connections_;
    int descriptors_;
    std::vector<std::size_t> of_listener_; ///< connections
    std::size_t connections_ = 0;          ///< of all listeners
    std::size_t reserved_ = 0;             ///< of these, on descriptors of the reserve
    std::size_t crowd_ = 0;                ///< how many connections there were when the first of them came
    Instant search_again_{};
};

} // namespace server
