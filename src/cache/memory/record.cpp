#include "cache/memory/record.hpp"

#include <algorithm>
#include <utility>

namespace cache {

namespace {

std::uint32_t failing_of(const dane::State& dane) noexcept {
    if (dane.failed_since == Instant{}) return 0;
    const std::int64_t minutes = (std::max(dane.failed_since, dane.known_at) - dane.known_at).count() / 60;
    return static_cast<std::uint32_t>(std::min<std::int64_t>(minutes + 1, DomainRecord::longest_failing));
}

} // namespace

QueriedPolicy DomainRecord::asked() const {
    // All members are initialised directly: to set them to zero first would take longer than finding the
    // record.
    return {{policy,
             unpack(fetched_at),
             ahead ? unpack(expires) - policy->policy.max_age : Instant{},
             over ? Instant{} : unpack(txt_checked),
             seconds{txt_ttl},
             unpack(last_asked),
             {static_cast<dane::Advice>(dane), unpack(dane_known_at), unpack(dane_check_at),
              dane_failing == 0 ? Instant{} : unpack(dane_known_at) + seconds{60} * (dane_failing - 1)}},
            rest && rest->gets.failures > 0 ? rest->gets.reason : base::Reason::none};
}

Entry DomainRecord::entry() const {
    Entry e;
    static_cast<PolicyState&>(e) = asked();
    e.txt_id = id();
    e.agenda_at = unpack(agenda_at);
    e.record_gone = record_gone;
    if (over) e.over_since = seconds{txt_checked};
    if (rest)
        e.gets = rest->gets;
    else
        e.gets.last = e.fetched_at;
    return e;
}

std::unique_ptr<DomainRecord::Rest> DomainRecord::make_rest(const Entry& e, std::size_t room) {
    const bool apart = e.txt_id.size() > room;
    const bool got = e.gets == Attempts{unpack(pack(e.fetched_at)), 0, base::Reason::none, {}};
    if (got && !apart) return nullptr;
    return std::make_unique<Rest>(Rest{e.gets, apart ? e.txt_id : std::string{}});
}

void DomainRecord::set(const Entry& e, std::unique_ptr<Rest> rest_) noexcept {
    policy = e.policy;
    rest = std::move(rest_);
    fetched_at = pack(e.fetched_at);
    ahead = e.ahead_since != Instant{};
    expires = pack(counted_from(e) + policy->policy.max_age);
    over = e.over_since != seconds{0};
    record_gone = e.record_gone;
    txt_checked = over ? pack(e.over_since.count()) : pack(e.txt_checked);
    txt_ttl = std::min(pack(e.txt_ttl.count()), longest_ttl) & longest_ttl;
    last_asked = pack(e.last_asked);
    dane = static_cast<std::uint32_t>(e.dane.advice) & 3U;
    // For such an old verdict only the beginning of the failures matters, not its age.
    const bool failing = e.dane.failed_since != Instant{};
    const Instant oldest = e.dane.failed_since - seconds{60} * (longest_failing - 1);
    dane_known_at = pack(failing ? std::max(e.dane.known_at, oldest) : e.dane.known_at);
    dane_check_at = pack(e.dane.check_at);
    dane_failing = failing_of(e.dane) & longest_failing;
    id_apart = e.txt_id.size() > room();
    id_size = static_cast<std::uint8_t>(id_apart ? 0 : e.txt_id.size());
    std::ranges::copy_n(e.txt_id.data(), id_size, text() + name_size);
}

} // namespace cache
