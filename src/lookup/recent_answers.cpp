#include "lookup/recent_answers.hpp"

#include <functional>
#include <new>

namespace lookup {

RecentAnswers::Key::Key(std::string_view request_)
    : request(request_), hash(std::hash<std::string_view>{}(request_)) {}

std::optional<MemoryAnswer> RecentAnswers::find(const Key& key, base::Instant now) const {
    if (slots_.empty()) return std::nullopt;
    const Slot* const set = &slots_[key.hash % sets * ways];
    for (const Slot* slot = set; slot != set + ways; ++slot) {
        if (slot->second != now || !slot->version.current()) continue;
        const std::string_view text = slot->text;
        if (text.substr(0, slot->request) != key.request) continue;
        return MemoryAnswer{text.substr(slot->request + slot->domain),
                            text.substr(slot->request, slot->domain), slot->word, slot->reason, slot->age};
    }
    return std::nullopt;
}

bool RecentAnswers::comes_again(const Key& key, base::Instant now) noexcept {
    std::uint32_t& last = came_[key.hash % came_.size()];
    const auto it = static_cast<std::uint32_t>(key.hash >> 32) ^
                    static_cast<std::uint32_t>(now.time_since_epoch().count());
    if (last == it) return true;
    last = it;
    return false;
}

void RecentAnswers::keep(const Key& key, base::Instant now, cache::Version version,
                         const MemoryAnswer& answer) noexcept {
    if (key.request.size() + answer.domain.size() + answer.reply.size() > max_octets) return;
    try {
        if (slots_.empty()) slots_.resize(ways * sets);
        Slot* slot = &slots_[key.hash % sets * ways];
        if (slot->second == now && slot->version.current()) ++slot; // the first one is still good
        slot->second = {};
        slot->text.assign(key.request).append(answer.domain).append(answer.reply);
        slot->request = static_cast<std::uint16_t>(key.request.size());
        slot->domain = static_cast<std::uint16_t>(answer.domain.size());
        slot->version = version;
        slot->word = answer.word;
        slot->reason = answer.reason;
        slot->age = answer.age;
        slot->second = now;
    } catch (const std::bad_alloc&) {
        return; // it is looked up again, that is all
    }
}

} // namespace lookup
