#include "cache/table.hpp"

#include "base/keyed_hash.hpp"
#include "cache/memory/absence_table.hpp"
#include "cache/memory/interner.hpp"
#include "cache/memory/policy_table.hpp"

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace cache {

namespace {

/// A name that was a Domain when it came in.
base::Domain domain_of(std::string_view name) { return base::Domain::parse(name).value(); }

} // namespace

struct Table::Impl {
    explicit Impl(Limits limits, base::SipKey key = base::random_sip_key())
        : max_policies(limits.max_policies), policies(key), absences(key, limits.max_absences), texts(key) {}

    /// Every member that changes what is known of a domain calls this afterwards. The hash needs no key: if
    /// names share a counter, their remembered answers are only looked up once more.
    [[nodiscard]] std::atomic<std::uint32_t>& changes_of(const base::Domain& domain) {
        return changes[std::hash<std::string_view>{}(domain.name()) % changes.size()];
    }
    void changed(const base::Domain& domain) { changes_of(domain).fetch_add(1, std::memory_order_release); }
    void all_changed() {
        for (auto& count : changes) count.fetch_add(1, std::memory_order_release);
    }

    std::array<std::atomic<std::uint32_t>, 256> changes{};
    std::atomic<std::size_t> max_policies;
    std::atomic<bool> complete{true};
    PolicyTable policies;
    AbsenceTable absences;
    Interner texts;
};

Table::Table(Limits limits) : impl_(std::make_unique<Impl>(limits)) {}
Table::~Table() = default;

// Policies are looked at before absences, and put() adds the policy before it removes the absence, so that a
// reader never sees a domain with a policy as unknown.
Knowledge Table::find(const base::Domain& domain) const {
    if (auto entry = impl_->policies.find(domain.name())) return std::move(*entry);
    if (auto absence = impl_->absences.find(domain.name())) return std::move(*absence);
    return std::monostate{};
}

QueryResult Table::ask(const base::Domain& domain, Instant now) {
    QueryResult told;
    if (auto asked = impl_->policies.ask(domain.name(), now)) {
        const bool over = expired(*asked, now);
        told.emplace<QueriedPolicy>(std::move(*asked));
        if (!over) return told;
    }
    if (auto absence = impl_->absences.ask(domain.name(), now)) told.emplace<Absence>(std::move(*absence));
    return told;
}

Version Table::version(const base::Domain& domain) const noexcept {
    return Version{impl_->changes_of(domain)};
}

std::optional<Evicted> Table::put(const base::Domain& domain, Entry entry, Instant now) {
    impl_->policies.put(domain.name(), entry);
    impl_->absences.erase(domain.name());
    impl_->changed(domain);
    return make_room(now);
}

std::optional<Evicted> Table::make_room(Instant now) {
    if (impl_->policies.size() <= impl_->max_policies.load(std::memory_order_relaxed)) return std::nullopt;
    const auto victim = impl_->policies.evict(now);
    if (!victim) return std::nullopt;
    Evicted gone{domain_of(victim->first), victim->second};
    impl_->changed(gone.domain);
    return gone;
}

void Table::put(const base::Domain& domain, Absence absence) {
    impl_->absences.put(domain.name(), std::move(absence));
    impl_->changed(domain);
}

std::optional<Absence> Table::absence(const base::Domain& domain) const {
    return impl_->absences.find(domain.name());
}

bool Table::update(const base::Domain& domain, const std::function<void(Entry&)>& change) {
    const bool there = impl_->policies.update(domain.name(), change);
    if (there) impl_->changed(domain);
    return there;
}

void Table::erase(const base::Domain& domain) {
    impl_->policies.erase(domain.name());
    impl_->absences.erase(domain.name());
    impl_->changed(domain);
}

bool Table::erase(const base::Domain& domain, Instant fetched_at) {
    if (!impl_->policies.erase(domain.name(), fetched_at)) return false;
    impl_->absences.erase(domain.name());
    impl_->changed(domain);
    return true;
}

std::vector<Table::Seen> Table::slice(Cursor& cursor) const {
    std::vector<Seen> some;
    std::vector<NamedEntry> named = impl_->policies.slice(cursor);
    some.reserve(named.size());
    for (NamedEntry& one : named) some.push_back({domain_of(one.name), std::move(one.entry), one.place});
    return some;
}

std::optional<Table::Seen> Table::at(Place place) const {
    std::optional<NamedEntry> found = impl_->policies.at(place);
    if (!found) return std::nullopt;
    return Seen{domain_of(found->name), std::move(found->entry), place};
}

void Table::for_each(const std::function<void(const base::Domain&, const Entry&)>& visit) const {
    for (Cursor cursor; !cursor.over();)
        for (const Seen& seen : slice(cursor)) visit(seen.domain, seen.entry);
}

void Table::schedule(const std::function<Instant(Entry&)>& when) {
    impl_->policies.schedule(when);
    impl_->all_changed();
}

std::optional<Instant> Table::next_due() const { return impl_->policies.next_due(); }

std::optional<base::Domain> Table::take_due(Instant now) {
    const std::optional<std::string> due = impl_->policies.take_due(now);
    if (!due) return std::nullopt;
    return domain_of(*due);
}

bool Table::complete() const noexcept { return impl_->complete.load(std::memory_order_acquire); }
void Table::set_complete(bool complete) noexcept {
    impl_->complete.store(complete, std::memory_order_release);
}

std::size_t Table::policy_count() const { return impl_->policies.size(); }
std::size_t Table::absence_count() const { return impl_->absences.size(); }

void Table::set_limits(Limits limits) {
    impl_->max_policies.store(limits.max_policies, std::memory_order_relaxed);
    impl_->absences.set_most(limits.max_absences);
}

base::Expected<PolicyPtr, sts::PolicyError> Table::intern(std::string_view text) {
    return impl_->texts.intern(text);
}

} // namespace cache
