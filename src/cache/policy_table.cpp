#include "cache/policy_table.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <limits>
#include <mutex>
#include <stdexcept>
#include <type_traits>
#include <utility>
#include <vector>

namespace cache {

namespace {

constexpr std::uint32_t nil = std::numeric_limits<std::uint32_t>::max();
/// Stands for all of 2106 and later: what is due then never is, instead of always.
constexpr std::uint32_t last_second = nil - 1;

/// Seconds since 1970 in 32 bits; nil is kept free for "none".
std::uint32_t pack(std::int64_t seconds_) noexcept {
    return static_cast<std::uint32_t>(std::clamp<std::int64_t>(seconds_, 0, last_second));
}
std::uint32_t pack(Instant t) noexcept { return pack(t.time_since_epoch().count()); }
Instant unpack(std::uint32_t t) noexcept { return Instant{seconds{t}}; }

bool enforced(const Entry& e) { return e.policy->policy.mode == sts::Mode::enforce; }

/// When the policy stops being usable.
std::uint32_t expires(const PolicyPtr& policy, Instant from) { return pack(from + policy->policy.max_age); }

struct Record {
    PolicyPtr policy;               ///< null: the record is free
    std::unique_ptr<Attempts> gets; ///< null: the last GET was the one that brought the policy
    std::uint32_t words = nil;      ///< the name and the record id, in Words
    std::uint32_t hash = 0;
    std::uint32_t next = nil; ///< in the bucket, or in the free list
    std::uint32_t fetched_at = 0, txt_checked = 0, last_asked = 0, expires = 0, agenda_at = 0;
    std::uint32_t dane_known_at = 0, dane_check_at = 0;
    std::uint32_t expiry_slot = 0, asked_slot = 0, agenda_slot = nil; ///< places in the heaps; nil: not there
    std::uint32_t txt_ttl : 30 = 0; ///< a TTL has 31 bits; beyond 34 years all are the same
    std::uint32_t dane : 2 = 0;     ///< DaneVerdict

    [[nodiscard]] bool hard() const { return policy->policy.mode == sts::Mode::enforce; }
};
static_assert(sizeof(Record) <= 80, "the memory budget of a domain");

/// It takes no room of its own: it shows in when the policy expires.
Instant ahead_since(const Record& r) {
    if (r.expires == expires(r.policy, unpack(r.fetched_at))) return {};
    return unpack(r.expires) - r.policy->policy.max_age;
}

constexpr std::uint32_t longest_ttl = (1U << 30) - 1;

/// Names and record ids, a pair a block, in blocks of whole eights of octets without a header of their own.
/// A block is "size of name, size of id, name, id"; a freed one waits in the list of its size.
class Words {
public:
    Words() { free_.fill(nil); }

    [[nodiscard]] std::string_view name(std::uint32_t block) const { return {at(block) + 2, size(block, 0)}; }
    [[nodiscard]] std::string_view id(std::uint32_t block) const {
        return {at(block) + 2 + size(block, 0), size(block, 1)};
    }
    std::uint32_t add(std::string_view name, std::string_view id) {
        const std::uint32_t block = take(units(name.size() + id.size()));
        char* out = at(block);
        *out++ = static_cast<char>(name.size());
        *out++ = static_cast<char>(id.size());
        std::ranges::copy(id, std::ranges::copy(name, out).out);
        return block;
    }
    void remove(std::uint32_t block) { give(block, units(size(block, 0) + size(block, 1))); }

private:
    static constexpr std::size_t unit = 8, chunk = 512; ///< octets; units
    static constexpr std::size_t longest = (2 + 255 + 255 + unit - 1) / unit;

    [[nodiscard]] static std::size_t units(std::size_t octets) { return (2 + octets + unit - 1) / unit; }
    [[nodiscard]] char* at(std::uint32_t block) const {
        return chunks_[block / chunk].get() + block % chunk * unit;
    }
    [[nodiscard]] std::size_t size(std::uint32_t block, std::size_t which) const {
        return static_cast<unsigned char>(at(block)[which]);
    }
    std::uint32_t take(std::size_t wanted) {
        if (const std::uint32_t block = free_[wanted]; block != nil) {
            std::memcpy(&free_[wanted], at(block), sizeof free_[wanted]);
            return block;
        }
        if (left_ < wanted) {
            if (left_ > 0) give(end() - static_cast<std::uint32_t>(left_), left_);
            chunks_.push_back(std::make_unique_for_overwrite<char[]>(chunk * unit));
            left_ = chunk;
        }
        const std::uint32_t block = end() - static_cast<std::uint32_t>(left_);
        left_ -= wanted;
        return block;
    }
    void give(std::uint32_t block, std::size_t size) {
        std::memcpy(at(block), &free_[size], sizeof free_[size]);
        free_[size] = block;
    }
    [[nodiscard]] std::uint32_t end() const { return static_cast<std::uint32_t>(chunks_.size() * chunk); }

