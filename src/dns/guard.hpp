// dns/guard.hpp - a bounded walk over a DNS message, done before ldns sees it. Pure; no ldns.
//
// A message can make ldns 1.8 leak memory (two TSIG records), allocate 770 MB (one record of many empty
// strings) and follow 65535 compression pointers per name. The walk refuses such messages, and changes every
// record that is not read later into one of an unknown type, so that ldns copies its RDATA instead of parsing
// it. Like glibc, it cuts off what an answer does not need instead of refusing the message: octets after the
// last record, broken records of the authority and additional sections, and everything after these.
#pragma once

#include "base/expected.hpp"
#include "dns/message.hpp"

#include <span>

namespace dns {

/// Checks header and question; the Reply says how far to read. Errors: not_ours, unreadable or malformed.
enum class ReplyForm {
    complete,    ///< the sections may be walked
    truncated,   ///< TC is set: the rest may end anywhere
    header_only, ///< an error reply that repeats no question, as RFC 1035 servers send it
};
/// `over_tcp`: the id and the connection identify the reply, so the question may be missing.
[[nodiscard]] base::Expected<ReplyForm, WireErrc> check_reply(std::span<const std::uint8_t> message,
                                                              const Question& asked, bool over_tcp);

/// What the walk found.
struct Sections {
    bool skipped = false; ///< a record of the answer that might have counted is broken and left out
};
/// The sections of a message that check_reply() found complete (or, over TCP, truncated): at most max_records
/// records of the answer and as many behind it, max_txt_strings strings, every name within RFC 1035's limits
/// and of few pointers, RDATA of the types we read of the right form. Changes the message so that this holds
/// and it ends exactly.
[[nodiscard]] base::Expected<Sections, WireErrc> clean_sections(Bytes& message, Type type);

/// "a.example" -> its lower-case wire form with the final zero octet; "" is the root. Empty when it is not a
/// name for a question: over 253 octets, a label that is empty or over 63 octets, a backslash or a NUL octet.
[[nodiscard]] std::string wire_name(std::string_view text);

} // namespace dns
