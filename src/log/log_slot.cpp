#include "log/log_slot.hpp"

#include <array>
#include <cstring>
#include <type_traits>
#include <utility>

namespace app {

namespace {

/// The members that are not text. Padding does not matter: this is copied octet by octet and never compared.
struct Head {
    base::Steady ended;
    double took_ms = 0;
    base::seconds age{};
    std::array<std::uint8_t, 7> sizes{};
    base::Reason reason{};
    bool has_age = false, is_parent = false, json = false;
};
static_assert(std::is_trivially_copyable_v<Head> && sizeof(Head) <= 64 && max_slot_text <= 255);

/// The part of `text` that is kept: its start, for UTF-8 in whole characters.
std::string_view kept(std::string_view text) noexcept {
    if (text.size() <= max_slot_text) return text;
    std::size_t end = max_slot_text;
    for (int i = 0; i < 3 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80; ++i) --end;
    return text.substr(0, end);
}

} // namespace

char* pack(const events::Lookup& event, bool json, char* at) noexcept {
    Head head;
    head.ended = event.ended;
    head.took_ms = event.took_ms;
    head.reason = event.reason;
    head.has_age = event.age.has_value();
    if (event.age) head.age = *event.age;
    head.is_parent = event.is_parent;
    head.json = json;
    char* const start = std::exchange(at, at + sizeof head);
    const auto put = [&](std::size_t number, std::string_view text) {
        if (text.empty()) return;
        const std::string_view part = kept(text);
        head.sizes[number] = static_cast<std::uint8_t>(part.size());
        std::memcpy(at, part.data(), part.size());
        at += part.size();
    };
    put(0, event.domain);
    put(1, event.answer);
    put(2, event.source);
    put(3, event.why);
    put(4, event.next_hop);
    put(5, event.detail);
    put(6, event.would);
    std::memcpy(start, &head, sizeof head);
    return at;
}

Unpacked unpack(std::string_view slot) noexcept {
    Head head;
    std::memcpy(static_cast<void*>(&head), slot.data(), sizeof head);
    Unpacked out;
    out.json = head.json;
    events::Lookup& event = out.event;
    event.ended = head.ended;
    event.took_ms = head.took_ms;
    event.reason = head.reason;
    if (head.has_age) event.age = head.age;
    event.is_parent = head.is_parent;
    std::size_t from = sizeof head, number = 0;
    for (std::string_view* text : {&event.domain, &event.answer, &event.source, &event.why, &event.next_hop,
                                   &event.detail, &event.would}) {
        const std::size_t size = head.sizes[number++];
        *text = slot.substr(from, size);
        from += size;
    }
    return out;
}

} // namespace app
