#include "server/admission.hpp"

#include <algorithm>
#include <cerrno>
#include <climits>

namespace server {

int descriptors_for_connections(rlim_t limit) noexcept {
    const rlim_t left = limit - std::min(most_reserved, limit / 4);
    return static_cast<int>(std::min<rlim_t>(left, INT_MAX));
}

AcceptError meaning_of(int error) noexcept {
    switch (error) {
    case EAGAIN: return AcceptError::none_waiting;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM: return AcceptError::out_of_resources;
    case EINTR:
    case ECONNABORTED:
    case EPERM: // a firewall rule
    // Errors of the network that accept(2) passes on about one connection.
    case ENETDOWN:
    case EPROTO:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ENETUNREACH: return AcceptError::try_next;
    default: return AcceptError::out_of_resources;
    }
}

Admission::Admission(std::size_t max_connections, int descriptors) noexcept
    : max_connections_(max_connections), descriptors_(descriptors) {}

void Admission::set_limits(std::size_t max_connections, int descriptors) noexcept {
    max_connections_ = max_connections;
    descriptors_ = descriptors;
}

std::size_t Admission::add_listener() {
    of_listener_.push_back(0);
    return of_listener_.size() - 1;
}

Admission::Slot Admission::admit(std::size_t listener, int fd) noexcept {
    const bool reserved = fd >= descriptors_;
    ++of_listener_[listener];
    ++connections_;
    if (reserved && reserved_++ == 0) crowd_ = connections_;
    return {listener, reserved};
}

void Admission::release(Slot slot) noexcept {
    --of_listener_[slot.listener];
    --connections_;
    if (slot.reserved) --reserved_;
}

/// Connections have reached the reserve, and there are not fewer of them now than when they reached it.
bool Admission::descriptors_are_short() const noexcept { return reserved_ > 0 && connections_ >= crowd_; }

Admission::Room Admission::room(std::size_t listener) const noexcept {
    if (descriptors_are_short()) return Room::descriptors_full;
    if (connections_ >= max_connections_) return Room::connections_full;
    // Many connections at one listener must not keep clients of the others from connecting.
    const std::size_t part = max_connections_ / (2 * of_listener_.size());
    if (of_listener_[listener] < part) return Room::free;
    std::size_t set_aside = 0;
    for (std::size_t other = 0; other < of_listener_.size(); ++other)
        if (other != listener && of_listener_[other] < part) set_aside += part - of_listener_[other];
    return connections_ + set_aside < max_connections_ ? Room::free : Room::connections_full;
}

std::size_t Admission::makes_room(std::size_t listener) const noexcept {
    std::size_t from = listener;
    if (of_listener_[listener] * of_listener_.size() < connections_)
        for (std::size_t other = 0; other < of_listener_.size(); ++other)
            if (of_listener_[other] > of_listener_[from]) from = other;
    return from;
}

std::vector<std::size_t> Admission::choose(std::span<const std::optional<Duration>> idle, Instant now) {
    std::vector<std::size_t> closable;
    for (std::size_t i = 0; i < idle.size(); ++i)
        if (idle[i] && *idle[i] >= closable_after) closable.push_back(i);
    const std::size_t count = std::min(closable.size(), idle.size() / closed_at_once + 1);
    std::partial_sort(closable.begin(), closable.begin() + static_cast<std::ptrdiff_t>(count), closable.end(),
                      [&idle](std::size_t a, std::size_t b) { return *idle[a] > *idle[b]; });
    closable.resize(count);
    if (count == 0) search_again_ = now + search_pause;
    return closable;
}

} // namespace server
