// dns/message.hpp - what the bytes of a DNS message mean to a stub resolver, and the limits on them. Pure.
#pragma once

#include "dns/answer.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace dns {

using Bytes = std::vector<std::uint8_t>;

/// Offered in EDNS (the DNS flag day 2020 value): fits an IPv6 packet that no link has to fragment.
inline constexpr std::uint16_t edns_udp_size = 1232;
/// RFC 1035 section 4.2.2: the maximum of the length field before a TCP message. With the limits below even
/// such a message is cheap.
inline constexpr std::size_t max_message = 65535;
/// Resource records that are read from the answer section, and as many from the other sections together. An
/// honest answer has a few dozen.
inline constexpr unsigned max_records = 512;
/// Character-strings in all TXT records together; ldns needs quadratic memory for them.
inline constexpr unsigned max_txt_strings = 512;
/// CNAMEs followed for one answer. Resolvers themselves give up between 8 and 16.
inline constexpr unsigned max_chain = 16;

/// One question as it goes over the wire; class IN always.
struct Question {
    std::uint16_t id = 0;
    std::string name; ///< absolute, lower-case, no final dot; "" is the root
    Type type{};
};

/// Response codes (RFC 1035 section 4.1.1, RFC 6891 section 9) that change what a stub does next.
namespace rcode {
inline constexpr unsigned noerror = 0, formerr = 1, servfail = 2, nxdomain = 3, notimp = 4, refused = 5,
                          badvers = 16;
} // namespace rcode

/// Why a message is not an answer to our question.
enum class WireErrc {
    not_ours,   ///< not a reply, or a reply to another question: a stray or forged datagram
    unreadable, ///< no header, or no readable question: it cannot be assigned to a question
    malformed,  ///< id and question are ours, but it is broken
    over_limit, ///< correct in form, but more than any honest answer needs
    cname_loop, ///< its CNAMEs form a circle, or a chain longer than max_chain
};

struct Decoded {
    unsigned rcode = 0;     ///< with the EDNS extension
    bool truncated = false; ///< TC: `answer` is not filled in, ask again over TCP
    bool referral =
        false;       ///< an empty answer that only names other servers: this one does not recurse for us
    bool ad = false; ///< the AD bit as received: the caller decides whether to trust it
    Answer answer;   ///< for noerror and nxdomain only; its worth is not set
};

} // namespace dns
