#include "cache/policy_table.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <mutex>
#include <stdexcept>
#include <utility>
#include <vector>

namespace cache {

namespace {

constexpr std::uint32_t nil = std::numeric_limits<std::uint32_t>::max();

/// Seconds since 1970 in 32 bits; nil is kept free for "none".
std::uint32_t pack(std::int64_t seconds_) noexcept {
    return static_cast<std::uint32_t>(std::clamp<std::int64_t>(seconds_, 0, nil - 1));
}
std::uint32_t pack(Instant t) noexcept { return pack(t.time_since_epoch().count()); }
Instant unpack(std::uint32_t t) noexcept { return Instant{seconds{t}}; }

struct Failure {
    std::uint32_t in_a_row;
    base::Reason reason;
    std::string id;
};

struct Record {
    std::unique_ptr<char[]> words; ///< the name, then the record id; null: the record is free
    PolicyPtr policy;
    std::unique_ptr<Failure> failure; ///< null: the last GET, if any, went well
    std::uint32_t hash = 0;
    std::uint32_t next = nil; ///< in the bucket, or in the free list
    std::uint32_t fetched_at = 0, txt_checked = 0, txt_ttl = 0, last_asked = 0, last_get = 0, expires = 0;
    std::uint32_t agenda_at = 0, dane_known_at = 0, dane_check_at = 0;
    std::uint32_t expiry_slot = 0, asked_slot = 0; ///< places in the heaps
    std::uint8_t name_size = 0, id_size = 0;
    DaneVerdict dane = DaneVerdict::unknown;

    [[nodiscard]] std::string_view name() const { return {words.get(), name_size}; }
    [[nodiscard]] std::string_view id() const { return {words.get() + name_size, id_size}; }
    [[nodiscard]] bool hard() const { return policy->policy.mode == sts::Mode::enforce; }
};
static_assert(sizeof(Record) <= 88, "the memory budget of a domain");

/// Records by number; they never move.
class Slab {
public:
    static constexpr std::size_t chunk = 256;

    Record& operator[](std::uint32_t i) { return (*chunks_[i / chunk])[i % chunk]; }
    const Record& operator[](std::uint32_t i) const { return (*chunks_[i / chunk])[i % chunk]; }
    [[nodiscard]] std::size_t size() const { return chunks_.size() * chunk; }

    std::uint32_t take() {
        if (free_ == nil) {
            chunks_.push_back(std::make_unique<std::array<Record, chunk>>());
            for (std::size_t i = size(); i-- > size() - chunk;) give(static_cast<std::uint32_t>(i));
        }
        return std::exchange(free_, (*this)[free_].next);
    }
    void give(std::uint32_t i) {
        (*this)[i] = Record{};
        (*this)[i].next = free_;
        free_ = i;
    }

private:
    std::vector<std::unique_ptr<std::array<Record, chunk>>> chunks_;
    std::uint32_t free_ = nil;
};

/// A binary heap of record numbers, least Key first; a record knows its place, so that it can be moved or
/// removed.
template <std::uint32_t Record::*Key, std::uint32_t Record::*Place>
class Heap {
public:
    [[nodiscard]] std::uint32_t top() const { return order_.empty() ? nil : order_.front(); }

