// decision/decide.hpp - what to answer Postfix about one next hop at one moment, and why. The only place that
// decides. Pure; allocates nothing.
//
// The rules, in order:
// 1. no policy domain: no opinion;
// 2. no usable policy, because of a failure of our own: TryLater;
// 3. an override: as it says, unless it would weaken what 6 or 7 give and does not say that it may;
// 4. no usable policy: no opinion;
// 5. a policy that is not enforced: no opinion;
// 6. DANE goes before MTA-STS (RFC 8461 section 2);
// 7. an enforced policy that has not expired is enforced.
// Whoever only observes gives no opinion in place of 2, 3, 6 and 7. Failures of others never defer mail; TryLater is
// only for our own.
#pragma once

#include "base/clock.hpp"
#include "base/reason.hpp"
#include "dane/state.hpp"
#include "decision/override.hpp"
#include "sts/policy_text.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

namespace decision {

/// What is known about one question. Views and pointers: the caller owns what they point to.
struct Facts {
    std::string_view domain{};                   ///< the policy domain
    base::Reason no_domain = base::Reason::none; ///< why the key has no policy domain (key_*); none: it has
    const sts::PolicyText* policy = nullptr;     ///< the newest one fetched, expired or not; null: none
    base::Instant expires_at{};                  ///< of the policy
    /// This lookup fetched the policy: it may be used now, whatever its max_age (RFC 8461 section 5.1).
    bool just_fetched = false;
    dane::State dane{}; ///< of this next hop, not of the policy domain
    dane::Limits dane_limits{};
    bool enforce_testing = false; ///< treat mode testing as enforce
    /// Why there is no policy, or why the last try brought no newer one. overloaded: we could not try;
    /// deadline: the answer is due before the try has ended.
    base::Reason reason = base::Reason::none;
    bool store_read = true; ///< false: a policy may be in the part of the store that is not in memory yet
    const Override* exception = nullptr; ///< that applies to the domain now; null: none
    bool observe = false;                ///< the daemon only observes
};

/// Postfix uses its own configuration.
struct NoOpinion {
    base::Reason reason = base::Reason::none; ///< none: there is a policy, and it is not enforced
    friend bool operator==(const NoOpinion&, const NoOpinion&) = default;
};
/// Deliver only over TLS to a host that the policy admits. Points to the same objects as the facts.
struct Enforce {
    std::string_view domain;
    const sts::PolicyText* policy; ///< never null
    friend bool operator==(const Enforce&, const Enforce&) = default;
};
/// Deliver only with DANE.
struct DaneOnly {
    friend bool operator==(const DaneOnly&, const DaneOnly&) = default;
};
/// As an override says: TLS where there is some.
struct May {
    friend bool operator==(const May&, const May&) = default;
};
/// As an override says: TLS, whatever the certificate.
struct Encrypt {
    friend bool operator==(const Encrypt&, const Encrypt&) = default;
};
/// As an override says: TLS with a certificate for one of its names. Points to the facts' own.
struct Secure {
    const Override* by; ///< never null
    friend bool operator==(const Secure&, const Secure&) = default;
};
/// We cannot answer; Postfix defers and asks again.
struct TryLater {
    base::Reason reason;
    std::string_view words; ///< for the operator: what is wrong; printable ASCII
    friend bool operator==(const TryLater&, const TryLater&) = default;
};
using Answer = std::variant<NoOpinion, Enforce, DaneOnly, TryLater, May, Encrypt, Secure>;

/// What Postfix gets, in short.
enum class Kind : std::uint8_t { secure, dane_only, notfound, temp, may, encrypt };
inline constexpr std::size_t kinds = 6;
/// The word for it in the log line of a lookup: "secure", "dane-only", "notfound", "temp", "may" or "encrypt".
[[nodiscard]] constexpr std::string_view to_string(Kind kind) noexcept {
    constexpr std::array<std::string_view, kinds> words{"secure", "dane-only", "notfound",
                                                        "temp",   "may",       "encrypt"};
    return words[static_cast<std::size_t>(kind)];
}
[[nodiscard]] Kind kind_of(const Answer& answer) noexcept;
[[nodiscard]] inline std::string_view word(const Answer& answer) noexcept { return to_string(kind_of(answer)); }

enum class Rule : std::uint8_t {
    no_domain, ///< the key names no policy domain
    overload,  ///< no policy is known, and there was no room to look for one
    loading,   ///< no policy is known at the deadline, and a part of the store is not read yet
    held_back, ///< an override that would weaken the answer, and does not say that it may; or wants DANE that
               ///< nobody looks for
    exception, ///< an override
    no_policy, ///< none, or an expired one
    mode,      ///< there is a policy, and it is not enforced
    dane,      ///< DANE secures the next hop
    policy,    ///< an enforced policy
    observe,   ///< the daemon only observes
};
[[nodiscard]] std::string_view to_string(Rule rule) noexcept; ///< "no-domain", "overload", ...

/// A rule that was considered, and its result.
struct Why {
    Rule rule{};
    base::Reason reason = base::Reason::none;
    friend bool operator==(const Why&, const Why&) = default;
};
/// The rules that were considered, in order; the last one gave the answer.
class Whys {
public:
    constexpr void add(Why why) noexcept { items_[size_++] = why; }
    [[nodiscard]] const Why* begin() const noexcept { return items_.data(); }
    [[nodiscard]] const Why* end() const noexcept { return items_.data() + size_; }
    [[nodiscard]] const Why& applied() const noexcept { return items_[size_ - 1]; }

private:
    std::array<Why, 4> items_{};
    std::size_t size_ = 0;
};

struct Decision {
    Answer answer;
    Whys why;
    /// What an override or observing hides: the answer without. Without these, the answer if the policy's mode
    /// were enforce, which differs from `answer` only for mode testing.
    Answer hidden;
};

[[nodiscard]] Decision decide(const Facts& facts, base::Instant now);

/// Would the override give less protection than this answer?
[[nodiscard]] bool weakens(const Override& exception, const Answer& usual);

/// The facts behind one of the rules, with their numbers, for a person. Not made until somebody asks. One
/// printable line.
[[nodiscard]] std::string evidence(const Why& why, const Facts& facts, base::Instant now);

/// "dane", "deadline", "overload", "loading", "override" or "observe" when the answer came from one of these; ""
/// for the usual
/// answers, from a policy or because there is none.
[[nodiscard]] std::string_view unusual(const Whys& why) noexcept;

} // namespace decision
