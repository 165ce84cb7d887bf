// dns/answer.hpp - what a DNS question is about and what came of it. Pure: no Asio.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace dns {

enum class Type : std::uint16_t { a = 1, txt = 16, aaaa = 28 };

struct Answer {
    enum class Kind {
        data,     ///< at least one record of the type asked for
        nodata,   ///< the name exists, or a CNAME leads to one that does, without such a record
        nxdomain, ///< the name, or the end of its CNAME chain, does not exist
    };
    Kind kind{};
    /// Raw RDATA, one element a record, in the order received. TXT: the character-strings of one record
    /// joined. A: 4 octets. AAAA: 16 octets.
    std::vector<std::string> records;
    /// data: the smallest TTL of the records and the CNAMEs that led to them. Else the negative TTL (RFC
    /// 2308: the smaller of the SOA's TTL and its minimum, and of the CNAMEs' TTLs); nullopt when the answer
    /// carried no SOA.
    std::optional<std::chrono::seconds> ttl;
    /// The AD bit, from a resolver whose AD bit is trusted.
    bool authentic = false;
    /// The owner of the records after CNAMEs (= the name asked when there was none); lower-case, no final
    /// dot.
    std::string canonical_name;
};

} // namespace dns
