// cache/table.hpp - the memory table: what is known of every domain, readable in microseconds from any
// thread.
//
// Policies and absences are separate: a flood of junk names fills only the bounded absences. Policies are
// bounded, too: expired ones are evicted first, then modes none and testing, then the longest unasked; an
// unexpired enforce policy is evicted last (how: cache/memory/policy_table.hpp). Identical policy texts are
// held once. Every member is safe to call from any thread and holds a lock only for the time of a hash
// lookup; the bound on policies is exact when one thread puts. About 140 octets per domain, plus its share of
// the text. TXT record ids have at most 255 octets.
#pragma once

#include "base/domain.hpp"
#include "base/expected.hpp"
#include "cache/cursor.hpp"
#include "cache/entry.hpp"
#include "cache/version.hpp"

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace cache {

struct Limits {
    std::size_t max_policies = 1'000'000;
    std::size_t max_absences = 200'000;
};

/// A policy that was evicted to make room.
struct Evicted {
    base::Domain domain;
    Instant fetched_at;
};
/// Nothing known, a policy, or a known absence.
using Knowledge = std::variant<std::monostate, Entry, Absence>;
/// The same, reduced to what a query needs.
using QueryResult = std::variant<std::monostate, QueriedPolicy, Absence>;

class Table {
public:
    explicit Table(Limits limits);
    ~Table();
    Table(const Table&) = delete;
    Table& operator=(const Table&) = delete;

    /// What is known of `domain`, current or not: the policy if there is one. Does not count as a query.
    [[nodiscard]] Knowledge find(const base::Domain& domain) const;

    /// As find(), for a client's query: notes `now` as last_asked, at most once a minute.
    [[nodiscard]] QueryResult ask(const base::Domain& domain, Instant now);

    /// Read it before ask(): while it is current, ask() would give the same. (Evictions of absences do not
    /// count.)
    [[nodiscard]] Version version(const base::Domain& domain) const noexcept;

    /// Puts a policy, which replaces everything known of the domain. Keeps the newer last_asked of the two,
    /// and the domain's place on the agenda. Returns what had to go to make room, if anything (the caller
    /// removes it from the store). That may be `domain` itself: a policy of mode none does not push out an
    /// enforced one. Throws std::invalid_argument without a policy.
    std::optional<Evicted> put(const base::Domain& domain, Entry entry, Instant now);

    /// Evicts one policy, in the same order, when there are more than the limit (which may have been
    /// lowered): call until it returns none, in slices.
    std::optional<Evicted> make_room(Instant now);

    /// Notes an absence. Never replaces a policy: if an expired policy is kept, ask() gives the absence; if a
    /// current one is known, the absence has no effect. The oldest absence is evicted.
    void put(const base::Domain& domain, Absence absence);
    /// The absence noted for `domain`, even if there is a policy, too. Does not count as a query.
    [[nodiscard]] std::optional<Absence> absence(const base::Domain& domain) const;

    /// Changes a policy's bookkeeping in place, under the lock; false when there is no policy for the domain.
    bool update(const base::Domain& domain, const std::function<void(Entry&)>& change);

    /// Forgets the domain's policy; its absence, if any, too.
    void erase(const base::Domain& domain);
    /// Forgets only the policy that was fetched at that time; false: there is none.
    bool erase(const base::Domain& domain, Instant fetched_at);

    // The refresher's agenda: each domain is on it at most once, at its entry's agenda_at, and is removed
    // with its entry. put() of a new domain and update() may set that time.
    /// Sets the time of every domain to what `when` says; the epoch: not on the agenda. Of the entry `when`
    /// may change ahead_since and over_since alone. It is called under a lock: no call may come back to the
    /// table.
    void schedule(const std::function<Instant(Entry&)>& when);
    /// The earliest time on the agenda.
    [[nodiscard]] std::optional<Instant> next_due() const;
    /// Takes the domain with the earliest time off the agenda, if that is not after `now`.
    [[nodiscard]] std::optional<base::Domain> take_due(Instant now);

    /// A policy, as it was when a walk came to it.
    struct Seen {
        base::Domain domain;
        Entry entry;
        Place place;
    };
    /// The next slice of a walk over all policies: at most 1,500, perhaps none although the walk is not over,
    /// and none after its end. Nothing is held between two slices. A policy that is there during the whole
    /// walk is seen exactly once; one that comes or goes meanwhile, once or not at all, unless it was
    /// forgotten and came back.
    [[nodiscard]] std::vector<Seen> slice(Cursor& cursor) const;
    /// The policy seen at `place`, as it is now; none: it has been forgotten. The place must come from this
    /// table.
    [[nodiscard]] std::optional<Seen> at(Place place) const;
    /// Visits all policies in such a walk. No lock is held during `visit`.
    void for_each(const std::function<void(const base::Domain&, const Entry&)>& visit) const;

    [[nodiscard]] std::size_t policy_count() const;
    [[nodiscard]] std::size_t absence_count() const;
    /// A lower limit for absences takes effect at once, one for policies as make_room() and put() are called.
    void set_limits(Limits limits);

    /// False while the owner is still loading stored policies: a domain that is not found may then still have
    /// one. True at first.
    [[nodiscard]] bool complete() const noexcept;
    void set_complete(bool complete) noexcept;

    /// The one PolicyText for this text: parsed once, shared while anybody holds it.
    [[nodiscard]] base::Expected<PolicyPtr, sts::PolicyError> intern(std::string_view text);

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace cache
