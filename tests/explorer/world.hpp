// tests/explorer/world.hpp - the real steps, learner, refresher, service, DANE lookup and table, between a
// network and a disk made of variables, with clocks set by the search. One domain, one act at a time; the ledger
// is asked after each.
#pragma once

#include "explorer/disk.hpp"
#include "explorer/events.hpp"
#include "explorer/hands.hpp"
#include "explorer/ledger.hpp"
#include "explorer/oracle.hpp"

#include "cache/table.hpp"
#include "lookup/service.hpp"

#include <boost/asio/io_context.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace explorer {

class World {
public:
    explicit World(Oracle& oracle);
    ~World();
    World(const World&) = delete;
    World& operator=(const World&) = delete;

    /// The beginning: nothing known, nothing stored, the resolver does not validate.
    void reset();

    /// Can this happen now, and would it change anything?
    [[nodiscard]] bool possible(Act act) const;
    void happen(Act act);

    [[nodiscard]] const std::string& problem() const { return ledger_.problem(); }
    /// Everything that the future depends on, with times relative to now, ids and policies by the order in which
    /// they come: two worlds with the same state continue in the same way.
    [[nodiscard]] std::string state() const;

    /// Memory, disk and clocks in one line, for people.
    [[nodiscard]] std::string describe() const;

    /// Replies and log lines go to standard output.
    void be_verbose(bool verbose) { verbose_ = verbose; }

private:
    friend class Network;
    struct Parts;
    class EventLog;
    enum class Resolver : std::uint8_t { not_validating, unknown, validating };

    [[nodiscard]] cache::Tuning tuning() const;
    [[nodiscard]] lookup::ServiceOptions options() const;
    void start(bool late);
    void stop();
    template <class Work>
    void survive(Work work);
    void make_next_call();
    void settle();
    [[nodiscard]] Seen seen() const;
    [[nodiscard]] base::seconds running_time() const; ///< of the daemon, all runs together
    void pass(base::seconds duration) { pass_to(hands_.passed() + duration); }
    void pass_to(Micros at);
    void run(Act act);
    void query();
    void replied(const std::string& reply, Asked asked);
    void evict();
    void make_room();
    void read_late();
    void deliver();
    [[nodiscard]] double draw();
    [[nodiscard]] bool memory_left();
    void run_out(Memory when); ///< throws when it is so
    void resolver(Resolver now);
    void jump(base::seconds by);
    /// How far the end of the policy in memory lies ahead; none: there is none, or it is over.
    [[nodiscard]] std::optional<base::seconds> to_the_end() const;

    Oracle& oracle_;
    Hands hands_;
    Ledger ledger_{hands_};
    Disk disk_{hands_, oracle_};
    std::unique_ptr<EventLog> log_;
    cache::Table table_{cache::Limits{1, 10}};
    std::unique_ptr<boost::asio::io_context> io_;
    std::unique_ptr<Parts> parts_;
    Resolver resolver_ = Resolver::not_validating;
    std::vector<Asked> waiting_;
    std::optional<cache::Row> late_; ///< read by the disk, not yet given to the daemon
    // The network.
    std::size_t id_ = 1;   ///< of the TXT record
    bool id_seen_ = false; ///< it was in an answer
    bool renewed_ = false; ///< in this event
    std::size_t gets_aloft_ = 0;
    Micros commit_ends_{};         ///< nobody waits longer for what the disk never heard of
    base::seconds noticed_off_{0}; ///< the wall clock's when the daemon last looked
    cache::Version known_;         ///< what the ledger was asked about last
    std::size_t disk_changes_ = 0;
    bool starting_ = false;
    bool verbose_ = false;
};

} // namespace explorer
