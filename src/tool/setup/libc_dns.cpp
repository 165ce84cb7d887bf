#include "tool/setup/libc_dns.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace setup {
namespace {

constexpr std::size_t head_size = 12, max_label = 63, max_name = 253;
constexpr std::uint16_t class_in = 1, type_opt = 41, payload = 1200; // RESOLV_EDNS_BUFFER_SIZE of glibc
constexpr std::uint8_t flag_rd = 0x01, flag_tc = 0x02, flag_aa = 0x04, flag_qr = 0x80; // octet 2
constexpr std::uint8_t flag_ad = 0x20, flag_ra = 0x80, rcode_mask = 0x0f;              // octet 3

enum Rcode : std::uint8_t { noerror = 0, formerr = 1, servfail = 2, nxdomain = 3, notimp = 4, refused = 5 };

void put16(Octets& out, std::uint16_t value) {
    out.push_back(static_cast<std::uint8_t>(value >> 8));
    out.push_back(static_cast<std::uint8_t>(value & 0xff));
}

std::uint16_t get16(std::span<const std::uint8_t> from, std::size_t at) {
    return static_cast<std::uint16_t>(from[at] << 8 | from[at + 1]);
}

bool put_name(Octets& out, std::string_view name) {
    if (name.size() > max_name) return false;
    while (!name.empty()) {
        const std::string_view label = name.substr(0, name.find('.'));
        if (label.empty() || label.size() > max_label) return false;
        out.push_back(static_cast<std::uint8_t>(label.size()));
        out.insert(out.end(), label.begin(), label.end());
        name.remove_prefix(std::min(name.size(), label.size() + 1));
    }
    out.push_back(0);
    return true;
}

/// Octets of the question section of our own query.
std::size_t question_size(const Octets& query) {
    std::size_t at = head_size;
    while (query[at] != 0) at += query[at] + 1U;
    return at + 5 - head_size;
}

std::uint8_t lower(std::uint8_t octet) {
    return static_cast<std::uint8_t>(base::ascii_lower(static_cast<char>(octet)));
}

bool same_question(std::span<const std::uint8_t> reply, const Octets& query) {
    const std::size_t size = question_size(query);
    if (get16(reply, 4) != 1 || reply.size() < head_size + size) return false;
    return std::ranges::equal(reply.subspan(head_size, size), std::span(query).subspan(head_size, size), {},
                              lower, lower);
}

std::string name_of(std::uint8_t rcode) {
    constexpr std::array names{"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"};
    return rcode < names.size() ? names[rcode] : "response code " + std::to_string(rcode);
}

} // namespace

Octets encode(const DnsLookup& lookup, std::uint16_t id) {
    Octets query;
    put16(query, id);
    query.push_back(flag_rd);
    query.push_back(lookup.dnssec ? flag_ad : 0);
    for (const std::uint16_t count : {std::uint16_t{1}, std::uint16_t{0}, std::uint16_t{0},
                                      static_cast<std::uint16_t>(lookup.dnssec ? 1 : 0)})
        put16(query, count);
    if (!put_name(query, lookup.name)) return {};
    put16(query, static_cast<std::uint16_t>(lookup.type));
    put16(query, class_in);
    if (!lookup.dnssec) return query;
    query.push_back(0); // OPT (RFC 6891 section 6.1.2), owner name: the root
    put16(query, type_opt);
    put16(query, payload);
    put16(query, 0);      // extended RCODE, version
    put16(query, 0x8000); // DO
    put16(query, 0);
    return query;
}

LibcReply read_reply(std::span<const std::uint8_t> reply, const Octets& query, bool over_tcp) {
    using What = LibcReply::What;
    LibcReply reading;
    if (reply.size() < head_size) {
        reading.what = What::failure;
        reading.words = "a message of " + std::to_string(reply.size()) + " octets";
        return reading;
    }
    if (get16(reply, 0) != get16(query, 0) || (reply[2] & flag_qr) == 0) return reading;
    const std::uint8_t rcode = reply[3] & rcode_mask;
    const bool edns = get16(query, 10) != 0;
    // Such a reply may have no question section, so it is checked first.
    const bool misunderstood = rcode == formerr && edns && !over_tcp;
    if (!misunderstood && !same_question(reply, query)) return reading;
    reading.data = rcode == noerror && get16(reply, 6) != 0;
    reading.ad = (reply[3] & flag_ad) != 0;
    reading.no_name = rcode == nxdomain;
    const bool referral = rcode == noerror && !reading.data && (reply[2] & flag_aa) == 0 &&
                          (reply[3] & flag_ra) == 0 && get16(reply, 10) == 0;
    if (misunderstood || (rcode != noerror && rcode != nxdomain) || (referral && !over_tcp)) {
        reading.what = What::failure;
        // glibc's res_nsend asks the next server after these three only.
        reading.last_word = !referral && rcode != servfail && rcode != notimp && rcode != refused;
        reading.words = referral ? "a referral to other servers" : name_of(rcode);
    } else if ((reply[2] & flag_tc) != 0 && !over_tcp) {
        reading.what = What::truncated;
    } else {
        reading.what = What::answer;
    }
    return reading;
}

} // namespace setup
