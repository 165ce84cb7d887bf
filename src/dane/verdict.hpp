// dane/verdict.hpp - a next hop's MX, address and TLSA answers in; "DANE" or "MTA-STS" out. Pure.
//
// RFC 8461 section 2: MTA-STS must not override a failing DANE validation; Postfix's `secure` would. So a
// domain whose MX hosts all have DANE is for `dane-only`, and any other for its MTA-STS policy, for there
// DANE would let mail go unprotected (unsigned MX RRset, an MX host without TLSA: RFC 7672 section 2.2.1).
//
// Of a next hop in brackets Postfix looks up no MX record (RFC 7672 section 2.2): it is the one mail host.
//
// Failures: one name server must not turn DANE off, nor on. Beside an MX host known to have DANE, or known to
// be signed with its TLSA lookup failing, hosts that could not be looked at change nothing. A host whose
// address lookups fail gets no mail (RFC 7672 section 2.1.2 and 2.2.2) and so says nothing by itself: with
// nothing but such hosts there is no verdict, as when the MX lookup fails. An answer that nobody validated is
// a lookup that failed (dns::Worth).
#pragma once

#include "base/domain.hpp"
#include "dane/advice.hpp"
#include "dane/host.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dane {

/// A verdict lives as long as the smallest TTL that took part, within these.
inline constexpr std::chrono::seconds min_ttl{60};
inline constexpr std::chrono::seconds max_ttl{3600};
/// Names a mail domain could have and a sender would ever try; more of them are not looked at, and count as
/// hosts without DANE, so that the policy protects the domain.
inline constexpr std::size_t max_mx_hosts = 20;
/// Octets of Verdict::why.
inline constexpr std::size_t max_why = 200;

struct Verdict {
    Advice advice = Advice::no_verdict;
    bool on_failures = false; ///< some lookup failed, and the advice may change as soon as it works again
    std::chrono::seconds ttl = min_ttl; ///< min_ttl when on_failures
    /// Every MX host, most preferred first, as in Mx::host, each once; the domain itself when it has no MX,
    /// or when none was asked for.
    /// Empty when the MX lookup failed, and for a null MX. Secure or not: fit for comparing with a policy's
    /// mx patterns.
    std::vector<std::string> mx_hosts;
    std::string why; ///< one printable line of at most max_why octets, e.g. "mx2.example.org has no TLSA"
    friend bool operator==(const Verdict&, const Verdict&) = default;
};

/// Where mail goes of a domain, or of the host that stands for one.
struct Destination {
    std::uint16_t port = 25; ///< TLSA is looked for at this one
    bool mx = true;          ///< false: no MX lookup, the name is the mail host
};

/// What is asked and learnt about one next hop. Ask what next() gives, take() each result, in any order,
/// and stop as soon as there is a verdict(), which may be before every question is answered.
class Inquiry {
public:
    struct Question {
        std::size_t host = 0; ///< whom the answer is for; only Inquiry reads it
        std::string name;
        dns::Type type{};
    };

    explicit Inquiry(const base::Domain& name, Destination destination = {});

    /// The questions that can be asked now; each is given out once.
    [[nodiscard]] std::vector<Question> next();
    void take(const Question& question, const Result& result);
    [[nodiscard]] const std::optional<Verdict>& verdict() const noexcept { return verdict_; }

private:
    void take_mx(const Result& result);
    void judge();
    void conclude(Advice advice, bool on_failures, std::optional<std::chrono::seconds> ttl,
                  std::string_view why);

    std::string domain_;
    Destination destination_;
    bool mx_asked_ = false;
    std::chrono::seconds mx_ttl_{0};
    std::vector<std::string> mx_hosts_;
    std::vector<Host> hosts_;
    std::optional<Verdict> verdict_;
};

} // namespace dane
