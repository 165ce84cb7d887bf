// tool/check/judge.hpp - evidence about one domain -> what becomes of mail to it, what was found, and who has to do
// what. Pure.
//
// Judged as if stsmapd were asked now for the first time, and enforced what it learns: no override, no older policy,
// no observing. So it also says what will happen after the daemon is switched from observing to enforcing.
#pragma once

#include "base/exit_status.hpp"
#include "tool/check/evidence.hpp"
#include "tool/findings/finding.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace check {

/// What becomes of mail, or what one mail host does to it.
enum class Outcome : std::uint8_t {
    verified,    ///< delivered over TLS to a host that has proven who it is
    waits,       ///< deferred, because of TLS or the policy
    unprotected, ///< delivered, and nobody has to prove anything
    no_mail,     ///< returned to the sender: the domain takes no mail, does not exist, or refuses with 5xx
    unknown,     ///< could not be found out
};
[[nodiscard]] std::string_view to_string(Outcome outcome) noexcept; ///< "verified", "waits", ..., "no-mail"

/// What the outcome rests on.
enum class Guard : std::uint8_t {
    none,      ///< no usable policy, and no DANE
    withdrawn, ///< a policy of mode none
    testing,   ///< a policy of mode testing: nothing waits for it
    sts,       ///< an enforced policy
    dane,      ///< TLSA records
    settings,  ///< main.cf, or a table before ours, asks for more than TLS where it is offered
};
[[nodiscard]] std::string_view to_string(Guard guard) noexcept; ///< "none", "withdrawn", ...

/// One mail host, in the order in which Postfix tries them.
struct HostResult {
    std::string host;
    int preference = 0;
    /// With the policy enforced (mode testing, too); of a domain without a policy with one that names the host.
    Outcome outcome = Outcome::unknown;
    bool looked = true; ///< false: nobody connected to it; true with `unknown`: now nothing can be delivered to it
    std::string admitted_by;   ///< the first pattern of the policy that covers it; "" none does
    bool refused_name = false; ///< this Postfix does not even connect to it: no pattern covers it
    bool in_reach = true;      ///< false: it comes after so many addresses that Postfix never tries it
    /// Of waits, and of hosts that no delivery can be made to: parts of what Postfix says in "status=deferred (...)",
    /// one of which is in it if this is the last host.
    std::vector<std::string> deferred;
    bool returned = false;     ///< as the last host: it is "status=bounced (...)" then
    std::string words;         ///< why, one sentence without a full stop; printable; "" verified
    std::string finding;       ///< the id that says most about why; "" verified, or none
    friend bool operator==(const HostResult&, const HostResult&) = default;
};

struct Verdict {
    Outcome outcome = Outcome::unknown;
    Guard guard = Guard::none;
    /// Of an outcome that is not for its mode (testing): what mode enforce would make of it; none: the same.
    std::optional<Outcome> enforced;
    bool stuck_here = false;       ///< now all mail waits: Postfix gets no answer of stsmapd
    std::string level;             ///< that Postfix applies: "secure", "dane-only", "may", ...
    std::string reply;             ///< of stsmapd, in the form of this Postfix
    std::string words;             ///< "mail from here would be delivered, verified": printable
    /// Of waits and no_mail: parts of what Postfix says, one of which is in it; the likeliest first.
    std::vector<std::string> deferred;
    std::string reason;            ///< the id of the finding that decides: of waits, unknown, unprotected
    std::vector<std::string> todo; ///< for the owner of the domain, most useful first; none: nothing
    std::vector<std::string> here; ///< for the postmaster of this host; none: nothing
    friend bool operator==(const Verdict&, const Verdict&) = default;
};

/// The policy as it was read; for printing, and for `publish`.
struct PolicyResult {
    std::string mode;              ///< "enforce", "testing", "none"
    std::int64_t max_age_s = 0;    ///< as senders use it
    std::vector<std::string> mx;   ///< "mx.example.com", "*.example.com"
    std::vector<std::string> idle; ///< those that cover no MX host of now
    friend bool operator==(const PolicyResult&, const PolicyResult&) = default;
};

struct Judgement {
    Verdict verdict;
    std::string txt_id;                 ///< of the one valid record; "" there is none
    std::optional<PolicyResult> policy; ///< none: none could be read
    std::vector<HostResult> hosts;
    std::vector<findings::Finding> findings; ///< by part (TXT, policy host, policy, MX, DANE, TLSRPT), as found
    friend bool operator==(const Judgement&, const Judgement&) = default;
};

[[nodiscard]] Judgement judge(const Evidence& evidence);

/// The domain takes no mail, or does not exist: of all that is no_mail, what is not a refusal with 5xx by its hosts.
[[nodiscard]] bool takes_no_mail(const Verdict& verdict) noexcept;

/// To follow words on why mail is not delivered: "", or ", or smtp_fallback_relay takes it".
[[nodiscard]] std::string or_fallback(const explain::Postfix& postfix);

/// done: mail flows; trouble: it waits, also because it is stuck here, or is returned; unreachable: could not be found out.
[[nodiscard]] base::Exit exit_of(const Judgement& judgement) noexcept;
/// Of many domains: trouble before unreachable before done.
[[nodiscard]] base::Exit worse(base::Exit one, base::Exit other) noexcept;

} // namespace check
