#include "dns/wire.hpp"

#include "base/text.hpp"
#include "dns/guard.hpp"

#include <ldns/ldns.h>
#include <stdbool.h> // before ldns.h, which otherwise defines bool, true and false as macros

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <new>

namespace dns {
namespace {

using std::chrono::seconds;

struct Free {
    void operator()(ldns_pkt* p) const noexcept { ldns_pkt_free(p); }
    void operator()(ldns_rdf* p) const noexcept { ldns_rdf_deep_free(p); }
    void operator()(std::uint8_t* p) const noexcept { std::free(p); }
};
template <class T>
using Owned = std::unique_ptr<T, Free>;

/// ldns does not always check the result of malloc(): without memory it may end the process. So we first
/// allocate, and free, more than ldns can need for a message of `octets`; this throws if there is too little.
void make_room_for(std::size_t octets) {
    constexpr std::size_t packet = 32 * 1024, for_each_octet = 8;
    ::operator delete(::operator new(packet + for_each_octet * octets)); // no compiler removes this call
}

/// RFC 2181 section 8: 31 bits; a larger value counts as zero.
seconds ttl_seconds(std::uint32_t ttl) { return seconds{ttl > 0x7fffffff ? 0 : ttl}; }

std::string octets(const ldns_rdf* field) {
    return {reinterpret_cast<const char*>(ldns_rdf_data(field)), ldns_rdf_size(field)};
}

/// A name's wire form in lower case. Label lengths (at most 63) are below 'A' and stay.
std::string lower_name(const ldns_rdf* name) {
    std::string wire = octets(name);
    std::ranges::transform(wire, wire.begin(), [](char c) { return base::ascii_lower(c); });
    return wire;
}

/// Presentation form without the final dot; octets that no host name has are written as \DDD.
std::string name_text(std::string_view wire) {
    std::string text;
    while (!wire.empty() && wire[0] != '\0') {
        const auto length = static_cast<std::size_t>(static_cast<unsigned char>(wire[0]));
        if (!text.empty()) text += '.';
        for (char c : wire.substr(1, length)) {
            if (c > 0x20 && c < 0x7f && c != '.' && c != '\\') {
                text += c;
                continue;
            }
            const auto value = static_cast<unsigned char>(c);
            text += '\\';
            for (unsigned unit : {100U, 10U, 1U}) text += static_cast<char>('0' + value / unit % 10);
        }
        wire.remove_prefix(std::min(1 + length, wire.size()));
    }
    return text;
}

/// Whether `zone` is the name itself or above it. Both in lower-case wire form.
bool covers(std::string_view zone, std::string_view name) {
    while (name.size() > zone.size()) name.remove_prefix(1 + static_cast<unsigned char>(name[0]));
    return name == zone;
}

std::string rdata(const ldns_rr* rr, Type type) {
    std::string out;
    if (type == Type::mx && ldns_rr_rd_count(rr) == 2)
        return octets(ldns_rr_rdf(rr, 0)) + name_text(lower_name(ldns_rr_rdf(rr, 1)));
    for (std::size_t i = 0; i < ldns_rr_rd_count(rr); ++i) {
        const std::string field = octets(ldns_rr_rdf(rr, i));
        // A character-string's first octet is its length.
        out += type == Type::txt && !field.empty() ? field.substr(1) : field;
    }
    return out;
}

struct OwnedRecord {
    std::string owner;
    const ldns_rr* rr;
};

std::vector<OwnedRecord> records_in(const ldns_rr_list* section, unsigned type) {
    std::vector<OwnedRecord> out;
    for (std::size_t i = 0; i < ldns_rr_list_rr_count(section); ++i) {
        const ldns_rr* rr = ldns_rr_list_rr(section, i);
        if (static_cast<unsigned>(ldns_rr_get_type(rr)) != type || ldns_rr_get_class(rr) != LDNS_RR_CLASS_IN)
            continue;
        out.push_back({lower_name(ldns_rr_owner(rr)), rr});
    }
    return out;
}

const OwnedRecord* owned_by(const std::vector<OwnedRecord>& records, std::string_view owner) {
    const auto it = std::ranges::find(records, owner, &OwnedRecord::owner);
    return it == records.end() ? nullptr : &*it;
}

/// The smaller one of the known and the new value.
void lower(std::optional<seconds>& bound, seconds value) { bound = bound ? std::min(*bound, value) : value; }

/// RFC 2308 section 3 and 5: from the SOA of the zone the name is in.
std::optional<seconds> negative_ttl(const ldns_pkt* packet, std::string_view name) {
    for (const OwnedRecord& soa : records_in(ldns_pkt_authority(packet), LDNS_RR_TYPE_SOA)) {
        if (!covers(soa.owner, name) || ldns_rr_rd_count(soa.rr) != 7) continue;
        return std::min(ttl_seconds(ldns_rr_ttl(soa.rr)),
                        ttl_seconds(ldns_rdf2native_int32(ldns_rr_rdf(soa.rr, 6))));
    }
    return std::nullopt;
}

base::Expected<void, WireErrc> read_answer(const ldns_pkt* packet, const Question& asked, Decoded& out) {
    const auto data = records_in(ldns_pkt_answer(packet), static_cast<unsigned>(asked.type));
    const auto aliases = records_in(ldns_pkt_answer(packet), LDNS_RR_TYPE_CNAME);
    std::string name = wire_name(asked.name);
    std::optional<seconds> ttl;
    for (unsigned hops = 0; owned_by(data, name) == nullptr;) {
        const OwnedRecord* alias = owned_by(aliases, name);
        if (alias == nullptr || ldns_rr_rd_count(alias->rr) != 1) break;
        if (++hops > max_chain) return base::unexpected(WireErrc::cname_loop);
        lower(ttl, ttl_seconds(ldns_rr_ttl(alias->rr)));
        name = lower_name(ldns_rr_rdf(alias->rr, 0));
    }
    Answer& answer = out.answer;
    answer.canonical_name = name_text(name);
    out.ad = ldns_pkt_ad(packet);
    if (out.rcode == rcode::nxdomain) {
        answer.kind = Answer::Kind::nxdomain; // of the chain's end (RFC 6604 section 3)
    } else if (owned_by(data, name) == nullptr) {
        answer.kind = Answer::Kind::nodata;
    } else {
        answer.kind = Answer::Kind::data;
        for (const OwnedRecord& record : data) {
            if (record.owner != name) continue;
            lower(ttl, ttl_seconds(ldns_rr_ttl(record.rr)));
            answer.records.push_back(rdata(record.rr, asked.type));
        }
        answer.ttl = ttl;
        return {};
    }
    if (const auto negative = negative_ttl(packet, name)) {
        lower(ttl, *negative);
        answer.ttl = ttl;
        return {};
    }
    // RFC 2308 section 2.2.1: NS without SOA make a referral, unless the server recursed or is authoritative.
    out.referral = answer.kind == Answer::Kind::nodata &&
                   ldns_rr_list_rr_count(ldns_pkt_answer(packet)) == 0 && !ldns_pkt_ra(packet) &&
                   !ldns_pkt_aa(packet) && !records_in(ldns_pkt_authority(packet), LDNS_RR_TYPE_NS).empty();
    return {};
}

} // namespace

base::Expected<Bytes, base::Reason> encode_query(const Question& question, QueryForm form) {
    const auto bad = base::unexpected(base::Reason::dns_malformed);
    if (wire_name(question.name).empty()) return bad;
    make_room_for(question.name.size());
    Owned<ldns_rdf> name{ldns_dname_new_frm_str(question.name.empty() ? "." : question.name.c_str())};
    if (!name) return bad;
    Owned<ldns_pkt> packet{
        ldns_pkt_query_new(name.get(), static_cast<ldns_rr_type>(question.type), LDNS_RR_CLASS_IN, LDNS_RD)};
    if (!packet) return bad;
    (void)name.release(); // the packet's from here on
    ldns_pkt_set_id(packet.get(), question.id);
    ldns_pkt_set_ad(packet.get(), form.ad);
    if (form.edns) {
        ldns_pkt_set_edns_udp_size(packet.get(), edns_udp_size);
        ldns_pkt_set_edns_do(packet.get(), form.dnssec_ok);
    }
    std::uint8_t* raw = nullptr;
    std::size_t size = 0;
    const ldns_status status = ldns_pkt2wire(&raw, packet.get(), &size);
    const Owned<std::uint8_t> wire{raw};
    if (status != LDNS_STATUS_OK || !wire) return bad;
    return Bytes(wire.get(), wire.get() + size);
}

base::Expected<Decoded, WireErrc> decode(std::span<const std::uint8_t> message, const Question& asked,
                                         bool over_tcp) {
    const auto form = check_reply(message, asked, over_tcp);
    if (!form) return base::unexpected(form.error());
    Decoded out;
    out.rcode = message[3] & 0xfU;
    out.truncated = *form == ReplyForm::truncated;
    if (*form == ReplyForm::header_only || (out.truncated && !over_tcp)) return out;

    Bytes copy(message.begin(), message.end());
    const auto sections = clean_sections(copy, asked.type);
    if (!sections) return base::unexpected(sections.error());
    make_room_for(copy.size());
    ldns_pkt* raw = nullptr;
    const ldns_status status = ldns_wire2pkt(&raw, copy.data(), copy.size());
    const Owned<ldns_pkt> packet{raw};
    if (status == LDNS_STATUS_MEM_ERR) throw std::bad_alloc{};
    if (status != LDNS_STATUS_OK || !packet) return base::unexpected(WireErrc::malformed);
    out.rcode |= unsigned{ldns_pkt_edns_extended_rcode(packet.get())} << 4;
    if (out.rcode != rcode::noerror && out.rcode != rcode::nxdomain) {
        out.truncated = false;
        return out;
    }
    if (const auto read = read_answer(packet.get(), asked, out); !read) return base::unexpected(read.error());
    // A broken or cut answer does not prove an absence.
    if (out.answer.kind != Answer::Kind::data && (sections->skipped || out.truncated))
        return base::unexpected(WireErrc::malformed);
    out.truncated = false;
    return out;
}

} // namespace dns
