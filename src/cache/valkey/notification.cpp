#include "cache/valkey/notification.hpp"

#include "cache/valkey/keys.hpp"

#include <algorithm>

namespace valkey {

std::string notification(std::string_view key, std::string_view value) {
    std::string payload{key};
    if (value.empty() || key.size() + 1 + value.size() > max_notification) return payload;
    return payload.append(" ").append(value);
}

std::optional<Notification> read_notification(std::string_view prefix, std::string_view payload) {
    if (payload.size() > max_notification) return std::nullopt;
    const std::string_view key = payload.substr(0, payload.find(' '));
    const auto read = read_key(prefix, key);
    if (!read || read->kind != KeyKind::policy) return std::nullopt;
    if (key.size() == payload.size()) return Notification{read->name, std::nullopt};
    return Notification{read->name, payload.substr(key.size() + 1)};
}

} // namespace valkey
