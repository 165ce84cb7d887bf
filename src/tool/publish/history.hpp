// tool/publish/history.hpp - the policies that were served, as far as was seen: senders keep each until its max_age
// has passed. Pure.
//
// Kept in the folder of --out, as served.json; a document from elsewhere is read with bounds.
#pragma once

#include "base/clock.hpp"
#include "base/expected.hpp"
#include "sts/policy.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace publish {

inline constexpr std::size_t max_history = 1000;                      ///< entries; the oldest go first
inline constexpr std::size_t max_history_file = std::size_t{4} << 20; ///< octets

/// One policy, under one id.
struct Served {
    std::string text, id; ///< id: "" there was no valid TXT record
    base::Instant first_seen{}, last_seen{};
    friend bool operator==(const Served&, const Served&) = default;
};

struct History {
    std::string domain;
    std::vector<Served> served; ///< oldest first
    friend bool operator==(const History&, const History&) = default;
};

/// With what is served now.
[[nodiscard]] History with(History history, std::string text, std::string id, base::Instant now);

/// What senders may still hold.
struct Held {
    sts::Policy policy;
    std::string id;
    base::Instant until{};
    bool current = false; ///< it is served now: senders still get it, so `until` moves on
};
/// Newest first; without those that have ended. A policy may have been fetched until the next one was seen.
[[nodiscard]] std::vector<Held> held(const History& history, base::Instant now);

/// What the text and the id did when they changed last.
enum class Change : std::uint8_t {
    unknown,   ///< nothing was seen before
    none,      ///< both are as they were
    both,      ///< as it should be, also one after the other
    text_only, ///< senders that have the old text do not look for the new one
    id_only,   ///< senders fetch the same again; no harm
};
[[nodiscard]] Change last_change(const History& history) noexcept;

[[nodiscard]] std::string write_history(const History& history);
/// The error is words for a person.
[[nodiscard]] base::Expected<History, std::string> read_history(std::string_view text);

} // namespace publish
