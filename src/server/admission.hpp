// server/admission.hpp - who may connect, and which connections are closed to make room, when connections run
// out. Pure: counts, times and error numbers in, decisions out; the server carries them out.
//
// Two limits: max_connections, and the descriptors of the process less a reserve for DNS, HTTPS and the
// store. Half of max_connections is reserved in equal parts for the listeners; the rest goes to whoever
// connects first. If there is no room for a new connection, connections that have been idle for
// closable_after are closed, longest idle first: those of the same listener if it has its share of all
// connections, else those of the listener that has most.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include <sys/resource.h>

namespace server {

/// A connection without a request for this long may be closed to make room for another. When Postfix finds a
/// connection closed, it connects again at once.
constexpr std::chrono::milliseconds closable_after{1000};
/// After a search for idle connections that found none, the next one waits this long, because a search looks
/// at all connections.
constexpr std::chrono::milliseconds search_pause{50};
/// One search closes one of this many connections of a listener, and one more.
constexpr std::size_t closed_at_once = 64;
/// Descriptors that connections leave to the rest of the process: about what DNS (1,024 questions) and HTTPS
/// (1,088 fetches, see fetch/https_fetcher.hpp) may have open at once, but never more than a quarter of all.
constexpr rlim_t most_reserved = 2048;

/// Connections get descriptors below this number when the process may have `limit` of them (RLIMIT_NOFILE).
/// The kernel always uses the lowest free one.
[[nodiscard]] int descriptors_for_connections(rlim_t limit) noexcept;

/// What an error of accept(2) means for the next call.
enum class AcceptError {
    none_waiting,     ///< the queue is empty
    try_next,         ///< the error concerns one connection only
    out_of_resources, ///< or an unknown error: pause, never spin
};
[[nodiscard]] AcceptError meaning_of(int error) noexcept;

/// Counts the connections and applies the rule. Listeners are numbered from 0. For one thread.
class Admission {
public:
    using Instant = std::chrono::steady_clock::time_point;
    using Duration = std::chrono::steady_clock::duration;

    enum class Room { free, connections_full, descriptors_full };

    /// What a connection takes; release() it when the connection ends.
    struct Slot {
        std::size_t listener = 0;
        bool reserved = false; ///< its descriptor belongs to the reserve
    };

    /// `max_connections`: 1 or more. `descriptors`: as descriptors_for_connections().
    Admission(std::size_t max_connections, int descriptors) noexcept;
    /// The same, for connections from now on.
    void set_limits(std::size_t max_connections, int descriptors) noexcept;
    /// The number of the new listener.
    [[nodiscard]] std::size_t add_listener();

    /// A connection of `listener` was accepted as descriptor `fd`.
    [[nodiscard]] Slot admit(std::size_t listener, int fd) noexcept;
    /// The connection has ended.
    void release(Slot slot) noexcept;

    [[nodiscard]] std::size_t connections() const noexcept { return connections_; }
    [[nodiscard]] std::size_t connections(std::size_t listener) const { return of_listener_.at(listener); }

    /// Is there room for the next connection of `listener`?
    [[nodiscard]] Room room(std::size_t listener) const noexcept;

    /// Whether to look for idle connections now, when there is no room.
    [[nodiscard]] bool may_search(Instant now) const noexcept { return now >= search_again_; }
    /// The listener whose connections are closed for a new one of `listener`.
    [[nodiscard]] std::size_t makes_room(std::size_t listener) const noexcept;
    /// Which of that listener's connections to close: indices into `idle`, longest idle first. `idle` has one
    /// element for each connection: how long it has been idle, or nullopt while it waits for an answer or for
    /// its turn.
    [[nodiscard]] std::vector<std::size_t> choose(std::span<const std::optional<Duration>> idle, Instant now);

private:
    [[nodiscard]] bool descriptors_are_short() const noexcept;

    std::size_t max_connections_;
    int descriptors_;
    std::vector<std::size_t> of_listener_; ///< connections
    std::size_t connections_ = 0;          ///< of all listeners
    std::size_t reserved_ = 0;             ///< of these, with a descriptor of the reserve
    std::size_t crowd_ = 0;                ///< connections_ when the first reserved descriptor was taken
    Instant search_again_{};
};

} // namespace server
