// base/repeats.hpp - keeps a line that would be written again and again down to one a window. Pure.
//
// A key stands for "the same line" (an event and what it is about). The first is written, further ones within
// the window are counted; the first after the window is written with that count. Only repetition is limited:
// lines with different keys do not hold each other back. Not thread-safe: the caller guards it.
//
// Of a key a keyed hash of 64 bits is kept, so that a key takes under 200 octets however long it is, and
// nobody can choose keys that slow it down or are taken for one another.
#pragma once

#include "base/clock.hpp"
#include "base/keyed_hash.hpp"

#include <cstddef>
#include <cstdint>
#include <list>
#include <string_view>
#include <unordered_map>

namespace base {

class Repeats {
public:
    struct Verdict {
        bool write = false;
        std::uint64_t suppressed_since =
            0; ///< lines not written since the last one that was; 0 unless `write`
        friend bool operator==(const Verdict&, const Verdict&) = default;
    };

    /// At most `max_keys` (at least 1) are remembered; then the one written longest ago is forgotten with its
    /// count.
    Repeats(seconds window, std::size_t max_keys);
    Repeats(Repeats&&) = default;
    Repeats& operator=(Repeats&&) = default;

    [[nodiscard]] Verdict allow(std::string_view key, Steady now);

    [[nodiscard]] std::size_t size() const noexcept { return by_key_.size(); }

private:
    struct Seen {
        std::uint64_t key = 0; ///< its keyed hash
        Steady written{};
        std::uint64_t suppressed = 0;
    };
    using Order = std::list<Seen>; ///< written longest ago first

    seconds window_;
    std::size_t max_keys_;
    Order order_;
    std::unordered_map<std::uint64_t, Order::iterator, HashedAlready> by_key_;
};

} // namespace base
