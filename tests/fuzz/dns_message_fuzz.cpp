// Any bytes as the reply to a question.
//
// The first octet picks the type of the question, the rest is the message. It is read unchanged, and once
// more with a matching header and question, so that the sections are reached.
#include "fuzz.hpp"

#include "dns/wire.hpp"

#include <iterator>

namespace {

bool is_name_text(std::string_view name) {
    return fuzz::is_printable(name) && name.find_first_of(" ABCDEFGHIJKLMNOPQRSTUVWXYZ") == name.npos;
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 1) return 0;
    constexpr dns::Type types[] = {dns::Type::txt,  dns::Type::a,   dns::Type::aaaa, dns::Type::mx,
                                   dns::Type::tlsa, dns::Type::soa, dns::Type::cname};
    dns::Question asked;
    asked.type = types[data[0] % std::size(types)];
    asked.name = "a.example";
    asked.id = 0x4242;
    dns::Bytes message(data + 1, data + size);
    (void)dns::decode(message, asked);
    (void)dns::decode(message, asked, true);

    constexpr std::uint8_t name[] = {1, 'a', 7, 'e', 'x', 'a', 'm', 'p', 'l', 'e', 0};
    if (message.size() < 12) return 0;
    message[0] = message[1] = 0x42;
    message[2] = static_cast<std::uint8_t>((message[2] & 0x05) | 0x80);
    message[4] = 0;
    message[5] = 1;
    dns::Bytes question(name, name + sizeof name);
    question.insert(question.end(), {0, static_cast<std::uint8_t>(asked.type), 0, 1});
    message.insert(message.begin() + 12, question.begin(), question.end());
    const auto reply = dns::decode(message, asked);
    if (!reply) return 0;
    // What callers rely on.
    const dns::Answer& answer = reply->answer;
    const bool data_kind = answer.kind == dns::Answer::Kind::data;
    if (!reply->truncated && reply->rcode == dns::rcode::noerror)
        fuzz::require(data_kind == !answer.records.empty(), "data has records");
    fuzz::require(!answer.ttl || (answer.ttl->count() >= 0 && answer.ttl->count() <= 0x7fffffff),
                  "31 bits of TTL");
    for (const std::string& record : answer.records) {
        fuzz::require(asked.type != dns::Type::a || record.size() == 4, "an IPv4 address");
        fuzz::require(asked.type != dns::Type::aaaa || record.size() == 16, "an IPv6 address");
        fuzz::require(asked.type != dns::Type::tlsa || record.size() >= 3, "a TLSA record");
        if (asked.type != dns::Type::mx) continue;
        const auto mx = dns::parse_mx(record);
        fuzz::require(mx && dns::to_record(*mx) == record, "an MX reads back");
        fuzz::require(is_name_text(mx->host), "a lower-case printable host");
    }
    fuzz::require(is_name_text(answer.canonical_name), "a lower-case printable owner");
    return 0;
}
