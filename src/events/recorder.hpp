// events/recorder.hpp - counts, remembers and logs events; holds back lines that repeat, as the table says.
//
// Readers of the tap get each event at once, also those that the log holds back.
// One for each thread that answers, one for the back thread, one for the store. Only one thread at a time
// emits events of one kind to a recorder (events/counts.hpp). The history belongs to its recorder.
#pragma once

#include "base/clock.hpp"
#include "base/repeats.hpp"
#include "events/counts.hpp"
#include "events/history.hpp"
#include "events/sink.hpp"
#include "events/tap.hpp"

#include <map>
#include <utility>

namespace events {

class Recorder final : public Sink {
public:
    /// All outlive it; `history` and `tap` may be null.
    Recorder(Sink& log, const base::Clock& clock, History* history = nullptr, Tap* tap = nullptr);

    void emit(const Event& event) override;
    [[nodiscard]] bool wants(base::Level level) const noexcept override {
        return log_.wants(level) || (level != base::Level::debug && watched());
    }
    void count(Id kind) noexcept override { counts_.add(kind); }

    [[nodiscard]] const Counts& counts() const noexcept { return counts_; }

private:
    [[nodiscard]] bool watched() const noexcept { return tap_ != nullptr && tap_->watched(); }
    void emit_limited(const Event& event);

    Sink& log_;
    const base::Clock& clock_;
    History* history_;
    Tap* tap_;
    Counts counts_;
    /// One for each level, so that an info line never holds back a warning.
    std::map<std::pair<Id, base::Level>, base::Repeats> limits_;
};

} // namespace events
