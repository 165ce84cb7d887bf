// cache/valkey/value.hpp - what a fleet shares of a domain: the policy's text as fetched, sealed. Pure.
//
// A value is a claim with evidence: the receiver checks the seal, then parses the text itself (RFC 8461 section 3.2).
// The format, octet by octet and with worked examples, is in README.md beside this file.
#pragma once

#include "base/domain.hpp"
#include "base/expected.hpp"
#include "cache/valkey/keys.hpp"
#include "sts/policy.hpp"

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

namespace valkey {

/// Wall time in milliseconds since 1970 UTC, as Redis counts; a base::Instant becomes one by itself.
using Time = std::chrono::sys_time<std::chrono::milliseconds>;

inline constexpr std::size_t max_value = 72 * 1024; ///< octets
inline constexpr std::chrono::minutes max_ahead{5}; ///< how far the clocks of two hosts may be apart

struct Value {
    base::Domain domain;
    std::string id;   ///< of the TXT record that led to it (RFC 8461 section 3.1); empty: not known
    Time fetched{};   ///< the successful GET; 1970-01-01T00:00:01 to the end of 9999
    std::string host; ///< who fetched it: is_host_name() of hosts.hpp
    std::string text; ///< octets as served, 1 to sts::max_policy_size
    friend bool operator==(const Value&, const Value&) = default;
};

/// Why a value is not taken. Counters and `stsmap fleet status` have these.
enum class Refusal {
    too_large,       ///< over max_value, or a policy text over its limit
    garbage,         ///< not of the format
    unknown_version, ///< of a version that is not ours
    unknown_key,     ///< sealed under an id that the key file does not have
    bad_seal,        ///< forged, damaged, or moved from another domain
    other_domain,    ///< sealed, but says that it is of another domain
    from_future,     ///< fetched later than max_ahead from now
    expired,         ///< its max_age is over
    no_policy,       ///< sealed, but its text is no policy (RFC 8461 section 3.2)
};
inline constexpr std::size_t refusals = 9;
/// "bad-seal"; one name each.
[[nodiscard]] std::string_view to_string(Refusal refusal) noexcept;

struct Opened {
    Value value;
    sts::Policy policy; ///< of value.text
    friend bool operator==(const Opened&, const Opened&) = default;
};

/// Whether seal() takes it: everything within the limits above.
[[nodiscard]] bool is_sound(const Value& value);

/// The octets for the engine, at most max_value, under policy_key() of name_of(value.domain, key, naming).
/// Only of a value that is_sound(). `nonce`: random_nonce(), a new one each time; used with hidden names only.
[[nodiscard]] std::string seal(const Value& value, const Key& key, Naming naming, const Nonce& nonce);

/// `octets`: of any length, from the engine. `name`: is_name(), where they were found; whether it is hidden says which
/// form they must have. The policy is for value.domain, which has this name.
[[nodiscard]] base::Expected<Opened, Refusal> open(std::string_view octets, std::string_view name,
                                                   const KeyRing& ring, Time now);

/// When the policy ends: for PXAT.
[[nodiscard]] Time expires_at(const Value& value, const sts::Policy& policy);

/// Whether `a` is newer than `b`, of the same domain: by the second of `fetched`, since hosts keep whole seconds; of the
/// same second, by text, then by id, so that all hosts prefer the same one.
[[nodiscard]] bool newer(const Value& a, const Value& b);

/// Whether a value that is refused so may be replaced with one of ours. One of a version or key that we do not know may
/// be good for others: never. All else helps nobody.
[[nodiscard]] bool may_overwrite(Refusal refusal) noexcept;

/// Whether to write `ours` over what was found.
[[nodiscard]] bool should_write(const Value& ours, const base::Expected<Opened, Refusal>& found);

} // namespace valkey
