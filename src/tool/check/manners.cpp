#include "tool/check/manners.hpp"

#include <algorithm>

namespace check {
namespace {

constexpr std::size_t v4_octets = 3, v6_octets = 6; // /24, /48

bool holds_v4(const net::IpAddress& address) {
    return std::all_of(address.octets.begin(), address.octets.begin() + 10, [](auto o) { return o == 0; }) &&
           address.octets[10] == 0xff && address.octets[11] == 0xff;
}

void forget_before(std::deque<Manners::Time>& times, Manners::Time then) {
    while (!times.empty() && times.front() <= then) times.pop_front();
}

/// When one more of `most` a minute may begin; the past: now.
Manners::Time free_at(const std::deque<Manners::Time>& times, std::size_t most) {
    return times.size() < most ? Manners::Time::min() : times[times.size() - most] + Manners::minute;
}

} // namespace

std::string network_of(const net::IpAddress& address) {
    net::IpAddress network = address;
    if (address.v6 && holds_v4(address)) {
        network = {};
        std::copy_n(address.octets.begin() + 12, 4, network.octets.begin());
    }
    network.scope_id = 0;
    const std::size_t kept = network.v6 ? v6_octets : v4_octets;
    std::fill(network.octets.begin() + static_cast<std::ptrdiff_t>(kept), network.octets.end(),
              std::uint8_t{0});
    return to_string(network) + '/' + std::to_string(kept * 8);
}

Manners::Next Manners::next_of(const std::string& key, Time now) const {
    const auto found = known_.find(key);
    if (found == known_.end()) return {};
    const Known& known = found->second;
    if (known.refused) return {Turn::never, Time::max()};
    if (known.busy > 0) return {Turn::wait, Time::max()}; // end() is the sign
    const Time at = free_at(known.begun, operator_a_minute);
    if (at > now) return {Turn::wait, at};
    return {};
}

Manners::Next Manners::next(const Operator& whose, Time now) const {
    Next made;
    for (const std::string* key : {&whose.network, &whose.name}) {
        const Next one = next_of(*key, now);
        if (one.turn == Turn::never) return one;
        if (one.turn == Turn::now) continue;
        // Both have to be free: the later time counts, and one that only end() can show has none.
        made.look_again = made.turn == Turn::now ? one.look_again : std::max(made.look_again, one.look_again);
        made.turn = Turn::wait;
    }
    if (made.turn != Turn::now) return made;
    const Time at = free_at(all_, a_minute_);
    if (at > now) return {Turn::wait, at};
    return made;
}

void Manners::begin(const Operator& whose, Time now) {
    sweep(now);
    ++begun_;
    forget_before(all_, now - minute);
    all_.push_back(now);
    for (const std::string* key : {&whose.network, &whose.name}) {
        Known& known = known_[*key];
        forget_before(known.begun, now - minute);
        known.begun.push_back(now);
        ++known.busy;
    }
}

void Manners::end(const Operator& whose, bool refused) {
    for (const std::string* key : {&whose.network, &whose.name}) {
        Known& known = known_[*key];
        known.busy -= std::min<std::size_t>(known.busy, 1);
        known.refused = known.refused || refused;
    }
}

void Manners::take_back(const Operator& whose) {
    end(whose, false);
    begun_ -= std::min<std::size_t>(begun_, 1);
    if (!all_.empty()) all_.pop_back();
    for (const std::string* key : {&whose.network, &whose.name})
        if (Known& known = known_[*key]; !known.begun.empty()) known.begun.pop_back();
}

void Manners::sweep(Time now) {
    if (known_.size() < sweep_at_) return;
    std::erase_if(known_, [now](const auto& each) {
        const Known& known = each.second;
        return !known.refused && known.busy == 0 &&
               (known.begun.empty() || known.begun.back() <= now - minute);
    });
    sweep_at_ = 2 * known_.size() + 256;
}

} // namespace check
