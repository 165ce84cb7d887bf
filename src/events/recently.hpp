// events/recently.hpp - values by name, those noted last; bounded in octets. Pure.
//
// When there is no room, what was noted longest ago goes. Of a name a keyed hash is kept, so nobody can choose names
// that slow it down. Not thread-safe.
#pragma once

#include "base/keyed_hash.hpp"

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <list>
#include <string_view>
#include <unordered_map>

namespace events {

/// `V` has a `std::size_t octets() const noexcept`: what it takes besides itself.
template <class V>
class Recently {
public:
    /// Octets that list, map and allocator take for a value besides the value.
    static constexpr std::size_t of_each = 128;

    explicit Recently(std::size_t most) : most_(most) {}

    [[nodiscard]] const V* find(std::string_view name) const {
        const auto found = by_key_.find(base::keyed_hash(name));
        return found == by_key_.end() ? nullptr : &found->second->value;
    }
    [[nodiscard]] bool contains(std::string_view name) const { return find(name) != nullptr; }

    /// Lets `change` change the name's value, a new one if there is none, and makes it the newest. If `change`
    /// throws, a value that was there stays, as `change` left it.
    template <class Change>
    void note(std::string_view name, const Change& change) {
        const std::uint64_t key = base::keyed_hash(name);
        auto found = by_key_.find(key);
        if (found == by_key_.end()) {
            order_.push_back({key, {}});
            try {
                change(order_.back().value);
                found = by_key_.emplace(key, std::prev(order_.end())).first;
            } catch (...) {
                order_.pop_back();
                throw;
            }
            octets_ += size_of(order_.back());
        } else {
            Item& item = *found->second;
            order_.splice(order_.end(), order_, found->second);
            octets_ -= size_of(item);
            try {
                change(item.value);
            } catch (...) {
                octets_ += size_of(item);
                throw;
            }
            octets_ += size_of(item);
        }
        while (octets_ > most_ && !order_.empty()) drop(order_.begin());
    }

    void erase(std::string_view name) {
        const auto found = by_key_.find(base::keyed_hash(name));
        if (found != by_key_.end()) drop(found->second);
    }

    [[nodiscard]] std::size_t octets() const noexcept { return octets_; }
    [[nodiscard]] std::size_t size() const noexcept { return order_.size(); }

private:
    struct Item {
        std::uint64_t key = 0;
        V value;
    };
    using Order = std::list<Item>; ///< noted longest ago first

    [[nodiscard]] static std::size_t size_of(const Item& item) noexcept {
        return of_each + sizeof(V) + item.value.octets();
    }
    void drop(typename Order::iterator at) {
        octets_ -= size_of(*at);
        by_key_.erase(at->key);
        order_.erase(at);
    }

    std::size_t most_, octets_ = 0;
    Order order_;
    std::unordered_map<std::uint64_t, typename Order::iterator, base::HashedAlready> by_key_;
};

} // namespace events
