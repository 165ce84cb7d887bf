// A and AAAA RDATA of a policy host: no address inside another one gets past the check for public hosts, and
// candidates come out once each, no more than the limit, the families in turn.
#include "fuzz.hpp"

#include "fetch/address.hpp"

#include <algorithm>
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
