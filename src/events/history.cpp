#include "events/history.hpp"

#include "base/text.hpp"
#include "events/about_daemon.hpp"
#include "events/about_dns.hpp"
#include "events/about_fleet.hpp"
#include "events/about_mail.hpp"
#include "events/about_overrides.hpp"
#include "events/render.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <limits>
#include <utility>

namespace events {

namespace {

/// Fields that change each time although nothing else does.
constexpr std::array<std::string_view, 5> fleeting{"domain", "repeated", "next_try_s", "ttl", "fetched_at"};

/// What a string takes outside itself.
std::size_t outside(const std::string& text) noexcept { return text.capacity() + 16; }

std::string text_of(const Line& line, bool failure) {
    std::string text;
    for (const base::Field& field : line.fields()) {
        if (std::ranges::find(fleeting, field.key) != fleeting.end()) continue;
        text.append(text.empty() ? "" : " ").append(field.key).append("=");
        if (const auto* words = std::get_if<std::string_view>(&field.value))
            text.append(base::printable(*words, failure && field.key == "detail" ? History::max_detail
                                                                                 : History::max_value));
        else if (const auto* number = std::get_if<std::int64_t>(&field.value))
            text.append(std::to_string(*number));
    }
    text.shrink_to_fit();
    return text;
}

Remember remember(const Event& event) {
    return std::visit(
        []<class E>(const E& e) {
            if constexpr (requires { About<E>::remember(e); })
                return About<E>::remember(e);
            else
                return Remember::no;
        },
        event);
}

} // namespace

void History::note(const Event& event, base::Instant now) {
    if (const auto* source = std::get_if<PolicySource>(&event)) {
        return sources_.note(source->domain, [source](Source& kept) {
            kept = {std::string{source->address}, std::string{source->tls}, std::string{source->issuer},
                    source->certificate_ends};
        });
    }
    const std::string_view domain = domain_of(event);
    const auto* failed = std::get_if<PolicyFailed>(&event);
    const Remember wanted = failed != nullptr ? Remember::yes : remember(event);
    const bool known = events_.contains(domain);
    if (wanted == Remember::no || (wanted == Remember::among_others && !known && !failures_.contains(domain)))
        return;
    const bool stranger = failed != nullptr && !failed->has_policy && !known;
    Events before; // the domain has a policy now
    if (const Events* found = stranger ? nullptr : failures_.find(domain)) {
        before = *found;
        failures_.erase(domain);
    }
    const auto change = [&](Events& events) {
        if (!before.kept.empty()) events = std::move(before);
        std::optional<Failure> failure;
        if (failed != nullptr)
            failure = Failure{now, failed->reason, base::printable(failed->detail, max_detail)};
        add(events.kept, id(event), text_of(render(event), failed != nullptr), now);
        if (failure) events.failure = std::move(failure);
    };
    (stranger ? failures_ : events_).note(domain, change);
}

void History::add(std::vector<Kept>& events, Id kind, std::string text, base::Instant now) {
    const auto same =
        std::ranges::find_if(events, [&](const Kept& k) { return k.kind == kind && k.text == text; });
    if (same != events.end()) {
        same->last = now;
        if (same->times < std::numeric_limits<std::uint32_t>::max()) ++same->times;
        std::rotate(same, std::next(same), events.end());
        return;
    }
    if (events.size() == max_events) {
        constexpr Id failed = id_of<PolicyFailed>();
        const auto last_failure = std::ranges::find(events.rbegin(), events.rend(), failed, &Kept::kind);
        const bool goes = kind == failed || last_failure == events.rend() ||
                          std::prev(last_failure.base()) != events.begin();
        events.erase(goes ? events.begin() : std::next(events.begin()));
    }
    events.push_back({now, now, 1, kind, std::move(text)});
}

void History::forget(std::string_view domain) {
    events_.erase(domain);
    failures_.erase(domain);
    sources_.erase(domain);
}

std::size_t History::Source::octets() const noexcept {
    return outside(address) + outside(tls) + outside(issuer);
}

std::size_t History::Events::octets() const noexcept {
    std::size_t octets = kept.capacity() * sizeof(Kept) + (failure ? outside(failure->detail) : 0);
    for (const Kept& one : kept) octets += outside(one.text);
    return octets;
}

std::vector<History::Kept> History::of(std::string_view domain) const {
    for (const auto* part : {&events_, &failures_})
        if (const Events* found = part->find(domain)) return found->kept;
    return {};
}

std::optional<History::Source> History::source(std::string_view domain) const {
    if (const Source* found = sources_.find(domain)) return *found;
    return std::nullopt;
}

std::optional<History::Failure> History::failure(std::string_view domain) const {
    for (const auto* part : {&events_, &failures_})
        if (const Events* found = part->find(domain)) return found->failure;
    return std::nullopt;
}

} // namespace events
