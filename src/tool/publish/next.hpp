// tool/publish/next.hpp - the next step for a domain that is published, or not yet: from what check found out. Pure.
#pragma once

#include "tool/findings/finding.hpp"
#include "tool/publish/history.hpp"
#include "tool/publish/plan.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace publish {

/// One MX host of the domain.
struct Host {
    enum class State : std::uint8_t {
        good,    ///< passes: STARTTLS, and a certificate that is trusted and has the name
        fails,   ///< mail to it would wait under an enforced policy
        unknown, ///< nobody could look
    };
    std::string name;
    State state = State::unknown;
    std::string words; ///< why, without a full stop; "" good
};

/// What there is now.
struct Situation {
    std::string domain;
    bool mx_known = false; ///< DNS told the MX hosts
    bool no_mail = false;  ///< a null MX, or no such domain
    std::vector<Host> hosts;
    std::string id;                    ///< of the valid TXT record; "" none
    std::chrono::seconds txt_ttl{};    ///< of the answer about it; 0 not known
    std::optional<std::string> text;   ///< that the policy host serves; none: none
    std::optional<sts::Policy> policy; ///< in it; none: senders cannot use it
    bool tlsrpt = false;               ///< there is a valid TLSRPT record
};

struct NextWish {
    bool withdraw = false;
    Registrable wildcard; ///< none: exact names
    std::vector<std::string> rua;
    std::optional<std::chrono::seconds> max_age; ///< none: that of the policy before, or the default
};

struct Next {
    /// "start", "repair", "enforce", "keep", "withdraw", "withdrawn", "nothing", "refused"
    std::string_view step;
    std::string words; ///< one sentence: what is proposed, or why nothing is
    std::optional<Plan> plan;
    std::vector<findings::Finding> findings;
};

/// `history`: with what is served now, if anything is.
[[nodiscard]] Next next_step(const Situation& situation, const History& history, const NextWish& wish,
                             base::Instant now);

/// A first policy for the domain, from its MX hosts; in mode testing unless `mode` says otherwise.
[[nodiscard]] Next first(const Situation& situation, const NextWish& wish, sts::Mode mode, base::Instant now);

} // namespace publish
