#include "lookup/recent_answers.hpp"

#include <cstring>
#include <functional>
#include <new>
#include <type_traits>
#include <utility>

namespace lookup {

namespace {

constexpr base::seconds no_age = base::seconds::min();

std::uint32_t high(std::size_t hash) noexcept {
    return static_cast<std::uint32_t>(static_cast<std::uint64_t>(hash) >> 32);
}

} // namespace

RecentAnswers::Key::Key(std::string_view request_)
    : request(request_), hash(std::hash<std::string_view>{}(request_)) {}

std::optional<MemoryAnswer> RecentAnswers::find(const Key& key, base::Instant now) const noexcept {
    if (now != second_) return std::nullopt;
    for (std::size_t i = 0; i < probes; ++i) {
        const Slot& slot = slots_[(key.hash + i) % slots];
        if (slot.round != round_) return std::nullopt;
        if (slot.hash != high(key.hash)) continue;
        const char* const at = octets_.get() + slot.at;
        Head head;
        std::memcpy(&head, at, sizeof head);
        const char* const request = at + sizeof head;
        if (std::string_view{request, head.request} != key.request || !head.version.current()) continue;
        const char* const domain = request + head.request;
        return MemoryAnswer{{domain + head.domain, head.reply},
                            {domain, head.domain},
                            head.kind,
                            head.reason,
                            head.age == no_age ? std::nullopt : std::optional{head.age},
                            {head.why, head.why_size},
                            head.usual,
                            head.effect};
    }
    return std::nullopt;
}

bool RecentAnswers::comes_again(const Key& key, base::Instant now) noexcept {
    std::uint32_t& last = came_[key.hash % slots];
    const auto at = [&key](base::Instant second) {
        return high(key.hash) ^ static_cast<std::uint32_t>(second.time_since_epoch().count());
    };
    const std::uint32_t before = std::exchange(last, at(now));
    return before == at(now) || before == at(now - base::seconds{1});
}

void RecentAnswers::keep(const Key& key, base::Instant now, cache::Version version,
                         const MemoryAnswer& answer) noexcept {
    static_assert(std::is_trivially_copyable_v<Head>);
    const std::size_t size = sizeof(Head) + key.request.size() + answer.domain.size() + answer.reply.size();
    if (size > sizeof(Head) + max_octets) return;
    if (!octets_) octets_.reset(new (std::nothrow) char[room]);
    if (!octets_) return; // the next such request is looked up again
    if (now != second_ || used_ + size > room) clear();
    second_ = now;

    // The first free slot, else the slot of an older answer.
    std::size_t slot = key.hash % slots;
    for (std::size_t i = 0; i < probes; ++i) {
        const Slot& other = slots_[(key.hash + i) % slots];
        const bool same = other.round == round_ && other.hash == high(key.hash);
        if (other.round == round_ && !same) continue;
        slot = (key.hash + i) % slots;
        break;
    }
    slots_[slot] = {round_, high(key.hash), static_cast<std::uint32_t>(used_)};
    const Head head{version,
                    answer.why.data(),
                    answer.age.value_or(no_age),
                    static_cast<std::uint16_t>(key.request.size()),
                    static_cast<std::uint16_t>(answer.domain.size()),
                    static_cast<std::uint16_t>(answer.reply.size()),
                    static_cast<std::uint8_t>(answer.why.size()),
                    answer.kind,
                    answer.reason,
                    answer.usual,
                    answer.effect};
    char* at = octets_.get() + used_;
    const auto put = [&at](const void* from, std::size_t octets) {
        std::memcpy(at, from, octets);
        at += octets;
    };
    put(&head, sizeof head);
    for (const std::string_view text : {key.request, answer.domain, answer.reply})
        put(text.data(), text.size());
    used_ += size;
}

void RecentAnswers::clear() noexcept {
    used_ = 0;
    ++round_;
}

} // namespace lookup
