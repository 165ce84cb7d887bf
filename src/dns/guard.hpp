// dns/guard.hpp - a bounded walk over a DNS message, done before ldns sees it. Pure; no ldns.
//
// ldns 1.8 can be made to leak (two TSIG records), to take 770 MB (one record of many empty strings) and to
// follow 65535 compression pointers a name. The walk lets through only what cannot do that, and turns every
// record of a type that was not asked for into one of an unknown type, so that ldns copies its RDATA instead
// of parsing it.
#pragma once

#include "base/expected.hpp"
#include "dns/message.hpp"

#include <span>

namespace dns {

/// Header and question: Reply says how far one may go. Errors: not_ours or malformed.
enum class ReplyForm {
    complete,    ///< the sections may be walked
    truncated,   ///< TC is set: the rest may end anywhere
    header_only, ///< an error reply (FORMERR, NOTIMP) that repeats no question, as RFC 1035 servers send it
};
[[nodiscard]] base::Expected<ReplyForm, WireErrc> check_reply(std::span<const std::uint8_t> message,
                                                              const Question& asked);

/// The sections: at most max_records records, max_txt_strings strings, one OPT at its place, no TSIG, TKEY or
/// SIG, every name within RFC 1035's limits with pointers that lead strictly backwards, RDATA of the types we
/// read of the right form, and an exact end. Changes the type field of records that are neither `type` nor
/// CNAME, SOA, NS or OPT.
[[nodiscard]] base::Expected<void, WireErrc> check_sections(std::span<std::uint8_t> message, Type type);

/// "a.example" -> its lower-case wire form with the final zero octet; "" is the root. Empty when it is no
/// name for a question: over 253 octets, a label empty or over 63, a backslash or a NUL octet.
[[nodiscard]] std::string wire_name(std::string_view text);

} // namespace dns
