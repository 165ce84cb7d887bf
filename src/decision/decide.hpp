// decision/decide.hpp - what to answer Postfix about one next hop at one moment, and why. The only place that
// decides. Pure; allocates nothing.
//
// Rules in their order: without a policy domain there is nothing to say; without a usable policy, TryLater
// for our own inability alone and else no opinion; a policy that is not enforced is no opinion; DANE goes
// before MTA-STS (RFC 8461 section 2); an enforced policy that has not expired is enforced. Somebody else's
// trouble never defers mail, so TryLater is for our own.
#pragma once

#include "base/clock.hpp"
#include "base/reason.hpp"
#include "dane/state.hpp"
#include "sts/policy_text.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

namespace decision {

/// What is known about one question. Views and pointers: whoever asks owns what they point to.
struct Facts {
    std::string_view domain{};                   ///< the policy domain
    base::Reason no_domain = base::Reason::none; ///< why the key names none (key_*); none: it does
    const sts::PolicyText* policy = nullptr;     ///< the newest one fetched, expired or not; null: none
    base::Instant expires_at{};                  ///< of the policy
    /// This lookup fetched the policy: it may be used now, whatever its max_age (RFC 8461 section 5.1).
    bool just_fetched = false;
    dane::State dane{}; ///< of this very next hop
    dane::Limits dane_limits{};
    bool enforce_testing = false; ///< take mode testing as enforce
    /// Why there is no policy, or why the last try brought no newer one. overloaded: we could not try;
    /// deadline: the answer is due before the try has ended.
    base::Reason reason = base::Reason::none;
    bool store_read = true; ///< false: a policy may be in the part of the store that is not in memory yet
};

/// Postfix falls back on its own configuration.
struct NoOpinion {
    base::Reason reason = base::Reason::none; ///< none: a policy is known, and it is not to be enforced
    friend bool operator==(const NoOpinion&, const NoOpinion&) = default;
};
/// Deliver only over TLS to a host that the policy admits. Points to what the facts point to.
struct Enforce {
    std::string_view domain;
    const sts::PolicyText* policy; ///< never null
    friend bool operator==(const Enforce&, const Enforce&) = default;
};
/// Deliver only with DANE.
struct DaneOnly {
    friend bool operator==(const DaneOnly&, const DaneOnly&) = default;
};
/// We cannot answer; Postfix defers and asks again.
struct TryLater {
    base::Reason reason;
    std::string_view words; ///< what an operator can act on; printable ASCII
    friend bool operator==(const TryLater&, const TryLater&) = default;
};
using Answer = std::variant<NoOpinion, Enforce, DaneOnly, TryLater>;

/// The lookup line's word for it: "notfound", "secure", "dane-only" or "temp".
[[nodiscard]] std::string_view word(const Answer& answer) noexcept;

enum class Rule : std::uint8_t {
    no_domain, ///< the key names no policy domain
    overload,  ///< no policy at hand, and none could be looked for
    loading,   ///< no policy at hand by the deadline, and the store is not all read
    no_policy, ///< none, or an expired one
    mode,      ///< the policy is there and is not enforced
    dane,      ///< DANE secures the next hop
    policy,    ///< an enforced policy
};
[[nodiscard]] std::string_view to_string(Rule rule) noexcept; ///< "no-domain", "overload", ...

/// A rule that was looked at, and what it went by.
struct Why {
    Rule rule{};
    base::Reason reason = base::Reason::none;
    friend bool operator==(const Why&, const Why&) = default;
};
/// The rules that came into question, in their order; the last one gave the answer.
class Whys {
public:
    constexpr void add(Why why) noexcept { items_[size_++] = why; }
    [[nodiscard]] const Why* begin() const noexcept { return items_.data(); }
    [[nodiscard]] const Why* end() const noexcept { return items_.data() + size_; }
    [[nodiscard]] const Why& applied() const noexcept { return items_[size_ - 1]; }

private:
    std::array<Why, 2> items_{};
    std::size_t size_ = 0;
};

struct Decision {
    Answer answer;
    Whys why;
    /// What the answer would be if the policy's mode were enforce; differs from `answer` for mode testing
    /// alone.
    Answer hidden;
};

[[nodiscard]] Decision decide(const Facts& facts, base::Instant now);

/// What speaks for one of the reasons, in words and numbers of the facts that were decided on: for a person,
/// made when somebody asks. One printable line.
[[nodiscard]] std::string evidence(const Why& why, const Facts& facts, base::Instant now);

/// The word for an answer that is not a plain one from a policy, or from there being none: "dane",
/// "deadline", "overload" or "loading"; else "".
[[nodiscard]] std::string_view unusual(const Whys& why) noexcept;

} // namespace decision
