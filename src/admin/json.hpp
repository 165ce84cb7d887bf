// admin/json.hpp - values as the administration writes them in JSON. Pure.
//
// Times are UTC; what is not known is left out.
#pragma once

#include "admin/exchange.hpp"
#include "base/clock.hpp"
#include "decision/override.hpp"

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace admin {

/// Adds the time, unless it is the epoch.
void put_time(Json& object, std::string_view name, base::Instant at);

/// "mx.example.com", "*.example.com"
[[nodiscard]] Json names(std::span<const sts::MxPattern> patterns);

/// What an override says; not what it hides.
[[nodiscard]] Json to_json(const decision::Override& one);

/// A line of a stream: "schema" in front, and a newline behind. Octets that are not UTF-8 are replaced. `object` is one,
/// and not empty.
[[nodiscard]] std::string line(const Json& object);

} // namespace admin