    std::vector<std::unique_ptr<char[]>> chunks_;
    std::size_t left_ = 0; ///< units at the end of the last chunk that nobody has had yet
    std::array<std::uint32_t, longest + 1> free_{};
};

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

/// One more, in a vector that grows by a quarter: at a million domains a doubling would be felt.
template <class T>
void append(std::vector<T>& to, T value) {
    if (to.size() == to.capacity()) to.reserve(to.size() + to.size() / 4 + 16);
    to.push_back(value);
}

/// A binary heap of record numbers, least Key first; a record knows its place, so that it can be moved or
/// removed. A lazy one keeps the key a record had when it was laid: keys may then grow unseen, and what is
/// kept is a lower bound, brought up to date by settle().
template <std::uint32_t Record::*Key, std::uint32_t Record::*Place, bool Lazy = false>
class Heap {
public:
    [[nodiscard]] std::uint32_t top() const { return order_.empty() ? nil : order_.front().record; }
    /// The key of top(), or less; nil when there is none.
    [[nodiscard]] std::uint32_t least(const Slab& slab) const {
        return order_.empty() ? nil : key(slab, order_.front());
    }

    void push(Slab& slab, std::uint32_t i) {
        append(order_, item(slab, i)); // moved() lays it where it belongs
        slab[i].*Place = static_cast<std::uint32_t>(order_.size() - 1);
        moved(slab, i);
    }
    void remove(Slab& slab, std::uint32_t i) {
        const std::uint32_t at = slab[i].*Place;
        const Item last = order_.back();
        order_.pop_back();
        slab[i].*Place = nil;
        if (last.record != i) move(slab, last, at);
    }
    /// To be called after the record's key has changed.
    void moved(Slab& slab, std::uint32_t i) { move(slab, item(slab, i), slab[i].*Place); }
    /// Makes top() the record with the least key, in at most so many steps; false: there is more to do.
    bool settle(Slab& slab, unsigned steps) {
        while (!order_.empty() && least(slab) != slab[top()].*Key) {
            if (steps-- == 0) return false;
            moved(slab, top());
        }
        return true;
    }

private:
    struct Bare {
        std::uint32_t record;
    };
    struct Keyed {
        std::uint32_t record, key;
    };
    using Item = std::conditional_t<Lazy, Keyed, Bare>;

    static Item item(const Slab& slab, std::uint32_t i) {
        if constexpr (Lazy)
            return {i, slab[i].*Key};
        else
            return {i};
    }
    static std::uint32_t key(const Slab& slab, const Item& item) {
        if constexpr (Lazy)
            return item.key;
        else
            return slab[item.record].*Key;
    }
    void move(Slab& slab, Item item, std::size_t at) {
        const std::uint32_t own = key(slab, item);
        while (at > 0 && own < key(slab, order_[(at - 1) / 2])) {
            lay(slab, at, order_[(at - 1) / 2]);
            at = (at - 1) / 2;
        }
        for (std::size_t child; (child = 2 * at + 1) < order_.size(); at = child) {
            if (child + 1 < order_.size() && key(slab, order_[child + 1]) < key(slab, order_[child])) ++child;
            if (own <= key(slab, order_[child])) break;
            lay(slab, at, order_[child]);
        }
        lay(slab, at, item);
    }
    void lay(Slab& slab, std::size_t at, Item item) {
        order_[at] = item;
        slab[item.record].*Place = static_cast<std::uint32_t>(at);
    }
    std::vector<Item> order_;
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
    Words words;
    std::vector<std::uint32_t> buckets = std::vector<std::uint32_t>(16, nil);
    std::size_t count = 0;
    Heap<&Record::expires, &Record::expiry_slot> by_expiry;
    // Lazy: a query costs no step in them; whoever evicts makes up for it.
    Heap<&Record::last_asked, &Record::asked_slot, true> soft, hard;
    Heap<&Record::agenda_at, &Record::agenda_slot> agenda; ///< those with an agenda_at
    // The keys of the heaps' heads (nil: empty), written under the mutex, read without it.
    std::atomic<std::uint32_t> first_expiry{nil}, first_soft{nil}, first_hard{nil}, first_due{nil};

