// postfix/answer.hpp - a decision -> one socketmap reply.
//
// Nothing from a policy reaches a reply unchecked: no address, no final dot, no strategy word (hostname,
// nexthop, dot-nexthop), no "*." in match=, no brace or control byte, valid UTF-8. A reply never exceeds
// max_reply octets. Source: Postfix TLSRPT_README; socketmap_table(5).
#pragma once

#include "decision/decide.hpp"
#include "postfix/request.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace postfix {

/// Postfix's own limit for a socketmap reply, in octets (socketmap_max_reply_size).
inline constexpr std::size_t max_reply = 100000;

/// The reply's payload, to be framed. Same answer and dialect, same octets.
[[nodiscard]] std::string answer(const decision::Answer& answer, Dialect dialect);

/// Appends the same. Allocates only when `out` has to grow.
void append_answer(const decision::Answer& answer, Dialect dialect, std::string& out);

/// "PERM <words>" for a protocol violation, cut and printable.
[[nodiscard]] std::string perm(std::string_view words);
/// "TEMP <words>" for our own trouble, cut and printable.
[[nodiscard]] std::string temp(std::string_view words);

} // namespace postfix
