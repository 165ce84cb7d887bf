// tests/support/dns_message.hpp - DNS messages built by hand, honest or hostile. Names are not compressed.
#pragma once

#include "dns/message.hpp"

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace test {

using dns::Bytes;

namespace rr {
inline constexpr std::uint16_t a = 1, ns = 2, cname = 5, soa = 6, mx = 15, txt = 16, sig = 24, aaaa = 28,
                               opt = 41, tlsa = 52, tkey = 249, tsig = 250;
} // namespace rr

struct Rr {
    std::string owner;
    std::uint16_t type = 0;
    std::uint32_t ttl = 300;
    Bytes rdata;
    std::uint16_t klass = 1;
};

/// "a.example" (or "" for the root) in wire form, its case kept.
[[nodiscard]] Bytes wire(std::string_view name);
[[nodiscard]] Bytes strings(std::initializer_list<std::string_view> parts);
[[nodiscard]] Rr txt(std::string owner, std::string_view text, std::uint32_t ttl = 300);
[[nodiscard]] Rr mx(std::string owner, std::uint16_t preference, std::string_view host,
                    std::uint32_t ttl = 300);
[[nodiscard]] Rr cname(std::string owner, std::string_view target, std::uint32_t ttl = 300);
[[nodiscard]] Rr soa(std::string owner, std::uint32_t ttl, std::uint32_t minimum);

/// A reply (or, with qr false, a query).
struct Message {
    std::uint16_t id = 0;
    std::string name;
    std::uint16_t type = rr::txt;
    bool qr = true, aa = false, tc = false, rd = true, ra = true, ad = false, question = true;
    unsigned opcode = 0, rcode = 0; ///< rcode with its EDNS extension
    bool edns = true;               ///< an OPT record at the end of the additional section
    std::vector<Rr> answer, authority, additional;

    [[nodiscard]] Bytes bytes() const;
};

/// A NOERROR reply to `asked` with these answers.
[[nodiscard]] Message reply_to(const dns::Question& asked, std::vector<Rr> answer = {});

} // namespace test
