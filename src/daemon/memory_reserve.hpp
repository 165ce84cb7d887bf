// daemon/memory_reserve.hpp - memory put aside for the moment when there is none left.
//
// The first allocation that fails gets the reserve back and succeeds, and so does all that is under way; from
// then on no new search is begun until the reserve could be put aside again. Process-wide: one object at a
// time. Only operator new is helped; libraries in C report their own failures. Any thread may allocate;
// available() belongs to one.
#pragma once

#include "base/clock.hpp"
#include "events/sink.hpp"

#include <cstddef>

namespace app {

class MemoryReserve {
public:
    /// Enough for what is under way to end: some thousand lookups.
    static constexpr std::size_t octets = 8 * 1024 * 1024;
    /// Between two attempts to put it aside again.
    static constexpr base::milliseconds retry{1000};

    /// `clock` and `events` outlive it.
    MemoryReserve(base::Clock& clock, events::Sink& events);
    ~MemoryReserve();
    MemoryReserve(const MemoryReserve&) = delete;
    MemoryReserve& operator=(const MemoryReserve&) = delete;

    /// False from the moment the reserve was needed until it is whole again, which is tried here. Says both
    /// in the log. Throws nothing.
    [[nodiscard]] bool available() noexcept;

private:
    base::Clock& clock_;
    events::Sink& events_;
    base::Steady try_at_{};
    bool short_ = false;
};

} // namespace app
