// daemon/memory_reserve.hpp - memory kept in reserve for the moment when no more can be allocated.
//
// The first allocation that fails releases the reserve and then succeeds, and so can the work that is
// running. After that no new lookup starts until the reserve has been allocated again. Process-wide: one
// object at a time. It helps operator new only; C libraries report their own failures. Any thread may
// allocate; available() belongs to one thread.
#pragma once

#include "base/clock.hpp"
#include "events/sink.hpp"

#include <cstddef>

namespace app {

class MemoryReserve {
public:
    /// Enough to finish what is running: some thousand lookups.
    static constexpr std::size_t octets = 8 * 1024 * 1024;
    /// Time between two attempts to allocate the reserve again.
    static constexpr base::milliseconds retry{1000};

    /// `clock` and `events` outlive it.
    MemoryReserve(base::Clock& clock, events::Sink& events);
    ~MemoryReserve();
    MemoryReserve(const MemoryReserve&) = delete;
    MemoryReserve& operator=(const MemoryReserve&) = delete;

    /// False after the reserve was used, until this function has allocated it again. Both changes are
    /// logged. Throws nothing.
    [[nodiscard]] bool available() noexcept;

private:
    base::Clock& clock_;
    events::Sink& events_;
    base::Steady try_at_{};
    bool short_ = false;
};

} // namespace app