    /// Linear hashing: there are as many buckets as records, and each record more splits one bucket, so that
    /// no insertion ever lays the whole table anew.
    [[nodiscard]] std::size_t bucket(std::uint32_t hash) const {
        const std::size_t level = std::bit_floor(buckets.size());
        const std::size_t at = hash & (2 * level - 1);
        return at < buckets.size() ? at : at - level;
    }
    void split_a_bucket() {
        const std::size_t fresh = buckets.size();
        std::uint32_t i = std::exchange(buckets[fresh - std::bit_floor(fresh)], nil);
        append(buckets, nil);
        while (i != nil) {
            const std::uint32_t next = slab[i].next;
            slab[i].next = std::exchange(buckets[bucket(slab[i].hash)], i);
            i = next;
        }
    }

    [[nodiscard]] std::string_view name(std::uint32_t i) const { return words.name(slab[i].words); }

    [[nodiscard]] std::uint32_t find(std::string_view wanted, std::uint32_t hash) const {
        std::uint32_t i = buckets[bucket(hash)];
        while (i != nil && (slab[i].hash != hash || name(i) != wanted)) i = slab[i].next;
        return i;
    }

    void publish() {
        first_expiry.store(by_expiry.least(slab), std::memory_order_relaxed);
        first_soft.store(soft.least(slab), std::memory_order_relaxed);
        first_hard.store(hard.least(slab), std::memory_order_relaxed);
        first_due.store(agenda.least(slab), std::memory_order_relaxed);
    }
    [[nodiscard]] Rank rank(std::uint32_t now) const {
        return rank_of(first_expiry.load(std::memory_order_relaxed),
                       first_soft.load(std::memory_order_relaxed), first_hard.load(std::memory_order_relaxed),
                       now);
    }

    /// All but the record ids: what an answer depends on.
    [[nodiscard]] Entry without_ids(std::uint32_t i) const {
        const Record& r = slab[i];
        Entry e{r.policy,
                {},
                unpack(r.fetched_at),
                ahead_since(r),
                unpack(r.txt_checked),
                seconds{r.txt_ttl},
                unpack(r.last_asked),
                unpack(r.agenda_at),
                {},
                {static_cast<DaneVerdict>(r.dane), unpack(r.dane_known_at), unpack(r.dane_check_at)}};
        e.gets.last = r.gets ? r.gets->last : e.fetched_at;
        if (r.gets) {
            e.gets.failures = r.gets->failures;
            e.gets.reason = r.gets->reason;
        }
        return e;
    }
    [[nodiscard]] Entry entry(std::uint32_t i) const {
        Entry e = without_ids(i);
        e.txt_id = words.id(slab[i].words);
        if (slab[i].gets) e.gets.failed_id = slab[i].gets->failed_id;
        return e;
    }

    void set(std::uint32_t i, const Entry& e) {
        Record& r = slab[i];
        r.policy = e.policy;
        r.fetched_at = pack(e.fetched_at);
        r.txt_checked = pack(e.txt_checked);
        r.txt_ttl = std::min(pack(e.txt_ttl.count()), longest_ttl) & longest_ttl;
        r.last_asked = pack(e.last_asked);
        r.dane = static_cast<std::uint32_t>(e.dane.verdict) & 3U;
        r.dane_known_at = pack(e.dane.known_at);
        r.dane_check_at = pack(e.dane.check_at);
        r.expires = expires(e.policy, counted_from(e));
        r.gets.reset();
        if (e.gets != Attempts{unpack(r.fetched_at), 0, base::Reason::none, {}})
            r.gets = std::make_unique<Attempts>(e.gets);
    }

    void replace(std::uint32_t i, const Entry& e) {
        Record& r = slab[i];
        const std::uint32_t expired = r.expires, asked = r.last_asked;
        const bool moves = r.hard() != enforced(e);
        if (moves) unlist_asked(i);
        if (words.id(r.words) != e.txt_id) {
            const std::string name{words.name(r.words)};
            words.remove(r.words);
            r.words = words.add(name, e.txt_id);
        }
        set(i, e);
        if (r.expires != expired) by_expiry.moved(slab, i);
        if (moves)
            list_asked(i);
        else if (r.last_asked < asked)
            (r.hard() ? hard : soft).moved(slab, i);
        put_on_agenda(i, pack(e.agenda_at));
    }

    void insert(std::string_view name, std::uint32_t hash, const Entry& e) {
        const std::uint32_t i = slab.take();
        Record& r = slab[i];
        r.words = words.add(name, e.txt_id);
        r.hash = hash;
        if (++count > buckets.size()) split_a_bucket();
        r.next = std::exchange(buckets[bucket(hash)], i);
        set(i, e);
        by_expiry.push(slab, i);
        list_asked(i);
        put_on_agenda(i, pack(e.agenda_at));
    }

