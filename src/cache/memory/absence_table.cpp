#include "cache/memory/absence_table.hpp"

#include "cache/memory/policy_table.hpp"

#include <boost/unordered/unordered_flat_map.hpp>

#include <algorithm>
#include <iterator>
#include <limits>
#include <list>
#include <mutex>
#include <new>
#include <string>
#include <utility>

namespace cache {

namespace {

struct Item {
    std::string name;
    Absence absence;
    Instant asked{};
    std::uint64_t turn = 0; ///< of the last use
};
constexpr std::uint64_t nobody = std::numeric_limits<std::uint64_t>::max();

struct KeyedHash {
    base::SipKey key;
    std::size_t operator()(std::string_view name) const noexcept { return base::siphash_1_3(name, key); }
};

} // namespace

struct alignas(64) AbsenceTable::Shard {
    mutable std::mutex mutex;
    std::list<Item> order; ///< the longest unused first
    boost::unordered_flat_map<std::string_view, std::list<Item>::iterator, KeyedHash>
        index;                                 ///< by Item::name
    std::atomic<std::uint64_t> oldest{nobody}; ///< order.front().turn

    void use(std::list<Item>::iterator item, std::uint64_t turn) {
        item->turn = turn;
        order.splice(order.end(), order, item);
        publish();
    }
    void publish() { oldest.store(order.empty() ? nobody : order.front().turn, std::memory_order_relaxed); }
};

AbsenceTable::AbsenceTable(base::SipKey key, std::size_t most)
    : key_(key), shards_(std::make_unique<Shard[]>(shard_count)), most_(most) {
    for (std::size_t i = 0; i < shard_count; ++i)
        shards_[i].index = decltype(Shard::index)(0, KeyedHash{key});
}
AbsenceTable::~AbsenceTable() = default;

AbsenceTable::Shard& AbsenceTable::shard(std::string_view name) const noexcept {
    return shards_[base::siphash_1_3(name, key_) >> 58];
}

std::optional<Absence> AbsenceTable::find(std::string_view name) const {
    const Shard& s = shard(name);
    std::lock_guard lock{s.mutex};
    const auto at = s.index.find(name);
    if (at == s.index.end()) return std::nullopt;
    return at->second->absence;
}

std::optional<Absence> AbsenceTable::ask(std::string_view name, Instant now) {
    Shard& s = shard(name);
    std::lock_guard lock{s.mutex};
    const auto at = s.index.find(name);
    if (at == s.index.end()) return std::nullopt;
    Item& item = *at->second;
    if (now < item.asked || now >= item.asked + asked_grain) {
        item.asked = now;
        s.use(at->second, turn_.fetch_add(1, std::memory_order_relaxed));
    }
    return item.absence;
}

void AbsenceTable::put(std::string_view name, Absence absence) {
    {
        Shard& s = shard(name);
        std::lock_guard lock{s.mutex};
        const std::uint64_t turn = turn_.fetch_add(1, std::memory_order_relaxed);
        if (const auto at = s.index.find(name); at != s.index.end()) {
            at->second->absence = std::move(absence);
            s.use(at->second, turn);
            return;
        }
        s.order.push_back(Item{std::string(name), std::move(absence), {}, turn});
        try {
            s.index.emplace(s.order.back().name, std::prev(s.order.end()));
        } catch (const std::bad_alloc&) {
            s.order.pop_back();
            throw;
        }
        s.publish();
        size_.fetch_add(1, std::memory_order_relaxed);
    }
    make_room();
}

bool AbsenceTable::erase(std::string_view name) {
    Shard& s = shard(name);
    std::lock_guard lock{s.mutex};
    const auto at = s.index.find(name);
    if (at == s.index.end()) return false;
    const auto item = at->second;
    s.index.erase(at); // before the item, whose name is the key
    s.order.erase(item);
    s.publish();
    size_.fetch_sub(1, std::memory_order_relaxed);
    return true;
}

void AbsenceTable::set_most(std::size_t most) {
    most_.store(most, std::memory_order_relaxed);
    make_room();
}

void AbsenceTable::make_room() {
    while (size() > most_.load(std::memory_order_relaxed)) {
        const auto older = [](const Shard& a, const Shard& b) {
            return a.oldest.load(std::memory_order_relaxed) < b.oldest.load(std::memory_order_relaxed);
        };
        Shard& s = *std::min_element(shards_.get(), shards_.get() + shard_count, older);
        std::lock_guard lock{s.mutex};
        if (s.order.empty()) return; // another thread was faster
        s.index.erase(s.order.front().name);
        s.order.pop_front();
        s.publish();
        size_.fetch_sub(1, std::memory_order_relaxed);
    }
}

} // namespace cache
