// daemon/kept_state.hpp - what outlives the daemon besides the policies, put together: state.db with its keeper, the
// overrides in use, observe's sums, and since when domains are protected. Belongs to the back thread.
#pragma once

#include "base/clock.hpp"
#include "config/config.hpp"
#include "events/recorder.hpp"
#include "lookup/observed_sums.hpp"
#include "state/book.hpp"
#include "state/keeper.hpp"
#include "state/protection.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace app {

class KeptState {
public:
    struct Parts { // all outlive it
        events::Sink& events;
        events::Sink& log; ///< behind the recorder of the keeper's thread
        const base::Clock& clock;
        base::Timers& timers;
        std::function<void(std::function<void()>)> post; ///< to the back thread, from any
        std::function<void()> changed;                   ///< there are other overrides
    };

    /// Reads state.db, and makes the overrides ready for the first question. Throws std::runtime_error with a message
    /// for the operator.
    KeptState(Parts parts, const config::Config& config);
    ~KeptState();
    KeptState(const KeptState&) = delete;
    KeptState& operator=(const KeptState&) = delete;

    /// For whoever learns policies: passes all events on, and notes since when domains are protected.
    [[nodiscard]] events::Sink& watch() noexcept { return watch_; }
    /// Counts what happens on the keeper's thread.
    [[nodiscard]] const events::Recorder& recorder() const noexcept { return recorder_; }
    [[nodiscard]] state::Book& book() noexcept { return *book_; }
    [[nodiscard]] state::Keeper& keeper() noexcept { return *keeper_; }
    [[nodiscard]] const state::Book::Set& overrides() const noexcept { return book_->current(); }

    /// Words when a new configuration cannot be used.
    [[nodiscard]] base::Expected<void, std::string> check(const config::Config& next) const {
        return book_->check(next.overrides);
    }
    void configure(const config::Config& next);
    /// Events that say what is not as usual: at the start, and after a reload.
    void report() const;
    /// The same for `systemctl status`; "" nothing.
    [[nodiscard]] std::string status() const;

    void add(lookup::ObservedSums::Taken taken);
    /// Everything is on the disk afterwards, as far as the disk takes it.
    void stop() { keeper_->stop(); }

private:
    Parts parts_;
    bool observe_;
    bool in_use_ = false;       ///< somebody has got the overrides
    events::Recorder recorder_; ///< of the keeper's thread
    state::ProtectionWatch watch_;
    std::unique_ptr<state::Keeper> keeper_;
    std::optional<state::Book> book_;
};

} // namespace app