    void remove(std::uint32_t i) {
        by_expiry.remove(slab, i);
        unlist_asked(i);
        put_on_agenda(i, 0);
        std::uint32_t* link = &buckets[bucket(slab[i].hash)];
        while (*link != i) link = &slab[*link].next;
        *link = slab[i].next;
        words.remove(slab[i].words);
        slab.give(i);
        --count;
    }

    void list_asked(std::uint32_t i) { (slab[i].hard() ? hard : soft).push(slab, i); }
    void unlist_asked(std::uint32_t i) { (slab[i].hard() ? hard : soft).remove(slab, i); }

    /// 0: takes it off the agenda.
    void put_on_agenda(std::uint32_t i, std::uint32_t at) {
        Record& r = slab[i];
        const bool there = r.agenda_slot != nil;
        if (r.agenda_at == at && there == (at != 0)) return;
        r.agenda_at = at;
        if (at == 0)
            agenda.remove(slab, i);
        else if (there)
            agenda.moved(slab, i);
        else
            agenda.push(slab, i);
    }
};

namespace {

/// Steps of a lazy heap under one lock: some microseconds.
constexpr unsigned settle_at_once = 64;

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
        const bool back_in_time = pack(now) < r.last_asked;
        r.last_asked = pack(now);
        if (back_in_time) {
            (r.hard() ? s.hard : s.soft).moved(s.slab, i);
            s.publish();
        }
    }
    return s.without_ids(i);
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
        merged.agenda_at = unpack(s.slab[i].agenda_at);
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
    // A shard's published head may be older than what it stands for: the choice is made anew until the chosen
    // one holds. Each round settles something, unless readers are as fast; then the last choice has to do.
    for (unsigned rounds = 100'000; rounds > 0; --rounds) {
        const auto better = [now](const Shard& a, const Shard& b) { return a.rank(now) < b.rank(now); };
        Shard& s = *std::min_element(shards_.get(), shards_.get() + shard_count, better);
        const Rank wanted = s.rank(now);
        if (wanted.order == 3) return std::nullopt;
        PolicyPtr old;
        std::lock_guard lock{s.mutex};
        const bool settled = wanted.order == 0 ||
                             (s.soft.settle(s.slab, settle_at_once) && s.hard.settle(s.slab, settle_at_once));
        s.publish();
        const Rank found = s.rank(now);
        if (found.order == 3 || (rounds > 1 && (!settled || wanted < found))) continue;
        const std::uint32_t i = found.order == 0   ? s.by_expiry.top()
                                : found.order == 1 ? s.soft.top()
                                                   : s.hard.top();
        std::string name{s.name(i)};
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
                    if (s.slab[number].policy)
                        some.emplace_back(std::string(s.name(number)), s.entry(number));
                }
            }
            for (const auto& [name, entry] : some) visit(name, entry);
        }
    }
}

void PolicyTable::schedule(const std::function<Instant(Entry&)>& when) {
    for (std::size_t n = 0; n < shard_count; ++n) {
        Shard& s = shards_[n];
        for (std::size_t at = 0;; at += Slab::chunk) {
            std::lock_guard lock{s.mutex};
            if (at >= s.slab.size()) break;
            for (std::size_t i = at; i < at + Slab::chunk; ++i) {
                const auto number = static_cast<std::uint32_t>(i);
                if (!s.slab[number].policy) continue;
                Entry e = s.entry(number);
                const Instant ahead_since = e.ahead_since;
                const Instant due = when(e);
                if (e.ahead_since != ahead_since) s.replace(number, e);
                s.put_on_agenda(number, pack(due));
            }
            s.publish();
        }
    }
}

std::optional<Instant> PolicyTable::next_due() const {
    std::uint32_t first = nil;
    for (std::size_t n = 0; n < shard_count; ++n)
        first = std::min(first, shards_[n].first_due.load(std::memory_order_relaxed));
    if (first >= last_second) return std::nullopt;
    return unpack(first);
}

std::optional<std::string> PolicyTable::take_due(Instant now) {
    const auto sooner = [](const Shard& a, const Shard& b) {
        return a.first_due.load(std::memory_order_relaxed) < b.first_due.load(std::memory_order_relaxed);
    };
    Shard& s = *std::min_element(shards_.get(), shards_.get() + shard_count, sooner);
    std::lock_guard lock{s.mutex};
    const std::uint32_t i = s.agenda.top();
    if (i == nil || s.slab[i].agenda_at > pack(now) || s.slab[i].agenda_at == last_second)
        return std::nullopt;
    s.put_on_agenda(i, 0);
    s.publish();
    return std::string(s.name(i));
}

} // namespace cache
