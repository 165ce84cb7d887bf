// tool/check/tls_outcome.hpp - what Postfix's smtp(8) would do at one mail host: from what was seen of the host and
// what the policy asks for. Pure.
//
// Facts about Postfix: smtp_proto.c, smtp_tls_policy.c and tls_client.c of versions 3.7 and 3.10; tests/e2e/test_check
// compares each outcome with what becomes of a mail.
#pragma once

#include "dane/tlsa.hpp"
#include "smtp/sighting.hpp"
#include "tool/explain/evidence.hpp"
#include "tool/explain/predict.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace check {

/// What Postfix asks of the mail hosts of one next hop.
struct Demand {
    std::string level; ///< "none", "may", "encrypt", "secure", "dane-only", ...; "": the policy is refused
    std::vector<std::string> match;    ///< of secure and verify: names, ".d.example", "hostname", "nexthop"
    std::vector<std::string> patterns; ///< of MX hosts' names, as they are enforced; none: they are not
    std::string next_hop;              ///< its host
    std::size_t address_limit = 5;     ///< addresses that smtp(8) tries (smtp_mx_address_limit); 0: all
    bool soft_bounce = false;          ///< nothing is returned at once
    bool other_anchors = false;        ///< smtp_tls_trust_anchor_file: the check does not verify by it
    friend bool operator==(const Demand&, const Demand&) = default;
};

/// `applied`: explain::read_reply() of the answer in the map's form. An error of the table has level "".
[[nodiscard]] Demand demand_of(const explain::Applied& applied, const explain::Postfix& postfix,
                               std::string_view next_hop);

/// False: Postfix skips this host, without a connection.
[[nodiscard]] bool admits(const Demand& demand, std::string_view host);

struct HostOutcome {
    enum class Kind : std::uint8_t {
        verified,  ///< delivered, and the certificate is what the policy asks for
        delivered, ///< delivered at a level that asks for no certificate
        waits,     ///< not delivered here, because of TLS or the host's name: the next host is tried
        no_smtp, ///< not delivered here, and TLS has nothing to do with it: no connection, a refusal, silence
        not_known,
    } kind = Kind::not_known;
    bool encrypted = false; ///< of `delivered`
    /// Of `waits` and `no_smtp`: parts of what Postfix says in "status=deferred (...)", one of which is in it if this
    /// is the last host.
    std::vector<std::string> deferred;
    /// Of `waits` and `no_smtp`: if this is the last host, Postfix returns the mail at once ("status=bounced (...)"):
    /// it refused with 5xx.
    bool returned = false;
    std::string why;  ///< a clause about the host, of all kinds but `verified`: "its certificate has expired"
    std::string name; ///< of `verified`: the certificate's name that matched; "" DANE needs none
    friend bool operator==(const HostOutcome&, const HostOutcome&) = default;
};
[[nodiscard]] std::string_view
to_string(HostOutcome::Kind kind) noexcept; ///< "verified", "waits", "no-smtp", ...

/// `tlsa`: the host's records, validated; for the levels dane and dane-only.
[[nodiscard]] HostOutcome tls_outcome(const smtp::Sighting& seen, const Demand& demand,
                                      const std::vector<dane::Tlsa>& tlsa = {});

} // namespace check
