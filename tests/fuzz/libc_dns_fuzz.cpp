// Any bytes as the reply of a name server that smtp(8) asks.
//
// The first octet picks the question and its form, the rest is the message. It is read unchanged, and once
// more with a matching id and question.
#include "fuzz.hpp"

#include "tool/setup/libc_dns.hpp"

#include <algorithm>
#include <iterator>

namespace {

using setup::LibcReply;

/// What callers rely on.
LibcReply read(const setup::Octets& reply, const setup::Octets& query, bool over_tcp) {
    LibcReply read = setup::read_reply(reply, query, over_tcp);
    const bool answer = read.what == LibcReply::What::answer;
    fuzz::require(answer || read.what == LibcReply::What::truncated || !read.data,
                  "neither a failure nor what is not ours has records");
    fuzz::require((read.what == LibcReply::What::failure) == !read.words.empty(), "a failure has words");
    fuzz::require(fuzz::is_printable(read.words), "printable words");
    fuzz::require(!over_tcp || read.what != LibcReply::What::truncated, "nothing comes after TCP");
    if (answer)
        fuzz::require(reply.size() >= 12 && std::equal(query.begin(), query.begin() + 2, reply.begin()),
                      "an answer to this query");
    return read;
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 1) return 0;
    constexpr setup::LookupType types[] = {setup::LookupType::a, setup::LookupType::soa,
                                           setup::LookupType::mx};
    const bool root = (data[0] & 0x10) != 0, over_tcp = (data[0] & 0x20) != 0;
    const setup::DnsLookup lookup{root ? "" : "example.com", types[(data[0] & 3) % std::size(types)],
                                  (data[0] & 0x40) != 0};
    const setup::Octets query = setup::encode(lookup, 0x4242);
    fuzz::require(query.size() > 12, "a query");
    setup::Octets reply(data + 1, data + size);
    (void)read(reply, query, over_tcp);

    if (reply.size() < 12) return 0;
    reply[0] = reply[1] = 0x42;
    reply[2] = static_cast<std::uint8_t>((reply[2] & 0x07) | 0x80);
    reply[4] = 0;
    reply[5] = 1;
    const std::size_t question = 12 + (root ? 1 : 13) + 4;
    reply.insert(reply.begin() + 12, query.begin() + 12,
                 query.begin() + static_cast<std::ptrdiff_t>(question));
    (void)read(reply, query, over_tcp);
    reply[0] ^= 0xff;
    const LibcReply other = read(reply, query, over_tcp);
    fuzz::require(other.what != LibcReply::What::answer, "another's answer");
    return 0;
}
