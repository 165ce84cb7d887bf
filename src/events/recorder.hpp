// events/recorder.hpp - what becomes of an event: it is counted, remembered and written to the log, and lines
// that would repeat themselves are held back as the table says.
//
// One for each thread that answers, one for the back thread, one for the store: events of one kind come to it
// from one thread at a time (events/counts.hpp). The history belongs to its recorder.
#pragma once

#include "base/clock.hpp"
#include "base/repeats.hpp"
#include "events/counts.hpp"
#include "events/history.hpp"
#include "events/sink.hpp"

#include <map>
#include <utility>

namespace events {

class Recorder final : public Sink {
public:
    /// All outlive it; `history` may be null.
    Recorder(Sink& log, const base::Clock& clock, History* history = nullptr);

    void emit(const Event& event) override;
    [[nodiscard]] bool wants(base::Level level) const noexcept override { return log_.wants(level); }
    void count(Id kind) noexcept override { counts_.add(kind); }

    [[nodiscard]] const Counts& counts() const noexcept { return counts_; }

private:
    void emit_limited(const Event& event);

    Sink& log_;
    const base::Clock& clock_;
    History* history_;
    Counts counts_;
    /// Each level for itself: a line that is only for the record never holds back one to be looked at.
    std::map<std::pair<Id, base::Level>, base::Repeats> limits_;
};

} // namespace events
