// postfix/next_hop.hpp - where Postfix is going to send mail, as written in a key. Pure.
//
// The policy domain is the host, in every form (RFC 8461 section 3.4). DANE depends on the exact next hop:
// for one in brackets Postfix makes no MX lookup, and it asks for TLSA at the port it connects to.
#pragma once

#include "base/domain.hpp"

#include <compare>
#include <cstdint>
#include <string>
#include <utility>

namespace postfix {

struct NextHop {
    static constexpr std::uint16_t smtp_port = 25;
    static constexpr std::uint16_t unknown_port = 0; ///< a service whose port is not known

    explicit NextHop(base::Domain&& host_, std::uint16_t port_ = smtp_port, bool brackets_ = false) noexcept
        : host(std::move(host_)), port(port_), brackets(brackets_) {}

    base::Domain host; ///< the domain whose MX hosts are used, or in brackets the mail host itself
    std::uint16_t port;
    bool brackets;

    /// The form that nearly all mail has: a domain's MX hosts at port 25.
    [[nodiscard]] bool usual() const noexcept { return port == smtp_port && !brackets; }

    friend bool operator==(const NextHop&, const NextHop&) = default;
    friend auto operator<=>(const NextHop&, const NextHop&) = default;
};

/// "a.example", "a.example:587", "[mx.a.example]", "[mx.a.example]:587"; port 25 is left out.
[[nodiscard]] inline std::string to_string(const NextHop& hop) {
    std::string text = hop.brackets ? '[' + hop.host.name() + ']' : hop.host.name();
    if (hop.port == NextHop::unknown_port) return text + ":?";
    if (hop.port != NextHop::smtp_port) text += ':' + std::to_string(hop.port);
    return text;
}

} // namespace postfix
