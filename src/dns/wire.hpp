// dns/wire.hpp - DNS messages: a question into bytes, bytes into an answer. Pure; only wire.cpp knows ldns.
//
// A further record type needs an enumerator in Type and its RDATA form in guard.cpp, but nothing here: RDATA
// is passed on as raw octets with its names decompressed (TXT is joined, an MX host becomes text).
#pragma once

#include "base/expected.hpp"
#include "base/reason.hpp"
#include "dns/message.hpp"

#include <span>

namespace dns {

/// What a query carries besides the question and RD.
struct QueryForm {
    bool edns = true; ///< an OPT record that offers edns_udp_size
    /// The DO bit. Resolvers from before RFC 6840 (section 5.7) need it to answer with AD; Postfix sets it
    /// too.
    bool dnssec_ok = false;
    bool ad = false; ///< the AD bit: "tell me whether it is authentic"
    friend bool operator==(const QueryForm&, const QueryForm&) = default;
};

/// Reason::dns_malformed when the name cannot be asked for.
[[nodiscard]] base::Expected<Bytes, base::Reason> encode_query(const Question& question, QueryForm form = {});

/// Reads `message` as the reply to `asked`. CNAMEs in the answer section are followed in any order; records
/// that do not belong to the chain are left out. A chain that ends without records and SOA is nodata (or
/// nxdomain by the response code): a recursive resolver would have followed it. Over TCP the TC bit is
/// ignored if there are records, as glibc does; otherwise it makes the reply malformed.
[[nodiscard]] base::Expected<Decoded, WireErrc> decode(std::span<const std::uint8_t> message,
                                                       const Question& asked, bool over_tcp = false);

} // namespace dns
