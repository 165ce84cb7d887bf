#include "base/siphash.hpp"
#include "cache/memory/arena.hpp"
#include "cache/memory/record_heap.hpp"
#include "cache/memory/record_index.hpp"
#include "cache/memory/record_pool.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace {

using base::Instant;
using base::seconds;
using cache::Arena;
using cache::DomainRecord;
using cache::Entry;
using cache::nil;
using cache::RecordHeap;
using cache::RecordIndex;
using cache::RecordPool;

constexpr Instant t0{seconds{1'700'000'000}};

cache::PolicyPtr policy() {
    static const auto one = std::make_shared<const sts::PolicyText>(sts::PolicyText{
        "", sts::parse_policy("version: STSv1\nmode: enforce\nmx: mx.example\nmax_age: 86400\n").value()});
    return one;
}

Entry entry(std::string id) {
    Entry e;
    e.policy = policy();
    e.txt_id = std::move(id);
    e.fetched_at = e.gets.last = t0;
    return e;
}

std::uint32_t add(RecordPool& pool, std::string_view name, const Entry& e) {
    const std::uint32_t i = pool.take(name.size() + e.txt_id.size());
    DomainRecord& r = pool[i];
    r.name_size = static_cast<std::uint8_t>(name.size());
    std::ranges::copy(name, r.text());
    r.set(e, DomainRecord::make_rest(e, r.room()));
    return i;
}

/// A year-old verdict whose lookups fail from now on stays valid for a day, like any other.
TEST(CacheRecord, WhenLookupsBeganToFailIsKnownHoweverOldTheVerdictIs) {
    Arena arena;
    RecordPool pool{arena};
    for (const seconds age : {seconds{0}, seconds{59}, seconds{86400}, seconds{181 * 86400},
                              seconds{183 * 86400}, seconds{400 * 86400}}) {
        Entry e = entry("1");
        e.dane = {dane::Advice::dane_only, t0 - age, t0 + seconds{60}, t0};
        const Entry back = pool[add(pool, "d.example", e)].entry();
        EXPECT_LE(back.dane.failed_since, t0) << age.count();
        EXPECT_GT(back.dane.failed_since, t0 - seconds{60}) << age.count();
        EXPECT_LE(back.dane.known_at, std::max(t0 - age, t0 - seconds{182 * 86400})) << age.count();
        EXPECT_EQ(back.dane.advice, dane::Advice::dane_only);
    }
}

TEST(CacheArena, GivesZeroedAlignedMemoryThatDoesNotOverlap) {
    Arena arena;
    std::vector<std::pair<std::byte*, std::size_t>> all;
    std::mt19937 random{3};
    // More than the regions of small pages, so that huge pages are tested, too.
    for (std::size_t taken = 0; taken < (Arena::small_regions + 3) * Arena::region;) {
        const std::size_t size = 1 + random() % 100'000;
        std::byte* const at = arena.take(size);
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(at) % 64, 0U);
        EXPECT_TRUE(std::all_of(at, at + size, [](std::byte b) { return b == std::byte{0}; }));
        std::fill_n(at, size, std::byte{0xff}); // overlapping memory would no longer be zero
        all.emplace_back(at, size);
        taken += size;
    }
    EXPECT_NE(arena.take(Arena::region), nullptr);
}

TEST(CacheRecord, AnIdThatOutgrowsItsRoomLiesApartAndComesBack) {
    Arena arena;
    RecordPool pool{arena};
    const std::uint32_t i = add(pool, "a.example", entry("12345678"));
    DomainRecord& r = pool[i];
    EXPECT_FALSE(r.id_apart);
    EXPECT_EQ(r.rest, nullptr);
    for (const std::size_t size : {r.room() + 1, std::size_t{255}, r.room(), std::size_t{0}}) {
        const Entry e = entry(std::string(size, 'x'));
        r.set(e, DomainRecord::make_rest(e, r.room()));
        EXPECT_EQ(r.id(), e.txt_id);
        EXPECT_EQ(r.name(), "a.example");
        EXPECT_EQ(r.id_apart, size > r.room());
        EXPECT_EQ(r.entry().gets, e.gets);
        EXPECT_EQ(r.rest != nullptr, size > r.room()) << "which only few have";
    }
}

TEST(CacheRecord, KnowsWhyTheLastGetFailed) {
    Arena arena;
    RecordPool pool{arena};
    Entry e = entry("1");
    EXPECT_EQ(pool[add(pool, "a.example", e)].asked().failed, base::Reason::none);
    e.gets = {t0 + seconds{5}, 2, base::Reason::http_status, "2"};
    EXPECT_EQ(pool[add(pool, "b.example", e)].asked().failed, base::Reason::http_status);
    e.gets = {t0 + seconds{5}, 0, base::Reason::http_status, ""};
    EXPECT_EQ(pool[add(pool, "c.example", e)].asked().failed, base::Reason::none) << "it is over";
}

TEST(CacheRecordPool, PassesEachRecordInUseOnceAndUsesRoomAgain) {
    Arena arena;
    RecordPool pool{arena};
    std::set<std::uint32_t> used;
    std::mt19937 random{5};
    const auto name = [&] { return std::string(1 + random() % 253, 'n'); };
    for (int n = 0; n < 2000; ++n)
        EXPECT_TRUE(used.insert(add(pool, name(), entry(std::string(random() % 256, 'i')))).second);
    const auto passed = [&] {
        std::vector<std::uint32_t> all;
        for (std::size_t chunk = 0; chunk < pool.chunks(); ++chunk)
            pool.each(chunk, [&](std::uint32_t i) { all.push_back(i); });
        std::ranges::sort(all);
        return all;
    };
    EXPECT_TRUE(std::ranges::equal(passed(), used));
    const std::size_t chunks = pool.chunks();
    std::vector<std::size_t> sizes;
    for (auto at = used.begin(); at != used.end();)
        if (random() % 2 == 0) {
            sizes.push_back(pool[*at].name().size() + pool[*at].room());
            pool.give(*at);
            at = used.erase(at);
        } else {
            ++at;
        }
    EXPECT_EQ(policy().use_count(), 1 + static_cast<long>(used.size()) + 1) << "a free record holds nothing";
    EXPECT_TRUE(std::ranges::equal(passed(), used));
    for (const std::size_t size : sizes) {
        const std::size_t id = size > 253 ? size - 253 : 0;
        used.insert(add(pool, std::string(size - id, 'm'), entry(std::string(id, 'i'))));
    }
    EXPECT_EQ(pool.chunks(), chunks);
    EXPECT_TRUE(std::ranges::equal(passed(), used));
}

/// Adds and removes at random, with hashes that differ only in the bits of `mask`.
void add_and_remove(std::uint32_t mask, int steps) {
    Arena arena;
    RecordPool pool{arena};
    RecordIndex index{arena};
    std::mt19937 random{9};
    std::vector<std::pair<std::string, std::uint32_t>> all;
    const auto hash = [mask](std::string_view name) {
        return static_cast<std::uint32_t>(base::siphash_1_3(name, {1, 2})) & mask;
    };
    const auto check = [&](std::string_view name, std::uint32_t i) {
        EXPECT_EQ(index.find(pool, name, hash(name)), i) << name;
    };
    for (int n = 0; n < steps; ++n) {
        if (!all.empty() && random() % 3 == 0) {
            std::swap(all[random() % all.size()], all.back());
            const auto [name, i] = all.back();
            all.pop_back();
            index.remove(pool, i);
            pool.give(i);
            check(name, nil);
            continue;
        }
        const std::string name = "d" + std::to_string(n) + ".example";
        check(name, nil);
        const std::uint32_t i = add(pool, name, entry("1"));
        pool[i].hash = hash(name);
        index.make_room_for_one();
        index.add(pool, i);
        all.emplace_back(name, i);
    }
    for (const auto& [name, i] : all) check(name, i);
    for (; !all.empty(); all.pop_back()) {
        index.remove(pool, all.back().second);
        pool.give(all.back().second);
        check(all.back().first, nil);
        if (all.size() % 100 == 2) check(all.front().first, all.front().second);
    }
}

TEST(CacheRecordIndex, FindsWhatWasAddedAndNothingElse) {
    add_and_remove(0xffffffff, 30'000);
    add_and_remove(0xc0000fff, 20'000); // some have the same hash
}

TEST(CacheRecordIndex, FullBucketsOverflow) {
    add_and_remove(0xffff0007, 3000); // eight of all buckets, with different marks in them
    add_and_remove(0, 1000);
}

TEST(CacheRecordHeap, GivesTheLeastKeyFirstWhateverMoves) {
    Arena arena;
    RecordPool pool{arena};
    RecordHeap<&DomainRecord::expires, &DomainRecord::expiry_slot> heap;
    RecordHeap<&DomainRecord::last_asked, &DomainRecord::asked_slot, true> lazy;
    std::mt19937 random{13};
    const auto up_to_500 = [&] { return static_cast<std::uint32_t>(random() % 500); };
    std::vector<std::uint32_t> all;
    EXPECT_EQ(heap.top(), nil);
    EXPECT_EQ(heap.least(pool), nil);
    for (int n = 0; n < 2000; ++n) {
        const std::uint32_t i = add(pool, "a.example", entry("1"));
        pool[i].expires = pool[i].last_asked = up_to_500();
        heap.make_room_for_one();
        heap.push(pool, i);
        lazy.make_room_for_one();
        lazy.push(pool, i);
        all.push_back(i);
    }
    for (const std::uint32_t i : all) {
        if (random() % 2 == 0) {
            pool[i].expires = up_to_500();
            heap.moved(pool, i);
        }
        pool[i].last_asked += up_to_500(); // grows unnoticed
    }
    std::ranges::shuffle(all, random);
    for (int n = 0; n < 500; ++n) {
        heap.remove(pool, all.back());
        lazy.remove(pool, all.back());
        EXPECT_EQ(pool[all.back()].expiry_slot, nil);
        all.pop_back();
    }
    EXPECT_FALSE(lazy.settle(pool, 0)) << "there was more to do";
    const auto drain = [&](auto& from, std::uint32_t DomainRecord::*key) {
        std::ranges::sort(all, {}, [&](std::uint32_t i) { return pool[i].*key; });
        for (const std::uint32_t i : all) {
            EXPECT_TRUE(from.settle(pool, 10'000));
            EXPECT_EQ(from.least(pool), pool[i].*key);
            EXPECT_EQ(pool[from.top()].*key, pool[i].*key);
            from.remove(pool, from.top());
        }
        EXPECT_EQ(from.top(), nil);
    };
    drain(heap, &DomainRecord::expires);
    drain(lazy, &DomainRecord::last_asked);
}

} // namespace
