#include "cache/valkey/access.hpp"

#include "events/event.hpp"

#include <chrono>
#include <utility>

namespace valkey {

base::Expected<Opened, Refusal> Access::read(std::string_view octets, std::string_view name) {
    base::Expected<Opened, Refusal> opened = open(octets, name, keys, clock.now());
    if (opened) return opened;
    counts.refused.of(opened.error()).add();
    // One that has ended since it was asked for is nobody's fault.
    if (opened.error() == Refusal::expired) return opened;
    const std::string key = key_of(name);
    events.emit(events::FleetValueRefused{.key = key, .problem = to_string(opened.error())});
    return opened;
}

std::vector<Lies> Access::read(const Reply& reply, std::span<const std::string> names) {
    std::vector<Lies> lies(names.size());
    for (std::size_t i = 0; i < names.size(); ++i) {
        if (i >= reply.elements.size() || reply.elements[i].kind != Reply::Kind::string) continue;
        lies[i] = read(reply.elements[i].text, names[i]);
    }
    return lies;
}

Arguments Access::question(std::span<const std::string> names) const {
    Arguments command{"MGET"}; // for one, too: it takes a key of another type, which GET refuses, for none
    for (const std::string& name : names) command.push_back(key_of(name));
    return command;
}

cache::SharedPolicy shared_policy(Value value) {
    return {.policy_text = std::move(value.text),
            .txt_id = std::move(value.id),
            .fetched_at = std::chrono::floor<base::seconds>(value.fetched),
            .host = std::move(value.host)};
}

std::string words(const Failure& failure) {
    std::string all{to_string(failure.trouble)};
    if (!failure.words.empty()) all.append(": ").append(failure.words);
    return all;
}

} // namespace valkey
