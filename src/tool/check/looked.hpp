// tool/check/looked.hpp - what came of DNS questions, as evidence. Pure.
#pragma once

#include "base/net/address.hpp"
#include "dns/answer.hpp"
#include "tool/check/evidence.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace check {

/// "TXT", "AAAA", ...
[[nodiscard]] std::string_view type_name(dns::Type type) noexcept;

[[nodiscard]] Looked looked(std::string name, dns::Type type, const dns::Result& result);

/// The records of a TXT answer, each at most max_txt_octets long, at most max_txt_records of them.
[[nodiscard]] TxtLook txt_looked(std::string name, const dns::Result& result);
inline constexpr std::size_t max_txt_records = 50, max_txt_octets = 4096;

/// Of A and AAAA answers: IPv6 before IPv4, each in the order in which it came; nothing else, and none twice.
[[nodiscard]] std::vector<net::IpAddress> addresses_of(const dns::Result& aaaa, const dns::Result& a);

struct MxNames {
    std::vector<Mx> hosts; ///< only names and preferences; most preferred first, each host once
    bool null_mx = false;
    bool more = false; ///< than max_mx
};
/// The mail hosts of a domain by its MX answer: itself when it exists and has no MX record (RFC 5321 section 5.1),
/// at most max_mx.
[[nodiscard]] MxNames mail_hosts(const std::string& domain, const dns::Result& mx);

} // namespace check
