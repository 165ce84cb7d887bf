// smtp/protocols.hpp - smtp_tls_mandatory_protocols as Postfix reads it. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace smtp {

struct Protocols {
    int floor = 0, ceiling = 0; ///< as in the protocol: 0x0303 is TLSv1.2; 0: none
    bool ssl3 = true, tls10 = true, tls11 = true, tls12 = true, tls13 = true; ///< false: excluded
    friend bool operator==(const Protocols&, const Protocols&) = default;
};

/// ">=TLSv1.2", "<=0304", "!SSLv2, !SSLv3", "TLSv1.2:TLSv1.3"; nullopt where Postfix refuses the list, and with it
/// every connection. Names are in any case.
[[nodiscard]] std::optional<Protocols> parse_protocols(std::string_view list);

} // namespace smtp
