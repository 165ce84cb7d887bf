// tool/check/policy_host.hpp - the policy host of a domain, as the daemon would meet it: its addresses, and what each
// of them serves.
//
// The rules are the daemon's (fetch/): which addresses may be connected to, which TLS is spoken, which certificate is
// accepted, how a response is read. But every address is tried, and a certificate that the daemon refuses is noted,
// not the end: what comes behind it is looked at all the same. Nothing is followed, nothing is kept.
//
// Threads: belongs to one single-threaded io_context. The resolver outlives it.
#pragma once

#include "base/clock.hpp"
#include "dns/resolver.hpp"
#include "fetch/https_fetcher.hpp"
#include "tool/check/evidence.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <string>

namespace check {

/// For one address, from the connection to the last octet; less where the configuration's fetch.timeout is less.
inline constexpr std::chrono::milliseconds policy_try_limit{20000};
/// Octets of a header field that are kept, and how many fields of a name.
inline constexpr std::size_t max_field = 300, max_fields = 8;

class PolicyHosts {
public:
    using Now = std::function<base::Instant()>;

    /// Throws std::runtime_error when the options cannot be used, e.g. an unreadable ca_file.
    PolicyHosts(boost::asio::any_io_executor executor, dns::Resolver& resolver, fetch::Options options, Now now);
    ~PolicyHosts();
    PolicyHosts(const PolicyHosts&) = delete;
    PolicyHosts& operator=(const PolicyHosts&) = delete;

    /// `name`: of the policy host, in lower-case A-labels, without a final dot.
    [[nodiscard]] boost::asio::awaitable<PolicyHost> look(std::string name);

private:
    struct Core;
    class Try;
    [[nodiscard]] static boost::asio::awaitable<PolicyHost> look_at(std::shared_ptr<Core> core,
                                                                    std::string name);

    std::shared_ptr<Core> core_;
};

} // namespace check