    void push(Slab& slab, std::uint32_t i) {
        order_.push_back(i);
        slab[i].*Place = static_cast<std::uint32_t>(order_.size() - 1);
        moved(slab, i);
    }
    void remove(Slab& slab, std::uint32_t i) {
        const std::uint32_t at = slab[i].*Place, last = order_.back();
        order_.pop_back();
        if (last == i) return;
        order_[at] = last;
        slab[last].*Place = at;
        moved(slab, last);
    }
    /// To be called after the record's key has changed.
    void moved(Slab& slab, std::uint32_t i) {
        std::size_t at = slab[i].*Place;
        while (at > 0 && slab[i].*Key < slab[order_[(at - 1) / 2]].*Key) {
            lay(slab, at, order_[(at - 1) / 2]);
            at = (at - 1) / 2;
        }
        for (std::size_t child; (child = 2 * at + 1) < order_.size(); at = child) {
            if (child + 1 < order_.size() && slab[order_[child + 1]].*Key < slab[order_[child]].*Key) ++child;
            if (slab[i].*Key <= slab[order_[child]].*Key) break;
            lay(slab, at, order_[child]);
        }
        lay(slab, at, i);
    }

private:
    void lay(Slab& slab, std::size_t at, std::uint32_t i) {
        order_[at] = i;
        slab[i].*Place = static_cast<std::uint32_t>(at);
    }
    std::vector<std::uint32_t> order_;
};

/// Whose turn it is to go: a lower rank goes earlier. Class, then time.
struct Rank {
    int order = 3; ///< 0 expired, 1 testing or none, 2 enforce, 3 nobody
    std::uint32_t key = nil;
    friend auto operator<=>(const Rank&, const Rank&) = default;
};

Rank rank_of(std::uint32_t expiry, std::uint32_t soft, std::uint32_t hard, std::uint32_t now) {
    if (expiry <= now) return {0, expiry};
    if (soft != nil) return {1, soft};
    if (hard != nil) return {2, hard};
    return {};
}

} // namespace

struct alignas(64) PolicyTable::Shard {
    mutable std::mutex mutex;
    Slab slab;
    std::vector<std::uint32_t> buckets = std::vector<std::uint32_t>(16, nil); ///< a power of two of them
    std::size_t count = 0;
    Heap<&Record::expires, &Record::expiry_slot> by_expiry;
    Heap<&Record::last_asked, &Record::asked_slot> soft, hard;
    // The keys of the heaps' heads (nil: empty), written under the mutex, read without it.
    std::atomic<std::uint32_t> first_expiry{nil}, first_soft{nil}, first_hard{nil};

    std::uint32_t& bucket(std::uint32_t hash) { return buckets[hash & (buckets.size() - 1)]; }

    [[nodiscard]] std::uint32_t find(std::string_view name, std::uint32_t hash) const {
        std::uint32_t i = buckets[hash & (buckets.size() - 1)];
        while (i != nil && (slab[i].hash != hash || slab[i].name() != name)) i = slab[i].next;
        return i;
    }

    void publish() {
        const auto key = [this](std::uint32_t i, std::uint32_t Record::*k) {
            return i == nil ? nil : slab[i].*k;
        };
        first_expiry.store(key(by_expiry.top(), &Record::expires), std::memory_order_relaxed);
        first_soft.store(key(soft.top(), &Record::last_asked), std::memory_order_relaxed);
        first_hard.store(key(hard.top(), &Record::last_asked), std::memory_order_relaxed);
    }
    [[nodiscard]] Rank rank(std::uint32_t now) const {
        return rank_of(first_expiry.load(std::memory_order_relaxed),
                       first_soft.load(std::memory_order_relaxed), first_hard.load(std::memory_order_relaxed),
                       now);
    }

    [[nodiscard]] Entry entry(std::uint32_t i) const {
        const Record& r = slab[i];
        Entry e{r.policy,
                std::string(r.id()),
                unpack(r.fetched_at),
                unpack(r.txt_checked),
                seconds{r.txt_ttl},
                unpack(r.last_asked),
                unpack(r.agenda_at),
                {},
                {r.dane, unpack(r.dane_known_at), unpack(r.dane_check_at)}};
        e.gets.last = unpack(r.last_get);
        if (r.failure) {
            e.gets.failures = r.failure->in_a_row;
            e.gets.reason = r.failure->reason;
            e.gets.failed_id = r.failure->id;
        }
        return e;
    }

