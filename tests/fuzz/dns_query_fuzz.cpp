// A question for any name (an octet for the type and the form, then the name) makes nothing, or a query for
// exactly that name, which is read here by hand, and with which a reply can be matched.
#include "fuzz.hpp"

#include "base/domain.hpp"
#include "dns/guard.hpp"
#include "dns/wire.hpp"

#include <iterator>
#include <optional>
#include <string>

namespace {

/// The name of the query's question; nothing unless the whole message is that question and, with `edns`, an
/// OPT.
std::optional<std::string> name_asked(const dns::Bytes& query, dns::Type type, dns::QueryForm form) {
    const auto two = [&](std::size_t at) { return unsigned{query[at]} << 8 | query[at + 1]; };
    if (query.size() < 12 || two(0) != 0x1234 || two(4) != 1 || two(6) != 0 || two(8) != 0 ||
        two(10) != form.edns)
        return std::nullopt;
    if (query[2] != 1 || query[3] != (form.ad ? 0x20 : 0)) return std::nullopt; // RD; AD
    std::string name;
    std::size_t at = 12;
    while (at < query.size() && query[at] != 0) {
        const std::size_t length = query[at];
        if (length > 63 || at + length >= query.size()) return std::nullopt;
        if (!name.empty()) name += '.';
        name.append(reinterpret_cast<const char*>(&query[at + 1]), length);
        at += 1 + length;
    }
    if (at + 5 + (form.edns ? 11 : 0) != query.size()) return std::nullopt;
    if (two(at + 1) != static_cast<unsigned>(type) || two(at + 3) != 1) return std::nullopt;
    if (form.edns && (two(at + 6) != 41 || two(at + 8) != dns::edns_udp_size ||
                      two(at + 12) != (form.dnssec_ok ? 0x8000U : 0U) || two(at + 14) != 0))
        return std::nullopt;
    return name;
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::Script input(fuzz::view(data, size));
    constexpr dns::Type types[] = {dns::Type::txt,  dns::Type::a,   dns::Type::aaaa, dns::Type::mx,
                                   dns::Type::tlsa, dns::Type::soa, dns::Type::cname};
    const unsigned how = input.octet();
    dns::Question asked;
    asked.id = 0x1234;
    asked.type = types[how % std::size(types)];
    asked.name = input.rest();
    const dns::QueryForm form{(how & 64) != 0, (how & 128) != 0, (how & 32) != 0};
    const auto query = dns::encode_query(asked, form);
    const std::string wire = dns::wire_name(asked.name);
    fuzz::require(query.has_value() == !wire.empty(), "what has a wire form can be asked for");
    if (const auto domain = base::Domain::parse(asked.name); domain && domain->name() == asked.name)
        fuzz::require(query.has_value(), "a domain name can be asked for");
    if (!query) return 0;
    fuzz::require(wire.size() <= 255, "a name has its limit");
    const auto said = name_asked(*query, asked.type, form);
    fuzz::require(said.has_value(), "a query, and nothing else");
    std::string lower = asked.name;
    for (char& c : lower)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
    std::string read = *said;
    for (char& c : read)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
    fuzz::require(read == lower || read + "." == lower, "it says the name");

    // The same message sent back as a reply, and as a query.
    dns::Bytes reply = *query;
    fuzz::require(!dns::decode(reply, asked), "a query is no reply");
    reply[2] |= 0x80;
    dns::Question canonical = asked;
    canonical.name = read;
    const auto decoded = dns::decode(reply, canonical);
    fuzz::require(decoded && decoded->answer.records.empty(), "an empty reply");
    canonical.id ^= 1;
    fuzz::require(!dns::decode(reply, canonical), "another id is another question");
    return 0;
}
