// dane/tlsa.hpp - one TLSA record (RFC 6698 section 2.1), and whether an SMTP client can use it. Pure.
//
// RFC 7672 section 3.1: SMTP clients use DANE-TA(2) and DANE-EE(3); PKIX-TA(0), PKIX-EE(1) and anything else
// are unusable. "3 1 0", a whole public key, is usable. Postfix checks whether the data
// match.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace dane {

struct Tlsa {
    std::uint8_t usage = 0;    ///< certificate usage
    std::uint8_t selector = 0; ///< 0: whole certificate, 1: SubjectPublicKeyInfo
    std::uint8_t matching = 0; ///< 0: the data itself, 1: its SHA-256, 2: its SHA-512
    std::string data;          ///< certificate association data, raw
    friend bool operator==(const Tlsa&, const Tlsa&) = default;
};

/// From RDATA; nullopt for less than three octets. The data may be empty.
[[nodiscard]] std::optional<Tlsa> parse_tlsa(std::string_view rdata);

/// Usage 2 or 3, selector 0 or 1, and data of a length that the matching type can have: any but none, 32
/// or 64.
[[nodiscard]] bool usable(const Tlsa& record) noexcept;

/// Where the TLSA records of a mail server at `port` are: "_25._tcp.<host>" (RFC 6698 section 3, RFC 7672
/// section 2.2.3). Empty when that is longer than a name can be, and so does not exist.
[[nodiscard]] std::string tlsa_name(std::string_view host, std::uint16_t port = 25);

} // namespace dane
