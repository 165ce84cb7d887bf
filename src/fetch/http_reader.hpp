// fetch/http_reader.hpp - one HTTP/1.x response as octets in, a policy's text or the reason against it out
// (RFC 9112).
//
// Sans-I/O: feed() takes what a connection gave, however it was cut, and the outcome does not depend on the
// cuts. Once an outcome is there, nothing more may be fed and nothing more need be read: a head that cannot
// be a policy's (RFC 8461 sections 3.2, 3.3) is refused before its body.
#pragma once

#include "fetch/fetcher.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace fetch {

using Fetched = base::Expected<std::string, Failure>;

inline constexpr std::size_t max_head = 16 * 1024; ///< one head's octets: start line, fields, empty line
inline constexpr std::size_t max_body = 64 * 1024; ///< decoded octets of the body (RFC 8461 section 3.3)
inline constexpr std::size_t max_interim = 16;     ///< 1xx responses before the final one
inline constexpr std::size_t max_wire =
    1024 * 1024; ///< body octets as sent: 64 KiB in tiny chunks must end too

/// Reads the response to one GET.
class HttpReader {
public:
    HttpReader();
    ~HttpReader();
    HttpReader(const HttpReader&) = delete;
    HttpReader& operator=(const HttpReader&) = delete;

    /// The outcome, or nothing when more octets are needed. Octets after the response's end are ignored.
    [[nodiscard]] std::optional<Fetched> feed(std::string_view octets);
    /// The connection ended; `clean` when the peer said so with close_notify (only then is a body without a
    /// length complete: RFC 9112 section 9.8).
    [[nodiscard]] Fetched finish(bool clean);
    /// True until the first octet of a response has come.
    [[nodiscard]] bool untouched() const noexcept;

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

/// Reads a proxy's reply to CONNECT (RFC 9110 section 9.3.6): its head only. All its failures are
/// proxy_failed.
class ConnectReader {
public:
    ConnectReader();
    ~ConnectReader();
    ConnectReader(const ConnectReader&) = delete;
    ConnectReader& operator=(const ConnectReader&) = delete;

    /// Success once a 2xx head is complete and nothing follows it; nothing when more octets are needed.
    [[nodiscard]] std::optional<base::Expected<void, Failure>> feed(std::string_view octets);

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace fetch
