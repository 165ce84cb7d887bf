#include "support/dns_message.hpp"

#include <algorithm>

namespace test {
namespace {

void put16(Bytes& out, std::size_t value) {
    out.push_back(static_cast<std::uint8_t>(value >> 8));
    out.push_back(static_cast<std::uint8_t>(value));
}
void put32(Bytes& out, std::uint32_t value) {
    put16(out, value >> 16);
    put16(out, value & 0xffff);
}
void put(Bytes& out, const Bytes& more) { out.insert(out.end(), more.begin(), more.end()); }

void put_record(Bytes& out, const Rr& record) {
    put(out, wire(record.owner));
    put16(out, record.type);
    put16(out, record.klass);
    put32(out, record.ttl);
    put16(out, record.rdata.size());
    put(out, record.rdata);
}

} // namespace

Bytes wire(std::string_view name) {
    Bytes out;
    while (!name.empty()) {
        const std::size_t dot = std::min(name.find('.'), name.size());
        out.push_back(static_cast<std::uint8_t>(dot));
        out.insert(out.end(), name.begin(), name.begin() + static_cast<std::ptrdiff_t>(dot));
        name.remove_prefix(std::min(dot + 1, name.size()));
    }
    out.push_back(0);
    return out;
}

Bytes strings(std::initializer_list<std::string_view> parts) {
    Bytes out;
    for (std::string_view part : parts) {
        out.push_back(static_cast<std::uint8_t>(part.size()));
        out.insert(out.end(), part.begin(), part.end());
    }
    return out;
}

Rr txt(std::string owner, std::string_view text, std::uint32_t ttl) {
    return {std::move(owner), rr::txt, ttl, strings({text})};
}

Rr mx(std::string owner, std::uint16_t preference, std::string_view host, std::uint32_t ttl) {
    Bytes rdata;
    put16(rdata, preference);
    put(rdata, wire(host));
    return {std::move(owner), rr::mx, ttl, std::move(rdata)};
}

Rr cname(std::string owner, std::string_view target, std::uint32_t ttl) {
    return {std::move(owner), rr::cname, ttl, wire(target)};
}

Rr soa(std::string owner, std::uint32_t ttl, std::uint32_t minimum) {
    Bytes rdata = wire("ns." + owner);
    put(rdata, wire("hostmaster." + owner));
    for (std::uint32_t value : {1U, 2U, 3U, 4U, minimum}) put32(rdata, value);
    return {std::move(owner), rr::soa, ttl, std::move(rdata)};
}

Bytes Message::bytes() const {
    Bytes out;
    put16(out, id);
    const auto bit = [](bool on, unsigned at) { return on ? 1U << at : 0U; };
    put16(out, bit(qr, 15) | opcode << 11 | bit(aa, 10) | bit(tc, 9) | bit(rd, 8) | bit(ra, 7) | bit(ad, 5) |
                   (rcode & 15));
    put16(out, question ? 1 : 0);
    put16(out, answer.size());
    put16(out, authority.size());
    put16(out, additional.size() + (edns ? 1 : 0));
    if (question) {
        put(out, wire(name));
        put16(out, type);
        put16(out, 1);
    }
    for (const auto* section : {&answer, &authority, &additional})
        for (const Rr& record : *section) put_record(out, record);
    if (edns) put_record(out, {"", rr::opt, rcode >> 4 << 24, {}, dns::edns_udp_size});
    return out;
}

Message reply_to(const dns::Question& asked, std::vector<Rr> answer) {
    Message message;
    message.id = asked.id;
    message.name = asked.name;
    message.type = static_cast<std::uint16_t>(asked.type);
    message.answer = std::move(answer);
    return message;
}

} // namespace test
