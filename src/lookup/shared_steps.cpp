#include "lookup/shared_steps.hpp"

#include "base/record_fields.hpp"
#include "sts/record.hpp"

#include <algorithm>
#include <utility>

namespace lookup {

using base::Instant;
using base::seconds;
using base::Steady;
using cache::Absence;
using cache::Entry;
using cache::SharedPolicy;
using Step = SharedTurn::Step;

namespace {

/// A policy at hand that is good for less than this is fetched as if there were none.
constexpr seconds room_to_wait{600};

bool shows(const TxtOutcome* txt, std::string_view id) { return txt != nullptr && txt->id && *txt->id == id; }

bool is_id(std::string_view id) {
    return !id.empty() && id.size() <= sts::max_id && std::ranges::all_of(id, base::is_letter_or_digit);
}

bool is_newer(const SharedPolicy& found, const Entry& ours, const TxtOutcome* txt) {
    const Instant at = cache::counted_from(ours);
    if (found.fetched_at != at) return found.fetched_at > at;
    return found.policy_text > ours.policy->text || (shows(txt, found.txt_id) && ours.txt_id != found.txt_id);
}

bool is_newer(const SharedPolicy& found, const cache::Knowledge& known, const TxtOutcome* txt) {
    if (const auto* entry = std::get_if<Entry>(&known)) return is_newer(found, *entry, txt);
    const auto* absence = std::get_if<Absence>(&known);
    // A successful GET that left no policy has withdrawn it (RFC 8461 section 5.1, max_age 0).
    const bool withdrawn = absence && absence->gets.failures == 0 && absence->gets.last != Instant{};
    return !withdrawn || found.fetched_at > absence->gets.last;
}

} // namespace

std::string_view to_string(Worth worth) noexcept {
    switch (worth) {
    case Worth::take: return "taken";
    case Worth::other_id: return "other-id";
    case Worth::older: return "older";
    case Worth::future: return "future";
    case Worth::unreadable: return "unreadable";
    case Worth::expired: return "expired";
    }
    return "unreadable";
}

Worth worth_parsing(const SharedPolicy& found, const cache::Knowledge& known, const TxtOutcome* txt,
                    Instant now) {
    if (!is_id(found.txt_id)) return Worth::unreadable;
    if (found.fetched_at > now + max_ahead) return Worth::future;
    if (txt != nullptr && txt->id && *txt->id != found.txt_id) return Worth::other_id;
    return is_newer(found, known, txt) ? Worth::take : Worth::older;
}

Worth worth_taking(const SharedPolicy& found, const sts::Policy& policy, Instant now) {
    return now >= std::min(found.fetched_at, now) + policy.max_age ? Worth::expired : Worth::take;
}

Entry adopted(const cache::Knowledge& before, cache::PolicyPtr policy, const SharedPolicy& found,
              const TxtOutcome* txt, Instant now) {
    const auto* const old = std::get_if<Entry>(&before);
    const bool shown = shows(txt, found.txt_id);
    const bool same_text = old && old->policy->text == policy->text;
    static const TxtOutcome not_asked{base::unexpected(base::Reason::none), std::nullopt};
    Entry entry = fetched(before, std::move(policy), found.txt_id, shown ? *txt : not_asked,
                          std::min(found.fetched_at, now));
    if (!old) entry.last_asked = now;
    entry.txt_checked = shown ? now : Instant{};
    if (shown || !same_text) return entry;
    entry.txt_id = old->txt_id;
    entry.txt_checked = old->txt_checked;
    entry.txt_ttl = old->txt_ttl;
    return entry;
}

bool ask_beside(const cache::Knowledge& known, Why why, Instant now) {
    return why != Why::by_hand && !current_policy(known, now);
}

cache::Lease lease_for(const cache::Knowledge& known, Why why, std::string_view id, Instant now) {
    if (why != Why::daily || !current_policy(known, now)) return cache::Lease::fetch;
    const auto& entry = std::get<Entry>(known);
    const bool can_wait = entry.txt_id == id && cache::expires_at(entry, now) - now >= room_to_wait;
    return can_wait ? cache::Lease::refresh : cache::Lease::fetch;
}

Step SharedTurn::looked(Look result, Steady now) {
    if (result == Look::fits) return Step::take;
    if (result == Look::trouble) return Step::get;
    if (lost_) return next_wait(now);
    return ask_lease_ ? Step::lease : Step::get;
}

Step SharedTurn::asked(Won result, Steady now) {
    if (result != Won::no) return Step::get;
    if (lease_ == cache::Lease::refresh) return Step::leave;
    lost_ = true;
    lost_at_ = now;
    return next_wait(now);
}

Step SharedTurn::next_wait(Steady now) {
    if (now >= lost_at_ + fetch_after) return Step::get;
    while (looks_ < looks_after.size() && lost_at_ + looks_after[looks_] <= now) ++looks_;
    until_ = lost_at_ + (looks_ < looks_after.size() ? looks_after[looks_] : fetch_after);
    return Step::wait;
}

Step SharedTurn::waited(Steady now) { return now >= lost_at_ + fetch_after ? Step::get : Step::find; }

Step SharedTurn::heard(News news) {
    if (news == News::fits) return Step::take;
    if (news == News::other || extra_looks_ >= max_extra_looks) return Step::wait;
    ++extra_looks_;
    return Step::find;
}

seconds look_again(double random) { return seconds{30} + seconds{static_cast<std::int64_t>(90 * random)}; }

void LostLeases::forget_old(Steady now) {
    while (!order_.empty() && order_.front().first + remembered <= now) {
        const auto [at, name] = order_.front();
        order_.pop_front();
        if (const auto found = first_.find(name); found != first_.end() && found->second <= at)
            first_.erase(found);
    }
}

bool LostLeases::enough(const base::Domain& domain, Steady now) {
    forget_old(now);
    const auto found = first_.find(base::keyed_hash(domain.name()));
    if (found == first_.end()) return order_.size() >= max_remembered;
    return now - found->second >= patience;
}

void LostLeases::note(const base::Domain& domain, Steady now) {
    forget_old(now);
    if (order_.size() >= max_remembered) return;
    const std::uint64_t name = base::keyed_hash(domain.name());
    if (first_.try_emplace(name, now).second) order_.emplace_back(now, name);
}

} // namespace lookup
