// tests/support/learner_world.hpp - the real learner, DANE lookup and table over the ports' fakes, on the
// calling thread.
//
// Nothing moves but when the test calls run() or pass(): time is turned by hand, DNS and HTTPS answer what the
// test set, the store commits when the test says so. lookup_world.hpp is the larger world: with the real
// store, refresher and service.
#pragma once

#include "cache/table.hpp"
#include "events/recorder.hpp"
#include "lookup/learner.hpp"
#include "support/fake_fetcher.hpp"
#include "support/fake_resolver.hpp"
#include "support/fake_store.hpp"
#include "support/lookup_world.hpp"
#include "support/manual_time.hpp"
#include "support/memory_log.hpp"

#include <boost/asio/io_context.hpp>

#include <string>

namespace test {

class LearnerWorld {
public:
    /// How events reach `log`.
    enum class Events {
        all,      ///< each of them
        recorded, ///< through `recorder`, which limits how often a line is written
    };
    explicit LearnerWorld(Events events = Events::all)
        : learner({io.get_executor(),
                   resolver,
                   fetcher,
                   dane,
                   store,
                   table,
                   time,
                   time,
                   events == Events::all ? static_cast<events::Sink&>(log) : recorder,
                   {},
                   [this] { ++bursts; }},
                  {}) {}
    LearnerWorld(const LearnerWorld&) = delete;
    LearnerWorld& operator=(const LearnerWorld&) = delete;

    /// `domain` has this record, and its policy host an enforced policy.
    void publish(long max_age = 86400) {
        resolver.txt("_mta-sts.a.example", {"v=STSv1; id=1;"});
        serve(max_age);
    }
    void serve(long max_age) {
        fetcher.set("mta-sts.a.example", policy_text("enforce", {"mx.a.example"}, max_age));
    }

    /// Does what can be done without time passing.
    void run() {
        io.restart();
        io.poll();
    }
    /// Lets time pass, and makes every delayed call at its time.
    void pass(base::seconds by) {
        const auto end = time.passed() + by;
        while (time.next_call() && *time.next_call() <= end) {
            time.make_next_call();
            run();
        }
        time.move_to(end);
    }

    boost::asio::io_context io;
    ManualTime time;
    MemoryLog log;
    events::History history; ///< of what went through `recorder`
    events::Recorder recorder{log, time, &history};
    FakeResolver resolver;
    FakeFetcher fetcher;
    FakeStore store;
    cache::Table table{cache::Limits{}};
    lookup::DaneLookup dane{io.get_executor(), resolver};
    unsigned bursts = 0; ///< of flights, that have ended
    lookup::Learner learner;
    const base::Domain domain = *base::Domain::parse("a.example");
};

} // namespace test
