// tool/check/mail_host.hpp - one mail host: from what its addresses showed to what Postfix does with mail there. Pure.
#pragma once

#include "tool/check/delivery.hpp"

#include <string>
#include <string_view>

namespace check {

/// Fills in outcome, looked, said, words and finding: of the address that serves Postfix best. The host has one that
/// Postfix may try.
void judge_mail_host(const Mx& mx, const Demand& demand, HostResult& made);

/// Is the certificate for this name, by a dNSName, or by its common name when it has none?
[[nodiscard]] bool is_for(const smtp::Certificate& certificate, std::string_view name);

/// What a connection that ended before there was a certificate means: an id of findings. "": there is a certificate.
[[nodiscard]] std::string_view trouble_id(const smtp::Sighting& sighting) noexcept;
/// In words: "192.0.2.1 refuses the connection". Printable.
[[nodiscard]] std::string trouble_words(const smtp::Sighting& sighting);

/// Why an address was not connected to, in words; printable.
[[nodiscard]] std::string skipped_words(const MxAddress& address);

} // namespace check
