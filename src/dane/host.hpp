// dane/host.hpp - one mail host: what to ask DNS about it, and whether it has DANE. Pure.
//
// RFC 7672 section 2.2: addresses first, and TLSA only of hosts whose addresses (or whose alias,
// section 2.2.3) are signed, for name servers of unsigned zones often fail for TLSA and must not harm their
// domain by it. The host's CNAME-expanded name comes before the name that the MX record (or the next hop in
// brackets) has. "Secure" is Answer::secure(); an answer of unknown worth counts as a lookup that failed.
#pragma once

#include "dns/answer.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace dane {

using dns::Result;

/// Why a lookup says nothing about DANE, to follow "lookup for ...": " failed: dns-servfail", or that nobody
/// validated the answer. nullopt: it says something.
[[nodiscard]] std::optional<std::string> says_nothing(const Result& result);

enum class HostStatus {
    open,           ///< not yet known: more to ask, or answers to come
    has_dane,       ///< secure addresses and at least one usable, secure TLSA record
    definitely_not, ///< unsigned, or without usable secure TLSA, by answers alone
    unknown,        ///< its addresses are secure, and its TLSA lookup failed
    unreachable,    ///< the lookups that come before TLSA failed: no mail goes there now (section 2.1.2)
    no_address,     ///< securely without any address: no mail ever goes there
};

class Host {
public:
    struct Question {
        std::string name;
        dns::Type type{};
    };

    /// `name` as in Mx::host; `port`: where Postfix connects to. One that is no host name is definitely_not
    /// at once.
    explicit Host(std::string name, std::uint16_t port = 25);

    /// The questions that can be asked now; each is given out once.
    [[nodiscard]] std::vector<Question> next();
    /// The result of a question given out. Results that no longer matter are ignored, their TTLs too.
    void take(const Question& question, const Result& result);

    [[nodiscard]] HostStatus status() const noexcept { return status_; }
    [[nodiscard]] const std::string& name() const noexcept { return name_; }
    /// Why the status is what it is, e.g. "mx.example.org has no TLSA". May hold peer text: not yet
    /// printable.
    [[nodiscard]] const std::string& why() const noexcept { return why_; }
    /// The smallest TTL among the answers that took part; an answer without one counts as `no_ttl`.
    [[nodiscard]] std::optional<std::chrono::seconds> ttl() const noexcept { return ttl_; }

    /// For a denial without SOA, which may be believed but not for long.
    static constexpr std::chrono::seconds no_ttl{0};

private:
    enum class Stage { addresses, alias, tlsa_of_expanded, tlsa_of_name };

    void take_address(const Result& result);
    void take_alias(const Result& result);
    void take_tlsa(const Result& result);
    void insecure_address();
    void enter(Stage stage);
    void took_part(const dns::Answer& answer);
    void settle(HostStatus status, std::string why);

    std::string name_;
    std::uint16_t port_;
    std::string expanded_; ///< name_, or where its CNAMEs lead
    Stage stage_ = Stage::addresses;
    std::vector<Question> to_ask_;
    unsigned addresses_awaited_ = 2;
    bool denied_insecurely_ = false;
    std::optional<std::string> address_failure_;
    HostStatus status_ = HostStatus::open;
    std::string why_;
    std::optional<std::chrono::seconds> ttl_;
};

} // namespace dane
