// cache/valkey/notification.hpp - what hosts of a fleet tell each other when one has learnt something. Pure.
//
// A payload is `KEY SP VALUE`, or `KEY` alone when that would be longer than 8 KiB, or when the value must be looked
// up: KEY is that of a policy (keys.hpp), VALUE what lies there (value.hpp, open()). Notifications may be lost; nothing
// depends on one.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace valkey {

inline constexpr std::size_t max_notification = 8 * 1024; ///< octets

/// `value`: of seal(). Never longer than max_notification.
[[nodiscard]] std::string notification(std::string_view key, std::string_view value);

/// Parts of the payload.
struct Notification {
    std::string_view name;                 ///< is_name() of keys.hpp
    std::optional<std::string_view> value; ///< not checked; nothing: look it up
    friend bool operator==(const Notification&, const Notification&) = default;
};
/// Nothing: no notification of this prefix and version, or a longer one.
[[nodiscard]] std::optional<Notification> read_notification(std::string_view prefix,
                                                            std::string_view payload);

} // namespace valkey
