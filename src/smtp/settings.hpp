// smtp/settings.hpp - how to talk to a mail server, as the smtp(8) service whose mail this is about would. Pure.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

namespace smtp {

struct Settings {
    std::string helo_name;     ///< smtp_helo_name
    std::string bind4, bind6;  ///< smtp_bind_address, smtp_bind_address6; "" any
    bool v4 = true, v6 = true; ///< inet_protocols
    std::uint16_t port = 25;
    std::string ca_file, ca_folder; ///< smtp_tls_CAfile, smtp_tls_CApath; both empty: see default_anchors
    bool default_anchors = false;   ///< tls_append_default_CA, or there is no Postfix here: OpenSSL's own
    int verify_depth = 9;           ///< smtp_tls_scert_verifydepth
    std::string protocols =
        ">=TLSv1"; ///< smtp_tls_mandatory_protocols, as written: ">=TLSv1.2", "!SSLv2, !SSLv3"
    std::string ciphers = "medium"; ///< smtp_tls_mandatory_ciphers
    std::string cipher_list; ///< what that grade means here, with what is excluded; "" Postfix's default
    /// "", "hostname", "nexthop", or a name, as smtp_tls_servername. Our own answers have "hostname", and with DANE
    /// Postfix sends the name as well.
    std::string servername = "hostname";
    std::chrono::milliseconds connect_limit{10000}; ///< one connection
    std::chrono::milliseconds reply_limit{20000};   ///< one reply; a banner may be delayed on purpose
    std::chrono::milliseconds whole_limit{60000};
    std::chrono::milliseconds quit_limit{5000}; ///< for the reply to QUIT, which changes nothing
    friend bool operator==(const Settings&, const Settings&) = default;
};

} // namespace smtp
