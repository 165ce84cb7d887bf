// config/convert.hpp - untyped values to members of Config and back, one overload per type. Only for the
// option table.
//
// from_value() leaves the member as it was when it refuses a value. Its words follow the option's name.
#pragma once

#include "config/options.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace config {

/// A further check of a text: "" when it is right, else words.
using TextCheck = std::string (*)(std::string_view);
[[nodiscard]] std::string absolute_path(std::string_view text);
[[nodiscard]] std::string absolute_path_or_empty(std::string_view text);
[[nodiscard]] std::string engine_name(std::string_view text);        ///< of a primary, as Sentinels know it
[[nodiscard]] std::string key_prefix(std::string_view text);         ///< of keys in the engine
[[nodiscard]] std::string host_name_or_empty(std::string_view text); ///< of a host of a fleet
[[nodiscard]] std::string host_name_or_address_or_empty(std::string_view text);
[[nodiscard]] std::string domain_name(std::string_view text); ///< or "." for the root
[[nodiscard]] std::string domain_name_or_empty(std::string_view text);

/// The words of an enumeration, in the order of the manual. `of` only picks the overload.
template <class E>
using Names = std::span<const std::pair<std::string_view, E>>;
[[nodiscard]] Names<Mode> names_of(Mode of) noexcept;
[[nodiscard]] Names<Dane> names_of(Dane of) noexcept;
[[nodiscard]] Names<TrustAd> names_of(TrustAd of) noexcept;
[[nodiscard]] Names<LogFormat> names_of(LogFormat of) noexcept;
[[nodiscard]] Names<LogTarget> names_of(LogTarget of) noexcept;
[[nodiscard]] Names<base::Level> names_of(base::Level of) noexcept;

[[nodiscard]] Value to_value(bool member);
[[nodiscard]] Value to_value(unsigned member);
[[nodiscard]] Value to_value(seconds member);
[[nodiscard]] Value to_value(milliseconds member);
[[nodiscard]] Value to_value(const std::string& member);
[[nodiscard]] Value to_value(const net::Proxy& member);
[[nodiscard]] Value to_value(const EngineAddress& member);
[[nodiscard]] Value to_value(const std::vector<EngineAddress>& member);
[[nodiscard]] Value to_value(const std::vector<ListenAddress>& member);
[[nodiscard]] Value to_value(const std::vector<net::Endpoint>& member);
[[nodiscard]] Value to_value(const std::vector<base::Nat64Prefix>& member);
[[nodiscard]] Value to_value(const std::vector<std::string>& member);

[[nodiscard]] Checked from_value(const Value& value, bool& member);
[[nodiscard]] Checked from_value(const Value& value, unsigned& member, std::int64_t min, std::int64_t max);
[[nodiscard]] Checked from_value(const Value& value, seconds& member, std::int64_t min, std::int64_t max);
[[nodiscard]] Checked from_value(const Value& value, milliseconds& member, std::int64_t min,
                                 std::int64_t max);
[[nodiscard]] Checked from_value(const Value& value, std::string& member, TextCheck check);
[[nodiscard]] Checked from_value(const Value& value, net::Proxy& member, TextCheck check);
[[nodiscard]] Checked from_value(const Value& value, EngineAddress& member, TextCheck check);
/// Sentinels.
[[nodiscard]] Checked from_value(const Value& value, std::vector<EngineAddress>& member, TextCheck check);
[[nodiscard]] Checked from_value(const Value& value, std::vector<ListenAddress>& member, TextCheck check);
[[nodiscard]] Checked from_value(const Value& value, std::vector<net::Endpoint>& member, TextCheck check);
[[nodiscard]] Checked from_value(const Value& value, std::vector<base::Nat64Prefix>& member, TextCheck check);
/// Hosts of the web listener.
[[nodiscard]] Checked from_value(const Value& value, std::vector<std::string>& member, TextCheck check);

[[nodiscard]] Value to_value(const FileMode& member);
[[nodiscard]] Checked from_value(const Value& value, FileMode& member, TextCheck check);

/// The text of a value, or a fault when it has another type, has control bytes, or is not UTF-8.
[[nodiscard]] base::Expected<std::string, std::vector<Fault>> text_of(const Value& value);

template <class E>
requires std::is_enum_v<E>
[[nodiscard]] Value to_value(E member) {
    for (const auto& [name, value] : names_of(member))
        if (value == member) return std::string{name};
    return std::string{};
}

template <class E>
requires std::is_enum_v<E>
[[nodiscard]] Checked from_value(const Value& value, E& member) {
    const auto text = text_of(value);
    if (!text) return base::unexpected(text.error());
    std::string words;
    for (const auto& [name, candidate] : names_of(member)) {
        if (name == *text) {
            member = candidate;
            return {};
        }
        words += (words.empty() ? "must be one of \"" : ", \"") + std::string{name} + "\"";
    }
    return base::unexpected(std::vector{Fault{words, std::nullopt}});
}

} // namespace config
