// Any bytes as the reply to a question.
//
// The first octet picks the type asked for, the rest is the message. It is read as it is, and once more with
// its header and question made to fit, so that the sections are reached.
#include "dns/wire.hpp"

#include <cstdlib>
#include <iterator>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 1) return 0;
    constexpr dns::Type types[] = {dns::Type::txt,  dns::Type::a,   dns::Type::aaaa, dns::Type::mx,
                                   dns::Type::tlsa, dns::Type::soa, dns::Type::cname};
    dns::Question asked;
    asked.type = types[data[0] % std::size(types)];
    asked.name = "a.example";
    asked.id = 0x4242;
    dns::Bytes message(data + 1, data + size);
    (void)dns::decode(message, asked);

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
    if (!reply->truncated && reply->rcode == dns::rcode::noerror && data_kind != !answer.records.empty())
        std::abort();
    if (answer.ttl && (answer.ttl->count() < 0 || answer.ttl->count() > 0x7fffffff)) std::abort();
    for (const std::string& record : answer.records) {
        if (asked.type == dns::Type::a && record.size() != 4) std::abort();
        if (asked.type == dns::Type::aaaa && record.size() != 16) std::abort();
        if (asked.type == dns::Type::tlsa && record.size() < 3) std::abort();
        if (asked.type != dns::Type::mx) continue;
        const auto mx = dns::parse_mx(record);
        if (!mx || dns::to_record(*mx) != record) std::abort();
        for (char c : mx->host)
            if (c <= 0x20 || c >= 0x7f || (c >= 'A' && c <= 'Z')) std::abort();
    }
    for (char c : answer.canonical_name)
        if (c <= 0x20 || c >= 0x7f) std::abort();
    return 0;
}