    void set(std::uint32_t i, std::string_view name, const Entry& e) {
        Record& r = slab[i];
        if (!r.words || r.id() != e.txt_id) {
            auto words = std::make_unique<char[]>(name.size() + e.txt_id.size());
            std::ranges::copy(e.txt_id, std::ranges::copy(name, words.get()).out);
            r.words = std::move(words);
            r.name_size = static_cast<std::uint8_t>(name.size());
            r.id_size = static_cast<std::uint8_t>(e.txt_id.size());
        }
        r.policy = e.policy;
        r.fetched_at = pack(e.fetched_at);
        r.txt_checked = pack(e.txt_checked);
        r.txt_ttl = pack(e.txt_ttl.count());
        r.last_asked = pack(e.last_asked);
        r.agenda_at = pack(e.agenda_at);
        r.dane = e.dane.verdict;
        r.dane_known_at = pack(e.dane.known_at);
        r.dane_check_at = pack(e.dane.check_at);
        r.last_get = pack(e.gets.last);
        r.expires = pack(expires_at(e, e.fetched_at));
        r.failure.reset();
        if (e.gets.failures != 0 || e.gets.reason != base::Reason::none || !e.gets.failed_id.empty())
            r.failure = std::make_unique<Failure>(Failure{e.gets.failures, e.gets.reason, e.gets.failed_id});
    }

    void replace(std::uint32_t i, const Entry& e) {
        unlist(i);
        // The name is copied: set() may lay the words anew.
        set(i, std::string(slab[i].name()), e);
        enlist(i);
    }

    void insert(std::string_view name, std::uint32_t hash, const Entry& e) {
        if (count == buckets.size()) grow();
        const std::uint32_t i = slab.take();
        slab[i].hash = hash;
        slab[i].next = std::exchange(bucket(hash), i);
        ++count;
        set(i, name, e);
        enlist(i);
    }

    void remove(std::uint32_t i) {
        unlist(i);
        std::uint32_t* link = &bucket(slab[i].hash);
        while (*link != i) link = &slab[*link].next;
        *link = slab[i].next;
        slab.give(i);
        --count;
    }

    void enlist(std::uint32_t i) {
        by_expiry.push(slab, i);
        (slab[i].hard() ? hard : soft).push(slab, i);
    }
    void unlist(std::uint32_t i) {
        by_expiry.remove(slab, i);
        (slab[i].hard() ? hard : soft).remove(slab, i);
    }

