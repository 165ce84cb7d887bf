// tool/setup/libc_dns.hpp - a query as the C library sends it for smtp(8), and how the library reads a reply.
// Pure.
//
// With smtp_dns_support_level = dnssec, smtp(8) sets RES_USE_EDNS0, RES_USE_DNSSEC and RES_TRUSTAD for each
// lookup, also of MX, A and AAAA. glibc does not ask again without them, so mail waits if a server does not
// answer queries in this form. The reader does the same as glibc's res_nsend and res_nquery with one server.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace setup {

enum class LookupType : std::uint16_t { a = 1, soa = 6, mx = 15, aaaa = 28 };

struct DnsLookup {
    std::string name; ///< absolute, without the final dot; "" is the root
    LookupType type{};
    bool dnssec = false; ///< with EDNS, DO and AD
    friend bool operator==(const DnsLookup&, const DnsLookup&) = default;
};

using Octets = std::vector<std::uint8_t>;

/// Empty when the name is not valid.
[[nodiscard]] Octets encode(const DnsLookup& lookup, std::uint16_t id);

struct LibcReply {
    enum class What {
        not_ours,  ///< ignored: the library continues to wait
        truncated, ///< the library asks again over TCP
        answer,    ///< records, or proof that there are none
        failure,   ///< the library asks the next server, or gives up
    } what = What::not_ours;
    bool data = false;      ///< there are records
    bool ad = false;        ///< the AD bit of the reply
    bool no_name = false;   ///< of an answer: NXDOMAIN
    bool last_word = false; ///< of a failure: one that ends the lookup, and Postfix then does not try again
    std::string words;      ///< of a failure, such as "SERVFAIL"
};
[[nodiscard]] LibcReply read_reply(std::span<const std::uint8_t> reply, const Octets& query, bool over_tcp);

} // namespace setup
