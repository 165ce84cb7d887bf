// A and AAAA RDATA of a policy host: no address embedded in another one passes the check for public hosts.
// Each candidate comes out once, no more than the limit, with the families in turn.
#include "fuzz.hpp"

#include "fetch/address.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

namespace {

namespace ip = boost::asio::ip;

/// The same IPv4 address in the IPv6 forms that lead to it.
std::vector<fetch::Address> forms_of(const ip::address_v4& v4) {
    const auto octets = v4.to_bytes();
    ip::address_v6::bytes_type nat64{0x00, 0x64, 0xff, 0x9b}, six_to_four{0x20, 0x02};
    std::copy(octets.begin(), octets.end(), nat64.begin() + 12);
    std::copy(octets.begin(), octets.end(), six_to_four.begin() + 2);
    return {ip::make_address_v6(ip::v4_mapped, v4), ip::address_v6(nat64), ip::address_v6(six_to_four)};
}

/// An IPv4 address behind a prefix, as in the figure of RFC 6052 section 2.2: bit by bit, without bits 64 to
/// 71.
fetch::Address behind(const base::Nat64Prefix& prefix, const ip::address_v4& v4) {
    ip::address_v6::bytes_type octets{};
    std::copy(prefix.network.begin(), prefix.network.end(), octets.begin());
    for (unsigned bit = 0; bit < 32; ++bit) {
        const unsigned at = prefix.length + bit + (prefix.length < 96 && prefix.length + bit >= 64 ? 8 : 0);
        if (v4.to_uint() >> (31 - bit) & 1)
            octets[at / 8] = static_cast<unsigned char>(octets[at / 8] | 0x80 >> at % 8);
    }
    return ip::address_v6(octets);
}

/// What NAT64 may and may not change about an address.
void check_nat64(const fetch::Address& address) {
    if (address.is_v4()) {
        for (const char* text :
             {"64:ff9b::/96", "64:ff9b:1::/48", "64:ff9b:1:ab00::/56", "64:ff9b:1:abcd::/64", "2a00:64::/32",
              "2a00:64:ff00::/40", "fd64:1:2:3::/96"}) {
            const auto prefix = base::parse_nat64_prefix(text).value();
            const fetch::Address form = behind(prefix, address.to_v4());
            fuzz::require(fetch::not_public(form, std::array{prefix}) == fetch::not_public(address),
                          "an IPv4 address behind a prefix is judged as itself");
            const bool changes = fetch::not_public(form).empty() != fetch::not_public(address).empty();
            const bool nowhere =
                fetch::not_public(address) == "this network" || fetch::not_public(address) == "multicast" ||
                fetch::not_public(address) == "reserved" || fetch::not_public(address) == "documentation";
            fuzz::require(!changes || nowhere || fetch::nat64_decides(form),
                          "the resolver is asked where it matters");
        }
        return;
    }
    const auto octets = address.to_v6().to_bytes();
    base::Octets6 copy{};
    std::copy(octets.begin(), octets.end(), copy.begin());
    for (const unsigned length : base::nat64_lengths) {
        const base::Nat64Prefix prefix = base::nat64_prefix_of(copy, length);
        if (!base::may_be_nat64(prefix)) continue;
        fuzz::require(base::parse_nat64_prefix(to_string(prefix)) == prefix, "a prefix reads back");
        const std::string_view what = fetch::not_public(address, std::array{prefix});
        const auto ipv4 = base::embedded_ipv4(copy, length);
        fuzz::require(!what.empty() || (ipv4 && fetch::not_public(ip::address_v4(*ipv4)).empty()),
                      "public behind a prefix means a public IPv4 address");
    }
    // Another prefix changes nothing.
    static const auto elsewhere = base::parse_nat64_prefix("fd00:dead:beef:0:0:1::/96").value();
    if (!base::same_prefix(copy, elsewhere.network, elsewhere.length))
        fuzz::require(fetch::not_public(address, std::array{elsewhere}) == fetch::not_public(address),
                      "not within");
    if (fetch::not_public(address).empty() && (copy[0] & 0xe0) != 0x20)
        fuzz::require(copy[0] == 0, "allowed: 2000::/3, and what holds an IPv4 address");
    if (const auto shown = base::nat64_prefix_shown_by(copy)) {
        const auto ipv4 = base::embedded_ipv4(copy, shown->length);
        fuzz::require(base::same_prefix(copy, shown->network, shown->length) && ipv4 &&
                          *ipv4 >> 1 == 0x60000055,
                      "a prefix is shown by an address within");
    }
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::Script input(fuzz::view(data, size));
    fetch::Candidates candidates;
    std::vector<fetch::Address> given, taken;
    std::size_t put_back = 0;
    while (!input.empty()) {
        const unsigned what = input.octet();
        if (what < 32) { // RDATA of any length
            const std::string_view rdata = input.octets(what);
            const auto address = fetch::from_rdata(rdata);
            fuzz::require(address.has_value() == (rdata.size() == 4 || rdata.size() == 16),
                          "4 or 16 octets are an address");
            if (!address) continue;
            given.push_back(*address);
            candidates.add({*address, *address});
            const std::string_view why = fetch::not_public(*address);
            fuzz::require(fuzz::is_printable(why), "printable words");
            check_nat64(*address);
            if (address->is_v4())
                for (const fetch::Address& form : forms_of(address->to_v4()))
                    fuzz::require(fetch::not_public(form) == why,
                                  "an IPv4 address inside IPv6 is judged as itself");
            if (address->is_loopback() || address->is_multicast() || address->is_unspecified())
                fuzz::require(!why.empty(), "no public host");
        } else if (!candidates.empty()) {
            const fetch::Address front = candidates.front();
            const bool v6 = candidates.has_v6();
            const auto next = candidates.next([](const fetch::Address&) { return true; });
            fuzz::require(next == front && (v6 || next->is_v4()), "front() is the next");
            taken.push_back(*next);
            if (what == 255 && put_back++ < 8) {
                candidates.put_back(taken.back());
                taken.pop_back();
            }
        }
    }
    while (const auto next = candidates.next([](const fetch::Address&) { return true; }))
        taken.push_back(*next);
    fuzz::require(candidates.empty() && candidates.seen() == taken.size(), "all of them come out");
    for (const fetch::Address& address : taken) {
        fuzz::require(std::ranges::count(taken, address) == 1, "each once");
        fuzz::require(std::ranges::find(given, address) != given.end(), "none but those given");
    }
    for (const bool v6 : {false, true})
        fuzz::require(static_cast<std::size_t>(std::ranges::count_if(
                          taken, [v6](const fetch::Address& a) { return a.is_v6() == v6; })) <=
                          fetch::Candidates::max_per_family,
                      "a family has its limit");
    return 0;
}
