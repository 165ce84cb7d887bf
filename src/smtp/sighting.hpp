// smtp/sighting.hpp - what one connection to a mail server showed, up to its certificate, as plain values. Pure.
//
// Made by smtp/probe; judged by others. Texts are the peer's, cut to the limits of smtp/reply.hpp, and may hold any
// octets: print them only through base::printable().
#pragma once

#include "base/clock.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace smtp {

/// How far a connection came.
enum class Stage : std::uint8_t {
    connect,  ///< no connection
    banner,   ///< connected, and no good banner
    ehlo,     ///< no good reply to EHLO and HELO
    starttls, ///< EHLO was answered; STARTTLS is not offered, or was refused
    tls,      ///< STARTTLS was accepted, and the handshake failed
    done,     ///< the handshake is over; whatever the certificate is worth
};
[[nodiscard]] std::string_view to_string(Stage stage) noexcept; ///< "connect", "banner", ...
[[nodiscard]] std::optional<Stage> parse_stage(std::string_view word) noexcept;

/// Why it came no further.
enum class Trouble : std::uint8_t {
    none,
    refused,     ///< connect: ECONNREFUSED
    unreachable, ///< connect: no route, and any other error
    timeout,     ///< in this stage
    closed,      ///< the peer closed the connection
    reply_4xx,
    reply_5xx,
    not_smtp,      ///< an answer that is no SMTP reply, or over a limit
    not_offered,   ///< STARTTLS is not among the EHLO keywords, or EHLO was refused (the words say so)
    injected,      ///< octets behind the reply to STARTTLS, before the handshake (CVE-2011-0411)
    tls_version,   ///< no common version of TLS
    tls_handshake, ///< any other failed handshake
};
[[nodiscard]] std::string_view to_string(Trouble trouble) noexcept; ///< "refused", "reply-4xx", ...
[[nodiscard]] std::optional<Trouble> parse_trouble(std::string_view word) noexcept;

struct Certificate {
    std::string subject, issuer;        ///< as in RFC 2253
    std::string common_name;            ///< the last CN of the subject; "" none
    std::vector<std::string> dns_names; ///< of its subjectAltName, as they are; none: it has none
    base::Instant not_before{}, not_after{};
    std::string key;         ///< "RSA 2048", "EC P-256"
    std::string sha256;      ///< of the DER form, in hexadecimal digits
    std::string spki_sha256; ///< of its SubjectPublicKeyInfo
    std::string der;         ///< base64; to compare with TLSA records
    friend bool operator==(const Certificate&, const Certificate&) = default;
};

/// TLS as it was agreed.
struct Tls {
    std::string version, cipher;    ///< "TLSv1.3", "TLS_AES_256_GCM_SHA384"
    std::string sni;                ///< that was sent; "" none
    std::vector<Certificate> chain; ///< as sent, the server's own first
    bool trusted = false;    ///< it leads to one of the trust anchors, and every certificate is valid now
    std::string trust_error; ///< OpenSSL's words when not trusted
    int trust_code = 0;      ///< OpenSSL's X509_V_ERR_*; 0: trusted
    friend bool operator==(const Tls&, const Tls&) = default;
};

struct Sighting {
    std::string host;    ///< the MX host's name that this connection was for
    std::string address; ///< "192.0.2.1", "2001:db8::1"
    base::Instant at{};
    std::int64_t took_ms = 0;
    Stage stage{};
    Trouble trouble{};
    std::string words; ///< of the trouble: the system's, OpenSSL's or the peer's reply
    std::string banner;
    std::vector<std::string> ehlo; ///< the lines of the last reply to EHLO before TLS, without the code
    std::string helo_name;         ///< that we said
    std::optional<Tls> tls;        ///< Stage::done
    friend bool operator==(const Sighting&, const Sighting&) = default;
};

} // namespace smtp
