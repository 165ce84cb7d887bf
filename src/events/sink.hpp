// events/sink.hpp - the port for events: the code that notices something only emits the event.
#pragma once

#include "base/log_port.hpp"
#include "events/event.hpp"

namespace events {

/// Each implementation says which threads may call it. None waits for a disk or a socket.
class Sink {
public:
    virtual ~Sink() = default;
    /// May throw std::bad_alloc.
    virtual void emit(const Event& event) = 0;
    /// False when an event of this level is not written anywhere, so its texts need not be made: call count()
    /// instead of emit().
    [[nodiscard]] virtual bool wants(base::Level level) const noexcept = 0;
    /// Instead of emit(), for an event that is not wanted.
    virtual void count(Id kind) noexcept = 0;

protected:
    Sink() = default;
    Sink(const Sink&) = default;
    Sink& operator=(const Sink&) = default;
};

} // namespace events
