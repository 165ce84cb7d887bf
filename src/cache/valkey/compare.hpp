// cache/valkey/compare.hpp - what follows from a policy that this host has and from what the engine has of the domain.
// Pure.
#pragma once

#include "base/expected.hpp"
#include "cache/valkey/value.hpp"

#include <cstddef>
#include <optional>
#include <span>

namespace valkey {

/// What lies under one name of a domain; nothing: the engine has no such key.
using Lies = std::optional<base::Expected<Opened, Refusal>>;

struct Verdict {
    std::optional<std::size_t> take; ///< which is newer than ours
    bool push = false;               ///< ours belongs in the engine, under the first name
    bool changed = false;            ///< pushed, others may have the older one
    friend bool operator==(const Verdict&, const Verdict&) = default;
};

/// `lies`: under each of names_of(), in that order; at least one.
[[nodiscard]] Verdict compare(const Value& ours, std::span<const Lies> lies);

/// The newest of those that may be taken; nothing: there is none.
[[nodiscard]] std::optional<std::size_t> newest(std::span<const Lies> lies);

} // namespace valkey
