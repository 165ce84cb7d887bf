#include "cache/valkey/offers.hpp"

#include <utility>

namespace valkey {

std::size_t Offers::size_of(const Offer& offer) noexcept {
    return sizeof(Offer) + offer.value.text.size() + offer.value.domain.name().size();
}

std::size_t Offers::push(Offer offer) {
    const auto before = of_.find(offer.value.domain);
    if (before != of_.end()) {
        if (newer(before->second->value, offer.value)) return 0;
        offer.tell = offer.tell || before->second->tell;
        (void)remove(before->second);
    }
    add(queue_.end(), std::move(offer));
    std::size_t gone = 0;
    for (; queue_.size() > most_ || octets_ > most_octets_; ++gone) (void)remove(queue_.begin());
    return gone;
}

bool Offers::put_back(Offer offer) {
    if (of_.contains(offer.value.domain)) return true;
    if (queue_.size() >= most_ || octets_ + size_of(offer) > most_octets_) return false;
    add(queue_.begin(), std::move(offer));
    return true;
}

void Offers::add(Queue::iterator before, Offer offer) {
    Queue one; // so that nothing is changed when memory runs out
    one.push_back(std::move(offer));
    of_.insert_or_assign(one.front().value.domain, one.begin());
    octets_ += size_of(one.front());
    queue_.splice(before, one);
}

Offer Offers::remove(Queue::iterator at) {
    Offer offer = std::move(*at);
    of_.erase(offer.value.domain);
    octets_ -= size_of(offer);
    queue_.erase(at);
    return offer;
}

Offer Offers::pop() { return remove(queue_.begin()); }

void Offers::forget(const base::Domain& domain) {
    if (const auto found = of_.find(domain); found != of_.end()) (void)remove(found->second);
}

} // namespace valkey
