// fetch/http_reader.hpp - one HTTP/1.x response as octets in, a policy's text or the reason against it out
// (RFC 9112).
//
// Sans-I/O: feed() takes a connection's octets in any pieces, and the outcome does not depend on the cuts.
// After the outcome, nothing more may be fed or must be read: a head that cannot be a policy's (RFC 8461
// sections 3.2, 3.3) is refused before its body. Time is linear in the octets, and what is kept is at most a
// head and a body.
#pragma once

#include "fetch/fetcher.hpp"
#include "fetch/http_body.hpp"
#include "fetch/http_head.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace fetch {

/// The body, or the reason against it.
using Response = base::Expected<std::string, Failure>;

inline constexpr std::size_t max_interim = 64; ///< 1xx responses before the final one
/// Octets of one response as sent, heads included: 64 KiB in tiny chunks must be bounded, too.
inline constexpr std::size_t max_wire = 1024 * 1024;

/// Reads heads until a final one; counts the interim ones (RFC 9110 section 15.2).
class FinalHead {
public:
    /// The final head once it is complete, nothing when more octets are needed; takes what it reads from the
    /// front of `octets`.
    [[nodiscard]] base::Expected<std::optional<HttpHead>, Failure> feed(std::string_view& octets);
    [[nodiscard]] bool untouched() const noexcept { return reader_.empty() && interim_ == 0; }

private:
    HeadReader reader_;
    std::size_t interim_ = 0;
};

/// Reads the response to one GET.
class HttpReader {
public:
    /// The outcome, or nothing when more octets are needed. Octets after the response's end are ignored.
    [[nodiscard]] std::optional<Response> feed(std::string_view octets);
    /// The connection ended; `clean` when the peer said so with close_notify (only then is a body without a
    /// length complete: RFC 9112 section 9.8).
    [[nodiscard]] Response finish(bool clean);
    /// True until the first octet of a response has come.
    [[nodiscard]] bool untouched() const noexcept { return !body_ && head_.untouched(); }

private:
    [[nodiscard]] std::optional<Response> read(std::string_view octets);

    FinalHead head_;
    std::optional<BodyReader> body_; // set once the final head is there
    std::size_t wire_ = 0;
};

/// Reads a proxy's reply to CONNECT (RFC 9110 section 9.3.6): its head only. All its failures are
/// proxy_failed.
class ConnectReader {
public:
    /// Success once a 2xx head is complete and nothing follows it; nothing when more octets are needed.
    [[nodiscard]] std::optional<base::Expected<void, Failure>> feed(std::string_view octets);

private:
    FinalHead head_;
};

} // namespace fetch
