// tool/explain/predict.hpp - what a Postfix of a given version does with the daemon's answer, as far as that can be
// known: without SMTP under a condition, with what connecting to the mail hosts showed without one. Pure.
//
// Facts about Postfix: smtp(8)'s source, versions 3.7, 3.10 and 3.12 (smtp_tls_policy.c, smtp_connect.c,
// smtp_proto.c); the end-to-end tests compare each prediction with what becomes of the mail.
#pragma once

#include "tool/explain/evidence.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace explain {

/// Since these versions of Postfix.
inline constexpr setup::Version names_checked_since{3, 10,
                                                    5}; ///< names of MX hosts, with the form sts-tlsrpt

enum class Mail {
    flows,
    flows_if, ///< under a condition
    waits,    ///< deferred, whatever the mail hosts do
    bounces,  ///< returned to the sender
};
[[nodiscard]] std::string_view to_string(Mail mail) noexcept; ///< "flows", "flows-if", "waits", "bounces"

struct Prediction {
    Mail mail{};
    std::string level;     ///< that Postfix applies: "may", "secure", ...; "" none: the policy is refused
    std::string from;      ///< where the level comes from: "policy", "main.cf", "table"
    std::string words;     ///< what Postfix does, one sentence
    std::string condition; ///< of flows_if; continues "if "
    /// What Postfix says in "status=deferred (...)" or "status=bounced (...)", each a part of it, one of which is in
    /// it: of waits, bounces, and of flows_if when the condition is not met. Never empty but for flows.
    std::vector<std::string> deferred;
    std::vector<std::string> hosts; ///< the only mail hosts that it delivers to; none: all, or not known
    std::vector<std::string>
        names; ///< that a certificate must have, one of them; none: any, or the host's own
    std::vector<std::string> notes; ///< more sentences
    friend bool operator==(const Prediction&, const Prediction&) = default;
};

/// What Postfix makes of a reply ("OK ...", "NOTFOUND ", ...).
struct Applied {
    enum class Kind { none, policy, error } kind{};
    std::string level;                        ///< of a policy
    std::vector<std::string> match, patterns; ///< of its attributes
    bool sts = false;                         ///< policy_type=sts
    std::string problem;                      ///< of an error: in words
    friend bool operator==(const Applied&, const Applied&) = default;
};
[[nodiscard]] Applied read_reply(std::string_view reply, const setup::Version& version);

/// What Postfix may say when a policy is not met, whichever it is.
[[nodiscard]] std::vector<std::string> of_any_policy();

/// `reply`: the daemon's, in the form that Postfix asks for. `domain`: the next hop's host. `smtp`: what this Postfix
/// would meet with this reply.
[[nodiscard]] Prediction predict(std::string_view reply, const Postfix& postfix,
                                 const std::optional<Live>& live, std::string_view domain,
                                 const std::optional<Smtp>& smtp = {});

} // namespace explain
