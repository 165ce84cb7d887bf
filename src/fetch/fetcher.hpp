// fetch/fetcher.hpp - the HTTPS port: a policy host in, the body of its policy out.
//
// Threads: a fetcher belongs to one io_context; call and await on it. The tests' fake is
// tests/support/fake_fetcher.hpp.
#pragma once

#include "base/expected.hpp"
#include "base/reason.hpp"

#include <boost/asio/awaitable.hpp>

#include <string>

namespace fetch {

struct Failure {
    base::Reason reason{}; ///< one of host_*, connect_*, proxy_failed, tls_*, cert_*, http_*, fetch_timeout,
                           ///< overloaded
    std::string
        detail; ///< for a log line: our words and the peer's (raw, may hold any bytes), e.g. "status 404"
};

class Fetcher {
public:
    virtual ~Fetcher() = default;
    /// One GET of https://<policy_host>/.well-known/mta-sts.txt (RFC 8461 section 3.3), no redirect, no HTTP
    /// cache. `policy_host` is lower-case A-labels without a final dot. Bounded by the fetcher's own
    /// whole-fetch deadline.
    [[nodiscard]] virtual boost::asio::awaitable<base::Expected<std::string, Failure>>
    get(std::string policy_host) = 0;
};

} // namespace fetch
