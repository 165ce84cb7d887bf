// tool/setup/libc_dns.hpp - a query as the C library sends it for smtp(8), and what the library makes of a reply.
// Pure.
//
// With smtp_dns_support_level = dnssec smtp(8) sets RES_USE_EDNS0, RES_USE_DNSSEC and RES_TRUSTAD for each
// lookup, of MX, A and AAAA too, and glibc does not ask again without them: mail waits for what a server does
// not answer in this form. The reader follows glibc's res_nsend and res_nquery with one server.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace setup {

enum class LookupType : std::uint16_t { a = 1, soa = 6, mx = 15 };

struct DnsLookup {
    std::string name; ///< absolute, without the final dot; "" is the root
    LookupType type{};
    bool dnssec = false; ///< with EDNS, DO and AD
    friend bool operator==(const DnsLookup&, const DnsLookup&) = default;
};

using Octets = std::vector<std::uint8_t>;

/// Empty when the name is none.
[[nodiscard]] Octets encode(const DnsLookup& lookup, std::uint16_t id);

struct LibcReply {
    enum class What {
        not_ours,  ///< passed over, and waited on
        truncated, ///< asked again over TCP
        answer,    ///< a name's records, or that there are none
        failure,   ///< the library goes to the next server, or gives up
    } what = What::not_ours;
    bool data = false; ///< records came
    bool ad = false;   ///< as it came
    std::string words; ///< of a failure, such as "SERVFAIL"
};
[[nodiscard]] LibcReply read_reply(std::span<const std::uint8_t> reply, const Octets& query, bool over_tcp);

} // namespace setup
