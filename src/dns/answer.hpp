// dns/answer.hpp - the subject of a DNS question, and its result. Pure: no Asio.
#pragma once

#include "base/expected.hpp"
#include "base/reason.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dns {

enum class Type : std::uint16_t { a = 1, cname = 5, soa = 6, mx = 15, txt = 16, aaaa = 28, tlsa = 52 };

/// What an answer proves (RFC 4033 section 5), as far as a stub resolver can tell. Only the first two say
/// anything about DANE; for DANE an indeterminate answer is a lookup that failed.
enum class Worth : std::uint8_t {
    indeterminate, ///< from a server whose AD bit is not trusted, or which has not shown that it validates
    insecure,      ///< without AD, from one that validates
    secure,        ///< with AD, from one that validates
};

struct Answer {
    enum class Kind {
        data,     ///< at least one record of the type asked for
        nodata,   ///< the name exists, or a CNAME leads to one that does, without such a record
        nxdomain, ///< the name, or the end of its CNAME chain, does not exist
    };
    Kind kind{};
    /// Raw RDATA, one element a record, in the order received. TXT: the character-strings of one record
    /// joined. A: 4 octets. AAAA: 16 octets. MX: as parse_mx() reads it. TLSA: 3 octets or more (RFC 6698
    /// section 2.1). CNAME, SOA: names in uncompressed wire form.
    std::vector<std::string> records;
    /// data: the smallest TTL of the records and the CNAMEs that led to them. Else the negative TTL (RFC
    /// 2308: the smaller of the SOA's TTL and its minimum, and of the CNAMEs' TTLs); nullopt when the answer
    /// carried no SOA.
    std::optional<std::chrono::seconds> ttl;
    Worth worth = Worth::indeterminate;
    [[nodiscard]] bool secure() const noexcept { return worth == Worth::secure; }
    /// The owner of the records after CNAMEs (= the name asked when there was none); lower-case, no final
    /// dot.
    std::string canonical_name;
};

/// Why a question has no answer.
struct Failure {
    Failure(base::Reason why, std::string what = {}) : reason(why), detail(std::move(what)) {} // converts
    base::Reason reason; ///< one of dns_* (all of them temporary), overloaded or shutting_down
    /// What was tried: server, transport, form, status. Printable, short; may be empty.
    std::string detail;
    friend bool operator==(const Failure& failure, base::Reason why) noexcept {
        return failure.reason == why;
    }
};

/// The result of one question.
using Result = base::Expected<Answer, Failure>;
[[nodiscard]] inline auto failed(base::Reason reason, std::string detail = {}) {
    return base::unexpected(Failure{reason, std::move(detail)});
}

/// One MX record (RFC 1035 section 3.3.9).
struct Mx {
    std::uint16_t preference = 0;
    /// Lower-case, no final dot; "" is the root, as in a null MX (RFC 7505). As in canonical_name, octets
    /// that no host name has are \DDD.
    std::string host;
    friend bool operator==(const Mx&, const Mx&) = default;
};

/// The form of an MX record in Answer::records: two octets of preference, high one first, then the host.
[[nodiscard]] inline std::string to_record(const Mx& mx) {
    return std::string{static_cast<char>(mx.preference >> 8), static_cast<char>(mx.preference & 0xff)} +
           mx.host;
}
/// The reverse; nullopt for less than two octets, which no answer from the wire has.
[[nodiscard]] inline std::optional<Mx> parse_mx(std::string_view record) {
    if (record.size() < 2) return std::nullopt;
    const auto octet = [record](std::size_t i) { return unsigned{static_cast<unsigned char>(record[i])}; };
    Mx mx;
    mx.preference = static_cast<std::uint16_t>(octet(0) << 8 | octet(1));
    mx.host = record.substr(2);
    return mx;
}

} // namespace dns
