// cache/store.hpp - the port to what outlives the process. One row per policy domain; its policy text is the
// authority.
//
// save() and forget() queue and return at once; they are safe from any thread. Writes reach the disk in order
// and in batches (group commit). The tests' fake is tests/support/fake_store.hpp.
#pragma once

#include "base/clock.hpp"
#include "base/domain.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace cache {

struct Row {
    base::Domain domain;
    std::string policy_text; ///< as served
    std::string txt_id;
    base::Instant fetched_at{};
    base::Instant last_asked{};
    base::Instant dane_at{}; ///< when its MX hosts were last found secured by DANE; epoch: they are not
    base::Instant dane_failed_at{}; ///< the first lookup that failed since; epoch: none did
    base::Instant ahead_since{};    ///< fetched_at lies in the future, known since then; epoch: no
    base::seconds over_since{};     ///< as in cache::Entry
};

class Store {
public:
    virtual ~Store() = default;
    /// Calls `done` once, on the store's thread: true after the row is safely on the disk, false when it
    /// could not be written (the failure has been logged; the caller goes on from memory). May be empty.
    virtual void save(Row row, std::function<void(bool)> done) = 0;
    /// Removes the domain's row if it was fetched at that time: a newer one that was saved meanwhile, or
    /// comes from elsewhere, stays. Without a time: any row saved before.
    virtual void forget(base::Domain domain, std::optional<base::Instant> fetched_at) = 0;
    /// Remembers how long the daemon has been running, all runs together. May be lost.
    virtual void note_running(base::seconds total) { (void)total; }
};

} // namespace cache
