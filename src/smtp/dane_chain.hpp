// smtp/dane_chain.hpp - whether the certificates that a mail server showed are what its TLSA records allow (RFC 6698,
// RFC 7672 section 3), by OpenSSL with the settings that Postfix gives it. A function of its arguments, time included.
//
// DANE-EE(3) needs no name, no authority and no date; DANE-TA(2) needs all of them. Other usages are not used.
#pragma once

#include "dane/tlsa.hpp"
#include "smtp/sighting.hpp"

#include <cstdint>
#include <span>
#include <string>

namespace smtp {

enum class DaneMatch : std::uint8_t {
    matches,
    differs,  ///< usable records, and none of them fits
    unusable, ///< no record that an SMTP client can use
    unknown,  ///< the chain cannot be read, or would take too long to verify (fetch::chain_refusal)
};

/// `chain`: the server's own certificate first. `names`: for DANE-TA(2), one of which the certificate must have.
[[nodiscard]] DaneMatch dane_match(std::span<const Certificate> chain, std::span<const dane::Tlsa> records,
                                   std::span<const std::string> names, base::Instant at);

} // namespace smtp
