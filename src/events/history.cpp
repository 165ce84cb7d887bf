#include "events/history.hpp"

#include "base/text.hpp"
#include "events/about_daemon.hpp"
#include "events/about_dns.hpp"
#include "events/about_mail.hpp"
#include "events/render.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <limits>
#include <utility>

namespace events {

namespace {

/// Octets that the list, the map and the allocator take for a domain besides its events.
constexpr std::size_t of_a_domain = 160;

/// Fields that change each time although nothing else does.
constexpr std::array<std::string_view, 5> fleeting{"domain", "repeated", "next_try_s", "ttl", "fetched_at"};

std::string text_of(const Line& line) {
    std::string text;
    for (const base::Field& field : line.fields()) {
        if (std::ranges::find(fleeting, field.key) != fleeting.end()) continue;
        text.append(text.empty() ? "" : " ").append(field.key).append("=");
        if (const auto* words = std::get_if<std::string_view>(&field.value))
            text.append(base::printable(*words, History::max_value));
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

std::string_view domain_of(const Event& event) {
    return std::visit(
        []<class E>(const E& e) {
            if constexpr (requires { e.domain; })
                return e.domain;
            else
                return std::string_view{};
        },
        event);
}

} // namespace

void History::note(const Event& event, base::Instant now) {
    const Remember wanted = remember(event);
    if (wanted == Remember::no) return;
    const std::uint64_t key = base::keyed_hash(domain_of(event));
    auto found = by_key_.find(key);
    if (found == by_key_.end()) {
        if (wanted == Remember::among_others) return;
        order_.push_back({key, {}});
        try {
            found = by_key_.emplace(key, std::prev(order_.end())).first;
        } catch (...) {
            order_.pop_back();
            throw;
        }
        octets_ += size_of(order_.back());
    }
    Domain& domain = *found->second;
    order_.splice(order_.end(), order_, found->second);
    octets_ -= size_of(domain);
    try {
        add(domain, id(event), text_of(render(event)), now);
    } catch (...) {
        octets_ += size_of(domain);
        throw;
    }
    octets_ += size_of(domain);
    while (octets_ > most_ && !order_.empty()) {
        octets_ -= size_of(order_.front());
        by_key_.erase(order_.front().key);
        order_.pop_front();
    }
}

void History::add(Domain& domain, Id kind, std::string text, base::Instant now) {
    std::vector<Kept>& events = domain.events;
    const auto same =
        std::ranges::find_if(events, [&](const Kept& k) { return k.kind == kind && k.text == text; });
    if (same != events.end()) {
        same->last = now;
        if (same->times < std::numeric_limits<std::uint32_t>::max()) ++same->times;
        std::rotate(same, std::next(same), events.end());
        return;
    }
    events.reserve(max_events);
    if (events.size() == max_events) events.erase(events.begin());
    events.push_back({now, now, 1, kind, std::move(text)});
}

std::size_t History::size_of(const Domain& domain) noexcept {
    std::size_t octets = of_a_domain + domain.events.capacity() * sizeof(Kept);
    for (const Kept& kept : domain.events) octets += kept.text.capacity();
    return octets;
}

std::vector<History::Kept> History::of(std::string_view domain) const {
    const auto found = by_key_.find(base::keyed_hash(domain));
    return found == by_key_.end() ? std::vector<Kept>{} : found->second->events;
}

} // namespace events
