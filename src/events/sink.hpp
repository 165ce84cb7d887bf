// events/sink.hpp - the port for what happens: who notices something emits the event, and nothing else.
#pragma once

#include "base/log_port.hpp"
#include "events/event.hpp"

namespace events {

/// Which threads may call is said by each; nobody waits for a disk or a socket in it.
class Sink {
public:
    virtual ~Sink() = default;
    /// May throw std::bad_alloc.
    virtual void emit(const Event& event) = 0;
    /// False when an event of this level is written nowhere, so that its texts need not be made. Then
    /// count() does.
    [[nodiscard]] virtual bool wants(base::Level level) const noexcept = 0;
    /// In place of emit() for an event that is not wanted.
    virtual void count(Id kind) noexcept = 0;

protected:
    Sink() = default;
    Sink(const Sink&) = default;
    Sink& operator=(const Sink&) = default;
};

} // namespace events