    void grow() {
        std::vector<std::uint32_t> old(buckets.size() * 2, nil);
        old.swap(buckets);
        for (std::uint32_t i : old)
            while (i != nil) {
                const std::uint32_t next = slab[i].next;
                slab[i].next = std::exchange(bucket(slab[i].hash), i);
                i = next;
            }
    }
};

namespace {

std::uint32_t low(std::uint64_t hash) noexcept { return static_cast<std::uint32_t>(hash); }

void check(const Entry& e) {
    if (!e.policy) throw std::invalid_argument("cache: an entry without a policy");
    if (e.txt_id.size() > 255) throw std::invalid_argument("cache: a TXT record id over 255 octets");
}

} // namespace

PolicyTable::PolicyTable(SipKey key) : key_(key), shards_(std::make_unique<Shard[]>(shard_count)) {}
PolicyTable::~PolicyTable() = default;

PolicyTable::Shard& PolicyTable::shard(std::uint64_t hash) const noexcept { return shards_[hash >> 58]; }

std::optional<Entry> PolicyTable::find(std::string_view name) const {
    const std::uint64_t hash = siphash(name, key_);
    const Shard& s = shard(hash);
    std::lock_guard lock{s.mutex};
    const std::uint32_t i = s.find(name, low(hash));
    if (i == nil) return std::nullopt;
    return s.entry(i);
}

bool PolicyTable::contains(std::string_view name) const {
    const std::uint64_t hash = siphash(name, key_);
    const Shard& s = shard(hash);
    std::lock_guard lock{s.mutex};
    return s.find(name, low(hash)) != nil;
}

std::optional<Entry> PolicyTable::ask(std::string_view name, Instant now, bool& noted) {
    const std::uint64_t hash = siphash(name, key_);
    Shard& s = shard(hash);
    std::lock_guard lock{s.mutex};
    const std::uint32_t i = s.find(name, low(hash));
    if (i == nil) return std::nullopt;
    Record& r = s.slab[i];
    noted = now < unpack(r.last_asked) || now >= unpack(r.last_asked) + asked_grain;
    if (noted) {
        r.last_asked = pack(now);
        (r.hard() ? s.hard : s.soft).moved(s.slab, i);
        s.publish();
    }
    return s.entry(i);
}

void PolicyTable::put(std::string_view name, const Entry& entry) {
    check(entry);
    const std::uint64_t hash = siphash(name, key_);
    Shard& s = shard(hash);
    PolicyPtr old; // outlives the lock: the last holder of a text frees it
    std::lock_guard lock{s.mutex};
    const std::uint32_t i = s.find(name, low(hash));
    if (i == nil) {
        s.insert(name, low(hash), entry);
        size_.fetch_add(1, std::memory_order_relaxed);
    } else {
        old = s.slab[i].policy;
        Entry merged = entry;
        merged.last_asked = std::max(merged.last_asked, unpack(s.slab[i].last_asked));
        s.replace(i, merged);
    }
    s.publish();
}

bool PolicyTable::update(std::string_view name, const std::function<void(Entry&)>& change) {
    const std::uint64_t hash = siphash(name, key_);
    Shard& s = shard(hash);
    PolicyPtr old;
    std::lock_guard lock{s.mutex};
    const std::uint32_t i = s.find(name, low(hash));
    if (i == nil) return false;
    Entry e = s.entry(i);
    old = e.policy;
    change(e);
    check(e);
    s.replace(i, e);
    s.publish();
    return true;
}

bool PolicyTable::erase(std::string_view name) {
    const std::uint64_t hash = siphash(name, key_);
    Shard& s = shard(hash);
    PolicyPtr old;
    std::lock_guard lock{s.mutex};
    const std::uint32_t i = s.find(name, low(hash));
    if (i == nil) return false;
    old = s.slab[i].policy;
    s.remove(i);
    s.publish();
    size_.fetch_sub(1, std::memory_order_relaxed);
    return true;
}

std::optional<std::string> PolicyTable::evict(Instant now_) {
    const std::uint32_t now = pack(now_);
    // A reader may touch the chosen head before its lock is taken; then the choice is made anew, a few times.
    for (int tries = 8; tries > 0; --tries) {
        const auto better = [now](const Shard& a, const Shard& b) { return a.rank(now) < b.rank(now); };
        Shard& s = *std::min_element(shards_.get(), shards_.get() + shard_count, better);
        const Rank wanted = s.rank(now);
        if (wanted.order == 3) return std::nullopt;
        PolicyPtr old;
        std::lock_guard lock{s.mutex};
        const Rank found = s.rank(now);
        if (found.order == 3 || (tries > 1 && wanted < found)) continue;
        const std::uint32_t i = found.order == 0   ? s.by_expiry.top()
                                : found.order == 1 ? s.soft.top()
                                                   : s.hard.top();
        std::string name{s.slab[i].name()};
        old = s.slab[i].policy;
        s.remove(i);
        s.publish();
        size_.fetch_sub(1, std::memory_order_relaxed);
        return name;
    }
    return std::nullopt;
}

void PolicyTable::for_each(const std::function<void(std::string_view, const Entry&)>& visit) const {
    std::vector<std::pair<std::string, Entry>> some;
    for (std::size_t n = 0; n < shard_count; ++n) {
        const Shard& s = shards_[n];
        for (std::size_t at = 0;; at += Slab::chunk) {
            some.clear();
            {
                std::lock_guard lock{s.mutex};
                if (at >= s.slab.size()) break;
                for (std::size_t i = at; i < at + Slab::chunk; ++i) {
                    const auto number = static_cast<std::uint32_t>(i);
                    if (s.slab[number].words)
                        some.emplace_back(std::string(s.slab[number].name()), s.entry(number));
                }
            }
            for (const auto& [name, entry] : some) visit(name, entry);
        }
    }
}

} // namespace cache
