// tests/support/postfix_syntax.hpp - reads a socketmap reply as Postfix's smtp(8) does, to judge what we
// answer.
//
// Written from what is known of Postfix (socketmap_table(5), postconf(5) smtp_tls_policy_maps, TLSRPT_README,
// smtp_tls_policy.c) and not from our formatter, so that the two check each other. Stricter than Postfix
// where Postfix would accept a policy that means something else than MTA-STS wants. Any octets may be given.
#pragma once

#include "base/expected.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace test {

/// Which attributes exist: 3.4 to 3.9 know no policy_* and no braces.
enum class Postfix { v3_4, v3_10 };

struct TlsPolicy {
    std::string level;
    std::vector<std::string> match; ///< all lists, split
    std::string servername;
    std::string policy_type, policy_domain;
    std::vector<std::string> mx_host_pattern, policy_string;
};

/// A policy-table entry, e.g. "secure match=a:b servername=hostname"; the error says what Postfix would not
/// take.
[[nodiscard]] base::Expected<TlsPolicy, std::string> read_tls_policy(std::string_view text, Postfix version);

struct Reply {
    enum class Status { ok, not_found, temp, perm };
    Status status{};
    TlsPolicy policy;   ///< for ok
    std::string reason; ///< for temp and perm
};

/// A whole reply payload, with everything that a reply of ours has to keep: size, UTF-8, no control byte, and
/// for "secure" a match= and servername=hostname, for policy_type=sts all that belongs to it.
[[nodiscard]] base::Expected<Reply, std::string> read_reply(std::string_view payload, Postfix version);

/// The payload of the netstring that `wire` begins with, which is taken off; nullopt when it does not begin
/// with one as our answers have to be: no leading zeros, at most 100000 octets, a comma at the end.
[[nodiscard]] std::optional<std::string_view> take_netstring(std::string_view& wire);
/// The payload of `wire`, which is one netstring and nothing else.
[[nodiscard]] std::optional<std::string_view> read_netstring(std::string_view wire);

} // namespace test
