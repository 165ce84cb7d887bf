#include "fetch/address_gate.hpp"

#include <algorithm>
#include <exception>
#include <iterator>
#include <utility>

namespace fetch {

using std::chrono::steady_clock;

AtAddress::Next AtAddress::next(std::span<const TimePoint> inside, TimePoint now) const {
    Next next;
    // Of those that still count: the one that will stop first.
    std::size_t active = 0;
    for (const TimePoint progress : inside) {
        if (now - progress >= stalled) continue;
        ++active;
        next.look_again = std::min(next.look_again, progress + stalled);
    }
    if (active >= limit) return next;
    next.look_again = TimePoint::max();
    if (inside.size() >= std::max(max_at_address, limit)) {
        const auto longest = std::min_element(inside.begin(), inside.end());
        if (now - *longest < gives_way_after) {
            next.look_again = *longest + gives_way_after;
            return next;
        }
        next.gives_way = static_cast<std::size_t>(longest - inside.begin());
    }
    next.admit = true;
    return next;
}

AddressGate::Admission& AddressGate::Admission::operator=(Admission&& other) noexcept {
    const Admission old{std::move(*this)};
    gate_ = std::move(other.gate_);
    inside_ = other.inside_;
    return *this;
}

void AddressGate::Admission::release() noexcept {
    if (const auto gate = std::move(gate_)) gate->leave(inside_);
}

void AddressGate::Admission::progress() noexcept {
    if (gate_) inside_->progress = steady_clock::now();
}

void AddressGate::Admission::when_it_gives_way(std::function<void()> call) {
    if (gate_) inside_->gives_way = std::move(call);
}

AddressGate::Waiter::Waiter(std::shared_ptr<AddressGate> gate, const std::string& host,
                            std::function<void()> ready)
    : gate_(std::move(gate)), ready_(std::move(ready)) {
    turn_ = gate_->queue_.insert(gate_->queue_.end(), this);
    try {
        gate_->prepare(place_to_be_, host);
    } catch (...) {
        gate_->queue_.erase(turn_);
        throw;
    }
}

AddressGate::Waiter::~Waiter() {
    if (place_to_be_.empty()) return; // was let in
    gate_->queue_.erase(turn_);
    gate_->forget(place_to_be_.front().host);
}

AddressGate::AddressGate(boost::asio::any_io_executor executor, std::size_t limit) : timer_(executor) {
    rule_.limit = limit;
}

/// All the memory that one more connection inside needs.
void AddressGate::prepare(List& place, const std::string& host) {
    progress_.reserve(std::max({inside_.size(), max_at_address, rule_.limit}) + 1);
    List made(1);
    made.front().host = hosts_.try_emplace(host).first;
    ++made.front().host->second.references;
    place.swap(made);
}

void AddressGate::forget(Hosts::iterator host) noexcept {
    if (--host->second.references == 0) hosts_.erase(host);
}

AtAddress::Next AddressGate::next() noexcept {
    progress_.clear();
    for (const Inside& one : inside_) progress_.push_back(one.progress);
    return rule_.next(progress_, steady_clock::now());
}

AddressGate::Admission AddressGate::enter(List& place) noexcept {
    place.front().progress = steady_clock::now();
    ++place.front().host->second.connections;
    inside_.splice(inside_.end(), place);
    return Admission{shared_from_this(), std::prev(inside_.end())};
}

AddressGate::Admission AddressGate::try_enter(const std::string& host) {
    if (closed_ || !queue_.empty()) return {};
    const AtAddress::Next one = next();
    if (!one.admit || one.gives_way) return {};
    List place;
    prepare(place, host);
    return enter(place);
}

std::unique_ptr<AddressGate::Waiter> AddressGate::wait(const std::string& host, std::function<void()> ready) {
    auto waiter = std::make_unique<Waiter>(shared_from_this(), host, std::move(ready));
    admit();
    return waiter;
}

void AddressGate::set_limit(std::size_t limit) {
    progress_.reserve(std::max({inside_.size(), max_at_address, limit}) + 1);
    rule_.limit = limit;
    admit();
}

void AddressGate::leave(List::iterator gone) noexcept {
    const bool counted = gone->counts;
    if (counted) --gone->host->second.connections;
    forget(gone->host);
    (counted ? inside_ : gave_way_).erase(gone);
    if (counted) admit();
}

void AddressGate::admit() noexcept {
    while (!closed_ && !queue_.empty()) {
        if (queue_.size() > crowd) rule_.stalled = stalled_after_in_a_crowd;
        const AtAddress::Next one = next();
        if (!one.admit) {
            try {
                look_again(one.look_again);
            } catch (const std::exception&) { // no memory: the next one that leaves looks again
            }
            return;
        }
        std::function<void()> gives_way;
        if (one.gives_way) {
            const auto longest = std::next(inside_.begin(), static_cast<std::ptrdiff_t>(*one.gives_way));
            gives_way = std::move(longest->gives_way);
            longest->counts = false;
            --longest->host->second.connections;
            gave_way_.splice(gave_way_.end(), inside_, longest);
        }
        const auto turn = std::min_element(queue_.begin(), queue_.end(), [](Waiter* a, Waiter* b) {
            return a->place_to_be_.front().host->second.connections <
                   b->place_to_be_.front().host->second.connections;
        });
        Waiter& waiter = **turn;
        queue_.erase(turn);
        waiter.admission_ = enter(waiter.place_to_be_);
        waiter.ready_();
        if (gives_way) gives_way();
    }
    if (queue_.empty()) rule_.stalled = stalled_after;
}

void AddressGate::look_again(AtAddress::TimePoint when) {
    if (when >= timer_at_) return; // if it is too early, the next look is scheduled
    timer_at_ = when;
    timer_.expires_at(when);
    timer_.async_wait([weak = weak_from_this()](const boost::system::error_code& cancelled) {
        const auto gate = weak.lock();
        if (cancelled || !gate) return;
        gate->timer_at_ = AtAddress::TimePoint::max();
        gate->admit();
    });
}

std::shared_ptr<AddressGate> AddressGates::at(const Address& address) {
    std::weak_ptr<AddressGate>& slot = gates_[address];
    if (auto gate = slot.lock()) return gate;
    auto gate = std::make_shared<AddressGate>(executor_, limit_);
    if (closed_) gate->close();
    slot = gate;
    if (gates_.size() >= sweep_at_) {
        std::erase_if(gates_, [](const auto& item) { return item.second.expired(); });
        sweep_at_ = 2 * gates_.size() + 64;
    }
    return gate;
}

void AddressGates::set_limit(std::size_t limit) {
    limit_ = limit;
    for (auto& item : gates_)
        if (auto gate = item.second.lock()) gate->set_limit(limit);
}

void AddressGates::close() noexcept {
    closed_ = true;
    for (auto& item : gates_)
        if (auto gate = item.second.lock()) gate->close();
}

} // namespace fetch
