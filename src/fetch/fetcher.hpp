// fetch/fetcher.hpp - the HTTPS port: a policy host in, the body of its policy out, and how it came.
//
// Threads: a fetcher belongs to one io_context; call and await on it. The tests' fake is
// tests/support/fake_fetcher.hpp.
#pragma once

#include "base/clock.hpp"
#include "base/expected.hpp"
#include "base/reason.hpp"

#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <string>

namespace fetch {

struct Failure {
    base::Reason reason{}; ///< one of host_*, connect_*, proxy_failed, tls_*, cert_*, http_*, fetch_timeout,
                           ///< overloaded
    std::string
        detail; ///< for a log line: our words and the peer's (raw, may hold any bytes), e.g. "status 404"
};

/// How a policy came. Printable, and bounded by what is written here.
struct Circumstances {
    std::string
        address;     ///< of the policy host: "192.0.2.1"; "proxy 192.0.2.1" when a proxy made the connection
    std::string tls; ///< "TLSv1.3"
    std::string issuer;               ///< of the certificate, as in RFC 2253, up to max_issuer octets
    base::Instant certificate_ends{}; ///< the epoch: not known
    friend bool operator==(const Circumstances&, const Circumstances&) = default;
};
inline constexpr std::size_t max_issuer = 200;

struct Fetched {
    std::string body;
    Circumstances how;
};
using Result = base::Expected<Fetched, Failure>;

class Fetcher {
public:
    virtual ~Fetcher() = default;
    /// One GET of https://<policy_host>/.well-known/mta-sts.txt (RFC 8461 section 3.3), no redirect, no HTTP
    /// cache. `policy_host` is lower-case A-labels without a final dot. Bounded by the fetcher's own
    /// whole-fetch deadline.
    [[nodiscard]] virtual boost::asio::awaitable<Result> get(std::string policy_host) = 0;
};

} // namespace fetch
