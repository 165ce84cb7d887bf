// tool/check/delivery.hpp - what this Postfix does with mail: what stsmapd learns from what was seen and answers, what
// Postfix then asks of mail hosts, and which of them satisfy it. Pure.
//
// decision::decide decides, postfix/answer has the words, explain::read_reply reads them as Postfix does, tls_outcome()
// judges one host. The order of hosts, and what ends a delivery: smtp(8)'s source (smtp_addr.c, smtp_connect.c).
#pragma once

#include "base/reason.hpp"
#include "sts/policy_text.hpp"
#include "tool/check/judge.hpp"
#include "tool/check/tls_outcome.hpp"
#include "tool/explain/evidence.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace check {

/// What stsmapd would know of the domain's policy.
struct Learnt {
    bool looked = true; ///< false: what it takes was not looked at
    std::string id;     ///< of the one valid record; "" none
    base::Reason reason = base::Reason::none;
    std::string detail;                      ///< of the reason; as it came
    std::optional<sts::PolicyText> text;     ///< none: `reason` says why
    std::optional<sts::PolicyError> problem; ///< of a text that is no policy
};
[[nodiscard]] Learnt learn(const Evidence& evidence);

/// The settings that are judged by: those of the evidence; what is missing as a Postfix has it that was set up for
/// stsmapd, of the newest version when none is known.
[[nodiscard]] explain::Postfix judged_postfix(const explain::Postfix& postfix);

/// What Postfix would get.
struct Answered {
    std::string reply;    ///< in the form that it asks for
    std::string enforced; ///< the same with mode enforce; differs for mode testing
    Guard guard = Guard::none;
};
[[nodiscard]] Answered answer_for(const Evidence& evidence, const Learnt& learnt,
                                  const explain::Postfix& postfix);

/// What Postfix asks of mail hosts, and by whose word.
struct Need {
    Demand demand;            ///< level "": the policy is refused
    std::string problem;      ///< why Postfix refuses it, in words
    bool of_settings = false; ///< main.cf asks for it, or a table before ours
    friend bool operator==(const Need&, const Need&) = default;
};
/// `domain`: the next hop's host.
[[nodiscard]] Need need_of(std::string_view reply, const explain::Postfix& postfix, std::string_view domain);
/// That of a policy which names just the hosts that the domain has.
[[nodiscard]] Need need_of_own_names(const explain::Postfix& postfix, std::string_view domain);

/// Each host by itself.
[[nodiscard]] std::vector<HostResult> host_results(const std::vector<Mx>& hosts, const Need& need);

/// All of them together: is the mail delivered?
struct Delivered {
    Outcome outcome = Outcome::unknown;
    std::vector<std::string> deferred; ///< of waits, no_mail: parts of what Postfix says, one of which is in it
    std::string finding; ///< of waits and unknown: that of the host that decides
    std::string words;   ///< the same: why; printable
    std::string host;    ///< the one that decides; of verified: that is delivered to
    friend bool operator==(const Delivered&, const Delivered&) = default;
};
[[nodiscard]] Delivered deliver(const std::vector<HostResult>& hosts, const Need& need);

} // namespace check
