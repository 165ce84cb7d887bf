#include "dns/server_health.hpp"

#include <algorithm>

namespace dns {

bool ServerHealth::asked_last(std::size_t server, base::Steady now) const {
    const State& s = servers_.at(server);
    return s.penalty.count() != 0 && now < s.until;
}

std::vector<std::size_t> ServerHealth::order(base::Steady now, std::size_t first) {
    std::vector<std::size_t> alive, silent;
    for (std::size_t i = 0; i < servers_.size(); ++i) {
        const std::size_t server = (first + i) % servers_.size();
        State& s = servers_[server];
        if (asked_last(server, now)) {
            silent.push_back(server);
            continue;
        }
        if (s.penalty.count() != 0) {
            s.probing = true;
            s.until = now + tuning_.probe_for;
        }
        alive.push_back(server);
    }
    alive.insert(alive.end(), silent.begin(), silent.end());
    return alive;
}

bool ServerHealth::failed(std::size_t server, base::Steady started, base::Steady now) {
    State& s = servers_.at(server);
    // It answered other questions meanwhile: this question is slow, not the server.
    if (s.last_reply && *s.last_reply >= started) return false;
    // One outage counts once, however many questions were waiting.
    if (asked_last(server, now) && !s.probing) return false;
    const bool news = s.penalty.count() == 0;
    s.penalty = news ? tuning_.first : std::min(2 * s.penalty, tuning_.most);
    s.until = now + s.penalty;
    s.probing = false;
    return news;
}

bool ServerHealth::answered(std::size_t server, base::Steady now) {
    State& s = servers_.at(server);
    const bool was_silent = s.penalty.count() != 0;
    s = State{};
    s.last_reply = now;
    return was_silent;
}

} // namespace dns
