// Any octets as a key of the engine and as a notification: nothing, or parts that are written the same again.
#include "fuzz.hpp"

#include "cache/valkey/keys.hpp"
#include "cache/valkey/notification.hpp"

namespace {

constexpr std::string_view prefix = "stsmapd";

std::string written(const valkey::ReadKey& key) {
    switch (key.kind) {
    case valkey::KeyKind::policy: return valkey::policy_key(prefix, key.name);
    case valkey::KeyKind::lease: return valkey::lease_key(prefix, key.name);
    case valkey::KeyKind::refresh: return valkey::refresh_key(prefix, key.name);
    case valkey::KeyKind::hosts: return valkey::hosts_key(prefix);
    case valkey::KeyKind::channel: return valkey::channel(prefix);
    }
    return {};
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view octets = fuzz::view(data, size);
    if (const auto key = valkey::read_key(prefix, octets)) {
        fuzz::require(written(*key) == octets, "a key is written the same");
        fuzz::require(key->name.empty() || valkey::is_name(key->name), "a name");
        fuzz::require(fuzz::is_printable(octets), "printable");
    }
    // Behind a prefix, so that names are reached soon.
    for (const std::string& payload :
         {std::string{octets}, std::string{prefix} + ":1:p:{" + std::string{octets}}) {
        const auto read = valkey::read_notification(prefix, payload);
        if (!read) continue;
        fuzz::require(payload.size() <= valkey::max_notification, "within the limit");
        fuzz::require(valkey::is_name(read->name), "a name");
        const std::string key = valkey::policy_key(prefix, read->name);
        // An empty value is not written, and not taken by open().
        if (read->value && read->value->empty()) continue;
        fuzz::require(valkey::notification(key, read->value.value_or("")) == payload, "is written the same");
    }
    return 0;
}
